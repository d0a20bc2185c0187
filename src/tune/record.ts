/**
 * A tuning record: which rows of the tables of kernels won on one adapter. It holds the problems whose winner is another row
 * than the tables estimate, and no others; for all it does not name the estimates stand. Plain JSON, believed only after every
 * field was looked at.
 */
import { ROWS } from '../bench/rows.ts';
import type { Choices } from '../gpu/index.ts';
import { among, demand, number, object, parseBounded, type Rule, record, text } from '../text/rules.ts';
import { MOST_CHOICES } from '../train/choices.ts';

/** A row that won. */
export interface Won {
  row: string;
  /** The row that the table estimates to be the fastest, and how many times as fast the winner was in rounds held out. */
  against: string;
  ratio: number;
  /** ISO 8601. */
  measured: string;
}

export interface TuningRecord {
  format: 'tessera-tuning';
  version: 1;
  /** What it is of: it is used where all of this is the same. */
  of: TunedOn;
  /** By the keys of problems. */
  choices: Record<string, Won>;
}

/** What the speed of kernels depends on, in words. */
export interface TunedOn {
  adapter: string;
  driver: string;
  dawn: string;
  /** A hash of the kernels' source. */
  kernels: string;
  /** A hash of the rest: traits, features, system. */
  surroundings: string;
}

const words = text(4096);

const RECORD: Rule = object({
  format: among(['tessera-tuning']),
  version: among([1]),
  of: object({
    adapter: words,
    driver: words,
    dawn: words,
    kernels: words,
    surroundings: words,
  } satisfies Record<keyof TunedOn, Rule>),
  choices: record(
    object({
      row: among(ROWS),
      against: among(ROWS),
      ratio: number(0, Number.MAX_VALUE),
      measured: text(64),
    } satisfies Record<keyof Won, Rule>),
    MOST_CHOICES,
  ),
} satisfies Record<keyof TuningRecord, Rule>);

/**
 * A record out of a file.
 * @param place what sentences call it
 * @throws RangeError, a sentence, where it is none
 */
export function tuningRecordOf(json: string, place: string): TuningRecord {
  const value = parseBounded(json, place);
  demand(RECORD, value, place);
  return value as TuningRecord;
}

/** `before` with what was measured since: a problem's winner, or null where the estimate stands. */
export function merged(before: TuningRecord, found: ReadonlyMap<string, Won | null>): TuningRecord {
  const choices = new Map(Object.entries(before.choices));
  for (const [key, won] of found)
    if (won) choices.set(key, won);
    else choices.delete(key);
  const sorted = [...choices].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...before, choices: Object.fromEntries(sorted) };
}

/** What a device takes: `device.choices`, or `openDevice({ choices })`. Null where nothing is chosen. */
export function choicesOf({ choices }: Pick<TuningRecord, 'choices'>): Choices | null {
  const rows = Object.entries(choices).map(([key, { row }]) => [key, row] as const);
  return rows.length > 0 ? new Map(rows) : null;
}
