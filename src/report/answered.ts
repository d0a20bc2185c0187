/** What pictures were taken for where a threshold may have decided. */
import type { Evaluation } from '../train/evaluation/evaluation.ts';
import { callingOf } from '../train/evaluation/threshold.ts';
import { type Answers, predictions } from '../train/metrics.ts';

/** The class that each picture was taken for when `evaluation` was made of these answers. */
export function answeredAs(answers: Answers, { threshold, classes }: Evaluation): Int32Array {
  return predictions(answers, threshold ? callingOf(threshold.decision, classes) : undefined);
}
