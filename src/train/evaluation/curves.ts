/**
 * The receiver operating characteristic and precision against recall, as scikit-learn computes them, of one class against
 * the others: `labels[i]` is 1 where picture i is of it, `scores[i]` is its probability.
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
  /**
   * Of the scores there are, highest first; where there are many, as many as a drawing shows. Straight lines join those of
   * the ROC curve, from (0, 0).
   */
  points: CurvePoint[];
  /** Area under the ROC curve. */
  auc: number;
  /** Σ (recall − recall before) · precision over the scores, from the highest. scikit-learn: `average_precision_score`. */
  averagePrecision: number;
}

/** Pictures that have a score and those that have a higher one, of which so many are positive. */
export interface Step {
  score: number;
  called: number;
  right: number;
}

/** A step for every score there is, highest first; equal scores are called together. */
export function steps(scores: ArrayLike<number>, labels: ArrayLike<number>): Step[] {
  const order = Uint32Array.from({ length: labels.length }, (_, index) => index).sort(
    (a, b) => scores[b] - scores[a],
  );
  const found: Step[] = [];
  let right = 0;
  for (let i = 0; i < order.length; i++) {
    right += labels[order[i]];
    const score = scores[order[i]];
    if (i + 1 === order.length || scores[order[i + 1]] !== score) found.push({ score, called: i + 1, right });
  }
  return found;
}

/** More points a drawing does not show. */
const MOST_POINTS = 200;

/**
 * Both curves. scikit-learn: `roc_curve(drop_intermediate=False)`, `precision_recall_curve`.
 * @returns null where there are no positives, or nothing else
 */
export function curves(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  mostPoints = MOST_POINTS,
): Curves | null {
  const all = steps(scores, labels);
  const last = all.at(-1);
  if (!last || last.right === 0 || last.right === last.called) return null;
  const positives = last.right;
  const negatives = last.called - positives;
  let [auc, averagePrecision] = [0, 0];
  let before: Step = { score: Number.POSITIVE_INFINITY, called: 0, right: 0 };
  for (const step of all) {
    const right = step.right - before.right;
    const wrong = step.called - before.called - right;
    auc += wrong * (before.right + step.right);
    averagePrecision += right * (step.right / step.called);
    before = step;
  }
  return {
    points: thinned(all, mostPoints).map(({ score, called, right }) => ({
      threshold: score,
      truePositiveRate: right / positives,
      falsePositiveRate: (called - right) / negatives,
      precision: right / called,
    })),
    auc: auc / (2 * positives * negatives),
    averagePrecision: averagePrecision / positives,
  };
}

/** At most `most` of the steps, the first and the last among them, about evenly by what was called. */
function thinned(all: readonly Step[], most: number): Step[] {
  if (all.length <= most) return [...all];
  const total = all.at(-1)!.called;
  let next = 0;
  return all.filter(({ called }, index) => {
    if (index > 0 && index + 1 < all.length && called < next) return false;
    next = called + total / (most - 2);
    return true;
  });
}
