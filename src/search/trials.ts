/**
 * The trials of a search in their order: those of trials.jsonl, which a search that goes on meets again, and those that it
 * adds. A method is run from its beginning each time; where it asks for a trial that is known it gets that one, and nothing is
 * trained.
 */
import { all, demand, object, type Rule, rule } from '../text/rules.ts';
import { TRIAL, type Trial } from './method.ts';
import type { SearchStore } from './options.ts';
import { choiceOf, type SearchSpace } from './space.ts';

/** A line of the store: `index` is its place, its network one of the space's. */
const lineRule = (index: number, space: SearchSpace): Rule =>
  all(
    TRIAL,
    object({
      index: rule((value) => value === index, `${index}, its place counted from 0`),
      network: rule((key) => isNetwork(space, key as string), `a network of the space ${space.name}`),
    }),
  );

function isNetwork(space: SearchSpace, key: string): boolean {
  try {
    choiceOf(space, key);
    return true;
  } catch {
    return false;
  }
}

const REMEDY = 'go on with the settings that the search was begun with, or begin a new one';

export class Trials {
  private readonly known: readonly Trial[];
  private readonly met: Trial[] = [];

  /** @throws RangeError, a sentence that names the line, where one is no trial of this space */
  constructor(
    lines: readonly unknown[],
    space: SearchSpace,
    private readonly append: SearchStore['append'],
  ) {
    for (const [index, line] of lines.entries())
      demand(lineRule(index, space), line, `line ${index + 1} of trials.jsonl`);
    this.known = lines as readonly Trial[];
  }

  /** Those that the search has met so far. */
  get list(): readonly Trial[] {
    return this.met;
  }

  /** @throws RangeError where the store has trials that the search did not ask for */
  demandEnd(): void {
    const { length } = this.met;
    if (this.known.length > length)
      throw new RangeError(
        `trials.jsonl has ${this.known.length} lines where this search has ${length} trials: it was begun with other settings, or the file is damaged; ${REMEDY}`,
      );
  }

  /**
   * The next trial, where the store has it.
   * @throws RangeError where it is another one than is asked for
   */
  next(asked: Pick<Trial, 'by' | 'network' | 'rung' | 'steps'>): Trial | null {
    const known = this.known[this.met.length];
    if (!known) return null;
    const other = (['by', 'network', 'rung', 'steps'] as const).filter(
      (field) => known[field] !== asked[field],
    );
    if (other.length > 0)
      throw new RangeError(
        `trials.jsonl, line ${known.index + 1}, has ${words(known, other)} where this search has ${words(asked, other)}: it was begun with other settings, or the file is damaged; ${REMEDY}`,
      );
    this.met.push(known);
    return known;
  }

  /** Adds a trial to the store and then to the list. */
  async add(trial: Omit<Trial, 'index'>): Promise<Trial> {
    const { length } = this.met;
    const whole = { index: length, ...trial };
    await this.append(whole);
    this.met.push(whole);
    return whole;
  }
}

function words<Field extends string>(of: Record<Field, unknown>, fields: readonly Field[]): string {
  return fields.map((field) => `${field} ${of[field]}`).join(', ');
}
