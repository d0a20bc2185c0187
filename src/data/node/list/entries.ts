/**
 * The rows of a list of pictures, looked through: every file is there and stands in it once, labels have one spelling. What is
 * left out is counted and named in the notes; what contradicts itself is refused, with its lines.
 */
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { systemReason } from '../../../node/files.ts';
import { kindOf } from '../../../node/regular.ts';
import { InputError } from '../../../text/input-error.ts';
import { shown } from '../../../text/shown.ts';
import type { Task } from '../../sample.ts';
import { listed, type Split, splitNamed } from '../layout.ts';
import { type Columns, columnsOf } from './columns.ts';
import { type Row, readTable, type Table } from './table.ts';

/** A picture of a list. */
export interface Entry {
  line: number;
  /** As it is opened. */
  file: string;
  /** Its class, or its labels without doubles; in one Unicode form. */
  names: string[];
  /** Null where the list has no such column. */
  split: Split | null;
  /** What it is not to be parted from; null where the list says nothing. */
  group: string | null;
}

export interface Entries {
  task: Task;
  entries: Entry[];
  /** The labels in the order of their columns; null where they are named in cells. */
  order: string[] | null;
  notes: string[];
}

const NAMED_IN_NOTES = 3;
/** As in a checkpoint. */
const LONGEST_LABEL = 1000;
/** Files looked at together. */
const AT_ONCE = 64;

/**
 * @param known labels that a network has already
 * @throws InputError, a sentence, where the list cannot be read or contradicts itself, and where no file of it is there
 */
export async function readEntries(path: string, known: readonly string[]): Promise<Entries> {
  const table = await readTable(path);
  const columns = columnsOf(table);
  if (table.rows.length === 0) throw new InputError(`${path} lists no picture: it has a header and no rows`);
  const spellings = new Spellings();
  const flags = columns.labels.kind === 'flags' ? columns.labels.at : null;
  const order = flags?.map((at) => spellings.one(table.header[at]!)) ?? null;
  const all = table.rows.map((row) => entryOf(row, table, columns, spellings));
  if (columns.labels.kind === 'names') refuseOtherSeparators(path, all, known);
  const { entries: once, doubles } = withoutDoubles(path, all);
  const { entries, lost } = await thoseThere(once);
  if (entries.length === 0)
    throw new InputError(
      `${path}: none of its ${once.length} files is there (line ${lost[0]!.line}: ${shown(lost[0]!.file)} ${lost[0]!.why}); ` +
        'paths count from the folder of the list',
    );
  const notes = [
    ...unusedNote(path, columns.unused),
    ...hintOfSeparators(table, columns),
    ...spellings.notes(path),
    ...doublesNote(path, doubles),
    ...lostNote(path, lost),
  ];
  return { task: columns.labels.kind === 'class' ? 'classes' : 'labels', entries, order, notes };
}

function entryOf(row: Row, table: Table, columns: Columns, spellings: Spellings): Entry {
  const { cells, line } = row;
  const at = `${table.path}, line ${line}`;
  const file = cells[columns.file]!;
  if (file === '') throw new InputError(`${at}: it names no file`);
  const names = [...new Set(namesIn(row, table, columns).map((name) => spellings.one(name)))];
  if (columns.labels.kind === 'class' && names.length === 0)
    throw new InputError(`${at}: ${shown(file)} has no class; name it, or remove the row`);
  const long = names.find((name) => name.length > LONGEST_LABEL);
  if (long !== undefined)
    throw new InputError(
      `${at}: a label has ${long.length} characters, and ${LONGEST_LABEL} are the most (it begins "${shown(long.slice(0, 40))}")`,
    );
  return {
    line,
    file: isAbsolute(file) ? normalize(file) : join(dirname(table.path), file),
    names,
    split: columns.split === null ? null : splitOf(cells[columns.split]!, columns.validFlag, at),
    group: (columns.group === null ? '' : cells[columns.group]!) || null,
  };
}

function namesIn({ cells }: Row, { header }: Table, { labels }: Columns): string[] {
  if (labels.kind === 'flags')
    return labels.at.filter((at) => Number(cells[at]) === 1).map((at) => header[at]!);
  const cell = cells[labels.at]!;
  const names = labels.kind === 'class' ? [cell] : cell.split(labels.separator);
  return names.map((name) => name.trim()).filter((name) => name !== '');
}

/** fastai's lists have spaces between labels; others commas. @throws InputError where these may be such */
function refuseOtherSeparators(path: string, all: readonly Entry[], known: readonly string[]): void {
  if (all.some(({ names }) => names.length > 1)) return;
  const first = all.find(
    ({ names: [name] }) => name !== undefined && /[\s,]/.test(name) && !known.includes(name),
  );
  if (first)
    throw new InputError(
      `${path}, line ${first.line}: '${shown(first.names[0]!)}' may be one label or several, and no row holds | or ; between two; ` +
        "put | between labels, or call the column 'label' if each picture has one class",
    );
}

const TRUTHS: Readonly<Record<string, Split>> = { true: 'val', false: 'train', 1: 'val', 0: 'train' };

function splitOf(cell: string, validFlag: boolean, at: string): Split {
  const split = validFlag ? TRUTHS[cell.toLowerCase()] : splitNamed(cell)?.split;
  if (split) return split;
  const what = cell === '' ? 'nothing' : `'${shown(cell)}'`;
  throw new InputError(
    `${at}: its ${validFlag ? 'is_valid' : 'split'} is ${what}; give ${validFlag ? 'true or false' : 'train, val or test'}`,
  );
}

/** The names of labels, one for all Unicode forms of it. */
class Spellings {
  private readonly forms = new Map<string, Set<string>>();

  one(name: string): string {
    const normal = name.normalize('NFC');
    const forms = this.forms.get(normal);
    if (forms) forms.add(name);
    else this.forms.set(normal, new Set([name]));
    return normal;
  }

  notes(path: string): string[] {
    const twice = [...this.forms].filter(([, forms]) => forms.size > 1).map(([name]) => name);
    const byCase = new Map<string, string[]>();
    for (const name of this.forms.keys())
      byCase.set(name.toLowerCase(), [...(byCase.get(name.toLowerCase()) ?? []), name]);
    const alike = [...byCase.values()].filter((names) => names.length > 1);
    return [
      ...(twice.length === 0
        ? []
        : [
            `${path}: ${listed(twice)} ${twice.length === 1 ? 'is' : 'are'} there in two Unicode spellings and counted as one`,
          ]),
      ...alike
        .slice(0, NAMED_IN_NOTES)
        .map(
          (names) => `${path}: ${listed(names)} differ in capitals alone, and are taken for different labels`,
        ),
    ];
  }
}

/** Every file once. @throws InputError where rows of one file say different things */
function withoutDoubles(path: string, all: readonly Entry[]): { entries: Entry[]; doubles: Entry[] } {
  const byFile = new Map<string, Entry>();
  const doubles: Entry[] = [];
  const said = ({ names, split, group }: Entry): string => JSON.stringify([[...names].sort(), split, group]);
  for (const entry of all) {
    const first = byFile.get(entry.file);
    if (!first) byFile.set(entry.file, entry);
    else if (said(first) === said(entry)) doubles.push(entry);
    else
      throw new InputError(
        `${path}: lines ${first.line} and ${entry.line} list ${shown(entry.file)} with ${difference(first, entry)}; ` +
          "keep one row for each file (several labels of a picture go into one row, in a column 'labels')",
      );
  }
  return { entries: [...byFile.values()], doubles };
}

function difference(a: Entry, b: Entry): string {
  if (a.split !== b.split) return `the splits ${a.split} and ${b.split}`;
  if (a.group !== b.group) return `the groups ${shown(a.group ?? 'none')} and ${shown(b.group ?? 'none')}`;
  const [first, second] = [a, b].map(({ names }) => shown(names.join(', ')) || 'no label');
  return `the labels ${first} and ${second}`;
}

interface LostEntry extends Entry {
  why: string;
}

/** The entries whose files are there, in their order. */
async function thoseThere(all: readonly Entry[]): Promise<{ entries: Entry[]; lost: LostEntry[] }> {
  const entries: Entry[] = [];
  const lost: LostEntry[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const some = all.slice(from, from + AT_ONCE);
    const reasons = await Promise.all(some.map(({ file }) => whyNot(file)));
    for (const [index, why] of reasons.entries())
      if (why === null) entries.push(some[index]!);
      else lost.push({ ...some[index]!, why });
  }
  return { entries, lost };
}

/** Why a file cannot be a picture, without its name; null where it may be. */
async function whyNot(file: string): Promise<string | null> {
  try {
    const found = await stat(file);
    return found.isFile() ? null : `is ${kindOf(found)}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? 'is not there'
      : `cannot be read: ${systemReason(error)}`;
  }
}

const unusedNote = (path: string, unused: readonly string[]): string[] =>
  unused.length === 0
    ? []
    : [
        `${path}: ${unused.length === 1 ? 'column' : 'columns'} ${listed(unused)} ${unused.length === 1 ? 'is' : 'are'} not used`,
      ];

/** Where a class looks like several. */
function hintOfSeparators({ path, header, rows }: Table, { labels }: Columns): string[] {
  if (labels.kind !== 'class') return [];
  const { at } = labels;
  const first = rows.find(({ cells }) => /[|;]/.test(cells[at]!));
  if (!first) return [];
  return [
    `${path}, line ${first.line}: '${shown(first.cells[at]!)}' is taken for one class; if it is several labels, call the column 'labels' in place of '${shown(header[at]!)}'`,
  ];
}

const doublesNote = (path: string, doubles: readonly Entry[]): string[] =>
  doubles.length === 0
    ? []
    : [
        `${path}: ${doubles.length} ${doubles.length === 1 ? 'row lists a file' : 'rows list files'} a second time and ${doubles.length === 1 ? 'is' : 'are'} left out: ${doubles
          .slice(0, NAMED_IN_NOTES)
          .map(({ line }) => `line ${line}`)
          .join(', ')}${doubles.length > NAMED_IN_NOTES ? ', …' : ''}`,
      ];

function lostNote(path: string, lost: readonly LostEntry[]): string[] {
  if (lost.length === 0) return [];
  const some = lost.slice(0, NAMED_IN_NOTES).map(({ line, file, why }) => `line ${line}: ${file} ${why}`);
  const more = lost.length > some.length ? `, and ${lost.length - some.length} more` : '';
  return [
    `${path}: ${lost.length} ${lost.length === 1 ? 'picture is' : 'pictures are'} left out: ${some.join('; ')}${more}`,
  ];
}
