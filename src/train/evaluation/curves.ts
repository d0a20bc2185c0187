/**
 * The receiver operating characteristic and precision against recall, as scikit-learn computes them, of one class against
 * the others: `positive[i]` says whether picture i is of it, `scores[i]` is its probability.
 */

/** What a threshold makes of the pictures: those with a score that reaches it are called. */
export interface CurvePoint {
  threshold: number;
  /** Share of the positives that are called: recall. */
  truePositiveRate: number;
  /** Share of the others that are called. */
  falsePositiveRate: number;
  /** Share of what is called that is positive. */
  precision: number;
}

/** One class against the others. */
export interface Curves {
  /** Of every score there is, highest first, thinned to a few hundred where there are more; straight lines join them from (0, 0). */
  points: CurvePoint[];
  /** Area under the ROC curve. */
  auc: number;
  /** Σ (recall − recall before)·precision over the scores, from the highest. scikit-learn: `average_precision_score`. */
  averagePrecision: number;
}
