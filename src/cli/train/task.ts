/** What a run does by what it asks of a picture, which one of the classes or which of the labels (src/train/task.ts). */
import type { DataSet } from '../../data/sample.ts';
import type { Callback } from '../../train/callback.ts';
import { ThresholdChoice } from '../../train/callbacks/threshold.ts';
import { evaluationsOf, type RunAnswers, type RunEvaluations } from '../../train/evaluation/headline.ts';
import type { Inference } from '../../train/infer.ts';
import { labelEvaluationsOf } from '../../train/labels/headline.ts';
import { LabelThresholdChoice } from '../../train/labels/thresholds.ts';
import type { Metrics } from '../../train/metrics.ts';
import type { SavedInfo } from '../../train/node/checkpoint.ts';
import type { TrainSettings } from '../../train/settings.ts';
import { type AnyEvaluation, MEASURES } from '../../train/task.ts';
import { labelThresholdWish, thresholdWish } from '../threshold-options.ts';
import { UserError } from '../ui.ts';

export interface RunTask {
  /** The figures of an epoch. */
  measure: (answers: Inference) => Metrics;
  /** Chooses thresholds after every epoch; null where nobody asks for it. */
  choice: Callback | null;
  /** What a checkpoint of the weights as they are says of it. */
  decided: () => Pick<SavedInfo, 'task' | 'decision' | 'decisions'>;
  evaluate: (answers: RunAnswers, validatedEpochs: number) => RunEvaluations<AnyEvaluation>;
}

/** @throws UserError, a sentence, for thresholds that cannot be asked for */
export const taskOf = (set: DataSet, settings: TrainSettings): RunTask =>
  set.task === 'labels' ? ofLabels(set, settings) : ofClasses(set, settings);

function ofClasses({ classes }: DataSet, settings: TrainSettings): RunTask {
  const wish = thresholdWish(settings, classes);
  const { positive, target } = wish;
  const choice = target ? new ThresholdChoice({ classes, positive: positive!, target }) : null;
  return {
    measure: MEASURES.classes,
    choice,
    decided() {
      const decision = choice?.decision ?? wish.decision;
      return decision ? { decision } : {};
    },
    evaluate: (answers, epochs) => evaluationsOf(answers, { ...wish, classes, epochs }),
  };
}

function ofLabels({ classes }: DataSet, settings: TrainSettings): RunTask {
  const wish = labelThresholdWish(settings, classes);
  const choice = wish.target ? new LabelThresholdChoice({ classes, target: wish.target }) : null;
  return {
    measure: MEASURES.labels,
    choice,
    decided() {
      const decisions = (choice?.decisions ?? wish.decisions)?.filter((one) => one !== null) ?? [];
      return { task: 'labels', ...(decisions.length > 0 && { decisions }) };
    },
    evaluate: (answers, epochs) => labelEvaluationsOf(answers, { ...wish, classes, epochs }),
  };
}

/** @throws UserError, a sentence, for settings that mean nothing for what the pictures ask */
export function refuseForTask(
  { task, classes }: DataSet,
  settings: Pick<TrainSettings, 'data' | 'best' | 'sampler' | 'teacher' | 'keptClasses'>,
): void {
  const { data, best, sampler, teacher, keptClasses } = settings;
  if (task !== 'labels') {
    if (best === 'auc' && classes.length !== 2)
      throw new UserError(
        `--best auc is a figure of two classes, and ${data} has ${classes.length}; take --best balanced-accuracy, or leave it out`,
      );
    if (best === 'map')
      throw new UserError(
        '--best map is a figure of several labels a picture, and these have one class each; leave it out',
      );
    return;
  }
  const several = `pictures of ${data} have several labels`;
  if (sampler === 'balanced')
    throw new UserError(
      `--sampler balanced draws classes equally often, and ${several}, which cannot be drawn apart; take --class-weights auto, or leave it out`,
    );
  if (teacher)
    throw new UserError(
      `--teacher teaches which one of the classes a picture shows, and ${several}; leave it out`,
    );
  if (keptClasses > 0)
    throw new UserError(
      `--add-classes adds to the classes of a network that tells one for each picture, and ${several}; leave it out`,
    );
}
