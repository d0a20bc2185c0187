/** What a network said to each picture, as a table for spreadsheets and other programs: predictions.csv. */
import { writeWhole } from '../node/files.ts';
import { shown } from '../text/shown.ts';
import type { Inference } from '../train/infer.ts';
import { predictions, rowOf, softmaxRow } from '../train/metrics.ts';

/** More probabilities are not written: only that of the class that was predicted. */
export const MOST_CELLS = 4_000_000;

/**
 * RFC 4180, a line a picture: path, true, predicted, right (1 or 0), probability (of the predicted class), and a column
 * `p(CLASS)` for each class. A cell that a spreadsheet would take for a formula (it begins with = + - @ or a tab) has an
 * apostrophe before it; what cannot be seen in a name is escaped as everywhere (src/text/shown.ts).
 * @param called what each picture is taken for, where a threshold says so; the likeliest class by default
 */
export function predictionsCsv(
  inference: Inference,
  classes: readonly string[],
  called: Int32Array = predictions(inference),
): string {
  const all = inference.labels.length * classes.length <= MOST_CELLS;
  const columns = all ? classes.map((name) => `p(${name})`) : [];
  const lines = [row(['path', 'true', 'predicted', 'right', 'probability', ...columns])];
  for (const [index, { file }] of inference.samples.entries()) {
    const probabilities = softmaxRow(rowOf(inference, index));
    const [label, answer] = [inference.labels[index], called[index]];
    const figures = [probabilities[answer], ...(all ? probabilities : [])].map((p) => p.toPrecision(6));
    lines.push(row([file, classes[label], classes[answer], label === answer ? '1' : '0', ...figures]));
  }
  return lines.join('');
}

/** Writes `predictionsCsv` whole or not at all. */
export async function writePredictions(
  path: string,
  ...of: Parameters<typeof predictionsCsv>
): Promise<void> {
  await writeWhole(path, predictionsCsv(...of));
}

const row = (cells: readonly string[]): string => `${cells.map(cell).join(',')}\r\n`;

/** A cell as it stands in the file. */
export function cell(value: string): string {
  const safe = /^[=+\-@＝＋－＠\t\r\n]/.test(value) ? `'${shown(value)}` : shown(value);
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
