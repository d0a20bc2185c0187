/**
 * Whether weights can be used at all, by what loading reports of them: the one rule for every command. A network without
 * a head of its own, with NaN among its weights, with the whole numbers of a quantised one, or with zeros in place of
 * values answers all the same, and nobody can see that it knows nothing.
 */
import { shellWord } from '../text/shell.ts';
import { listNames, WeightsError } from './formats/error.ts';
import type { LoadReport } from './load.ts';

/** What the weights are to do: name classes with the head that they bring, or be trained with a new one. */
export type Use = 'answer' | 'train';

/** @throws WeightsError, a sentence with what to do, where the weights of a file are no good for a use in a model */
export function demandSound(report: LoadReport, use: Use, model: string, file = 'the file'): void {
  const fault = faultIn(
    report,
    use,
    `npm run train -- --data PICTURES --model ${model} --weights ${shellWord(file)}`,
  );
  if (fault) throw new WeightsError('tensors', `${file} ${fault}`);
}

function faultIn(report: LoadReport, use: Use, train: string): string | null {
  const { loaded, notFinite, suspect, replacedHead, unexpected } = report;
  const { weights, negative, whole, zero, sameRows } = suspect;
  if (notFinite.length > 0)
    return `holds NaN or infinity in ${listNames(notFinite)}, so every answer would be NaN; take an undamaged copy`;
  if (negative.length > 0)
    return `holds variances below 0 in ${listNames(negative)}, of which there is no root; take an undamaged copy`;
  if (whole.length > 0)
    return `holds whole numbers in ${listNames(whole)}, as of a quantised network without its scales; save the weights as floating point (dequantize() in PyTorch)`;
  // The first layer alone makes every answer the same; a few others may have been pruned.
  if (zero.length > 0 && (loaded[0] === zero[0] || 2 * zero.length > weights))
    return `holds nothing but zeros in ${listNames(zero)}, so every picture would get the same answer; take an undamaged copy`;
  if (use === 'train') return null;
  const remedy = `train a head first: ${train}`;
  if (replacedHead.length > 0) {
    const instead = unexpected.length > 0 ? ` (it holds ${listNames(unexpected)} beside the network)` : '';
    return `has no last layer that fits, ${listNames(replacedHead)}${instead}, so it cannot name classes; ${remedy}`;
  }
  if (sameRows.length > 0)
    return `has a last layer that is the same for every class (${listNames(sameRows)}), so every picture would get the same answer; ${remedy}`;
  return null;
}
