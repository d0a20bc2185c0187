/** `train` as one would type it again: the one place where its commands are put together. */
import { epochsOf, type TrainSettings } from '../train/settings.ts';
import { DEFAULT_MODEL, defaultWeights } from '../weights/start.ts';
import { commandLine, flagOf } from './command-line.ts';
import { phasesFor, settingsOf, type TrainOptions } from './train-settings.ts';

/** The command with these options; what is undefined or false is left out. */
export function trainCommand(options: TrainOptions): string {
  const args = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || value === false
      ? []
      : value === true
        ? [flagOf(name)]
        : [flagOf(name), String(value)],
  );
  return commandLine('train', args);
}

/** The command that goes on with a run, as it was started last. */
export function resumeCommand(out: string, { adapter, memory, tensorboard, json }: TrainOptions): string {
  return trainCommand({ resume: out, adapter, memory, tensorboard, json });
}

/** Settings that an option of the same name sets. */
const NAMED = ['batch', 'size', 'seed'] as const;

/** The options that give these settings; those of which the default gives the same are left out. */
export function optionsOf(settings: TrainSettings): TrainOptions {
  const { data, model, weights, phases, trainNorms } = settings;
  const { trainFrom } = phases.at(-1)!;
  const weightsGiven = weights !== defaultWeights(model);
  const options: TrainOptions = {
    ...(data !== null && { data }),
    ...((weightsGiven || model !== DEFAULT_MODEL) && { model }),
    ...(weightsGiven && { weights: weights ?? 'none' }),
    ...(trainFrom !== (weights === null ? 'all' : 'head') && { trainFrom }),
    ...(trainNorms && weights !== null && trainFrom !== 'head' && { trainNorms }),
  };
  // A size of 0 is nobody's: that of the pictures that the weights expect is not known here, so it is always named.
  const byDefault = settingsOf(options, { model, weights }, 0);
  const usual = phasesFor(options, weights, phases[0].trainFrom !== trainFrom);
  const epochs = epochsOf(settings);
  if (epochs !== epochsOf({ phases: usual })) options.epochs = epochs;
  if (phases[0].lr !== usual[0].lr) options.lr = phases[0].lr;
  for (const name of NAMED) if (settings[name] !== byDefault[name]) options[name] = settings[name];
  return options;
}
