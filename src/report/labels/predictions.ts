/** What a network said of pictures that may have several labels, as a table: predictions.csv. */
import type { LabelAnswers } from '../../train/labels/answers.ts';
import { calledLabels, sigmoid } from '../../train/labels/answers.ts';
import { cell, MOST_CELLS } from '../predictions.ts';

/**
 * As `predictionsCsv`, where true and predicted are the labels with `|` between them, right is 1 where all labels of the picture
 * are, and probability is that of the answer to it that is the least sure to be what it is: the smallest of p where a label is
 * called and 1 − p where not. A column `p(LABEL)` for each label has the probabilities.
 * @param thresholds from which each label is called
 */
export function labelPredictionsCsv(
  files: readonly string[],
  answers: LabelAnswers,
  names: readonly string[],
  thresholds: readonly number[],
): string {
  const { logits, targets, classes } = answers;
  const called = calledLabels(answers, thresholds);
  const all = logits.length <= MOST_CELLS;
  const columns = all ? names.map((name) => `p(${name})`) : [];
  const lines = [row(['path', 'true', 'predicted', 'right', 'probability', ...columns])];
  const named = (of: Uint8Array): string => names.filter((_, label) => of[label] === 1).join('|');
  for (const [index, file] of files.entries()) {
    const [from, to] = [index * classes, (index + 1) * classes];
    const [is, said] = [targets.subarray(from, to), called.subarray(from, to)];
    const probabilities = Float64Array.from(logits.subarray(from, to), sigmoid);
    const least = probabilities.reduce((low, p, label) => Math.min(low, said[label] ? p : 1 - p), 1);
    const right = is.every((target, label) => target === said[label]);
    const figures = [least, ...(all ? probabilities : [])].map((p) => p.toPrecision(6));
    lines.push(row([file, named(is), named(said), right ? '1' : '0', ...figures]));
  }
  return lines.join('');
}

const row = (cells: readonly string[]): string => `${cells.map(cell).join(',')}\r\n`;
