/** What is said about one picture. */
import type { Inference } from '../../train/infer.ts';
import { type Calling, largest, predicted, rowOf, softmaxRow } from '../../train/metrics.ts';

/** The array of these is the output of `--json`. */
export interface Prediction {
  file: string;
  /** The class that is called where the checkpoint has a threshold for one, likeliest or not; else absent. */
  called?: string;
  topK: { index: number; label: string; probability: number; logit: number }[];
}

/** The `k` likeliest classes of every picture, and the one that is called where a threshold decides. */
export function predictionsOf(
  answers: Inference,
  classes: readonly string[],
  k: number,
  calling?: Calling,
): Prediction[] {
  return answers.samples.map(({ file }, picture) => {
    const logits = rowOf(answers, picture);
    const probabilities = softmaxRow(logits);
    const topK = largest(logits, k).map((index) => ({
      index,
      label: classes[index],
      probability: probabilities[index],
      logit: logits[index],
    }));
    return calling ? { file, called: classes[predicted(logits, calling)], topK } : { file, topK };
  });
}
