/** The run of `train` itself: network, optimiser and batches put together, and the callbacks that make it the command. */
import { join } from 'node:path';
import type { BatchSource } from '../data/loader.ts';
import { fromSamples } from '../data/node/loader.ts';
import type { Sample } from '../data/sample.ts';
import { settle } from '../data/settle.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import type { Report } from '../report/report.ts';
import { RunReport } from '../report/run-report.ts';
import { shown } from '../text/shown.ts';
import { Checkpoints, type WriteState } from '../train/callbacks/checkpoints.ts';
import { LossTracer } from '../train/callbacks/loss-trace.ts';
import { stopOn } from '../train/callbacks/stop-request.ts';
import { fit } from '../train/fit.ts';
import { BEST, LAST, modelOf, saveCheckpoint } from '../train/node/checkpoint.ts';
import { epochsOf, freezeFor, optimizerOf, phasesOf, trainsOf } from '../train/settings.ts';
import { plainStep } from '../train/step.ts';
import { describeReport } from '../weights/load.ts';
import { createModel } from '../weights/node/create-model.ts';
import { classSizes } from './class-text.ts';
import { fingerprint, notesOf } from './data-source.ts';
import type { Costs } from './train-preflight.ts';
import { TrainProgress } from './train-progress.ts';
import { claimFolder, type Setup } from './train-setup.ts';
import { closingText, openingText } from './train-text.ts';
import { adapterName, type StopRequest, say } from './ui.ts';

/** Trains to the end or until a stop is requested, and returns what report.json holds. */
export async function train(device: Device, setup: Setup, costs: Costs, stop: StopRequest): Promise<Report> {
  const { settings, out, set, preprocessing, resumed, overwrite } = setup;
  const started = performance.now();
  for (const note of notesOf(set)) say(note);
  // Compiled while weights are read.
  const prepared = settle(device.prepare(costs.programs));
  const model = resumed ? await modelOf(resumed, device) : await startingModel(device, setup);
  // Not before the weights have turned out to be sound: with --overwrite another run's files go here.
  if (!resumed) await claimFolder(out, overwrite);
  const freezing = trainsOf(settings).map((trains) => freezeFor(model, trains));
  const optimizer = optimizerOf(model, settings);
  if (resumed) optimizer.loadState(resumed.optimizer);
  say(...openingText(setup, freezing, costs));

  const unreadable = new Set<string>();
  const sources = batchSources(setup, (message, file) => {
    if (!unreadable.has(file)) terminal.note(`skipped: ${message}`);
    unreadable.add(file);
  });
  const checkpoints = new Checkpoints(writer(setup));
  const tracer = new LossTracer();
  const terminal = new TrainProgress(workLeft(setup, sources, costs), checkpoints);
  const report = new RunReport({
    describe: () => ({
      out,
      model: settings.model,
      classes: set.classes,
      settings,
      adapter: { description: adapterName(device.info), software: device.software },
      pictures: {
        train: set.train.length,
        val: set.val.length,
        unreadable: unreadable.size,
        perClass: classSizes(set),
      },
      freezing: freezing.at(-1)!,
      step: costs.step.cost,
      seconds: (performance.now() - started) / 1000,
      firstStepSeconds: terminal.firstStepSeconds,
      imagesPerSecond: terminal.imagesPerSecond,
      peakBytes: device.memory().peak,
    }),
    checkpoints,
    tracer,
    preprocessing,
  });
  (await prepared)();
  const { progress } = await fit({
    model,
    device,
    optimizer,
    ...sources,
    phases: phasesOf(model, optimizer, settings),
    step: plainStep(settings),
    callbacks: [stopOn(stop), checkpoints, tracer, terminal, report],
    from: resumed ? { progress: resumed.info.progress!, callbacks: resumed.callbacks } : undefined,
  });
  say(...closingText(report.report!, progress, sources.train.batches, setup.adapter));
  return report.report!;
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
    onReport: (report) => say(...`${shown(String(weights))}: ${describeReport(report)}`.split('\n')),
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

function workLeft({ settings, resumed }: Setup, { train, val }: Sources, { step: { costs } }: Costs) {
  const { epoch = 0, batch = 0 } = resumed?.info.progress ?? {};
  const epochs = epochsOf(settings);
  // How many epochs of each phase are left, and what its steps take in steps of the phase that goes on.
  let end = 0;
  const left = settings.phases.map((phase) => {
    end += phase.epochs;
    return Math.min(Math.max(end - epoch, 0), phase.epochs);
  });
  const now = left.findIndex((count) => count > 0);
  const cost = (phase: number): number => (costs[phase]?.flops ?? 1) / (costs[now]?.flops ?? 1);
  const stepsIn = (phase: number): number => left[phase] * train.batches - (phase === now ? batch : 0);
  const sum = (of: (phase: number) => number): number =>
    left.reduce((total, _, phase) => total + of(phase), 0);
  return {
    epochs,
    stepsLeft: sum(stepsIn),
    workLeft: sum((phase) => stepsIn(phase) * cost(phase)),
    validationsLeft: (epochs - epoch) * val.batches,
    validationShare: { head: 1, all: 0.35 }[settings.phases[now].trainFrom] ?? 0.7,
  };
}

/** Writes best.safetensors and last.safetensors into the folder of the run. */
function writer({ settings, set, preprocessing, out }: Setup): WriteState {
  const pictures = fingerprint(set, settings.data);
  return async (which, { model, optimizer, progress, stepsPerEpoch, states }) => {
    const info = {
      model: settings.model,
      classes: set.classes,
      preprocessing,
      epoch: progress.epoch,
      step: progress.epoch * stepsPerEpoch + progress.batch,
      seed: settings.seed,
      metrics: progress.history.at(-1)?.val ?? null,
      settings,
      pictures,
    };
    if (which === 'best') await saveCheckpoint(join(out, BEST), model, info);
    else
      await saveCheckpoint(join(out, LAST), model, info, { optimizer, progress, callbacks: await states() });
  };
}
