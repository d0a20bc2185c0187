/**
 * The stress test: the same pictures, each time with one thing changed that a right answer does not depend on
 * (src/data/stress.ts). A network that has learnt a shortcut, such as how the pictures of a class are framed, is right on
 * pictures like its own and falls as soon as the shortcut is gone. Hendrycks & Dietterich, "Benchmarking Neural Network
 * Robustness to Common Corruptions and Perturbations" (2019), do so with weather and cameras.
 */
import type { BatchSource } from '../../data/loader.ts';
import { labelsOf, type Sample } from '../../data/sample.ts';
import { PERTURBATION_WORDS, PERTURBATIONS, type Perturbation } from '../../data/stress.ts';
import type { Device } from '../../gpu/index.ts';
import type { Model } from '../../nn/index.ts';
import type { Decided } from '../decided.ts';
import { type Inference, infer } from '../infer.ts';
import { calledLabels, labelAnswers } from '../labels/answers.ts';
import { allRight } from '../labels/metrics.ts';
import { percent, predictions } from '../metrics.ts';
import { type Interval, pairedDifference, percentRange, wilson } from './intervals.ts';

/** A share of some pictures, and how far it lies below that of the same pictures as they are. */
export interface StressFigure {
  /** Null where there are none. */
  value: number | null;
  interval: Interval | null;
  /** As they are, less `value`: above 0 where it falls. */
  drop: number | null;
  dropInterval: Interval | null;
}

/** The figures under one perturbation. */
export interface StressRow {
  perturbation: Perturbation;
  /** Its name for people. */
  label: string;
  accuracy: StressFigure;
  /** In the order of the classes. */
  recalls: StressFigure[];
}

/** Plain JSON. */
export interface StressTable {
  /** Pictures, which are the same in every row. */
  count: number;
  classes: string[];
  /** As they are. */
  clean: { accuracy: StressFigure; recalls: StressFigure[] };
  rows: StressRow[];
  /** What a class rests on that falls by more than its interval, worst first; one that says so where none does. */
  sentences: string[];
}

/** What `stress` needs beside the network. */
export interface StressOptions extends Decided {
  /** The pictures under a perturbation, or as they are; in the same order each time. */
  source: (perturbation: Perturbation | undefined) => BatchSource;
  classes: readonly string[];
  /** What the network says to them as they are; asked for where it is left out. */
  clean?: Inference;
  /** Default: all. */
  perturbations?: readonly Perturbation[];
  /** Called after each batch with the batches so far; `false` ends the test. */
  onBatch?: (done: number) => boolean | undefined;
}

/** Runs the network over the pictures once a perturbation. Null where `onBatch` ended it. */
export async function stress(
  model: Model,
  device: Device,
  { source, classes, clean, perturbations = PERTURBATIONS, calling, thresholds, onBatch }: StressOptions,
): Promise<StressTable | null> {
  let done = 0;
  const pass = (perturbation?: Perturbation): Promise<Inference | null> =>
    infer(model, device, source(perturbation).load(0), { onBatch: () => onBatch?.(++done) });
  const before = clean ?? (await pass());
  if (!before) return null;
  const passes: [Perturbation, Inference][] = [];
  for (const perturbation of perturbations) {
    const answers = await pass(perturbation);
    if (!answers) return null;
    passes.push([perturbation, answers]);
  }
  return stressTable(before, passes, {
    classes,
    ...(calling && { calling }),
    ...(thresholds && { thresholds }),
  });
}

/**
 * The table of answers that are there. Pictures are matched by their samples; one that a pass could not read is left out of
 * its row.
 */
export function stressTable(
  clean: Inference,
  passes: readonly (readonly [Perturbation, Inference])[],
  { classes, ...calls }: { classes: readonly string[] } & Decided,
): StressTable {
  const before = judged(clean, calls);
  const figures = (after: Map<Sample, Judged>) => {
    const all: Pair[] = [];
    const byClass = classes.map((): Pair[] => []);
    for (const [sample, is] of after) {
      const was = before.get(sample);
      if (was === undefined) continue;
      all.push([was.right, is.right]);
      for (const label of labelsOf(sample)) byClass[label].push([was.found(label), is.found(label)]);
    }
    return { accuracy: figureOf(all), recalls: byClass.map(figureOf) };
  };
  const rows = passes.map(
    ([perturbation, answers]): StressRow => ({
      perturbation,
      label: PERTURBATION_WORDS[perturbation].label,
      ...figures(judged(answers, calls)),
    }),
  );
  const asTheyAre = figures(before);
  return {
    count: clean.samples.length,
    classes: [...classes],
    clean: asTheyAre,
    rows,
    sentences: sentencesOf(asTheyAre.recalls, rows, classes),
  };
}

/** Whether a picture was answered rightly (of several labels, in all of them), and whether a label of its own was found. */
interface Judged {
  right: boolean;
  found(label: number): boolean;
}

function judged(answers: Inference, { calling, thresholds }: Decided): Map<Sample, Judged> {
  const { samples, classes } = answers;
  if (samples.some(({ labels }) => labels)) {
    const of = labelAnswers(answers);
    const called = calledLabels(of, thresholds);
    const right = allRight(of, called);
    return new Map(
      samples.map((sample, i) => [
        sample,
        { right: right[i] === 1, found: (label) => called[i * classes + label] === 1 },
      ]),
    );
  }
  const called = predictions(answers, calling);
  return new Map(
    samples.map((sample, i) => {
      const right = called[i] === answers.labels[i];
      return [sample, { right, found: () => right }];
    }),
  );
}

/** Whether a picture was answered rightly as it is, and is now. */
type Pair = readonly [was: boolean, is: boolean];

function figureOf(pairs: readonly Pair[]): StressFigure {
  const count = pairs.length;
  if (count === 0) return { value: null, interval: null, drop: null, dropInterval: null };
  const those = (was: boolean, is: boolean): number => pairs.filter(([a, b]) => a === was && b === is).length;
  const counts = {
    both: those(true, true),
    before: those(true, false),
    after: those(false, true),
    neither: those(false, false),
  };
  const right = counts.both + counts.after;
  return {
    value: right / count,
    interval: wilson(right, count),
    drop: (counts.before - counts.after) / count,
    dropInterval: pairedDifference(counts),
  };
}

/** Where a share falls by more than this of itself, the decision rests on what was taken away; by less, it leans on it. */
const MUCH = 0.25;

/**
 * `Under tighter crops 'fake' falls from 98.0 % (95 % interval 89.5–99.6 %) to 12.0 %: the decision rests on framing.` A class
 * is named where its share lies below its interval as they are, and the drop's own interval above 0.
 */
function sentencesOf(
  clean: readonly StressFigure[],
  rows: readonly StressRow[],
  classes: readonly string[],
): string[] {
  const falls = rows.flatMap(({ perturbation, recalls }) =>
    recalls.flatMap(({ value, drop, dropInterval }, label) => {
      const { value: before, interval } = clean[label];
      if (value === null || drop === null || !dropInterval || before === null || !interval) return [];
      if (!(value < interval.low && dropInterval.low > 0)) return [];
      const { where, reliance } = PERTURBATION_WORDS[perturbation];
      const rests = drop > MUCH * before ? 'rests' : 'leans';
      const sentence =
        `${where[0].toUpperCase()}${where.slice(1)} '${classes[label]}' falls from ${percent(before)} ` +
        `(95 % interval ${percentRange(interval)}) to ${percent(value)}: the decision ${rests} on ${reliance}.`;
      return [{ drop, sentence }];
    }),
  );
  if (falls.length === 0 && rows.length > 0)
    return ['No class falls by more than its 95 % interval under any of them.'];
  return falls.sort((a, b) => b.drop - a.drop).map(({ sentence }) => sentence);
}
