/** `npm run train`: fine-tunes a network on a folder of pictures, or trains a small one on the demo data. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { closeLoader } from '../data/loader.ts';
import type { DataSet, Sample } from '../data/sample.ts';
import type { Preprocessing } from '../data/transforms.ts';
import type { Device } from '../gpu/index.ts';
import { createModel } from '../model-files.ts';
import { buildModel } from '../models/registry.ts';
import type { FreezeReport, Model } from '../nn/index.ts';
import { openDevice } from '../open.ts';
import { fromSamples } from '../train/batches.ts';
import {
  BEST,
  type Checkpoint,
  LAST,
  modelOf,
  readCheckpoint,
  saveCheckpoint,
  weightsFrom,
} from '../train/checkpoint.ts';
import type { Inference } from '../train/infer.ts';
import { noProgress, type Progress } from '../train/progress.ts';
import { makeReport, type Report, writeReport } from '../train/report.ts';
import { freezeBefore, optimizerOf, scheduleOf, type TrainSettings } from '../train/settings.ts';
import { fit } from '../train/trainer.ts';
import { describeReport } from '../weights/load.ts';
import { commandLine, positiveNumber, RUNS, wholeNumber } from './command-line.ts';
import { fingerprint, openData, preprocessingFor } from './data-source.ts';
import { closingText, describeFreezing } from './train-closing.ts';
import { TrainConsole } from './train-console.ts';
import { checkResumeOptions, settingsOf, type TrainOptions } from './train-settings.ts';
import { announceSoftware, onStop, printJson, type StopRequest, say, UserError } from './ui.ts';

export const description =
  'Fine-tunes a network on a folder of pictures, and keeps the best and the last state in a folder under runs/. ' +
  'Without --data it trains a small network on the pictures that ship with the project.';

export function options(command: Command): void {
  command
    .option('--data <dir>', 'folder with train/ and val/, or one folder to split; a folder for each class')
    .option('--model <name>', 'architecture (default: resnet18)')
    .option('--weights <file>', "weights to start from: a .pth or .safetensors file, 'pretrained', or 'none'")
    .option('--train-from <stage>', "the first stage that trains: a stage, 'head' (the last layer) or 'all'")
    .option('--epochs <n>', 'passes over the training pictures', wholeNumber(1))
    .option('--batch <n>', 'pictures in a step (default: 32)', wholeNumber(1))
    .option(
      '--lr <rate>',
      'highest learning rate of the head; other stages take a tenth of it',
      positiveNumber,
    )
    .option('--size <pixels>', "side of the network's input", wholeNumber(8))
    .option('--seed <n>', 'of the order, the crops and the new layers (default: 0)', wholeNumber(0))
    .option('--out <dir>', 'folder for checkpoints and report (default: runs/MODEL-DATE-TIME)')
    .option('--overwrite', 'write into --out although it holds another run')
    .option('--resume <run>', 'go on with a run that was stopped: its folder')
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print the report as one JSON document on stdout');
}

/** A run before its first step. */
interface Setup {
  settings: TrainSettings;
  out: string;
  set: DataSet;
  preprocessing: Preprocessing;
  progress: Progress;
  resumed: Checkpoint | null;
}

export async function run(_args: string[], options: TrainOptions): Promise<number> {
  const stop = onStop('Stopping after this step, then saving; once more stops at once.');
  try {
    const device = await openDevice({ adapter: options.adapter, debug: options.debug });
    announceSoftware(device);
    const setup = options.resume === undefined ? await begin(options) : await goOn(options);
    const report = await train(device, setup, stop);
    if (options.json) printJson(report);
    device.close();
    return report.finished ? 0 : stop.exitCode;
  } finally {
    await closeLoader();
    stop.dispose();
  }
}

/** A new run. */
async function begin(options: TrainOptions): Promise<Setup> {
  const model = options.model ?? 'resnet18';
  const settings = settingsOf(options, inputSizeOf(model));
  if (settings.weights !== null && settings.weights !== 'pretrained') await checkExists(settings.weights);
  const set = await openData(settings);
  const out = await claimFolder(options, settings.model);
  return {
    settings,
    out,
    set,
    preprocessing: preprocessingFor(settings),
    progress: noProgress(),
    resumed: null,
  };
}

/** A run that was stopped. */
async function goOn(options: TrainOptions): Promise<Setup> {
  checkResumeOptions(options);
  const resumed = await readCheckpoint(options.resume!, LAST);
  const { info, path } = resumed;
  const { progress, preprocessing, pictures } = info;
  if (!progress)
    throw new UserError(`${path} holds no place to go on from; name the folder of the run, or its ${LAST}`);
  const settings = { ...info.settings, data: options.data ?? info.settings.data };
  if (progress.epoch >= settings.epochs)
    throw new UserError(
      `the run in ${dirname(path)} is finished (${settings.epochs} epochs); to train further, start a new one: ` +
        commandLine('train', [...dataArgs(settings), '--weights', path, '--train-from', settings.trainFrom]),
    );
  const set = await openData(settings);
  if (fingerprint(set, settings.data) !== pictures)
    throw new UserError(
      `the pictures in ${settings.data ?? 'the demo data'} are not those that the run began with, so it cannot go on; start a new one from its weights: ` +
        commandLine('train', [...dataArgs(settings), '--weights', path]),
    );
  say(
    `Going on with ${dirname(path)} in epoch ${progress.epoch + 1} of ${settings.epochs}, step ${progress.batch + 1}.`,
  );
  return { settings, out: dirname(path), set, preprocessing, progress, resumed };
}

async function train(device: Device, setup: Setup, stop: StopRequest): Promise<Report> {
  const { settings, out, set, preprocessing, progress, resumed } = setup;
  const started = performance.now();
  for (const note of set.notes) say(note);
  const model = resumed ? await modelOf(resumed, device) : await startingModel(device, set, settings);
  const freezing = freezeBefore(model, settings.trainFrom);
  say(describeRun(setup, freezing));

  const optimizer = optimizerOf(model, settings);
  if (resumed) optimizer.loadState(resumed.optimizer);
  const unreadable = new Set<string>();
  const common = {
    batchSize: settings.batch,
    preprocessing,
    seed: settings.seed,
    onUnreadable: (error: Error, { file }: Sample) => {
      if (!unreadable.has(file)) terminal.note(`skipped: ${error.message}`);
      unreadable.add(file);
    },
  };
  const source = fromSamples(set.train, { ...common, train: true, augmentation: settings.augmentation });
  const val = fromSamples(set.val, common);
  const { epochs } = settings;
  const terminal = new TrainConsole({
    epochs,
    stepsLeft: (epochs - progress.epoch) * source.batches - progress.batch,
    validationsLeft: (epochs - progress.epoch) * val.batches,
    validationShare: settings.trainFrom === 'head' ? 1 : settings.trainFrom === 'all' ? 0.35 : 0.7,
  });

  let answers: Inference | null = null;
  const save = async (which: 'best' | 'last', now: Progress): Promise<void> => {
    const info = {
      model: settings.model,
      classes: set.classes,
      preprocessing,
      epoch: now.epoch,
      step: now.epoch * source.batches + now.batch,
      seed: settings.seed,
      metrics: now.history.at(-1)?.val ?? null,
      settings,
      pictures: fingerprint(set, settings.data),
    };
    if (which === 'best') await saveCheckpoint(join(out, BEST), model, info);
    else await saveCheckpoint(join(out, LAST), model, { ...info, progress: now }, optimizer);
  };
  try {
    const result = await fit({
      model,
      device,
      optimizer,
      train: source,
      val,
      epochs,
      schedule: scheduleOf(settings, epochs * source.batches),
      labelSmoothing: settings.labelSmoothing,
      from: progress,
      stop,
      save,
      onStep: (event) => terminal.step(event),
      onValidate: () => terminal.validated(),
      onEpoch: (record, best, given) => {
        answers = given;
        terminal.epoch(record, best);
      },
    });
    terminal.stop();
    const report = makeReport(
      {
        out,
        finished: result.finished,
        model: settings.model,
        classes: set.classes,
        settings,
        adapter: {
          description: device.info.description || device.info.device || device.info.vendor,
          software: device.software,
        },
        pictures: { train: set.train.length, val: set.val.length, unreadable: unreadable.size },
        freezing,
        seconds: (performance.now() - started) / 1000,
        firstStepSeconds: terminal.firstStepSeconds,
        imagesPerSecond: terminal.imagesPerSecond,
        peakBytes: device.memory().peak,
      },
      progress,
      answers,
    );
    await writeReport(report, progress, source.batches, answers, preprocessing);
    say(closingText(report, progress, source.batches));
    return report;
  } finally {
    terminal.stop();
  }
}

/** The network with its starting weights and a head for the classes. */
async function startingModel(device: Device, set: DataSet, settings: TrainSettings): Promise<Model> {
  const { model, weights, seed } = settings;
  return createModel(model, {
    device,
    numClasses: set.classes.length,
    seed,
    ...(weights === null ? {} : { weights: await weightsFrom(weights) }),
    onReport: (report) => say(`${weights}: ${describeReport(report)}`),
  });
}

function describeRun({ settings, set, out }: Setup, freezing: FreezeReport): string {
  const { model, size, epochs, batch, lr, data } = settings;
  const classes = set.classes.length > 6 ? `${set.classes.length} classes` : set.classes.join(' / ');
  const lines = [
    `${model} on ${set.train.length} pictures (${set.val.length} validate), ${classes}; input ${size}×${size}, ` +
      `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} in steps of ${batch}, learning rate ${lr}, results in ${out}`,
    describeFreezing(freezing),
  ];
  if (data === null)
    lines.push(
      'No --data was given: this is the demo. It learns to tell photographs from copies that went through a ' +
        "generator's decoder. Your own pictures: --data DIR.",
    );
  if (settings.weights === null)
    lines.push(
      'It starts from random weights, which takes many pictures to become good; pretrained ones: --weights FILE.',
    );
  return lines.join('\n');
}

/** The input size that an architecture's published weights expect. Throws a sentence for unknown names. */
function inputSizeOf(model: string): number {
  const probe = buildModel(model, { numClasses: 1, initialise: false });
  const { inputSize } = probe;
  probe.dispose();
  return inputSize;
}

async function checkExists(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) throw new UserError(`there is no weights file ${file}`);
}

/** Files of a run; `--overwrite` removes them and nothing else. */
const RUN_FILES = [BEST, LAST, 'report.json', 'report.svg'];

/** Makes the folder of a run; refuses one that holds something unless --overwrite is given. */
async function claimFolder({ out, overwrite }: TrainOptions, model: string): Promise<string> {
  const folder = out ?? (await freshName(join(RUNS, `${model}-${timestamp(new Date())}`)));
  const entries = await readdir(folder).catch(() => []);
  if (entries.length > 0 && !overwrite)
    throw new UserError(
      `${folder} holds ${entries.slice(0, 3).join(', ')} already; --overwrite replaces a run there`,
    );
  for (const file of RUN_FILES) await rm(join(folder, file), { force: true });
  await mkdir(folder, { recursive: true }).catch((error: Error) => {
    throw new UserError(`${folder} cannot be made: ${error.message}`);
  });
  return folder;
}

async function freshName(folder: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? folder : `${folder}-${n}`;
    if (!(await stat(name).catch(() => null))) return name;
  }
}

/** `2025-03-31-1405`, local time. */
function timestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}`;
}

const dataArgs = ({ data }: TrainSettings): string[] => (data === null ? [] : ['--data', data]);
