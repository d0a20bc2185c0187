/** `train` as one would type it again: the one place where its commands are put together. */

import { shardText } from '../../runner/shard.ts';
import { BEFORE, epochsOf, type PhaseSettings, type TrainSettings } from '../../train/settings.ts';
import { DEFAULT_MODEL, defaultWeights } from '../../weights/start.ts';
import { commandLine, optionArgs } from '../command-line.ts';
import { augmentationOptions, classWeightsText } from './pictures.ts';
import { NAMED, phasesFor, settingsOf, type TrainOptions } from './settings.ts';
import { scheduleOf } from './unfreeze-schedule.ts';

/** The command with these options; what is undefined or false is left out. */
export const trainCommand = ({ fold, shard, ...options }: TrainOptions): string =>
  commandLine(
    'train',
    optionArgs({ ...options, fold: fold && shardText(fold), shard: shard && shardText(shard) }),
  );

/** The command that goes on with a run, as it was started last. */
export function resumeCommand(
  out: string,
  { cache, adapter, memory, tensorboard, json }: TrainOptions,
): string {
  return trainCommand({ resume: out, cache, adapter, memory, tensorboard, json });
}

/** The options that give these settings; those of which the default gives the same are left out. */
export function optionsOf(settings: TrainSettings): TrainOptions {
  const { data, model, weights, keptClasses, teacher, trainNorms, lrDecayPerStage, phases } = settings;
  const { trainFrom, backboneFactor } = phases.at(-1)!;
  const weightsGiven = weights !== defaultWeights(model);
  const decaysByStage =
    lrDecayPerStage !== 1 || (trainFrom !== 'head' && backboneFactor === 1 && weights !== null);
  const start: TrainOptions = {
    ...(data !== null && { data }),
    ...((weightsGiven || model !== DEFAULT_MODEL) && { model }),
    ...(weightsGiven && { weights: weights ?? 'none' }),
    ...(settings.fold && { fold: settings.fold }),
    ...(settings.groupBy.length > 0 && { groupBy: settings.groupBy }),
    ...(keptClasses > 0 && { addClasses: true }),
    ...(teacher && { teacher: teacher.name }),
  };
  const rates: TrainOptions = {
    ...(settings.schedule !== BEFORE.schedule && { schedule: settings.schedule }),
    ...(trainNorms && weights !== null && trainFrom !== 'head' && { trainNorms }),
    ...(decaysByStage && { lrDecayPerStage }),
  };
  const { stages, course } = phaseOptions(settings, { ...start, ...rates });
  const options = { ...start, ...stages, ...rates, ...course };
  // A size of 0 is nobody's: that of the pictures that the weights expect is not known here, so it is always named.
  const byDefault = settingsOf(options, { model, weights }, { inputSize: 0 });
  const different = NAMED.filter((name) => settings[name] !== byDefault[name]);
  const classWeights = classWeightsText(settings.classWeights);
  return {
    ...options,
    ...Object.fromEntries(different.map((name) => [name, settings[name] ?? undefined])),
    ...augmentationOptions(settings.augmentation, byDefault.augmentation),
    ...(classWeights !== byDefault.classWeights && { classWeights }),
  };
}

/** The options that give the phases: `stages` that train, or a schedule where that does not do, and the `course` of it. */
function phaseOptions(
  { phases, weights }: TrainSettings,
  others: TrainOptions,
): { stages: TrainOptions; course: TrainOptions } {
  const { trainFrom } = phases.at(-1)!;
  const newHead = phases[0].trainFrom !== trainFrom;
  const from: TrainOptions = trainFrom === (weights === null ? 'all' : 'head') ? {} : { trainFrom };
  const planOf = ({ stages, course }: { stages: TrainOptions; course: TrainOptions }): PhaseSettings[] =>
    phasesFor({ ...others, ...stages, ...course }, weights, newHead);
  // One phase behind a head is planned otherwise where the head is new, so that it is named as it is.
  const onePhase = phases.length === 1 && trainFrom !== 'head' && weights !== null;
  const named = [
    { stages: from, course: {} },
    { stages: from, course: { epochs: epochsOf({ phases }) } },
  ];
  const { stages, course } = [
    ...(onePhase ? [] : named),
    { stages: { unfreezeSchedule: scheduleOf(phases) }, course: {} },
  ].find((options) => scheduleOf(planOf(options)) === scheduleOf(phases))!;
  const { lr } = phases[0];
  return { stages, course: { ...course, ...(lr !== planOf({ stages, course })[0].lr && { lr }) } };
}
