/** What is said first of an evaluation of several labels, and the evaluations of a run. */
import type { Choice } from '../evaluation/evaluation.ts';
import { choiceSentence, type RunAnswers, type RunEvaluations } from '../evaluation/headline.ts';
import { percentRange } from '../evaluation/intervals.ts';
import { describeScored, type ThresholdTarget } from '../evaluation/threshold.ts';
import { type Inference, unanswered } from '../infer.ts';
import { percent } from '../metrics.ts';
import { labelAnswers } from './answers.ts';
import { type LabelEvaluation, labelEvaluation } from './evaluation.ts';
import { chooseThresholds, type LabelDecisions } from './thresholds.ts';

/** The sentences of the headline, each for a line of its own. */
export function labelHeadline(of: LabelEvaluation): string[] {
  const { metrics, intervals, scored, sentence } = of;
  const { count, accuracy, map } = metrics;
  const right = Math.round(accuracy * count);
  const pictures = describeScored(scored, count);
  const ranked =
    map === undefined
      ? `No label is there both with and without pictures among ${pictures}, so that nothing can be ranked.`
      : `Labels are ranked with a mean average precision of ${percent(map)} on ${pictures}, 95 % interval ${percentRange(intervals.map!)}.`;
  const whole = `Of ${right.toLocaleString('en-US')} of them every label is right: ${percent(accuracy)}, 95 % interval ${percentRange(intervals.accuracy!)}; the commonest set of labels would be right for ${percent(metrics.largestShare)}.`;
  return [ranked, whole, sentence, choiceSentence(of)].filter((one) => one !== null);
}

/**
 * The figures of a run's best network, as `evaluationsOf` (../evaluation/headline.ts) has them for classes: thresholds are chosen
 * on the validation pictures, so that the figures of the test pictures owe nothing to them.
 * @param epochs validated ones, of which the best was taken
 * @param decisions that somebody gave
 * @param target what a threshold is chosen for, label by label
 */
export function labelEvaluationsOf(
  { val, test }: RunAnswers,
  {
    classes,
    epochs,
    decisions = null,
    target = null,
  }: {
    classes: readonly string[];
    epochs: number;
    decisions?: LabelDecisions | null;
    target?: ThresholdTarget | null;
  },
): RunEvaluations<LabelEvaluation> {
  const sound = (answers: Inference | null): answers is Inference =>
    answers !== null && answers.samples.length > 0 && unanswered(answers).length === 0;
  const wish =
    sound(val) && target ? chooseThresholds(labelAnswers(val), { classes, scored: 'val' }, target) : null;
  const decided = wish?.decisions ?? decisions;
  const chosen: Choice[] = [
    ...(epochs > 1 ? (['epoch'] as const) : []),
    ...(wish?.decisions.some((one) => one !== null) ? (['thresholds'] as const) : []),
  ];
  const validation = sound(val)
    ? labelEvaluation(labelAnswers(val), { classes, decisions: decided, scored: 'val', chosen })
    : null;
  const notChosen = wish && wish.notChosen.length > 0 ? wish.notChosen.join(' ') : null;
  if (!sound(test)) return { evaluation: validation, validation: null, notChosen };
  const held = labelEvaluation(labelAnswers(test), { classes, decisions: decided, scored: 'test' });
  return { evaluation: held, validation, notChosen };
}
