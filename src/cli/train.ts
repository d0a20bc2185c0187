/** `npm run train`: fine-tunes a network on a folder of pictures, or trains a small one on the demo data. */
import { type Command, Option } from 'commander';
import { closeLoader } from '../data/node/loader.ts';
import { openDevice } from '../node/open-device.ts';
import { BEST_BY } from '../train/metrics.ts';
import { SCHEDULES } from '../train/settings.ts';
import { decayNumber, fractionNumber, positiveNumber, shrinkingFactor, wholeNumber } from './command-line.ts';
import { addThresholdOptions } from './threshold-options.ts';
import { pictureOptions } from './train-pictures.ts';
import { checkFit } from './train-preflight.ts';
import { train } from './train-run.ts';
import { CACHE_MODES, DEFAULT_AVERAGE, DEFAULT_BATCH, type TrainOptions } from './train-settings.ts';
import { newRun, resumedRun, type Setup } from './train-setup.ts';
import { announceSoftware, onStop, printJson } from './ui.ts';

export const description =
  'Fine-tunes a network on a folder of pictures, and keeps the best and the last state in a folder under runs/. ' +
  'Without --data it trains a small network on the pictures that ship with the project.';

export function options(command: Command): void {
  command
    .option(
      '--data <dir>',
      'folder with train/ and val/ (and test/), or one to split; a folder for each class',
    )
    .option(
      '--model <name>',
      'architecture (default: the one that --weights are for; without them efficientnet_lite0, whose weights ship)',
    )
    .option(
      '--weights <file>',
      "weights to start from: a .pth or .safetensors file, a name of the catalog, 'pretrained', or 'none'",
    )
    .option(
      '--train-from <stage>',
      "the first stage that trains: a stage, 'head' (the last layer) or 'all'; a new head learns alone first",
    )
    .option('--epochs <n>', 'passes over the training pictures', wholeNumber(1))
    .option('--batch <n>', `pictures in a step (default: ${DEFAULT_BATCH})`, wholeNumber(1))
    .option(
      '--lr <rate>',
      'highest learning rate of the head; other stages take a tenth of it',
      positiveNumber,
    )
    .option('--size <pixels>', "side of the network's input", wholeNumber(8))
    .option('--seed <n>', 'of the order, the crops and the new layers (default: 0)', wholeNumber(0))
    .option('--out <dir>', 'folder for checkpoints and report (default: runs/MODEL-DATE-TIME)')
    .option('--overwrite', 'write into --out although it holds another run')
    .option(
      '--resume <run>',
      'go on with a run that was stopped: its folder; with --epochs, with one that is finished',
    )
    .option('--memory <GiB>', 'GPU memory to plan with, where the machine does not say', positiveNumber)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print the report as one JSON document on stdout');
  command
    .optionsGroup('What trains:')
    .option(
      '--train-norms',
      'batch norms of pretrained stages train as well (default: they stay as they are)',
    )
    .option('--unfreeze-schedule <list>', 'STAGE:EPOCHS, one after the other, such as head:3,layer4:2,all:2')
    .option(
      '--lr-decay-per-stage <factor>',
      'rates fall by it with every stage towards the input, such as 0.5',
      shrinkingFactor,
    )
    .option('--add-classes', 'adds the new folders of --data to the classes of --weights, which stay')
    .option(
      '--views <n>',
      'crops of each picture while layers are frozen; 0: a new one every epoch',
      wholeNumber(0),
    )
    .addOption(
      new Option('--cache <where>', 'what frozen layers make of pictures is kept').choices(CACHE_MODES),
    );
  command
    .optionsGroup('Learning rate and steps:')
    .addOption(
      new Option('--schedule <name>', 'how the learning rate goes (default: cosine)').choices(SCHEDULES),
    )
    .option(
      '--warmup <share>',
      'of the steps, while the rate rises (default: 0.05; one-cycle: 0.3)',
      fractionNumber,
    )
    .option('--accumulate <n>', 'batches to an update: a large batch in little memory', wholeNumber(1))
    .option('--clip <norm>', "the largest norm of an update's gradients", positiveNumber)
    .option(
      '--average [decay]',
      `validate and keep a moving average of the weights (decay: ${DEFAULT_AVERAGE})`,
      decayNumber,
    )
    .option('--patience <n>', 'end after so many epochs without a better one', wholeNumber(1))
    .addOption(new Option('--best <figure>', 'what the best epoch is chosen by').choices(BEST_BY));
  pictureOptions(command);
  addThresholdOptions(command.optionsGroup('What is measured:'));
  command.optionsGroup('Options:');
}

export async function run(_args: string[], options: TrainOptions): Promise<number> {
  let setup: Setup | undefined;
  const stop = onStop('Stopping after this step, then saving; once more stops at once.', () =>
    setup?.folder.announceEnd(),
  );
  try {
    setup = options.resume === undefined ? await newRun(options) : await resumedRun(options, stop.signal);
    const device = await openDevice({ adapter: options.adapter, debug: options.debug });
    announceSoftware(device);
    const cost = await checkFit(device, setup, options);
    const report = await train(device, setup, cost, stop);
    if (options.json) printJson(report);
    device.close();
    return report.finished ? 0 : stop.exitCode;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError' && stop.requested) return stop.exitCode;
    throw error;
  } finally {
    await setup?.folder.release();
    await closeLoader();
    stop.dispose();
  }
}
