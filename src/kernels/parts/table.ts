/**
 * Tables of algorithms. What an op has to compute is a *problem*; a *row* is one way to compute it. One function chooses:
 *
 *   tuned for this problem on this device, and able to?  → that row
 *   else                                                 → the lowest estimate among the rows that are able to
 *
 * A problem says whether there is one picture or more than one, never how many: a picture's bits then do not depend on
 * the batch that it travels in. The count comes with the operands, which a row is given when it records. Rows know
 * nothing of each other, so that a new one touches its own file and its table.
 */
import type { Device, Traits } from '../../gpu/index.ts';

/** What every problem says. */
export interface AnyProblem {
  /** More than one picture (or row of a matrix). */
  several: boolean;
}

/** One algorithm for problems of a kind. */
export interface Row<Problem extends AnyProblem, Operands> {
  /** One word, unique in its table: what `npm run bench -- --variant` is given, and what a tuning record holds. */
  readonly name: string;
  /** Whether the row can compute the problem at all. */
  supports(problem: Problem, traits: Traits): boolean;
  /**
   * What it costs, in multiply-adds of the tile loop: comparable between the rows of a table, and no more than that.
   * Asked only where the row supports the problem.
   */
  estimate(problem: Problem, traits: Traits): number;
  /** Records the dispatches. What it makes for them belongs to the op's scope. */
  record(device: Device, problem: Problem, operands: Operands): void;
}

/**
 * The row that computes `problem` on `device`: `forced` or the one of the device's `choices` (see `Device.choices`) where
 * it supports the problem, else the one that expects to be fastest.
 * @param keyOf the problem as a tuning record names it; asked only where there is a record
 */
export function choose<Problem extends AnyProblem, Candidate extends Omit<Row<Problem, never>, 'record'>>(
  rows: readonly Candidate[],
  problem: Problem,
  { choices, traits }: Pick<Device, 'choices' | 'traits'>,
  keyOf: (problem: Problem) => string,
): Candidate {
  if (choices) {
    const name = choices.get(keyOf(problem));
    const chosen = rows.find((row) => row.name === name);
    if (chosen?.supports(problem, traits)) return chosen;
  }
  let best: Candidate | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (!row.supports(problem, traits)) continue;
    const estimate = row.estimate(problem, traits);
    if (estimate < least) {
      best = row;
      least = estimate;
    }
  }
  if (!best) throw new Error(`no row of the table computes ${keyOf(problem)}`);
  return best;
}
