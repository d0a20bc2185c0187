/**
 * What the folders at the top of a data set are: splits (`train/`, `val/`, `test/` in any usual spelling) or classes.
 * A folder is only taken for a split where it holds folders of pictures itself, so that a class may be called train;
 * where neither reading is clear, the sentence asks.
 */
import { join } from 'node:path';
import { InputError } from '../../text/input-error.ts';
import { type Found, listFolder, listPictures } from './walk.ts';

export type Split = 'train' | 'val' | 'test';

/** What is in a folder can be measured on, perhaps, and is no data set to train on. */
export class NotTrainable extends InputError {}

const WORDS: readonly [split: Split, word: RegExp][] = [
  ['train', /^(?:train|training|trn)$/],
  ['val', /^(?:val|valid|validation|validate|dev|development|eval|evaluation)$/],
  ['test', /^(?:test|testing|tst|holdout|heldout)$/],
];
/** What stands beside the word in names such as `test_set`, `trainImages`, `train2017`. */
const FILLERS = /^(?:set|data|dataset|images?|imgs?|pictures?|photos?|split|folder)$/;

/** The words of a name, in lower case: `Train-Images2` → train, images. */
const wordsOf = (name: string): string[] =>
  name
    .normalize('NFC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter(Boolean);

/** Which split a name stands for; null for none. `surely` where nothing else is in it. */
export function splitNamed(name: string): { split: Split; surely: boolean } | null {
  const words = wordsOf(name);
  const splits = WORDS.filter(([, word]) => words.some((one) => word.test(one)));
  if (splits.length !== 1 || words.length > 3) return null;
  const [split, word] = splits[0]!;
  return { split, surely: words.every((one) => word.test(one) || FILLERS.test(one)) };
}

/** A folder with what lies in it. */
interface Top {
  name: string;
  found: Found;
  /** Pictures that lie in it directly, and folders in it that hold pictures. */
  direct: number;
  folders: string[];
}

/** Where the pictures of each split lie, or the folder that holds the classes. */
export interface DataLayout {
  /** The folders of the splits; none of them where `root` holds the classes. */
  splits: Partial<Record<Split, string>>;
  /** The folder of the classes where there are no splits. */
  root: string | null;
  /** Sentences on what is not used, and why. */
  notes: string[];
}

/**
 * @throws Error, a sentence that asks, where the names are those of splits and no folders of classes lie in them, and where
 * some folders look like data sets beside others that look like classes
 */
export async function layoutOf(dir: string): Promise<DataLayout> {
  const { folders } = await listFolder(dir);
  const tops = (await Promise.all(folders.map((name) => topOf(dir, name)))).filter(
    ({ found }) => found.pictures.length > 0,
  );
  const empty = folders.filter((name) => !tops.some((top) => top.name === name));
  const splits = splitsAmong(tops);
  if (splits.length > 0) return splitLayout(dir, tops, splits, empty);

  const [only] = tops;
  if (tops.length === 1 && only!.direct === 0 && only!.folders.length > 1) {
    const inner = await layoutOf(join(dir, only!.name));
    const beside = empty.length > 0 ? `; ${listed(empty)} beside it ${holds(empty)} no pictures` : '';
    return { ...inner, notes: [`the pictures lie in ${join(dir, only!.name)}${beside}`, ...inner.notes] };
  }
  refuseBareSplits(dir, tops);
  refuseMixture(dir, tops);
  return { splits: {}, root: dir, notes: [] };
}

async function topOf(dir: string, name: string): Promise<Top> {
  const path = join(dir, name);
  const found = await listPictures(path).catch((error: Error) => ({
    pictures: [],
    ignored: [],
    nested: [],
    lost: [{ path, why: error.message }],
  }));
  const within = new Set(found.pictures.map((file) => file.slice(path.length + 1).split(/[/\\]/)));
  const parts = [...within];
  return {
    name,
    found,
    direct: parts.filter(({ length }) => length === 1).length,
    folders: [...new Set(parts.filter(({ length }) => length > 1).map(([first]) => first!))].sort(),
  };
}

/** The folders that are splits: a split's name, and folders of pictures in it. */
function splitsAmong(tops: readonly Top[]): { top: Top; split: Split; surely: boolean }[] {
  return tops.flatMap((top) => {
    const named = splitNamed(top.name);
    return named && top.direct === 0 && top.folders.length > 0 ? [{ top, ...named }] : [];
  });
}

function splitLayout(
  dir: string,
  tops: readonly Top[],
  splits: { top: Top; split: Split; surely: boolean }[],
  empty: readonly string[],
): DataLayout {
  const layout: DataLayout = { splits: {}, root: null, notes: [] };
  // The plainest name first: train before train_masks.
  const sorted = [...splits].sort(
    (a, b) => Number(b.surely) - Number(a.surely) || a.top.name.length - b.top.name.length,
  );
  for (const { top, split } of sorted) layout.splits[split] ??= join(dir, top.name);
  const used = WORDS.flatMap(([split]) => layout.splits[split] ?? []);
  const unused = tops.map(({ name }) => name).filter((name) => !used.includes(join(dir, name)));
  if (unused.length > 0)
    layout.notes.push(
      `${listed(unused.map((name) => `${name}/`))} in ${dir} ${unused.length === 1 ? 'holds pictures and is' : 'hold pictures and are'} ` +
        `not used, since ${listed(used.map((path) => path.slice(dir.length).replace(/^[/\\]/, '')).map((name) => `${name}/`))} ` +
        `${used.length === 1 ? 'is' : 'are'} taken for the split`,
    );
  if (empty.length > 0) layout.notes.push(`${listed(empty)} in ${dir} ${holds(empty)} no pictures`);
  return layout;
}

/** `Training/` and `Testing/` full of pictures: a network would learn to tell these folders apart. */
function refuseBareSplits(dir: string, tops: readonly Top[]): void {
  if (tops.length < 2 || !tops.every(({ name }) => splitNamed(name)?.surely)) return;
  throw new InputError(
    `${dir} holds ${listed(tops.map(({ name }) => name))}, which are names of splits, and their pictures lie in no class folders; ` +
      `put the pictures of each class into a folder of its own, such as ${join(dir, tops[0]!.name, 'cats')} and ${join(dir, tops[0]!.name, 'dogs')}`,
  );
}

/** A data set beside other folders: `dataset/cat`, `dataset/dog` and `docs/1.png`. */
function refuseMixture(dir: string, tops: readonly Top[]): void {
  const sets = tops.filter(({ direct, folders }) => direct === 0 && folders.length > 1);
  if (sets.length === 0 || sets.length === tops.length) return;
  const [set] = sets;
  const others = tops.filter((top) => !sets.includes(top)).map(({ name }) => name);
  throw new InputError(
    `${dir} holds ${set!.name}/, which looks like a data set of its own (${listed(set!.folders)}), beside ${listed(others)}; ` +
      `name ${join(dir, set!.name)} if those are the classes, or put the pictures of ${set!.name} directly into it if it is one`,
  );
}

const holds = (names: readonly string[]): string => (names.length === 1 ? 'holds' : 'hold');

/** `a`, `a and b`, `a, b, c and 4 more`. */
export function listed(names: readonly string[], most = 4): string {
  if (names.length === 0) return 'nothing';
  if (names.length === 1) return names[0]!;
  if (names.length > most) return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
