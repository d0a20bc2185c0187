/**
 * What a report is of: plain data, each part for one section of the page. A part that is null has no section. `train`
 * fills one from a run (run-report.ts), `evaluate` one from a checkpoint (evaluation-report.ts).
 */
import type { CacheFigures } from '../train/callbacks/cache-figures.ts';
import type { StressTable } from '../train/evaluation/stress.ts';
import type { LearningRateTest } from '../train/find-lr.ts';
import type { FreezingFigures } from '../train/freezing.ts';
import type { EpochRecord } from '../train/progress.ts';
import type { AnyEvaluation } from '../train/task.ts';

export interface ReportDocument {
  /** `resnet18: cat / dog` */
  title: string;
  /** What was done, in sentences. */
  summary: string[];
  /** The network that all figures are of. */
  checkpoint: CheckpointPart | null;
  /** What was measured on what, and what was chosen on the same pictures. */
  sentences: string[];
  /** Of the pictures that the headline is of. */
  evaluation: AnyEvaluation | null;
  /** Of the pictures that chose the epoch, where the headline is of others. */
  validation: AnyEvaluation | null;
  run: RunPart | null;
  pictures: PictureRow[];
  stress: StressTable | null;
  savings: SavingsPart | null;
  /** What proposed the learning rate. */
  rateTest: LearningRateTest | null;
  data: DataPart | null;
  configuration: ConfigurationPart;
}

/** Which file, and which epoch of its run. */
export interface CheckpointPart {
  file: string;
  /** Counted from 1; 0 before the first is done. */
  epoch: number;
  /** Of the run, where it is known. */
  epochs: number | null;
}

/** The course of a run. */
export interface RunPart {
  /** False where it was stopped. */
  finished: boolean;
  epochs: EpochRecord[];
  /** The epoch of best.safetensors; null where there is none. */
  best: number | null;
  stepsPerEpoch: number;
  /** [step, mean training loss], [step, learning rate], thinned. */
  losses: [step: number, loss: number][];
  rates: [step: number, rate: number][];
  /** What trains, one phase after the other. */
  phases: { epochs: number; trains: string }[];
  seconds: number;
  firstStepSeconds: number;
  imagesPerSecond: number;
  peakBytes: number;
}

/** Pictures that say something of the network, and what it looked at. */
export interface PictureRow {
  title: string;
  /** What they have in common, a sentence. */
  words: string;
  pictures: ShownPicture[];
}

export interface ShownPicture {
  file: string;
  /** Names of the classes: what it is, and what it was taken for; of several labels, those that it has, and the one in question. */
  actual: string;
  predicted: string;
  /** Whether the answer is right. Default: where both are the same. */
  right?: boolean;
  /** What was said, in words before `actual`. Default: what it was taken for, and whether that is right. */
  said?: string;
  /** Of the predicted class. */
  probability: number;
  /** As the network saw it, a JPEG. */
  jpeg: Uint8Array;
  /** The same under Grad-CAM's map for the predicted class; null where there is none. */
  heatmap: Uint8Array | null;
  /** Share of the map in the outer half of the picture's area (`borderShare`); null without a map, or an empty one. */
  border: number | null;
}

/** What a run did not have to compute. */
export interface SavingsPart {
  freezing: FreezingFigures;
  cache: CacheFigures;
}

/** The pictures of a run. */
export interface DataPart {
  classes: string[];
  /** How many of each class there are, for each side; and in all, where a picture may be in none or in several. */
  sides: { name: string; counts: number[]; pictures?: number }[];
  /** Sentences: how they were split, what was left out, what is there twice. */
  notes: string[];
}

/** What one needs to do it again. */
export interface ConfigurationPart {
  /** [command, what it does] */
  commands: [command: string, what: string][];
  groups: { title: string; rows: [name: string, value: string][] }[];
}
