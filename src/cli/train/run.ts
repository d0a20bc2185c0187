/** The run of `train` itself: network, optimiser and batches put together, and the callbacks that make it the command. */
import { type BatchSource, type SampleSource, watched } from '../../data/loader.ts';
import { fromSamples } from '../../data/node/loader.ts';
import { PictureSet } from '../../data/picture-set.ts';
import type { Sample } from '../../data/sample.ts';
import { settle } from '../../data/settle.ts';
import type { Device } from '../../gpu/index.ts';
import type { Model } from '../../nn/index.ts';
import { WriteError } from '../../node/files.ts';
import { ProfiledCourse } from '../../profile/course.ts';
import type { Report } from '../../report/report.ts';
import { shown } from '../../text/shown.ts';
import { ResumeError } from '../../train/callback.ts';
import { Checkpoints, type WriteState } from '../../train/callbacks/checkpoints.ts';
import { FreezingMeter, measureStep } from '../../train/callbacks/freezing-meter.ts';
import { LossTracer } from '../../train/callbacks/loss-trace.ts';
import { Pace, type PaceOptions } from '../../train/callbacks/pace.ts';
import { RateTracer } from '../../train/callbacks/rate-trace.ts';
import { stopOn } from '../../train/callbacks/stop-request.ts';
import { UnreadablePictures } from '../../train/callbacks/unreadable.ts';
import { WeightAverage } from '../../train/callbacks/weight-average.ts';
import { fit } from '../../train/fit.ts';
import { plannedFreezing } from '../../train/freezing.ts';
import { freezeFor, optimizerOf, patienceOf, phasesOf, plateauOf } from '../../train/from-settings.ts';
import { modelOf, ofCheckpoint, saveCheckpoint } from '../../train/node/checkpoint.ts';
import { BEST, LAST } from '../../train/node/run-folder.ts';
import { noting } from '../../train/node/trained-on.ts';
import { phaseAt, trainsOf } from '../../train/settings.ts';
import { describeReport } from '../../weights/load.ts';
import { createModel } from '../../weights/node/create-model.ts';
import { fingerprint, notesOf } from '../data-source.ts';
import { keepProfile, profiledInto } from '../profile-option.ts';
import { type StopRequest, say, UserError } from '../ui.ts';
import { type RunCache, runCache } from './cache.ts';
import { resumeCommand } from './command.ts';
import type { Costs } from './preflight.ts';
import { TrainProgress } from './progress.ts';
import { logsOf, reportOf } from './report.ts';
import type { Plan, Setup } from './setup.ts';
import { stepOn } from './step.ts';
import { type RunTask, taskOf } from './task.ts';
import { closingText, openingText } from './text.ts';

/** Trains to the end or until a stop is requested, and returns what report.json holds. */
export async function train(device: Device, setup: Setup, costs: Costs, stop: StopRequest): Promise<Report> {
  const { settings, folder, set, trainedOn, resumed, trial } = setup;
  const tell = trial === null ? say : () => undefined;
  for (const note of notesOf(set)) tell(note);
  // Compiled while weights are read and pictures decoded; a profile shows what that takes.
  const { programs } = costs;
  const profiles = setup.options.profile !== undefined;
  const prepared = settle(profiles ? device.prepare(programs.keys()) : device.compile(programs));
  const model = resumed ? await modelOf(resumed, device, 'train') : await startingModel(device, setup);
  model.holdClasses(settings.keptClasses);
  const { step, teacher } = await stepOn(device, setup);
  const phases = trainsOf(settings);
  const savings = plannedFreezing(model, settings, costs.step.costs, costs.unfrozen?.cost ?? null);
  const freezing = freezeFor(model, phases.at(-1)!);
  await folder.checkRoom(sizesOf(model, setup, costs));
  const optimizer = optimizerOf(model, settings);
  if (resumed) ofCheckpoint(resumed, () => optimizer.loadState(resumed.optimizer));
  const cache = await runCache(device, model, setup, {
    computing: (pass) => terminal.features(pass),
    note: (line) => terminal.note(line),
  });
  tell(...openingText(setup, savings, costs), ...cache.lines);

  const unreadable = new UnreadablePictures([...set.train, ...set.val, ...set.test]);
  const onUnreadable = ({ message }: Error, sample: Sample): void => {
    if (unreadable.add(sample)) terminal.note(`skipped: ${message}`);
  };
  const { train: training, val, test } = batchSources(setup, cache.views, onUnreadable);
  const validating = new PictureSet();
  const validation = (taker: Model): BatchSource =>
    watched(cache.of(val, taker), ({ marks }) => marks && validating.add(marks));
  const average = settings.average === null ? null : WeightAverage.of(model, settings.average);
  const validated = average?.average ?? model;
  const { measure, choice, decided, evaluate } = taskOf(set, settings);
  const checkpoints = new Checkpoints(writer(setup, validated, device, decided), settings.best);
  const tracer = new LossTracer();
  const rates = new RateTracer();
  const pace = new Pace(paceOf(setup, costs, cache));
  const terminal = new TrainProgress(checkpoints, pace, undefined, trial);
  const meter = new FreezingMeter({
    figures: savings,
    phases,
    fits: (costs.unfrozen?.cost?.totalBytes ?? Number.POSITIVE_INFINITY) <= costs.step.budget,
    measure: (trains) =>
      measureStep(trains, {
        device,
        network: setup.network,
        modelOptions: { numClasses: set.classes.length },
        batch: settings.batch,
        size: settings.size,
        teacher,
      }),
  });
  const report = reportOf(device, setup, costs, {
    ...{ checkpoints, tracer, rates, pace, freezing, unreadable, validating, held: test },
    val: validation,
    evaluate,
    cache: cache.watch,
    meter,
  });
  const plateau = plateauOf(settings);
  (await prepared)();
  const profiled = await profiledRun(setup, (...lines) => {
    for (const line of lines) terminal.note(line);
  });
  const batches = cache.of(training);
  const { progress } = await fit({
    model,
    device,
    optimizer,
    train: profiled ? profiled.watching(batches) : batches,
    val: validation(validated),
    measure,
    phases: phasesOf(model, optimizer, settings, plateau),
    validated,
    step: noting(trainedOn, step),
    callbacks: [
      stopOn(stop),
      ...[profiled, average, plateau, patienceOf(settings), choice].filter((callback) => callback !== null),
      ...logsOf(setup),
      ...[checkpoints, tracer, rates, unreadable, pace, cache.watch, terminal, meter, report],
    ],
    from: resumed ? { progress: resumed.info.progress!, callbacks: resumed.callbacks } : undefined,
  })
    .finally(() => cache.close())
    .catch((error: unknown) => {
      if (error instanceof WriteError) throw new WriteError(notWritten(error, setup), { cause: error });
      if (error instanceof ResumeError && resumed)
        throw new UserError(`${resumed.path} cannot be gone on from: ${error.message}`, { cause: error });
      throw error;
    });
  tell(...closingText(report.report!, progress, training.batches, setup));
  // Another run may follow on the device.
  optimizer.dispose();
  for (const used of [model, average?.average]) used?.dispose();
  return report.report!;
}

/** The profile of the run's first steps, into its folder or one that was named; null where nobody asks. */
async function profiledRun(
  { folder, options }: Setup,
  print: (...lines: string[]) => void,
): Promise<ProfiledCourse | null> {
  if (options.profile !== true) return profiledInto(options.profile, print);
  return new ProfiledCourse((files) => keepProfile(files, (file) => folder.place(file), folder.path, print));
}

/**
 * What a step on kept features costs beside one that computes them, until it is measured: behind the pooling what is left of
 * it is reading and waiting; at a stage, what trains there and its way back.
 */
const KEPT = { pooled: 0.02, stage: 0.5 };

/** What is known of the pace before anything is measured. */
function paceOf(
  { settings, resumed }: Setup,
  { step: { costs } }: Costs,
  { cutAt, views }: RunCache,
): PaceOptions {
  const { phases } = settings;
  const first = resumed?.info.progress?.epoch ?? 0;
  /** Whether this process has the features of an epoch from another one of its phase, `every` so many. */
  const kept = (epoch: number, every: number): boolean =>
    epoch - every >= first && phaseAt(phases, epoch) === phaseAt(phases, epoch - every);
  const share = (epoch: number, every: number): number => {
    const cut = cutAt(epoch);
    return cut && kept(epoch, every) ? KEPT[cut.pooled ? 'pooled' : 'stage'] : 1;
  };
  const flopsOf = (epoch: number): number => costs[phaseAt(phases, epoch)]?.flops ?? 1;
  return {
    // A later phase's steps take longer, about as their operations say.
    stepCost: (epoch) => flopsOf(epoch) * (views(epoch) > 0 ? share(epoch, views(epoch)) : 1),
    // Of a step that trains the last layer, all stages, or something in between.
    validationCost: (epoch) => {
      const ofStep = { head: 1, all: 0.35 }[phases[phaseAt(phases, epoch)].trainFrom] ?? 0.7;
      return flopsOf(epoch) * ofStep * share(epoch, 1);
    },
  };
}

/** Bytes of the description in a checkpoint, about: classes, history, trace; and for each picture that was trained on. */
const DESCRIPTION = 2 ** 16;
const PICTURE = 8;

/** Bytes of the two checkpoints. */
function sizesOf(
  model: Model,
  { settings, set, trainedOn }: Setup,
  { step }: Costs,
): { best: number; last: number } {
  const values = [...model.tensors()].reduce((sum, { tensor }) => sum + tensor.size, 0);
  const best = 4 * values + DESCRIPTION + PICTURE * (set.train.length + trainedOn.pictures.size);
  const average = settings.average === null ? 0 : 4 * values;
  return { best, last: best + average + (step.cost?.optimizerBytes ?? 0) };
}

function notWritten(error: WriteError, { folder, options }: Setup): string {
  if (!folder.holdsRun) return `${error.message}; nothing of this run had been saved before`;
  return `${error.message}. When that is mended, this goes on from what was saved last: ${resumeCommand(folder.path, options)}`;
}

/** The network with its starting weights and a head for the classes. */
export async function startingModel(device: Device, setup: Plan): Promise<Model> {
  const { set, settings, network, known } = setup;
  const { weights, seed, keptClasses } = settings;
  setup.known = null; // The bytes of the file, which the run does not need beside the model.
  const model = await createModel(network, {
    device,
    numClasses: keptClasses || set.classes.length,
    seed,
    weights: known ?? undefined,
    use: 'train',
    onReport: (report) => {
      if (setup.trial === null) say(...`${shown(String(weights))}: ${describeReport(report)}`.split('\n'));
    },
  });
  return keptClasses === 0 ? model : model.addClasses(set.classes.length - keptClasses);
}

interface Sources {
  train: SampleSource;
  val: SampleSource;
  /** Of the pictures that are held out; null where there are none. */
  test: SampleSource | null;
}

export function batchSources(
  { settings, set, preprocessing }: Plan,
  views: (epoch: number) => number,
  onUnreadable: (error: Error, sample: Sample) => void,
): Sources {
  const { augmentation, sampler } = settings;
  const common = {
    batchSize: settings.batch,
    preprocessing,
    seed: settings.seed,
    onUnreadable,
  };
  return {
    train: fromSamples(set.train, { ...common, train: true, augmentation, sampler, views }),
    val: fromSamples(set.val, common),
    test: set.test.length > 0 ? fromSamples(set.test, common) : null,
  };
}

/**
 * Writes best.safetensors and last.safetensors into the folder of the run.
 * @param validated the network whose figures make an epoch the best
 * @param decided on the thresholds of the weights as they are
 */
function writer(
  { settings, set, preprocessing, folder, trainedOn }: Setup,
  validated: Model,
  { choices }: Device,
  decided: RunTask['decided'],
): WriteState {
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
      ...decided(),
      trainedOn,
    };
    if (which === 'best') return saveCheckpoint(await folder.place(BEST), validated, info);
    const state = { optimizer, progress, callbacks: await states(), choices };
    await saveCheckpoint(await folder.place(LAST), model, info, state);
    await folder.settle();
  };
}
