/**
 * Measuring many things side by side: each is held against its reference, and only what is right is timed. Samples are
 * taken in rounds over all of them, so that those of one lie apart in time and a minute in which the machine was busy falls on
 * all alike. Between its rounds a task holds no memory.
 */
import type { Device } from '../gpu/index.ts';
import { scope } from '../tensor/index.ts';
import { refusal } from './check.ts';
import { type Timer, timer, timingOf } from './measure.ts';
import type { BenchEntry } from './result.ts';

/** What of an entry is known before it is measured. */
export type Facts = Omit<BenchEntry, 'error' | 'timing' | 'limit' | 'share' | 'failed'>;

/** A work that is ready. */
export interface Work {
  /** Records it once. */
  run(index: number): unknown;
  /** After so many runs it begins again with the same inputs. */
  readonly sets: number;
  /** Runs after which nothing is made any more; one where it is not given. */
  readonly settles?: number;
  dispose(): void;
}

export interface Task<Ready extends Work = Work> {
  readonly facts: Facts;
  /** @throws RangeError where the adapter or the op refuses it */
  prepare(): Ready | Promise<Ready>;
  /** Compares a result with its reference. */
  check(work: Ready): Promise<BenchEntry['error']>;
}

export interface MeasureTasks {
  /** Samples of each, over all rounds. */
  samples: number;
  rounds?: number;
  /** Asked between two works: what was measured by then is kept. */
  stopped?: () => boolean;
  /** Told of each round of a work that begins, with the seconds until all is done. */
  onProgress?: (done: number, total: number, name: string, left: number | null) => void;
}

/** A measured task; its limit and share follow from the ceilings (limits.ts). */
export type Measured = Omit<BenchEntry, 'limit' | 'share'>;

const ROUNDS = 5;
/** Milliseconds after which a round of one work ends, however few samples it has. */
const ROUND_MS = 100;

interface Course {
  task: Task;
  timer: Timer | null;
  rounds: number[][];
  error: BenchEntry['error'];
  failed: string | null;
  /** What the timer runs: there while a round of this task is on. */
  work: Work | null;
  /** Milliseconds: of the first round, checks and compilation included, and of one after it. */
  first: number | null;
  again: number;
}

/** Measures `tasks`, in their order. Those that were not come to are left out. */
export async function measureTasks(
  device: Device,
  tasks: readonly Task[],
  { samples, rounds = Math.min(ROUNDS, samples), stopped = () => false, onProgress }: MeasureTasks,
): Promise<Measured[]> {
  const courses = tasks.map(
    (task): Course => ({
      task,
      timer: null,
      rounds: [],
      error: null,
      failed: null,
      work: null,
      first: null,
      again: 0,
    }),
  );
  const each = Math.ceil(samples / rounds);
  const total = tasks.length * rounds;
  let done = 0;
  for (let round = 0; round < rounds; round++)
    for (const course of courses) {
      if (stopped()) return courses.flatMap(measured);
      onProgress?.(done, total, course.task.facts.name, secondsLeft(courses, done, total));
      done++;
      if (!course.failed) await takeRound(device, course, each);
    }
  return courses.flatMap(measured);
}

/** First rounds are longer than others, so an average over all would say far too much. Null before the first. */
function secondsLeft(courses: readonly Course[], done: number, total: number): number | null {
  const later = Math.min(total - done, total - courses.length);
  const begun = courses.filter(({ first }) => first !== null);
  if (begun.length === 0) return null;
  const mean = (of: (course: Course) => number): number =>
    begun.reduce((sum, course) => sum + of(course), 0) / begun.length;
  const waiting = courses.length - begun.length;
  return (waiting * mean(({ first }) => first!) + later * mean(({ again }) => again)) / 1000;
}

/** One round of one task; in the first it is checked as well. */
async function takeRound(device: Device, course: Course, samples: number): Promise<void> {
  const { task } = course;
  const begin = performance.now();
  let timed = begin;
  try {
    const work = await task.prepare();
    course.work = work;
    const made = performance.now() - begin;
    if (!course.timer) {
      course.error = await task.check(work);
      course.failed = refusal(course.error);
      if (course.failed) return;
      course.timer = await timer(device, (index) => course.work!.run(index));
      timed = performance.now() - made;
    } else {
      timed = performance.now() - made;
      await warmUp(device, work, course.timer.repeats);
    }
    course.rounds.push(await course.timer.round({ samples, budget: ROUND_MS, least: 1 }));
  } catch (error) {
    if (device.fault || !(error instanceof RangeError)) throw error;
    course.failed = error.message;
  } finally {
    course.work?.dispose();
    course.work = null;
    if (device.memory().pooled > POOLED) device.trim();
    course.first ??= performance.now() - begin;
    course.again = performance.now() - timed;
  }
}

/**
 * In later rounds the buffers are new: what is made for them, and the pages that they touch first, are nobody's kernel time. All
 * sets of a short work; one run of a long one, which would not notice the rest.
 */
async function warmUp(device: Device, work: Work, repeats: number): Promise<void> {
  const runs = Math.max(work.settles ?? 1, Math.min(work.sets, repeats));
  for (let index = 0; index < runs; index++) scope(() => void work.run(index));
  await device.idle();
}

/** Bytes out of use that are kept for the next task. */
const POOLED = 512 * 2 ** 20;

function measured({ task, timer: known, rounds, error, failed }: Course): Measured[] {
  if (failed) return [{ ...task.facts, error, timing: null, failed }];
  if (!known || rounds.length === 0) return [];
  return [{ ...task.facts, error, timing: timingOf(rounds, known.repeats), failed: null }];
}
