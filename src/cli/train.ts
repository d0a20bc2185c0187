/** `npm run train`: fine-tunes a network on a folder of pictures, or trains a small one on the demo data. */
import { type Command, Option } from 'commander';
import { MOST_FOLDS } from '../runner/sweep.ts';
import { BEST_BY } from '../train/metrics.ts';
import { SCHEDULES } from '../train/settings.ts';
import {
  decayNumber,
  fractionNumber,
  GROUP_BY,
  positiveNumber,
  shrinkingFactor,
  wholeNumber,
} from './command-line.ts';
import { UNTUNED } from './device.ts';
import { profileOption } from './profile-option.ts';
import { runInFolder } from './run-place.ts';
import { foldOption, shardOption } from './shard.ts';
import { fitOption, sizeOption } from './size-options.ts';
import { addThresholdOptions } from './threshold-options.ts';
import { check } from './train/check.ts';
import { trainOnDevice } from './train/device.ts';
import { pictureOptions } from './train/pictures.ts';
import { CACHE_MODES, DEFAULT_AVERAGE, DEFAULT_BATCH, type TrainOptions } from './train/settings.ts';
import { newRun, resumedRun } from './train/setup.ts';
import { asksForMany } from './train/trials/plan.ts';
import { runTrials } from './train/trials/run.ts';

export const description =
  'Fine-tunes a network on a folder of pictures, and keeps the best and the last state in a folder under runs/. ' +
  'Without --data it trains a small network on the pictures that ship with the project.';

export function options(command: Command): void {
  command
    .option('--data <path>', 'a folder for each class (in train/, val/, test/ or not), or a CSV of files')
    .option(...GROUP_BY)
    .option('--model <name>', 'architecture (default: that of the weights, else efficientnet_lite0)')
    .option('--weights <file>', "a file, a folder of timm's, a name of the catalog, 'pretrained' or 'none'")
    .option(
      '--train-from <stage>',
      "the first stage that trains, 'head' or 'all'; a new head learns alone first",
    )
    .option('--epochs <n>', 'passes over the training pictures', wholeNumber(1))
    .option('--batch <n>', `pictures in a step (default: ${DEFAULT_BATCH})`, wholeNumber(1))
    .option('--lr <rate>', 'highest rate of the head; other stages take a tenth', positiveNumber)
    .addOption(sizeOption('side of the input'))
    .addOption(fitOption())
    .option('--seed <n>', 'of the order, the crops and new layers (default: 0)', wholeNumber(0))
    .option('--out <dir>', 'results (default: runs/MODEL-DATE-TIME)')
    .option('--overwrite', 'write into --out although it holds another run')
    .option('--resume <run>', 'go on with a stopped run, or with --epochs a finished one')
    .option('--memory <GiB>', 'GPU memory to plan with', positiveNumber)
    .option('--adapter <name>', "a part of its name or backend, a number, or 'software'")
    .option(...UNTUNED)
    .option('--tensorboard', 'write event files for TensorBoard into the folder')
    .option('--json', 'print the report as one JSON document on stdout');
  profileOption(command, 'the folder of the run');
  command
    .optionsGroup('What trains:')
    .option('--train-norms', 'batch norms of pretrained stages train as well')
    .option('--unfreeze-schedule <s>', 'STAGE:EPOCHS, one by one: head:3,layer4:2,all:2')
    .option('--lr-decay-per-stage <f>', 'rates times f with each stage towards the input', shrinkingFactor)
    .option('--add-classes', 'new folders of --data join the classes of --weights')
    .option('--teacher <file>', 'a checkpoint whose answers the network learns as well')
    .option('--views <n>', 'crops a picture while layers are frozen; 0: ever new', wholeNumber(0))
    .addOption(new Option('--cache <where>', 'outputs of frozen layers').choices(CACHE_MODES));
  command
    .optionsGroup('Learning rate and steps:')
    .addOption(new Option('--schedule <name>', 'of the rate').choices(SCHEDULES))
    .option('--warmup <share>', 'of the steps in which the rate rises', fractionNumber)
    .option('--accumulate <n>', 'batches to an update: large ones in little memory', wholeNumber(1))
    .option('--clip <norm>', "the largest norm of an update's gradients", positiveNumber)
    .option(
      '--average [decay]',
      `keep a moving average of the weights (decay ${DEFAULT_AVERAGE})`,
      decayNumber,
    )
    .option('--patience <n>', 'end after n epochs without a better one', wholeNumber(1))
    .addOption(new Option('--best <figure>', 'the best epoch by').choices(BEST_BY))
    .option('--find-lr', 'no run: propose a learning rate, with its curve')
    .option('--sanity', 'no run: try whether one batch can be learnt by heart');
  pictureOptions(command);
  command
    .optionsGroup('Many runs:')
    .option('--seeds <n>', 'a run with each of n seeds, from --seed on', wholeNumber(1))
    .option('--folds <k>', 'k runs, in each of which another k-th validates', wholeNumber(2, MOST_FOLDS))
    .option('--fold <i/k>', 'one of them alone', foldOption)
    .option('--sweep <file>', 'runs with the settings of a file (docs/many-runs.md)')
    .option('--shard <i/n>', 'every n-th of these runs, from the i-th on', shardOption);
  addThresholdOptions(command.optionsGroup('What is measured:'));
  command.optionsGroup('Options:');
}

export async function run(_args: string[], given: TrainOptions): Promise<number> {
  if (given.findLr || given.sanity) return check(given);
  if (await asksForMany(given)) return runTrials(given, options);
  return runInFolder(
    (signal) => (given.resume === undefined ? newRun(given) : resumedRun(given, signal)),
    (setup, stop) => trainOnDevice(setup, given, stop),
    given,
  );
}
