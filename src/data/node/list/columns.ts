/**
 * What the columns of a list of pictures mean, by their names in the header: capitals, spaces, `_` and `-` do not matter.
 *
 *   file          path or name of the picture      also filename, filepath, path, image, image path, image index, picture
 *   label         its class                        also class
 *   labels        its labels: none, one, several   also tags, finding labels; `;` or `|` stands between them
 *   cat, dog, …   0 or 1 for each label            where there is neither of the last two
 *   split         train, val or test               also is_valid, true or false, as fastai has it
 *   group         what it is not to be parted from also group id, patient, patient id, subject, subject id
 */
import { InputError } from '../../../text/input-error.ts';
import { shown } from '../../../text/shown.ts';
import { listed } from '../layout.ts';
import type { Row, Table } from './table.ts';

/** How the labels of a picture are written. */
export type LabelColumns =
  /** The name of its class. */
  | { kind: 'class'; at: number }
  /** Names with a separator between them. */
  | { kind: 'names'; at: number; separator: string }
  /** A column of 0 and 1 for each. */
  | { kind: 'flags'; at: number[] };

export interface Columns {
  file: number;
  labels: LabelColumns;
  split: number | null;
  /** Whether the split is told by `is_valid`. */
  validFlag: boolean;
  group: number | null;
  /** Names of columns that are not used. */
  unused: string[];
}

const FILE = 'file filename filepath path image imagepath imageindex picture'.split(' ');
const CLASS = 'label class'.split(' ');
const NAMES = 'labels tags findinglabels'.split(' ');
const SPLIT = 'split'.split(' ');
const VALID = 'isvalid'.split(' ');
const GROUP = 'group groupid patient patientid subject subjectid'.split(' ');

/** Between labels. Spaces and commas are not: labels hold them, `polar bear`. */
export const SEPARATORS = ['|', ';'] as const;

const plain = (name: string): string =>
  name
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\s_-]+/g, '');

/** @throws InputError, a sentence, where it isn't clear which column is what */
export function columnsOf(table: Table): Columns {
  const { path, header } = table;
  const names = header.map(plain);
  const spelt = header.map((name) => name.normalize('NFC'));
  const twice = spelt.find((name, at) => name !== '' && spelt.indexOf(name) !== at);
  if (twice !== undefined)
    throw new InputError(`${path} has two columns '${shown(twice)}'; rename or remove one`);
  const the = (meaning: readonly string[], what: string): number | null => {
    const found = [...names.keys()].filter((at) => meaning.includes(names[at]!));
    if (found.length > 1)
      throw new InputError(
        `${path}: the columns ${listed(found.map((at) => `'${shown(header[at]!)}'`))} may both be ${what}; rename or remove what is not`,
      );
    return found[0] ?? null;
  };
  const file = the(FILE, 'the file of the picture');
  if (file === null)
    throw new InputError(
      `${path} has no column 'file' in its first line (${listed(header.map(shown), 8)}); name the column with the paths of the pictures so`,
    );
  const split = the([...SPLIT, ...VALID], 'the split');
  const group = the(GROUP, 'the group');
  const named = the([...CLASS, ...NAMES], 'the labels');
  const taken = [file, split, group, named];
  const others = [...header.keys()].filter((at) => !taken.includes(at) && header[at] !== '');
  const labels =
    named === null
      ? flagsAmong(table, others)
      : CLASS.includes(names[named]!)
        ? ({ kind: 'class', at: named } as const)
        : ({ kind: 'names', at: named, separator: separatorIn(table, named) } as const);
  return {
    file,
    labels,
    split,
    validFlag: split !== null && VALID.includes(names[split]!),
    group,
    unused: others
      .filter((at) => labels.kind !== 'flags' || !labels.at.includes(at))
      .map((at) => shown(header[at]!)),
  };
}

/** @throws InputError, a sentence, where there are none */
function flagsAmong({ path, header, rows }: Table, candidates: readonly number[]): LabelColumns {
  const at = candidates.filter((column) => isFlag(path, header[column]!, rows, column));
  if (at.length < 2)
    throw new InputError(
      `${path} says no labels: name the column with a picture's class 'label', the one with several labels 'labels' (${SEPARATORS.join(' or ')} between them), or give each label a column of 0 and 1`,
    );
  return { kind: 'flags', at };
}

const FLAG = /^[01](?:\.0*)?$/;
/** What stands in columns of labels for "nobody knows": CheXpert's −1, pandas' nan. */
const UNKNOWN = /^(?:|-1(?:\.0*)?|nan|na|null|none)$/i;

/** Whether a column holds 0 and 1. @throws InputError, a sentence, where it holds them and gaps */
function isFlag(path: string, name: string, rows: readonly Row[], column: number): boolean {
  let gap: Row | null = null;
  let known = 0;
  for (const row of rows) {
    const cell = row.cells[column]!;
    if (FLAG.test(cell)) known++;
    else if (UNKNOWN.test(cell)) gap ??= row;
    else return false;
  }
  if (known === 0) return false;
  if (gap)
    throw new InputError(
      `${path}, line ${gap.line}: column '${shown(name)}' says ${gap.cells[column] === '' ? 'nothing' : `'${shown(gap.cells[column]!)}'`}, and 0 or 1 elsewhere; decide on one of them, or remove the row`,
    );
  return true;
}

/** @throws InputError, a sentence, where both separators are used */
function separatorIn({ path, header, rows }: Table, at: number): string {
  const first = SEPARATORS.map((separator) => rows.find(({ cells }) => cells[at]!.includes(separator)));
  const [bar, semicolon] = first;
  if (bar && semicolon)
    throw new InputError(
      `${path}: column '${shown(header[at]!)}' holds | (line ${bar.line}) and ; (line ${semicolon.line}); use one of them between labels`,
    );
  return semicolon ? ';' : '|';
}
