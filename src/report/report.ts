/** Every figure of a run: report.json, and what report.html shows. */
import type { FreezeReport } from '../nn/index.ts';
import { formatShare } from '../text/figures.ts';
import type { CacheFigures } from '../train/callbacks/cache-figures.ts';
import type { Intervals } from '../train/evaluation/evaluation.ts';
import type { RunEvaluations } from '../train/evaluation/headline.ts';
import { type Interval, percentRange } from '../train/evaluation/intervals.ts';
import type { FreezingFigures } from '../train/freezing.ts';
import type { Inference } from '../train/infer.ts';
import { confusionMatrix, type Metrics, percent, predictions } from '../train/metrics.ts';
import type { StepCost } from '../train/preflight.ts';
import type { ValidatedRecord } from '../train/progress.ts';
import type { TrainSettings } from '../train/settings.ts';
import type { AnyEvaluation } from '../train/task.ts';

/** The content of report.json, and what `train --json` prints. */
export interface Report {
  /** Folder of the run. */
  out: string;
  finished: boolean;
  model: string;
  classes: string[];
  settings: TrainSettings;
  adapter: { description: string; software: boolean };
  /** `unreadable`: of all, held out ones too, those that the run met and could not read. `perClass`: in the order of the classes. */
  pictures: { train: number; val: number; unreadable: number; perClass: { train: number[]; val: number[] } };
  /** What was said of the data: how they were split, what was left out, which are there twice. */
  notes: string[];
  /**
   * Pictures that the weights are known to have learnt from, whether there were no others before the run, and how many of
   * those that validated are among them (by their bytes; null where none was loaded in this process).
   */
  trainedOn: { pictures: number; complete: boolean; ofValidation: number | null };
  /** Values that train in the end and that do not. */
  parameters: { trainable: number; frozen: number; frozenStages: string[] };
  /** What freezing saves, phase by phase. */
  savings: FreezingFigures;
  /** Of one step, found before the run. */
  step: StepCost | null;
  /** What keeping the features of frozen stages saved. */
  cache: CacheFigures;
  epochs: ValidatedRecord[];
  /** The epoch of best.safetensors. */
  best: ValidatedRecord | null;
  last: ValidatedRecord | null;
  /** Of the run, over all of its processes, compilation and checkpoints included. */
  seconds: number;
  /** Until the run's first step was done: compilation of the kernels. */
  firstStepSeconds: number;
  /** Training, without the first steps. */
  imagesPerSecond: number;
  /** Most bytes of GPU memory in use at a time. */
  peakBytes: number;
  /**
   * `confusion[actual][predicted]` of the best epoch's validation, what best.safetensors answers; null where there is no
   * best epoch, in a run that was stopped where another process of it had that epoch, and of several labels a picture.
   */
  confusion: number[][] | null;
  /**
   * Of best.safetensors on the pictures of test/ where there are some, else on those that validated, with what was chosen on
   * them; null as `confusion` is.
   */
  evaluation: AnyEvaluation | null;
  /** Of best.safetensors on the pictures that validated, where `evaluation` is of others. */
  validation: AnyEvaluation | null;
  /** Why no threshold was chosen although a target was given; null where one was, or no target was. */
  notChosen: string | null;
}

/** Fields of the report that the run itself does not know. */
export type ReportContext = Omit<
  Report,
  'epochs' | 'best' | 'last' | 'confusion' | 'parameters' | keyof RunEvaluations
> & {
  freezing: FreezeReport;
};

/** What a run measured. */
export interface RunFigures {
  epochs: ValidatedRecord[];
  best: ValidatedRecord | null;
  /** Of the best epoch's validation, as far as they are known. */
  answers: Inference | null;
  /** What they and the answers to the test pictures are worth. */
  evaluations: RunEvaluations<AnyEvaluation>;
}

/** The figures of a run as report.json holds them. */
export function makeReport(
  context: ReportContext,
  { epochs, best, answers, evaluations }: RunFigures,
): Report {
  const { freezing, ...rest } = context;
  return {
    ...rest,
    parameters: {
      trainable: freezing.trainableParameters,
      frozen: freezing.frozenParameters,
      frozenStages: freezing.frozenStages,
    },
    epochs,
    best,
    last: epochs.at(-1) ?? null,
    confusion: confusionOf(evaluations.validation ?? evaluations.evaluation, answers),
    ...evaluations,
  };
}

/** Of several labels a picture there is none. */
function confusionOf(of: AnyEvaluation | null, answers: Inference | null): number[][] | null {
  if (of?.task === 'labels' || answers?.samples.some(({ labels }) => labels)) return null;
  if (of) return of.confusion;
  return answers ? confusionMatrix(predictions(answers), answers.labels, answers.classes) : null;
}

/** `the last layer trains`, `all stages train`, `the last layer trains, then layer4 and what follows`. */
export function trains({ phases }: Pick<TrainSettings, 'phases'>): string {
  const [first, ...later] = phases.map(({ trainFrom }) => {
    if (trainFrom === 'head') return 'the last layer trains';
    return trainFrom === 'all' ? 'all stages train' : `${trainFrom} and what follows train`;
  });
  return [first, ...later.map((phase) => phase.replace(/ trains?$/, ''))].join(', then ');
}

/** What a record of a run holds that was begun before more was measured. */
type FewMetrics = Pick<Metrics, 'accuracy' | 'loss'> & Partial<Metrics>;

/**
 * `accuracy 95.0 % (largest class 60.0 %), balanced accuracy 94.2 %, macro F1 0.943, AUC 0.9912, loss 0.131`; where there are
 * intervals, `accuracy 95.0 % (89.5–97.7 %, largest class 60.0 %), balanced accuracy 94.2 % (88.0–97.6 %), …`. Of several labels
 * a picture, `mean average precision 0.871, AUC 0.9231, macro F1 0.790, micro F1 0.812, every label right 61.0 % (commonest set
 * 22.0 %), loss 0.271`.
 */
export function describeMetrics(metrics: FewMetrics, intervals: Intervals = {}): string {
  const { accuracy, largestShare, balancedAccuracy, macroF1, microF1, auc, map, top5, loss } = metrics;
  const beside = (...words: (string | undefined)[]): string => {
    const said = words.filter((one) => one !== undefined);
    return said.length > 0 ? ` (${said.join(', ')})` : '';
  };
  const range = (interval?: Interval): string | undefined => interval && percentRange(interval);
  const ends = (digits: number, interval?: Interval): string | undefined =>
    interval && `${formatShare(interval.low, digits)}–${formatShare(interval.high, digits)}`;
  const figure = (name: string, value: number | undefined, digits: number, interval?: Interval): string[] =>
    value === undefined ? [] : [`${name} ${formatShare(value, digits)}${beside(ends(digits, interval))}`];
  if (microF1 !== undefined)
    return [
      ...figure('mean average precision', map, 3, intervals.map),
      ...figure('AUC', auc, 4, intervals.auc),
      ...figure('macro F1', macroF1, 3, intervals.macroF1),
      ...figure('micro F1', microF1, 3, intervals.microF1),
      `every label right ${percent(accuracy)}${beside(range(intervals.accuracy), largestShare === undefined ? undefined : `commonest set ${percent(largestShare)}`)}`,
      `loss ${loss.toFixed(3)}`,
    ].join(', ');
  const largest = largestShare === undefined ? undefined : `largest class ${percent(largestShare)}`;
  const parts = [`accuracy ${percent(accuracy)}${beside(range(intervals.accuracy), largest)}`];
  if (balancedAccuracy !== undefined)
    parts.push(`balanced accuracy ${percent(balancedAccuracy)}${beside(range(intervals.balancedAccuracy))}`);
  parts.push(...figure('macro F1', macroF1, 3, intervals.macroF1), ...figure('AUC', auc, 4, intervals.auc));
  if (top5 !== undefined) parts.push(`top-5 ${percent(top5)}${beside(range(intervals.top5))}`);
  return [...parts, `loss ${loss.toFixed(3)}`].join(', ');
}
