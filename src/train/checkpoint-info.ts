/**
 * What a checkpoint says about itself: the JSON object in the field `tessera` of its metadata, read by whoever opens one, in
 * Node (node/checkpoint.ts, which writes them) or in a browser.
 */
import { PREPROCESSING, type Preprocessing } from '../data/transforms.ts';
import { InputError } from '../text/input-error.ts';
import {
  all,
  among,
  demand,
  flag,
  isObject,
  list,
  object,
  optional,
  orNull,
  parseBounded,
  type Rule,
  rule,
  text,
  whole,
} from '../text/rules.ts';
import { CACHE_STATE } from './callbacks/cache-figures.ts';
import { CHECKPOINTS_STATE } from './callbacks/checkpoints.ts';
import { LOSS_TRACE } from './callbacks/loss-trace.ts';
import { PACE_STATE } from './callbacks/pace.ts';
import { RATE_TRACE } from './callbacks/rate-trace.ts';
import { UNREADABLE_STATE } from './callbacks/unreadable.ts';
import { WEIGHT_AVERAGE_STATE } from './callbacks/weight-average.ts';
import { CHOICES } from './choices.ts';
import { DECISION, type Decision } from './evaluation/threshold.ts';
import { DECISIONS } from './labels/thresholds.ts';
import { METRICS, type Metrics } from './metrics.ts';
import { PROGRESS, type Progress } from './progress.ts';
import { BEFORE, SETTINGS, type TrainSettings } from './settings.ts';

/** The field of the metadata. */
export const INFO_KEY = 'tessera';

/**
 * Goes up when the version before would misread the file. In 1, the best epoch and the trace of the loss lay in
 * `progress`; in 2 they are states of callbacks. In 3 a run has phases. In 4 its settings hold what `BEFORE` names, in 5 a teacher
 * too. Only a run that goes on asks for any of these, so a file without a place to go on says 1. What 6 is
 * for, several labels a picture and thresholds of the highest F1, all readers have to know of; files of neither are of the formats
 * before.
 */
const FORMAT = 6;
const OF_CLASSES = 5;
const WITHOUT_STATE = 1;
/** What a checkpoint says about itself. */
export interface CheckpointInfo {
  format: number;
  /** Name of the architecture, as `buildModel` knows it. */
  model: string;
  /** 'labels' where several of the classes may hold of a picture (src/train/task.ts); absent where one does. */
  task?: 'labels';
  /** Names of classes, or of labels, in the order of the outputs. */
  classes: string[];
  preprocessing: Preprocessing;
  /** Epochs that were finished, and steps that were taken. */
  epoch: number;
  step: number;
  seed: number;
  /** Of the last validation before it was saved; null before the first. */
  metrics: Metrics | null;
  settings: TrainSettings;
  /** A hash of the names and labels of the pictures. */
  pictures: string;
  /** From which probability a class is called; absent where the likeliest is. `predict` and `evaluate` follow it. */
  decision?: Decision;
  /** Of several labels: from which probability each is called that somebody decided on; the others from 0.5 on. */
  decisions?: Decision[];
  /** Whether the file was written with a hash over itself; absent where it was written before there was one. */
  sealed?: boolean;
  /** Of last.safetensors only: where the run goes on. */
  progress?: Progress;
  /**
   * Likewise: the rows of the tables of kernels that were chosen by measurement when it began, by the keys of problems. It goes
   * on with these, or without where there are none: other kernels add up in another order.
   */
  choices?: Record<string, string>;
  /** Of last.safetensors only: what the run's callbacks keep, as far as it is no tensor. */
  callbacks?: Record<string, unknown>;
}

/** The format of a file: the oldest whose readers do not misread it. @param goesOn whether it holds the state of a run */
export const formatFor = (
  info: Pick<CheckpointInfo, 'task' | 'settings' | 'decision'>,
  goesOn: boolean,
): number => {
  if (needsNewest(info)) return FORMAT;
  return goesOn ? OF_CLASSES : WITHOUT_STATE;
};

/** Whether an older version would take the file for another one. */
const needsNewest = ({
  task,
  settings,
  decision,
}: Pick<CheckpointInfo, 'task' | 'settings' | 'decision'>): boolean =>
  task === 'labels' || settings.threshold === 'f1' || decision?.by === 'f1';

/**
 * What a checkpoint says about itself, from the JSON in its header; older formats in the words of the present one.
 * @throws Error, a sentence that names the file and the field, where it is damaged or no checkpoint
 */
export function infoIn(file: string, json: string | undefined): CheckpointInfo {
  if (json === undefined)
    throw new InputError(
      `${file} holds weights but no classes and preprocessing, so it is no checkpoint of \`train\`; train and predict take it as --weights`,
    );
  try {
    const info = parseBounded(json, 'its description');
    refuseNewer(file, info);
    return checkedInfo(info);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(
      `${file} is damaged: ${error.message}. Take the other checkpoint of its run, a copy of it, or train anew`,
      { cause: error },
    );
  }
}

function refuseNewer(file: string, info: unknown): void {
  if (isObject(info) && typeof info.format === 'number' && info.format > FORMAT)
    throw new InputError(
      `${file} was written by a newer version (format ${info.format}, this one reads ${FORMAT}); update Tessera`,
    );
}

/** @throws RangeError, a sentence that names the field, where it describes no checkpoint */
function checkedInfo(given: unknown): CheckpointInfo {
  demand(object({}), given, 'its description');
  const info = given as Record<string, unknown>;
  demand(whole(1, FORMAT), info.format, 'format');
  demand(object({}), info.settings, 'settings');
  const known = (info.format as number) >= OF_CLASSES ? info.settings : migratedSettings(info);
  const { groupBy = BEFORE.groupBy, fold = BEFORE.fold } = known as Partial<TrainSettings>;
  // In the order of the file, so that a run that goes on writes what one that was never stopped writes.
  const settings = { ...(known as object), groupBy, fold };
  const current: Record<string, unknown> = { ...migrated(info), settings };
  demand(INFO, current, '');
  return current as unknown as CheckpointInfo;
}

const count = whole(0, Number.MAX_SAFE_INTEGER);

/** `CheckpointInfo` out of a file of the present format. Callbacks of others look after their own states. */
const INFO: Rule = all(
  object({
    format: count,
    model: text(256),
    task: optional(among(['labels'])),
    classes: list(text(1000), 1, 65_536),
    preprocessing: PREPROCESSING,
    epoch: count,
    step: count,
    seed: count,
    metrics: orNull(METRICS),
    decision: optional(DECISION),
    decisions: optional(DECISIONS),
    sealed: optional(flag),
    settings: SETTINGS,
    pictures: text(1000),
    progress: optional(PROGRESS),
    choices: optional(CHOICES),
    callbacks: optional(
      object({
        checkpoints: optional(CHECKPOINTS_STATE),
        'feature-cache': optional(CACHE_STATE),
        'loss-trace': optional(LOSS_TRACE),
        pace: optional(PACE_STATE),
        'rate-trace': optional(RATE_TRACE),
        unreadable: optional(UNREADABLE_STATE),
        'weight-average': optional(WEIGHT_AVERAGE_STATE),
      }),
    ),
  } satisfies Record<keyof CheckpointInfo, Rule>),
  (value, place) => {
    const { classes, decision, decisions = [] } = value as CheckpointInfo;
    const known = rule((name) => classes.includes(name as string), 'the name of one of its classes');
    const unknown = decision ? known(decision.positive, `${place}decision.positive`) : null;
    return decisions.reduce(
      (found, { positive }, index) => found ?? known(positive, `${place}decisions[${index}].positive`),
      unknown,
    );
  },
);

/** What was in `progress` in format 1 as the states of the callbacks that keep it now. */
function migrated(info: Record<string, unknown>): Record<string, unknown> {
  if (info.format !== 1 || !isObject(info.progress)) return info;
  const { best, trace, ...progress } = info.progress;
  return { ...info, progress, callbacks: { checkpoints: { best }, 'loss-trace': trace } };
}

/**
 * The settings of a run that an older version began. One from before there were phases is of one, its norms train, and
 * all decays; of more than two classes the best epoch was the one of the highest accuracy. A file without a place to go on
 * says 1 whatever wrote it, so its settings may be whole.
 */
function migratedSettings({ settings: given, classes, progress }: Record<string, unknown>): unknown {
  const settings = given as Record<string, unknown>;
  const several = progress !== undefined && Array.isArray(classes) && classes.length > 2;
  const before = { ...BEFORE, ...(several && { best: 'accuracy' }) };
  if ('phases' in settings) return { ...before, ...settings };
  const { trainFrom, epochs, lr, backboneFactor, ...rest } = settings;
  const phases = [{ trainFrom, epochs, lr, backboneFactor }];
  return { ...before, ...rest, phases, trainNorms: true, decayNorms: true };
}
