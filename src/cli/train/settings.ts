/** From the options of `train` to the settings of a run, with defaults that depend on what is trained. */
import type { Fold } from '../../data/node/split.ts';
import type { Preprocessing } from '../../data/transforms.ts';
import type { Shard } from '../../runner/shard.ts';
import type { BestBy } from '../../train/metrics.ts';
import { epochsOf, type PhaseSettings, type ScheduleName, type TrainSettings } from '../../train/settings.ts';
import type { Start } from '../../weights/start.ts';
import { flagOf } from '../command-line.ts';
import type { ProfileOption } from '../profile-option.ts';
import type { SizeOptions } from '../size-options.ts';
import { UserError } from '../ui.ts';
import { augmentationOf, classWeightsIn, PICTURE_OPTIONS, type PictureOptions } from './pictures.ts';
import { unfreezing } from './unfreeze-schedule.ts';

/** The pictures of a step where nobody asks for a number; fewer where these do not fit. */
export const DEFAULT_BATCH = 32;

/** `--cache`: memory while it takes the features and else the disk, one of the two, or nothing is kept. */
export const CACHE_MODES = ['auto', 'memory', 'disk', 'off'] as const;
export type CacheMode = (typeof CACHE_MODES)[number];

/** Share of a phase's steps in which the learning rate rises. */
const WARMUP: Record<ScheduleName, number> = {
  cosine: 0.05,
  'one-cycle': 0.3,
  plateau: 0.05,
  constant: 0.05,
};

/*
 * Schedule, average, patience and clipping by default (bench/schedules.ts, the head of EfficientNet-Lite0 at 128², 10 epochs):
 * on 200 faces (100 validate, seeds 0 and 1) cosine, one-cycle, plateau and constant rates each end at 93.0 and 94.0 %, 20
 * epochs at 94.0 and 94.0, clipping to 1 at 94.0 and 94.0; a moving average at 90.0 and 95.0 with a loss of 0.26 and 0.21 in
 * place of 0.17 and 0.16, as 70 updates are too few for it. On CIFAR-10 (200 train, 200 validate, seed 0): 63.5, 61.5, 63.5,
 * 64.5 %; 20 epochs 63.5, clipping 62.0, average 59.0. A picture is 0.5 to 1 %, so the schedules do not differ; the average
 * does, for the worse. So the cosine stays, which also ends where epochs were planned to, and the others are asked for.
 */

/** Of `--average` alone: an average over some 100 updates, where small sets make a few hundred in all. */
export const DEFAULT_AVERAGE = 0.99;

/** The options of `train`, as commander gives them. */
export interface TrainOptions extends PictureOptions, SizeOptions {
  data?: string;
  groupBy?: readonly string[];
  /** The one of several folds that validates. */
  fold?: Fold;
  model?: string;
  weights?: string;
  trainFrom?: string;
  trainNorms?: boolean;
  unfreezeSchedule?: string;
  lrDecayPerStage?: number;
  addClasses?: boolean;
  /** A checkpoint; of a resumed run where it is now. */
  teacher?: string;
  epochs?: number;
  batch?: number;
  lr?: number;
  views?: number;
  cache?: CacheMode;
  seed?: number;
  schedule?: ScheduleName;
  warmup?: number;
  accumulate?: number;
  clip?: number;
  average?: number | true;
  patience?: number;
  best?: BestBy;
  findLr?: boolean;
  sanity?: boolean;
  /** Many runs: so many seeds from `seed` on, folds, and settings of a file; of their list every N-th. */
  seeds?: number;
  folds?: number;
  sweep?: string;
  shard?: Shard;
  out?: string;
  overwrite?: boolean;
  resume?: string;
  /** GiB */
  memory?: number;
  positive?: string;
  threshold?: number | 'f1';
  targetPrecision?: number;
  targetRecall?: number;
  adapter?: string;
  untuned?: boolean;
  tensorboard?: boolean;
  json?: boolean;
  debug?: boolean;
  profile?: ProfileOption;
}

/**
 * A phase by what trains: the last layer alone, in a run of its own or before others join it; later stages with it; or
 * everything from random weights.
 */
const PHASES = {
  head: { epochs: 10, lr: 3e-3, backboneFactor: 0.1 },
  headFirst: { epochs: 5, lr: 3e-3, backboneFactor: 0.1 },
  stages: { epochs: 3, lr: 1e-3, backboneFactor: 0.1 },
  scratch: { epochs: 20, lr: 1e-3, backboneFactor: 1 },
} as const;

/**
 * Crops of at least 60 % of a picture, and flips. torchvision's 8 % suit ImageNet from scratch; a few epochs of fine-tuning
 * never see enough whole pictures then: of the heads of 200 faces 89 % were right with 8 %, 93 % with 35 %, 96 % with 60 or
 * 80 %, 94 % without random crops; of those of 200 pictures of CIFAR-10 44, 48, 46, 43 and 43 %. Flips, colour jitter and
 * erasing changed no more than the seeds do, so there is none of the last two (docs/fine-tuning.md).
 */
const FINE_TUNING_CROPS = { scale: [0.6, 1] } as const;

/**
 * In how many crops a picture is shown while something is frozen, and for how many epochs a head learns alone (`PHASES`): found
 * with EfficientNet-Lite0 at 128² on three small sets, two seeds each (bench/views.ts). Mean validation loss at the last epoch;
 * four views of 5 epochs are new crops but for the last:
 *
 *                     5 epochs   10 epochs                20 epochs
 *     views           4          1       2       4        1       2       4
 *     faces, 200      0.181      0.169   0.164   0.163    0.153   0.150   0.143
 *     CIFAR-10, 200   1.085      1.057   1.060   1.039    1.085   1.089   1.057
 *     demo, 320       0.151      0.154   0.150   0.145    0.146   0.141   0.134
 *
 * Seeds differ by up to 0.03. Accuracies were 93 to 94, 60 to 65 and 91 to 94 % in all of these, one picture being 0.5 to 1 %:
 * they choose nothing. Two views take two passes over the pictures where 5 epochs of new crops took five, and 10 epochs of
 * them are as good or better; four views gain 0.001 to 0.02 more and take twice as long. CIFAR-10 gets worse past 10.
 */
const VIEWS = 2;

/** The demo: small pictures, so that it learns in a minute or two on a processor. From scratch it takes more epochs. */
const DEMO = {
  epochs: { head: 4, headFirst: 4, stages: 3, scratch: 8 },
  size: { pretrained: 96, scratch: 64 },
  // Its classes differ in texture, which other scales would change.
  augmentation: { scale: [1, 1], ratio: [1, 1] },
} as const;

/** In how many views pictures are shown where nobody says it. */
export const viewsByDefault = ({ cache }: Pick<TrainOptions, 'cache'>): number =>
  cache === 'off' ? 0 : VIEWS;

/** All settings but the phases, which depend on whether the head is new to the pictures' classes. */
export type SettingsOfAllPhases = Omit<TrainSettings, 'phases'>;

/** Where a run begins, as far as its settings ask. */
export interface StartOfRun extends Pick<Start, 'model' | 'weights'> {
  /** Classes that the weights bring along and keep. Default 0. */
  keptClasses?: number;
  /** What teaches. Default: nothing. */
  teacher?: TrainSettings['teacher'];
}

/**
 * The settings of a new run.
 * @param start the model and the weights that the options mean
 * @param natural how the model's published weights expect pictures
 */
export function settingsOf(
  options: TrainOptions,
  { model, weights, keptClasses = 0, teacher = null }: StartOfRun,
  natural: Pick<Preprocessing, 'inputSize' | 'fit'>,
): SettingsOfAllPhases {
  const demo = options.data === undefined;
  const scratch = weights === null;
  const { schedule = 'cosine' } = options;
  const size = demo ? DEMO.size[scratch ? 'scratch' : 'pretrained'] : natural.inputSize;
  const fit = options.fit ?? natural.fit;
  return {
    data: options.data ?? null,
    model,
    weights,
    keptClasses,
    trainNorms: scratch || (options.trainNorms ?? false),
    batch: options.batch ?? DEFAULT_BATCH,
    weightDecay: 0.01,
    lrDecayPerStage: options.lrDecayPerStage ?? 1,
    decayNorms: false,
    schedule,
    warmup: options.warmup ?? WARMUP[schedule],
    accumulate: options.accumulate ?? 1,
    clip: options.clip ?? null,
    average: options.average === true ? DEFAULT_AVERAGE : (options.average ?? null),
    patience: options.patience ?? null,
    best: options.best ?? null,
    views: options.views ?? viewsByDefault(options),
    labelSmoothing: options.labelSmoothing ?? 0,
    mixup: options.mixup ?? 0,
    cutmix: options.cutmix ?? 0,
    // Weights by name wait for the names, which come with the pictures.
    classWeights: options.classWeights === 'auto' ? 'auto' : 'none',
    sampler: options.sampler ?? 'shuffled',
    teacher,
    size: options.size ?? size,
    // Files of runs that crop as they always have say nothing of it.
    ...(fit && { fit }),
    augmentation: augmentationOf(options, demo ? DEMO.augmentation : scratch ? {} : FINE_TUNING_CROPS),
    seed: options.seed ?? 0,
    groupBy: options.groupBy ?? [],
    fold: options.fold ?? null,
    positive: options.positive ?? null,
    threshold: options.threshold ?? null,
    targetPrecision: options.targetPrecision ?? null,
    targetRecall: options.targetRecall ?? null,
  };
}

/** The settings with the weights of classes that an option names. @throws UserError for what it cannot mean */
export function withClassWeights<Some extends Pick<TrainSettings, 'classWeights' | 'sampler' | 'teacher'>>(
  settings: Some,
  { classWeights: text }: TrainOptions,
  classes: readonly string[],
): Some {
  const classWeights = text === undefined ? settings.classWeights : classWeightsIn(text, classes);
  if (classWeights === 'auto' && settings.sampler === 'balanced')
    throw new UserError(
      '--class-weights auto and --sampler balanced each make up for unequal classes, and together do it twice; leave one of them out',
    );
  if (classWeights !== 'none' && settings.teacher)
    throw new UserError(
      '--class-weights weighs pictures by their labels, and a teacher answers to all alike; leave one of the two out, or take --sampler balanced',
    );
  return { ...settings, classWeights };
}

/** The first stage that trains in the end: what was asked for, else the head, or from random weights everything. */
export function trainFromOf(
  { trainFrom, trainNorms, unfreezeSchedule, epochs, lrDecayPerStage, addClasses }: TrainOptions,
  weights: string | null,
): string {
  const scheduled =
    unfreezeSchedule === undefined ? undefined : unfreezing(unfreezeSchedule).at(-1)!.trainFrom;
  if (scheduled !== undefined && (trainFrom !== undefined || epochs !== undefined))
    throw new UserError(
      `--unfreeze-schedule says what trains and for how many epochs; leave out ${trainFrom === undefined ? '--epochs' : '--train-from'}`,
    );
  const first = trainFrom ?? scheduled ?? (weights === null ? 'all' : 'head');
  if (addClasses && first !== 'head')
    throw new UserError(
      `--add-classes keeps what the network says of its old classes, so that only new rows of the last layer train; leave out ${scheduled === undefined ? '--train-from' : '--unfreeze-schedule'}`,
    );
  if (trainNorms && first === 'head')
    throw new UserError('--train-norms has no norms to train in the last layer; add --train-from STAGE');
  if (lrDecayPerStage !== undefined && first === 'head')
    throw new UserError(
      '--lr-decay-per-stage is for stages before the last layer, which trains alone; add --train-from STAGE',
    );
  if (weights === null && (first !== 'all' || scheduled !== undefined))
    throw new UserError(
      `${scheduled === undefined ? `--train-from ${first}` : '--unfreeze-schedule'} would freeze random weights; give pretrained ones with --weights FILE, or leave it out`,
    );
  return first;
}

/**
 * The phases of a new run. A new head learns alone before the stages behind it join at a lower rate: its first gradients
 * are large and say nothing of the features. One that the weights bring along has no need to; nor is there room for it in
 * a single epoch. With `--unfreeze-schedule` they are as it says.
 * @param newHead whether the last layer is new to the classes
 */
export function phasesFor(options: TrainOptions, weights: string | null, newHead: boolean): PhaseSettings[] {
  const trainFrom = trainFromOf(options, weights);
  const phase = (kind: keyof typeof PHASES, from: string): PhaseSettings => ({
    trainFrom: from,
    ...PHASES[kind],
    ...(options.data === undefined && { epochs: DEMO.epochs[kind] }),
    // A factor a stage takes the place of the one factor for all of them.
    ...(options.lrDecayPerStage !== undefined && { backboneFactor: 1 }),
  });
  if (options.unfreezeSchedule !== undefined) {
    const stages = unfreezing(options.unfreezeSchedule);
    return withRates(
      stages.map(({ trainFrom: from, epochs }) => ({
        ...phase(from === 'head' ? 'headFirst' : 'stages', from),
        epochs,
      })),
      options.lr,
    );
  }
  const kind = weights === null ? 'scratch' : trainFrom === 'head' ? 'head' : 'stages';
  const last = phase(kind, trainFrom);
  if (kind !== 'stages' || !newHead || options.epochs === 1)
    return withRates([{ ...last, epochs: options.epochs ?? last.epochs }], options.lr);
  const head = phase('headFirst', 'head');
  const usual = head.epochs + last.epochs;
  const { epochs = usual } = options;
  const alone = Math.min(Math.max(Math.round((epochs * head.epochs) / usual), 1), epochs - 1);
  return withRates(
    [
      { ...head, epochs: alone },
      { ...last, epochs: epochs - alone },
    ],
    options.lr,
  );
}

/** The phases with `lr` as the rate of the first one, and the others' in the same proportion. */
function withRates(phases: PhaseSettings[], lr = phases[0].lr): PhaseSettings[] {
  return phases.map((phase) => ({ ...phase, lr: rounded((phase.lr * lr) / phases[0].lr) }));
}

/** Without what floating point adds to a product: the number is for people too. */
const rounded = (value: number): number => Number(value.toPrecision(6));

/** Settings that an option of the same name sets. */
export const NAMED = [
  'batch',
  'size',
  'fit',
  'views',
  'mixup',
  'cutmix',
  'labelSmoothing',
  'sampler',
  'seed',
  'schedule',
  'warmup',
  'accumulate',
  'clip',
  'average',
  'patience',
  'best',
  'positive',
  'threshold',
  'targetPrecision',
  'targetRecall',
] as const;

/** Options that a resumed run takes from its checkpoint, and those that ask for another one. */
const OF_THE_RUN: ReadonlySet<keyof TrainOptions> = new Set([
  'model',
  'weights',
  'trainFrom',
  'trainNorms',
  'unfreezeSchedule',
  'lrDecayPerStage',
  'addClasses',
  'groupBy',
  'fold',
  'lr',
  ...NAMED,
  ...PICTURE_OPTIONS,
  'findLr',
  'sanity',
  'seeds',
  'folds',
  'sweep',
  'shard',
  'untuned',
  'out',
  'overwrite',
]);

/** Refuses options that would change a run which is resumed. */
export function checkResumeOptions(options: TrainOptions): void {
  const given = [...OF_THE_RUN].filter((name) => options[name] !== undefined).map(flagOf);
  if (given.length > 0)
    throw new UserError(
      `--resume goes on with the settings that the run began with; leave out ${given.join(', ')}, or start a new run from its weights with --weights`,
    );
}

/**
 * The settings of a finished run that goes on: another phase like its last one, with a schedule of its own.
 * @param progress `done` epochs were trained
 * @param epochs that it is to have in all; undefined where nobody asks for more
 * @throws UserError where the run is not finished, or has as many epochs
 */
export function withMoreEpochs(
  settings: TrainSettings,
  { done, finished }: { done: number; finished: boolean },
  epochs: number | undefined,
): TrainSettings {
  if (epochs === undefined || (!finished && epochs === epochsOf(settings))) return settings;
  if (!finished)
    throw new UserError(
      `the run is in epoch ${done + 1} of ${epochsOf(settings)}, and its learning rates are planned to their end; leave out --epochs now, and give it when the run is finished to train on`,
    );
  if (epochs <= done)
    throw new UserError(`the run has ${done} epochs already; --epochs ${done + 1} or more adds to them`);
  return {
    ...settings,
    phases: [...trainedPhases(settings.phases, done), { ...settings.phases.at(-1)!, epochs: epochs - done }],
  };
}

/** The phases as far as they were trained: a run may have been finished before its planned end. */
function trainedPhases(phases: readonly PhaseSettings[], done: number): PhaseSettings[] {
  let left = done;
  return phases.flatMap((phase) => {
    const epochs = Math.min(phase.epochs, left);
    left -= epochs;
    return epochs > 0 ? [{ ...phase, epochs }] : [];
  });
}
