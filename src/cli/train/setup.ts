/** What `train` does before it touches the GPU: settings, pictures, the folder of the run, or the checkpoint of one. */
import { basename, dirname } from 'node:path';
import type { DataSet, Task } from '../../data/sample.ts';
import type { Preprocessing } from '../../data/transforms.ts';
import type { Network } from '../../models/table.ts';
import { statOrNull } from '../../node/files.ts';
import { demand } from '../../text/rules.ts';
import { freezeFor, trainedIn } from '../../train/from-settings.ts';
import { type Checkpoint, networkIn, ofCheckpoint, readCheckpoint } from '../../train/node/checkpoint.ts';
import { LAST, type RunFolder } from '../../train/node/run-folder.ts';
import { type OpenedTeacher, type ReadTeacher, readTeacher, teacherAgain } from '../../train/node/teacher.ts';
import { type TrainedOn, trainedOnIn, trainedOnNothing } from '../../train/node/trained-on.ts';
import { epochsOf, type ScheduleName, SETTINGS, type TrainSettings, trainsOf } from '../../train/settings.ts';
import type { KnownWeights } from '../../weights/door.ts';
import { classesIn, shapeBuilder } from '../../weights/expected.ts';
import { matchNames } from '../../weights/names.ts';
import { openStart } from '../../weights/node/create-model.ts';
import { filesOfWeights } from '../../weights/node/weights-files.ts';
import type { Start } from '../../weights/start.ts';
import { fingerprint, keptClasses, listFile, openData, preprocessingFor } from '../data-source.ts';
import { type Input, inputs } from '../inputs.ts';
import { claimed, newFolder, releasedOnFailure } from '../run-place.ts';
import { say, UserError } from '../ui.ts';
import { optionsOf, trainCommand } from './command.ts';
import {
  checkResumeOptions,
  phasesFor,
  type SettingsOfAllPhases,
  settingsOf,
  type TrainOptions,
  trainFromOf,
  withClassWeights,
  withMoreEpochs,
} from './settings.ts';
import { adviseSize } from './size-advice.ts';
import { refuseForTask, taskOf } from './task.ts';
import { inOrder, scheduleOf, unfreezing } from './unfreeze-schedule.ts';

/** Schedules that end at a rate of 0, or about 0. */
const FALLING: readonly ScheduleName[] = ['cosine', 'one-cycle'];

/** A run before its first step. */
export interface Setup {
  settings: TrainSettings;
  network: Network;
  /** The weights of a new run, until its model has them. */
  known: KnownWeights | null;
  folder: RunFolder;
  set: DataSet;
  preprocessing: Preprocessing;
  /** What its weights have learnt from; grows with every step. */
  trainedOn: TrainedOn;
  /** Null where none is named. */
  teacher: OpenedTeacher | null;
  /** Where it goes on; null for a new run. */
  resumed: Checkpoint | null;
  /** As they were typed. */
  options: TrainOptions;
  /** Of one of many runs, what its progress is called: then they say what a run by itself says. Null for such a run. */
  trial: string | null;
}

/** A new run without a folder: what is tried before there is one. */
export type Plan = Omit<Setup, 'folder'>;

/** Who a run tells what it finds out before it begins. */
type Tell = (sentence: string) => void;
const NOBODY: Tell = () => undefined;

/**
 * A new run. Its folder is its own from here on.
 * @param trial what the run is called where it is one of many
 */
export async function newRun(options: TrainOptions, trial: string | null = null): Promise<Setup> {
  const tell = trial === null ? say : NOBODY;
  const begun = await begin(options, tell);
  const command = trainCommand(options);
  const folder = await newFolder(options, {
    ...{ kind: begun.start.model, command },
    reads: await filesRead(begun),
  });
  return releasedOnFailure(folder, async () => ({ ...(await planOf(begun, tell)), folder, trial }));
}

/** What a new run would be, and the files that it begins with; nothing is written. */
export async function plannedRun(
  options: TrainOptions,
  tell: Tell = say,
): Promise<Plan & { reads: readonly Input[] }> {
  const begun = await begin(options, tell);
  return { ...(await planOf(begun, tell)), reads: await filesRead(begun) };
}

async function filesRead({ options, start: { weights, network }, teacher }: Begun): Promise<Input[]> {
  const read = weights === null ? [] : await filesOfWeights(weights, network);
  return [
    ...listFile(options.data),
    ...inputs('what the run begins with', read),
    ...inputs('what teaches', teacher?.files ?? []),
  ];
}

/** What is known of a new run before its pictures are looked through. */
interface Begun {
  options: TrainOptions;
  /** The same with stages that exist. */
  wanted: TrainOptions;
  start: Start;
  common: SettingsOfAllPhases;
  teacher: ReadTeacher | null;
  /** Classes that the weights bring along and keep. */
  kept: readonly string[];
}

async function begin(options: TrainOptions, tell: Tell): Promise<Begun> {
  const start = await openStart(options);
  if (start.assumed) tell(start.assumed);
  const kept = options.addClasses ? await classesToKeep(options, start) : [];
  const teacher = options.teacher === undefined ? null : await readTeacher(options.teacher);
  const common = settingsOf(
    options,
    {
      ...start,
      keptClasses: kept.length,
      teacher: teacher && { name: teacher.name, hash: teacher.hash },
    },
    start.preprocessing,
  );
  const { weights } = common;
  // A stage that does not exist is named before the pictures are looked through.
  const wanted = await withStages(options, start.network, weights);
  // What a checkpoint could not be read back with is not begun.
  demand(SETTINGS, { ...common, phases: phasesFor(wanted, weights, true) }, 'settings');
  return { options, wanted, start, common, teacher, kept };
}

async function planOf(
  { options, wanted, start, common, teacher: read, kept }: Begun,
  tell: Tell,
): Promise<Plan> {
  const { network, known } = start;
  const set = await picturesOf(common, kept);
  if (kept.length === set.classes.length)
    throw new UserError(
      `--add-classes: ${common.data} has no class beside those of ${common.weights} (${kept.join(', ')}); give each new class a folder or rows, or leave the option out`,
    );
  refuseForTask(set, common);
  const newHead = !known || !(await bringsHead(network, known, set));
  const phases = phasesFor(wanted, common.weights, newHead);
  const settings = withClassWeights({ ...common, phases }, options, set.classes);
  // What cannot be asked of the thresholds is said before anything is read.
  taskOf(set, settings);
  const advice = options.size === undefined ? await adviseSize(set.train, settings) : null;
  if (advice) tell(advice);
  const preprocessing = preprocessingFor(settings, start.preprocessing);
  const trainedOn = known ? trainedOnIn(known.file.metadata) : trainedOnNothing();
  const teacher = read?.of({ preprocessing, classes: set.classes }) ?? null;
  return {
    settings,
    network,
    known,
    set,
    preprocessing,
    trainedOn,
    teacher,
    resumed: null,
    options,
    trial: null,
  };
}

/**
 * The pictures of a run. Of folds each is the last word on its own pictures; those of test/ are kept for the network that is
 * chosen in the end.
 */
async function picturesOf(
  settings: Pick<TrainSettings, 'data' | 'seed' | 'size' | 'groupBy' | 'fold'>,
  classes: readonly string[],
): Promise<DataSet> {
  if (settings.fold && settings.data === null)
    throw new UserError('folds are of your own pictures; name them with --data');
  const set = await openData(settings, classes);
  return settings.fold ? { ...set, test: [] } : set;
}

/** The options with stages that exist; the last layer by its stage's name (`--train-from fc`) is 'head' too. */
async function withStages(
  options: TrainOptions,
  network: Network,
  weights: string | null,
): Promise<TrainOptions> {
  const model = (await shapeBuilder())(network);
  const trained = (trainFrom: string): string[] => {
    freezeFor(model, { trainFrom, trainNorms: true });
    return [...model.namedParameters()].flatMap(([name, { requiresGrad }]) => (requiresGrad ? [name] : []));
  };
  const named = (trainFrom: string): string =>
    trained(trainFrom).every((name) => model.isHead(name)) ? 'head' : trainFrom;
  const trainFrom = named(trainFromOf(options, weights));
  if (options.unfreezeSchedule === undefined) return { ...options, trainFrom };
  const stages = unfreezing(options.unfreezeSchedule).map(({ trainFrom, epochs }) => ({
    trainFrom: named(trainFrom),
    epochs,
  }));
  inOrder(stages, (stage) => trained(stage).length);
  return { ...options, unfreezeSchedule: stages.map((stage) => scheduleOf([stage])).join() };
}

/**
 * The classes that `--add-classes` adds to.
 * @throws UserError where the weights bring none along, or do not say what their outputs mean
 */
async function classesToKeep(
  { data }: TrainOptions,
  { network, known, weights }: Start,
): Promise<readonly string[]> {
  if (data === undefined)
    throw new UserError('--add-classes needs --data DIR with a folder for each new class');
  if (!known)
    throw new UserError(
      '--add-classes adds to the classes of a network that has learnt some; name it with --weights, such as runs/…/best.safetensors',
    );
  const { classes, task } = known.card;
  if (task === 'labels')
    throw new UserError(
      `--add-classes adds to the classes of a network that tells one for each picture, and ${weights} tells which of several labels hold; leave it out`,
    );
  if (!classes || !(await bringsHead(network, known, { classes })))
    throw new UserError(
      `--add-classes: ${weights} does not say which classes its outputs are; take a checkpoint of \`train\`, or weights whose card names them`,
    );
  return classes;
}

/** Whether weights bring a last layer for these classes along, as far as their file says. */
async function bringsHead(
  network: Network,
  { file, card }: KnownWeights,
  { classes, task }: { classes: readonly string[]; task?: Task | undefined },
): Promise<boolean> {
  const model = (await shapeBuilder())(network);
  const outputs = classesIn(model, matchNames(file.tensors, model).tensors);
  return (
    outputs === classes.length &&
    (card.classes ?? classes).every((name, i) => name === classes[i]) &&
    (card.task ?? 'classes') === (task ?? 'classes')
  );
}

/**
 * A run that was stopped, or that is finished and is to have its report, or more epochs.
 * @param signal ends a wait for the process that still writes it
 * @param trial what the run is called where it is one of many
 */
export async function resumedRun(
  options: TrainOptions,
  signal?: AbortSignal,
  trial: string | null = null,
): Promise<Setup> {
  checkResumeOptions(options);
  const path = options.resume!;
  const found = await statOrNull(path);
  if (!found) throw new UserError(`there is no run ${path}; name the folder that \`train\` wrote`);
  const folder = found.isDirectory()
    ? await claimed(path, LAST, trainCommand(options), signal)
    : await claimed(dirname(path), basename(path), trainCommand(options), signal);
  return releasedOnFailure(folder, () => savedRun(folder, path, options, trial));
}

async function savedRun(
  folder: RunFolder,
  path: string,
  options: TrainOptions,
  trial: string | null,
): Promise<Setup> {
  const tell = trial === null ? say : NOBODY;
  const resumed = await readCheckpoint(path, LAST);
  const { info } = resumed;
  const { progress, preprocessing, pictures } = info;
  if (!progress)
    throw new UserError(
      `${resumed.path} holds no place to go on from; name the folder of the run, or its ${LAST}`,
    );
  const shapes = (await shapeBuilder())(networkIn(resumed), { numClasses: info.classes.length });
  ofCheckpoint(resumed, () =>
    trainedIn(shapes.holdClasses(info.settings.keptClasses), trainsOf(info.settings)),
  );
  const done = progress.epoch;
  const finished = progress.finished !== undefined || done >= epochsOf(info.settings);
  const settings = withMoreEpochs(
    { ...info.settings, data: options.data ?? info.settings.data },
    { done, finished },
    options.epochs,
  );
  const set = await picturesOf(settings, keptClasses(info));
  if (fingerprint(set, settings.data) !== pictures)
    throw new UserError(
      `the pictures in ${settings.data ?? 'the demo data'} are not those that the run began with, so it cannot go on; start a new one from its weights: ` +
        trainCommand(
          optionsOf({ ...settings, weights: settings.keptClasses ? settings.weights : resumed.path }),
        ),
    );
  const ended = finished && options.epochs === undefined;
  const teacher = ended ? null : await teacherAgain(settings.teacher, options.teacher, 'run');
  const epochs = epochsOf(settings);
  const where = `epoch ${done + 1} of ${epochs}, step ${progress.batch + 1}`;
  if (!finished) tell(`Going on with ${folder.path} in ${where}.`);
  else if (ended)
    tell(
      `The run in ${folder.path} is finished (${progress.finished ?? `${done} epochs`}); its report is made again.`,
    );
  else {
    tell(
      `Adding epochs ${done + 1} to ${epochs} to the run in ${folder.path}: the learning rate rises to ` +
        `${settings.phases.at(-1)!.lr} again${FALLING.includes(settings.schedule) ? ' and falls to 0' : ''}, as in a run of its own; the optimiser's moments go on.`,
    );
    progress.finished = undefined;
  }
  return {
    settings,
    network: networkIn(resumed),
    known: null,
    folder,
    set,
    preprocessing,
    trainedOn: resumed.trainedOn,
    teacher: teacher?.of({ preprocessing, classes: set.classes }) ?? null,
    resumed,
    options,
    trial,
  };
}

/**
 * A run whose device was lost, as it is to go on: from what it saved last, or as it began. What has been trained on since is
 * forgotten with the steps.
 */
export async function setUpAgain(setup: Setup): Promise<Setup> {
  const { folder, options } = setup;
  if (!folder.holdsRun) {
    const { known } = await openStart(options);
    return { ...setup, known, trainedOn: known ? trainedOnIn(known.file.metadata) : trainedOnNothing() };
  }
  const resumed = await readCheckpoint(folder.path, LAST);
  const before = setup.resumed?.info.progress;
  const { progress } = resumed.info;
  // Nothing was saved since a finished run began to have more epochs: what says that it is finished is the old end.
  if (before && before.finished === undefined && before.epoch === progress!.epoch)
    progress!.finished = undefined;
  return { ...setup, known: null, trainedOn: resumed.trainedOn, resumed };
}
