/**
 * Pictures that a split must not part, beside those of the same bytes (duplicates.ts): of one person, one patient, one film. A
 * network that has seen the person in training knows it again in validation, and the figures are too good.
 *
 * How they are found is said by words, any number of which unite: `folder`, `similar` (similar.ts), or a pattern, a regular
 * expression over a picture's path whose first capturing group (without one all that matches) is the name of the group.
 */
import { createContext, runInContext } from 'node:vm';
import { InputError } from '../../text/input-error.ts';
import { shown } from '../../text/shown.ts';
import type { Sample } from '../sample.ts';
import { united } from '../units.ts';
import { contentGroups } from './duplicates.ts';
import { listed } from './layout.ts';
import { similarGroups } from './similar.ts';

/** What `groupBy` has instead of a pattern. */
const FOLDER = 'folder';
const SIMILAR = 'similar';

/** Letters of a pattern, at most. */
export const MOST_PATTERN = 1000;
/** Milliseconds in which a pattern reads all names: a million take two seconds, one that goes astray takes for ever. */
const PATIENCE = 10_000;

/** What is not to be parted. */
export interface Groups {
  /** Pictures of the same bytes. */
  copies: Sample[][];
  /** Those, and what `groupBy` puts together, united where they overlap. */
  together: Sample[][];
  /** Sentences on what was found. */
  notes: string[];
}

/** A picture's path for `groupBy`: from its class folder on, with / between folders. */
export type PathOf = (sample: Sample) => string;

/** @throws InputError, a sentence, where a pattern cannot be read or finds no end */
export async function groupsOf(
  samples: readonly Sample[],
  groupBy: readonly string[],
  pathOf: PathOf,
  onLooked?: (done: number, total: number) => void,
): Promise<Groups> {
  const copies = await contentGroups(samples);
  if (groupBy.length === 0) return { copies, together: copies, notes: [] };
  const paths = samples.map((sample) => pathOf(sample).normalize('NFC'));
  const found: Sample[][] = [];
  const notes: string[] = [];
  for (const how of groupBy) {
    if (how === SIMILAR) {
      const alike = await similarGroups(samples, (done) => onLooked?.(done, samples.length));
      for (const group of alike) found.push(group);
      continue;
    }
    const names = how === FOLDER ? paths.map(folderOf) : namesBy(how, paths);
    const stray = strayNote(how, names);
    if (stray !== null) notes.push(stray);
    for (const group of byName(samples, names)) found.push(group);
  }
  const together = united(samples, [...copies, ...found]);
  return { copies, together, notes: [...notes, sizesNote(samples, united(samples, found), groupBy)] };
}

/** The outermost folder below the class folder: where a person's folder holds one for each day, the person's. */
function folderOf(path: string): string | null {
  const end = path.indexOf('/');
  return end < 0 ? null : path.slice(0, end);
}

/** @throws InputError where `pattern` is no regular expression, or does not come to an end with these paths */
function namesBy(pattern: string, paths: readonly string[]): (string | null)[] {
  const what = `the pattern of groups '${shown(pattern)}'`;
  checkPattern(pattern);
  // A pattern such as (a+)+$ tries more ways than there is time for; only a context of its own can be told to end.
  const context = createContext({ pattern, paths });
  try {
    const names: (string | null)[] = runInContext(
      `const found = new RegExp(pattern, 'u');
       paths.map((path) => { const match = found.exec(path); return match === null ? null : match[1] ?? match[0]; });`,
      context,
      { timeout: PATIENCE },
    );
    return Array.from(names, (name) => name || null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new InputError(
      `${what} finds no end: it can match names in too many ways; write it without repeats within repeats`,
      { cause: error },
    );
  }
}

/** @throws InputError where it is neither a word of `groupBy` nor a regular expression */
export function checkPattern(how: string): void {
  if (how === FOLDER || how === SIMILAR) return;
  if (how === '' || how.length > MOST_PATTERN)
    throw new InputError(`a pattern of groups has 1 to ${MOST_PATTERN} characters, not ${how.length}`);
  try {
    new RegExp(how, 'u');
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: /, '');
    throw new InputError(
      `'${shown(how)}' names no groups: ${FOLDER}, ${SIMILAR} or a regular expression over the paths of pictures, which it is not (${shown(reason)})`,
      { cause: error },
    );
  }
}

/** Pictures of one name, where that is of two at least. */
export function byName(samples: readonly Sample[], names: readonly (string | null)[]): Sample[][] {
  const groups = new Map<string, Sample[]>();
  for (const [index, sample] of samples.entries()) {
    const name = names[index];
    if (name === null || name === undefined) continue;
    const group = groups.get(name);
    if (group) group.push(sample);
    else groups.set(name, [sample]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Pictures of which `how` says nothing. */
function strayNote(how: string, names: readonly (string | null)[]): string | null {
  const strays = names.reduce((count, name) => count + (name === null ? 1 : 0), 0);
  if (strays === 0) return null;
  const why = how === FOLDER ? 'lie in no folder below that of their class' : `do not match '${how}'`;
  return `${strays} of ${names.length} pictures ${why}: each is a group of its own`;
}

function sizesNote(
  samples: readonly Sample[],
  groups: readonly Sample[][],
  groupBy: readonly string[],
): string {
  const by = listed(groupBy.map((how) => (how === FOLDER || how === SIMILAR ? how : `'${how}'`)));
  if (groups.length === 0) return `by ${by} no two pictures belong together`;
  const inside = groups.reduce((sum, group) => sum + group.length, 0);
  const largest = groups.reduce((most, group) => Math.max(most, group.length), 0);
  return (
    `by ${by} ${inside} of ${samples.length} pictures are in ${groups.length} ${groups.length === 1 ? 'group' : 'groups'} ` +
    `of ${groups.length === 1 ? largest : `up to ${largest}`}, which no split parts`
  );
}
