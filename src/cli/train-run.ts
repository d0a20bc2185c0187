/** The run of `train` itself: network, optimiser and batches put together, checkpoints and report written. */
import { join } from 'node:path';
import type { BatchSource } from '../data/loader.ts';
import { fromSamples } from '../data/node/loader.ts';
import type { Sample } from '../data/sample.ts';
import { settle } from '../data/settle.ts';
import type { Device } from '../gpu/index.ts';
import type { Model, Optimizer } from '../nn/index.ts';
import { makeReport, type Report, writeReport } from '../report/report.ts';
import type { Inference } from '../train/infer.ts';
import { BEST, type CheckpointInfo, LAST, modelOf, saveCheckpoint } from '../train/node/checkpoint.ts';
import type { Progress } from '../train/progress.ts';
import { freezeBefore, optimizerOf, scheduleOf } from '../train/settings.ts';
import { fit } from '../train/trainer.ts';
import { describeReport } from '../weights/load.ts';
import { createModel } from '../weights/node/create-model.ts';
import { fingerprint, notesOf } from './data-source.ts';
import { TrainConsole } from './train-console.ts';
import type { Costs } from './train-preflight.ts';
import { claimFolder, type Setup } from './train-setup.ts';
import { closingText, openingText } from './train-text.ts';
import { adapterName, type StopRequest, say } from './ui.ts';

/** Trains to the end or until a stop is requested, and returns what report.json holds. */
export async function train(device: Device, setup: Setup, costs: Costs, stop: StopRequest): Promise<Report> {
  const { settings, out, set, preprocessing, progress, resumed, overwrite } = setup;
  const started = performance.now();
  for (const note of notesOf(set)) say(note);
  // Compiled while weights are read.
  const prepared = settle(device.prepare(costs.programs));
  const model = resumed ? await modelOf(resumed, device) : await startingModel(device, setup);
  // Not before the weights have turned out to be sound: with --overwrite another run's files go here.
  if (!resumed) await claimFolder(out, overwrite);
  const freezing = freezeBefore(model, settings.trainFrom);
  const optimizer = optimizerOf(model, settings);
  if (resumed) optimizer.loadState(resumed.optimizer);
  say(openingText(setup, freezing, costs));

  const unreadable = new Set<string>();
  const sources = batchSources(setup, (message, file) => {
    if (!unreadable.has(file)) terminal.note(`skipped: ${message}`);
    unreadable.add(file);
  });
  const terminal = new TrainConsole(workLeft(setup, sources));
  let answers: Inference | null = null;
  try {
    (await prepared)();
    const { finished } = await fit({
      model,
      device,
      optimizer,
      ...sources,
      epochs: settings.epochs,
      schedule: scheduleOf(settings, settings.epochs * sources.train.batches),
      labelSmoothing: settings.labelSmoothing,
      from: progress,
      stop,
      save: saver(setup, sources.train.batches, model, optimizer),
      onStep: (event) => terminal.step(event),
      onValidate: () => terminal.validated(),
      onEpoch: (record, best, given) => {
        answers = given;
        terminal.epoch(record, best);
      },
    });
    terminal.stop();
    const context = {
      out,
      finished,
      model: settings.model,
      classes: set.classes,
      settings,
      adapter: {
        description: adapterName(device.info),
        software: device.software,
      },
      pictures: { train: set.train.length, val: set.val.length, unreadable: unreadable.size },
      freezing,
      step: costs.step.cost,
      seconds: (performance.now() - started) / 1000,
      firstStepSeconds: terminal.firstStepSeconds,
      imagesPerSecond: terminal.imagesPerSecond,
      peakBytes: device.memory().peak,
    };
    const report = makeReport(context, progress, answers);
    await writeReport(report, progress, sources.train.batches, answers, preprocessing);
    say(closingText(report, progress, sources.train.batches, setup.adapter));
    return report;
  } finally {
    terminal.stop();
  }
}

/** The network with its starting weights and a head for the classes. */
function startingModel(device: Device, setup: Setup): Promise<Model> {
  const { set, settings, network, known } = setup;
  const { weights, seed } = settings;
  setup.known = null; // The bytes of the file, which the run does not need beside the model.
  return createModel(network, {
    device,
    numClasses: set.classes.length,
    seed,
    weights: known ?? undefined,
    onReport: (report) => say(`${weights}: ${describeReport(report)}`),
  });
}

interface Sources {
  train: BatchSource;
  val: BatchSource;
}

function batchSources(
  { settings, set, preprocessing }: Setup,
  onUnreadable: (message: string, file: string) => void,
): Sources {
  const common = {
    batchSize: settings.batch,
    preprocessing,
    seed: settings.seed,
    onUnreadable: (error: Error, { file }: Sample) => onUnreadable(error.message, file),
  };
  return {
    train: fromSamples(set.train, { ...common, train: true, augmentation: settings.augmentation }),
    val: fromSamples(set.val, common),
  };
}

function workLeft({ settings, progress }: Setup, { train, val }: Sources) {
  const epochs = settings.epochs - progress.epoch;
  const validationShare = { head: 1, all: 0.35 }[settings.trainFrom] ?? 0.7;
  return {
    epochs: settings.epochs,
    stepsLeft: epochs * train.batches - progress.batch,
    validationsLeft: epochs * val.batches,
    validationShare,
  };
}

/** Writes best.safetensors and last.safetensors into the folder of the run. */
function saver(
  { settings, set, preprocessing, out }: Setup,
  batches: number,
  model: Model,
  optimizer: Optimizer,
) {
  const pictures = fingerprint(set, settings.data);
  return async (which: 'best' | 'last', progress: Progress): Promise<void> => {
    const info: Omit<CheckpointInfo, 'format'> = {
      model: settings.model,
      classes: set.classes,
      preprocessing,
      epoch: progress.epoch,
      step: progress.epoch * batches + progress.batch,
      seed: settings.seed,
      metrics: progress.history.at(-1)?.val ?? null,
      settings,
      pictures,
    };
    if (which === 'best') await saveCheckpoint(join(out, BEST), model, info);
    else await saveCheckpoint(join(out, LAST), model, { ...info, progress }, optimizer);
  };
}
