/**
 * One problem, all rows that compute it: which is the fastest here?
 *
 *   right    each row's result is held against the bench's reference (src/bench/check.ts); one that is wrong is out
 *   heats    three rounds over all rows in turns; the one with the quickest sample is the challenger
 *   final    nine new rounds of the challenger and of the row that the table estimates to be fastest, in turns
 *
 * The challenger takes the place of the table's row where the final says that it is 5 % faster and its interval lies above 1.
 * The heats do not count there: of several rows that are equally fast the luckiest wins them, and luck is not held out.
 */
import { check, refusal } from '../bench/check.ts';
import { type Timer, timer } from '../bench/measure.ts';
import type { Posed } from '../bench/problem.ts';
import { replay } from '../bench/replay.ts';
import { rowsOf } from '../bench/rows.ts';
import type { Device } from '../gpu/index.ts';
import { measureRatio, type Ratio } from './ratio.ts';

const HEATS = 3;
const FINAL = 9;
/** What a row has to win by to take the place of the table's. */
export const WORTH = 1.05;
/** A row that takes so many times the fastest one's time in the first heat runs in no other. */
const BEHIND = 2;
/** Rows that expect to cost so many times the cheapest are not tried: `plain` takes seconds for large problems. */
const HOPELESS = 8;

/** A row in a race. */
export interface Runner {
  row: string;
  /** Milliseconds in the heats, the quickest sample; null where it did not run. */
  ms: number | null;
  /** Why it is out: a wrong result. */
  wrong: string | null;
}

export interface Race {
  /** The row that the table estimates to be fastest, and the one that is. */
  estimated: string;
  chosen: string;
  runners: readonly Runner[];
  /** Of the final: how many times as fast the challenger is as the table's row. Null where the table's row won the heats. */
  final: { row: string; ratio: Ratio } | null;
}

/**
 * Races the rows of a problem. Null where one row computes it, or none of the others is worth a try.
 * @param memory bytes that its inputs may take
 */
export async function race(device: Device, posed: Posed, memory: number): Promise<Race | null> {
  const entered = entriesOf(device, posed);
  if (!entered || entered.rows.length < 2) return null;
  const { estimated, rows } = entered;
  const work = replay(device, posed, null, memory);
  try {
    const runners: Runner[] = [];
    const timers = new Map<string, Timer>();
    for (const row of rows) {
      const wrong = refusal(await check(device, posed, row, work));
      runners.push({ row, ms: null, wrong });
      if (!wrong) timers.set(row, await timer(device, (index) => work.run(index, row)));
    }
    await runHeats(runners, timers);
    const [fastest] = runners.filter(({ ms }) => ms !== null).sort((a, b) => a.ms! - b.ms!);
    const standing = { estimated, runners };
    // The table's row is wrong: the fastest of the right ones stands in, if there is one, whatever it wins by.
    if (!timers.has(estimated)) return { ...standing, chosen: fastest?.row ?? estimated, final: null };
    const { row } = fastest!;
    if (row === estimated) return { ...standing, chosen: estimated, final: null };
    const ratio = await measureRatio(timers.get(estimated)!, timers.get(row)!, FINAL);
    return { ...standing, chosen: wins(ratio) ? row : estimated, final: { row, ratio } };
  } finally {
    work.dispose();
  }
}

/** Whether a row that is `ratio` times as fast takes the other's place. */
export const wins = ({ median, low }: Ratio): boolean => median >= WORTH && low > 1;

/** The rows that run, the table's first. */
function entriesOf(device: Device, posed: Posed): { estimated: string; rows: string[] } | null {
  const known = rowsOf(posed, { choices: null, traits: device.traits });
  if (!known) return null;
  const least = known.estimates.reduce((a, b) => Math.min(a, b));
  const hopeful = known.able.filter((_, index) => known.estimates[index]! <= HOPELESS * least);
  const { chosen: estimated } = known;
  return { estimated, rows: [estimated, ...hopeful.filter((row) => row !== estimated)] };
}

/** Rounds over all rows in turns; `ms` of each becomes what it took. */
async function runHeats(runners: readonly Runner[], timers: ReadonlyMap<string, Timer>): Promise<void> {
  let running = runners.filter(({ row }) => timers.has(row));
  for (let heat = 0; heat < HEATS; heat++) {
    for (const runner of running) {
      const [ms] = await timers.get(runner.row)!.round({ samples: 1, least: 1 });
      runner.ms = Math.min(runner.ms ?? Number.POSITIVE_INFINITY, ms!);
    }
    const least = running.reduce((fastest, { ms }) => Math.min(fastest, ms!), Number.POSITIVE_INFINITY);
    running = running.filter(({ ms }) => ms! <= BEHIND * least).reverse();
  }
}
