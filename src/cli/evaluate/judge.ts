/**
 * What `evaluate` makes of a checkpoint's answers, of classes or of labels: from which probabilities it calls, as the options ask,
 * else as the checkpoint says; the figures; what was chosen on these very pictures.
 */

import type { CheckpointInfo } from '../../train/checkpoint-info.ts';
import type { Decided } from '../../train/decided.ts';
import { type Choice, evaluation } from '../../train/evaluation/evaluation.ts';
import { callingOf, chooseThreshold, type Decision, type Scored } from '../../train/evaluation/threshold.ts';
import type { Inference } from '../../train/infer.ts';
import { labelAnswers } from '../../train/labels/answers.ts';
import { labelEvaluation } from '../../train/labels/evaluation.ts';
import { chooseThresholds, decisionsFor, type LabelDecisions } from '../../train/labels/thresholds.ts';
import { epochsOf } from '../../train/settings.ts';
import type { AnyEvaluation } from '../../train/task.ts';
import {
  labelThresholdWish,
  type ThresholdOptions,
  type ThresholdWish,
  thresholdWish,
} from '../threshold-options.ts';

export interface Judge {
  /** @param note told what cannot be chosen, and what of the checkpoint is left aside */
  evaluate(answers: Inference, scored: Scored, note: (line: string) => void): AnyEvaluation;
}

/** @throws UserError, a sentence, for options that contradict each other or the checkpoint */
export function judgeOf(info: CheckpointInfo, options: ThresholdOptions): Judge {
  const { classes } = info;
  if (info.task === 'labels') {
    const wish = labelThresholdWish(options, classes);
    return {
      evaluate(answers, scored, note) {
        const found = labelAnswers(answers);
        const chosen = chosenBefore(info, scored);
        if (wish.target) {
          const { decisions, notChosen } = chooseThresholds(found, { classes, scored }, wish.target);
          for (const sentence of notChosen) note(sentence);
          return labelEvaluation(found, { classes, scored, decisions, chosen: [...chosen, 'thresholds'] });
        }
        const decisions: LabelDecisions = wish.decisions ?? decisionsFor(info.decisions ?? [], classes);
        const here = decisions.some((one) => one !== null && one.on === scored);
        return labelEvaluation(found, {
          ...{ classes, scored, decisions },
          chosen: here ? [...chosen, 'thresholds'] : chosen,
        });
      },
    };
  }
  // A run that named its positive class means the same one here.
  const positive = options.positive ?? info.settings.positive;
  const wish = thresholdWish({ ...options, positive }, classes);
  return {
    evaluate: (answers, scored, note) =>
      evaluation(answers, { classes, scored, ...decide(answers, info, wish, scored, note) }),
  };
}

/** Of the run's weights the best were taken by these pictures, and the last as they were. */
function chosenBefore({ progress, settings }: CheckpointInfo, scored: Scored): Choice[] {
  return scored === 'val' && progress === undefined && epochsOf(settings) > 1 ? ['epoch'] : [];
}

/** The class that is called from a threshold. */
function decide(
  answers: Inference,
  info: CheckpointInfo,
  wish: ThresholdWish,
  scored: Scored,
  note: (line: string) => void,
): { positive?: number; decision: Decision | null; chosen: Choice[] } {
  const { classes } = info;
  const chosen = chosenBefore(info, scored);
  const { positive } = wish;
  if (wish.target) {
    const found = chooseThreshold(answers, { positive: positive!, classes, scored }, wish.target);
    if ('sentence' in found) note(found.sentence);
    return { positive, decision: found.decision, chosen: found.decision ? [...chosen, 'threshold'] : chosen };
  }
  const own = info.decision ?? null;
  const follows = own && !wish.decision && (positive === undefined || classes[positive] === own.positive);
  if (own && !wish.decision && !follows)
    note(`The checkpoint's threshold is for ${own.positive}; it is left aside.`);
  const decision = wish.decision ?? (follows ? own : null);
  const here = decision !== null && decision.on !== null && decision.on === scored;
  return { positive, decision, chosen: here ? [...chosen, 'threshold'] : chosen };
}

/** How the stress test calls what an evaluation was called as. */
export function callsOf(of: AnyEvaluation): Decided {
  if (of.task === 'labels') return { thresholds: of.perLabel.map(({ threshold }) => threshold) };
  return of.threshold ? { calling: callingOf(of.threshold.decision, of.classes) } : {};
}

/** The options that ask for an evaluation's thresholds again. */
export function thresholdArgs(of: AnyEvaluation): string[] {
  if (of.task !== 'labels') {
    if (!of.threshold) return [];
    const { positive, threshold } = of.threshold.decision;
    return ['--positive', positive, '--threshold', String(threshold)];
  }
  const first = of.perLabel.find(({ decision }) => decision !== null)?.decision;
  if (!first || first.on !== of.scored)
    return first?.by === 'given' ? ['--threshold', String(first.threshold)] : [];
  return first.by === 'f1' ? ['--threshold', 'f1'] : [`--target-${first.by}`, String(first.target)];
}
