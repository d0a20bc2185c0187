/** A run of `train` as other runs are held against it: its report.json and what it said to each picture, predictions.csv. */
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'csv-parse/sync';
import { bytesIfThere, statOrNull } from '../../node/files.ts';
import {
  among,
  demand,
  flag,
  list,
  number,
  object,
  optional,
  orNull,
  parseBounded,
  record,
  text,
  whole,
} from '../../text/rules.ts';
import type { Intervals } from '../../train/evaluation/evaluation.ts';
import { SCORED, type Scored as ScoredPictures } from '../../train/evaluation/threshold.ts';
import type { Metrics } from '../../train/metrics.ts';
import { fileOfRun, PREDICTIONS, REPORT } from '../../train/node/run-folder.ts';
import type { EpochRecord } from '../../train/progress.ts';

/** What was said to a picture. */
export interface Said {
  /** Names of classes. */
  actual: string;
  predicted: string;
  right: boolean;
  /** Of the class that was predicted. */
  probability: number;
}

/** Figures on some pictures. */
export interface Scored {
  scored: ScoredPictures;
  metrics: Metrics;
  intervals: Intervals;
}

/** What is used of a run. */
export interface FinishedRun {
  /** What it is called beside the others, and its folder. */
  name: string;
  folder: string;
  report: {
    finished: boolean;
    model: string;
    classes: string[];
    settings: Record<string, unknown>;
    epochs: Pick<EpochRecord, 'epoch' | 'trainLoss' | 'val'>[];
    best: { epoch: number } | null;
    seconds: number;
    /** The pictures of the headline; null where no epoch was validated. */
    evaluation: Scored | null;
  };
  /** By the picture's path as it was given to the run. */
  said: Map<string, Said>;
}

const share = number(0, 1);
const figure = number(-Number.MAX_VALUE, Number.MAX_VALUE);
const METRICS = object({ accuracy: share, loss: figure, count: whole(0, Number.MAX_SAFE_INTEGER) });
const interval = optional(object({ low: share, high: share }));

const RUN = object({
  finished: flag,
  model: text(4096),
  classes: list(text(4096), 1, 100_000),
  settings: record(() => null, 1000),
  epochs: list(
    object({ epoch: whole(0, Number.MAX_SAFE_INTEGER), trainLoss: figure, val: orNull(METRICS) }),
    0,
    100_000,
  ),
  best: orNull(object({ epoch: whole(0, Number.MAX_SAFE_INTEGER) })),
  seconds: number(0, Number.MAX_VALUE),
  evaluation: orNull(
    object({
      scored: among(SCORED),
      metrics: METRICS,
      intervals: object({ accuracy: interval, balancedAccuracy: interval, auc: interval }),
    }),
  ),
});

const MOST_CSV = 2 ** 30;

/**
 * The runs of some folders, named by the last part of their paths that tells them apart.
 * @throws Error, a sentence, where a folder holds no finished run
 */
export async function readRuns(folders: readonly string[]): Promise<FinishedRun[]> {
  const names = namesOf(folders.map((folder) => resolve(folder)));
  const runs: FinishedRun[] = [];
  for (const [index, given] of folders.entries()) {
    const folder = (await statOrNull(given))?.isFile() ? dirname(given) : given;
    runs.push({ name: names[index], folder, report: await readReport(folder), said: await readSaid(folder) });
  }
  return runs;
}

/** @throws Error, a sentence, where the folder holds no report of a run */
export async function readReport(folder: string): Promise<FinishedRun['report']> {
  const path = await fileOfRun(folder, REPORT);
  const bytes = await bytesIfThere(path, 2 ** 26);
  if (!bytes)
    throw new RangeError(
      (await statOrNull(folder))
        ? `${folder} holds no ${REPORT}: it is no run of train, or one that has not ended yet`
        : `there is no folder ${folder}`,
    );
  const report = parseBounded(new TextDecoder().decode(bytes), path);
  demand(RUN, report, path);
  return report as FinishedRun['report'];
}

/** What a run said to each picture; nothing where it keeps no predictions. */
export async function readSaid(folder: string): Promise<Map<string, Said>> {
  const path = await fileOfRun(folder, PREDICTIONS);
  const said = new Map<string, Said>();
  const bytes = await bytesIfThere(path, MOST_CSV);
  if (!bytes) return said;
  const rows = rowsOf(bytes, path);
  for (const [index, { path: picture, true: actual, predicted, right, probability }] of rows.entries()) {
    const of = Number(probability);
    if (
      !picture ||
      actual === undefined ||
      predicted === undefined ||
      !(of >= 0 && of <= 1) ||
      !/^[01]$/.test(right)
    )
      throw new RangeError(
        `${path}, row ${index + 2}: it has no path, true, predicted, right (1 or 0) and probability`,
      );
    said.set(picture, { actual, predicted, right: right === '1', probability: of });
  }
  return said;
}

function rowsOf(bytes: Uint8Array, path: string): Record<string, string>[] {
  try {
    return parse(Buffer.from(bytes), { columns: true, skip_empty_lines: true });
  } catch (error) {
    throw new RangeError(
      `${path} is no table of predictions: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}

/** The shortest ends of the paths that differ. */
function namesOf(paths: readonly string[]): string[] {
  return paths.map((path) => {
    const others = paths.filter((other) => other !== path);
    let name = basename(path);
    for (
      let above = dirname(path);
      others.some((other) => other.endsWith(`/${name}`)) && above !== dirname(above);
      above = dirname(above)
    )
      name = join(basename(above), name);
    return name;
  });
}
