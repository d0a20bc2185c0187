/** What came of a trial: a line of trials.jsonl. */
import { all, among, demand, flag, number, object, type Rule, rule, text, whole } from '../text/rules.ts';
import { MOST_TRIALS } from './sweep.ts';
import type { Trial } from './trials.ts';

export type TrialRecord = Pick<Trial, 'index' | 'name'> &
  (
    | { state: 'finished'; seconds: number }
    /** `diverged`: its loss became no number, which it would again; whatever else failed is tried again. */
    | { state: 'failed'; diverged: boolean; error: string }
  );

const COMMON = object({
  index: whole(0, MOST_TRIALS - 1),
  name: text(1000),
  state: among(['finished', 'failed']),
});
const BY_STATE: Record<TrialRecord['state'], Rule> = {
  finished: object({ seconds: number(0, Number.MAX_VALUE) }),
  failed: object({ diverged: flag, error: text(100_000) }),
};

/**
 * The records of some trials by their places; of several of one trial the last.
 * @throws RangeError, a sentence with the line, where one is of no trial of these
 */
export function recordsOf(
  lines: readonly unknown[],
  trials: readonly Trial[],
  path: string,
): Map<number, TrialRecord> {
  const byIndex = new Map(trials.map((trial) => [trial.index, trial]));
  const records = new Map<number, TrialRecord>();
  for (const [line, value] of lines.entries()) {
    const place = `line ${line + 1} of ${path}`;
    demand(
      all(COMMON, (found, at) => BY_STATE[(found as TrialRecord).state](found, at)),
      value,
      place,
    );
    const record = value as TrialRecord;
    demand(
      rule(
        (name) => name === byIndex.get(record.index)?.name,
        'the name of a trial of this folder at its place',
      ),
      record.name,
      `${place}.name`,
    );
    records.set(record.index, record);
  }
  return records;
}
