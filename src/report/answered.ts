/** What pictures were taken for where a threshold may have decided. */
import type { Evaluation } from '../train/evaluation/evaluation.ts';
import { type Answers, predictions } from '../train/metrics.ts';

/** The class that each picture was taken for when `evaluation` was made of these answers. */
export function answeredAs(answers: Answers, { threshold, positive }: Evaluation): Int32Array {
  const cut = threshold && positive !== null && { threshold: threshold.decision.threshold, positive };
  return predictions(answers, cut || undefined);
}
