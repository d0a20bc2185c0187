/** What `evaluate` prints: the headline, the figures with their intervals, the confusion matrix, the classes, the stress table. */
import { describeMetrics } from '../report/report.ts';
import { shown } from '../text/shown.ts';
import type { ClassFigures, Evaluation } from '../train/evaluation/evaluation.ts';
import { headline } from '../train/evaluation/headline.ts';
import type { StressFigure, StressTable } from '../train/evaluation/stress.ts';
import { percent } from '../train/metrics.ts';
import type { AnyEvaluation } from '../train/task.ts';
import { describeAbsent } from './class-text.ts';
import { labelText, withRange } from './evaluate/label-text.ts';
import { cut, formatNumber, table } from './ui.ts';

/** All of it, in lines. */
export function evaluationText(of: AnyEvaluation, stress: StressTable | null): string[] {
  const lines = of.task === 'labels' ? labelText(of) : classesText(of);
  return stress ? [...lines, '', ...stressText(stress)] : lines;
}

function classesText(evaluation: Evaluation): string[] {
  const { metrics, intervals, perClass, confusion, threshold } = evaluation;
  const names = evaluation.classes.map(shown);
  const lines = [
    ...headline(evaluation).map(shown),
    '',
    `${describeMetrics(metrics, intervals)}. (95 % intervals)`,
  ];
  if (threshold) {
    const { at, intervals: ranges } = threshold;
    lines.push(
      `${shown(threshold.decision.positive)} from a probability of ${at.threshold}: precision ${withRange(at.precision, ranges.precision)}, ` +
        `recall ${withRange(at.recall, ranges.recall)}.`,
    );
  }
  lines.push(calibrationText(evaluation));
  const absent = describeAbsent(
    perClass.map((one) => one.count),
    names,
  );
  if (absent) lines.push(absent);
  lines.push('');
  if (names.length <= MATRIX_CLASSES) lines.push(matrixTable(confusion, names), '');
  lines.push(classTable(perClass));
  const confused = names.length > MATRIX_CLASSES ? mostConfused(confusion, names) : [];
  if (confused.length > 0) lines.push('', 'Most confused:', ...confused);
  return lines;
}

/** How far probabilities are from shares, and the temperature that mends it. */
function calibrationText({ calibration: { ece, temperature } }: Evaluation): string {
  const error = `Probabilities are ${(100 * ece).toFixed(1)} points off the share that is right (expected calibration error)`;
  if (!temperature) return `${error}.`;
  const whose = temperature.fittedHere ? 'fitted on these pictures' : 'fitted on the validation pictures';
  return `${error}; divided by a temperature of ${temperature.value.toFixed(2)}, ${whose}, ${(100 * temperature.ece).toFixed(1)}.`;
}

/** A table with more columns does not fit a terminal. */
const MATRIX_CLASSES = 12;

/** Rows: what the pictures are; columns: what they were taken for. */
function matrixTable(matrix: number[][], names: string[]): string {
  const short = names.map(cut);
  const rows = [['is \\ taken for', ...short], ...matrix.map((row, i) => [short[i], ...row.map(String)])];
  return table(rows, { gap: '   ' });
}

function classTable(classes: readonly ClassFigures[]): string {
  return table([
    ['class', 'pictures', 'precision', 'recall', 'F1'],
    ...classes.map(({ name, count, precision, recall, f1, intervals }) => [
      cut(shown(name)),
      formatNumber(count),
      withRange(precision, intervals.precision),
      withRange(recall, intervals.recall),
      f1 === null ? '–' : f1.toFixed(3),
    ]),
  ]);
}

/** The pairs of classes that were mixed up most often. */
function mostConfused(matrix: number[][], names: string[], most = 10): string[] {
  return matrix
    .flatMap((row, actual) => row.map((count, predicted) => ({ actual, predicted, count })))
    .filter(({ actual, predicted, count }) => actual !== predicted && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, most)
    .map(({ actual, predicted, count }) => `  ${names[actual]} taken for ${names[predicted]}: ${count}`);
}

/** Of so many classes each has its column. */
const STRESS_CLASSES = 3;

/** A row a perturbation: accuracy, how far it falls, and the recall of each class, or of the one that falls most. */
function stressText({ clean, rows, classes, sentences }: StressTable): string[] {
  const few = classes.length <= STRESS_CLASSES;
  const share = ({ value }: StressFigure): string => (value === null ? '–' : percent(value));
  const recalls = (figures: readonly StressFigure[]): string[] => {
    if (few) return figures.map(share);
    const worst = figures.reduce(
      (most, one, i) => ((one.drop ?? 0) > (figures[most].drop ?? 0) ? i : most),
      0,
    );
    return [figures[worst].drop ? `${cut(shown(classes[worst]))} ${share(figures[worst])}` : '–'];
  };
  const points = (value: number): string => (100 * value).toFixed(1);
  const fall = ({ drop, dropInterval }: StressFigure): string =>
    drop === null || !dropInterval
      ? '–'
      : `${points(drop)} (${points(dropInterval.low)} to ${points(dropInterval.high)})`;
  const head = few ? classes.map((name) => cut(shown(name))) : ['falls most'];
  return [
    table([
      ['pictures', 'accuracy', 'falls by (95 %)', ...head],
      ['as they are', share(clean.accuracy), '', ...(few ? recalls(clean.recalls) : [''])],
      ...rows.map(({ label, accuracy, recalls: of }) => [
        label,
        share(accuracy),
        fall(accuracy),
        ...recalls(of),
      ]),
    ]),
    '',
    ...sentences.map(shown),
  ];
}
