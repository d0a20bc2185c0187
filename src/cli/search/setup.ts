/** What `search` does before it touches the GPU: settings, space, pictures, the folder; or what a search left in its own. */
import type { DataSet } from '../../data/sample.ts';
import { bytesIfThere, statOrNull, writeWhole } from '../../node/files.ts';
import { SearchFolder } from '../../search/node/search-folder.ts';
import { preprocessingOf } from '../../search/pictures.ts';
import { checkResult, PLAN, type Plan, type SearchResult, TARGET, type Target } from '../../search/result.ts';
import { spaceAround } from '../../search/scaling/grid.ts';
import { among, demand, object, optional, parseBounded, text } from '../../text/rules.ts';
import { CHOICES } from '../../train/choices.ts';
import { FOUND, PLANNED, type RunFolder } from '../../train/node/run-folder.ts';
import { type OpenedTeacher, readTeacher, teacherAgain } from '../../train/node/teacher.ts';
import type { Schooling } from '../../train/teacher.ts';
import { fingerprint, listFile, openData } from '../data-source.ts';
import { type Input, inputs } from '../inputs.ts';
import { claimed, newFolder, releasedOnFailure } from '../run-place.ts';
import { say, UserError } from '../ui.ts';
import { searchCommand } from './command.ts';
import type { SearchArgs } from './options.ts';
import { filesOfNetwork, openScaling } from './scaling.ts';
import { checkSettings, type SearchSettings, settingsOf } from './settings.ts';
import { adviseSpace, openSpace } from './space.ts';

/** What was measured and settled before the search began. */
export interface Planned {
  plan: Plan;
  target: Target;
  /** Rows of the tables of kernels that were chosen by measurement then, by the keys of problems. */
  choices?: Record<string, string> | undefined;
}

/** A search before its first step. */
export interface Setup {
  settings: SearchSettings;
  folder: RunFolder;
  store: SearchFolder;
  set: DataSet;
  /** Null where none is named. */
  teacher: OpenedTeacher | null;
  /** A hash of the names and labels of all pictures, those of test/ as well. */
  pictures: string;
  /** Null for a search that has not measured yet. */
  planned: Planned | null;
  /** Of a search that is finished. */
  found: SearchResult | null;
  /** The command that begins it, for people. */
  command: string;
  /** As they were typed. */
  options: SearchArgs;
}

/** A new search. Its folder is its own from here on. */
export async function newSearch(options: SearchArgs): Promise<Setup> {
  const scaling = await openScaling(options);
  const space = scaling ? spaceAround(scaling.table) : await openSpace(options);
  const settings = settingsOf(options, space, scaling);
  const set = await openClasses(settings);
  const advice = scaling ? null : await adviseSpace(options, space, set.train);
  if (advice) say(advice);
  const teacher =
    (options.teacher === undefined ? null : await readTeacher(options.teacher))?.of(askedOf(settings, set)) ??
    null;
  const command = searchCommand(options);
  const reads = await filesRead(options, teacher);
  const folder = await newFolder(options, { kind: 'search', command, reads });
  return {
    ...{ settings, folder, set, teacher, options },
    command: searchCommand({ ...options, overwrite: undefined, json: undefined }),
    store: new SearchFolder(folder),
    pictures: picturesHash(set, settings.data),
    planned: null,
    found: null,
  };
}

/** The files that a search begins with. */
async function filesRead(
  { data, network, space }: SearchArgs,
  teacher: OpenedTeacher | null,
): Promise<readonly Input[]> {
  return [
    ...listFile(data),
    ...inputs('what teaches', teacher?.files ?? []),
    ...inputs('the network that is scaled', network === undefined ? [] : await filesOfNetwork(network)),
    ...inputs('the space that is searched', space === undefined ? [] : [space]),
  ];
}

/**
 * A search that was stopped, or that is finished and is to have its report.
 * @param signal ends a wait for the process that still writes it
 */
export async function resumedSearch(options: SearchArgs, signal?: AbortSignal): Promise<Setup> {
  const path = options.resume!;
  if (!(await statOrNull(path)))
    throw new UserError(`there is no search ${path}; name the folder that \`search\` wrote`);
  const folder = await claimed(path, PLANNED, searchCommand(options), signal);
  return releasedOnFailure(folder, async () => {
    const { settings: saved, command, pictures, planned, taught } = await readPlan(folder);
    const found = await readFound(folder);
    const settings = { ...saved, data: options.data ?? saved.data };
    const set = await openClasses(settings);
    if (picturesHash(set, settings.data) !== pictures)
      throw new UserError(
        `the pictures in ${settings.data ?? 'the demo data'} are not those that the search began with, so it cannot go on; begin a new one, or name with --data where they are now`,
      );
    const kept = saved.teacher === null ? null : { name: saved.teacher, hash: taught };
    const teacher = found ? null : await teacherAgain(kept, options.teacher, 'search');
    const store = new SearchFolder(folder);
    await store.removeLeftovers();
    if (found) say(`The search in ${folder.path} is finished; its report is made again.`);
    else say(`Going on with the search in ${folder.path}.`);
    const taughtBy = teacher?.of(askedOf(settings, set)) ?? null;
    return {
      ...{ settings, folder, store, set, pictures, planned, found, command, options },
      teacher: taughtBy,
    };
  });
}

/** What a teacher is asked: opened before there is a device, so that where it cannot, nothing was waited for. */
const askedOf = ({ space }: SearchSettings, { classes }: DataSet): Schooling => ({
  classes,
  preprocessing: preprocessingOf(space),
});

const dataOf = ({ data, groupBy, seed, space }: SearchSettings) => ({
  ...{ data, groupBy, seed },
  size: space.inputSize,
});

/** The pictures of a search. @throws UserError where they have several labels: candidates are ranked by one class a picture */
async function openClasses(settings: SearchSettings): Promise<DataSet> {
  const set = await openData(dataOf(settings));
  if (set.task === 'labels')
    throw new UserError(
      `${settings.data} gives pictures several labels, and a search ranks networks by one class a picture; train a network on it, or give one class a row, in a column 'label'`,
    );
  return set;
}

/** `fingerprint`, of the held-out pictures too: they have the last word here. */
function picturesHash(set: DataSet, data: string | null): string {
  return `${fingerprint(set, data)}-${fingerprint({ ...set, train: set.test, val: [] }, data)}`;
}

/** Goes up when the version before would misread plan.json. */
const FORMAT = 1;
const MOST_BYTES = 2 ** 26;

/** Writes plan.json, with which the search begins: what was in the folder before goes. */
export async function writePlan(
  {
    folder,
    command,
    settings,
    pictures,
    teacher,
  }: Pick<Setup, 'folder' | 'command' | 'settings' | 'pictures' | 'teacher'>,
  { plan, target, choices }: Planned,
): Promise<void> {
  const taught = teacher?.hash;
  const document = { format: FORMAT, command, settings, pictures, taught, target, plan, choices };
  await writeWhole(await folder.place(PLANNED), `${JSON.stringify(document, null, 2)}\n`);
  await folder.settle();
}

/** What plan.json holds, beside the settings, which are checked by themselves. */
const DOCUMENT = object({
  format: among([FORMAT]),
  command: text(100_000),
  pictures: text(1000),
  /** The hash of what teaches; plans from before it was kept do not say. */
  taught: optional(text(1000)),
  target: TARGET,
  plan: PLAN,
  choices: optional(CHOICES),
});

async function readPlan(
  folder: RunFolder,
): Promise<Pick<Setup, 'settings' | 'command' | 'pictures' | 'planned'> & { taught?: string }> {
  return read(await folder.place(PLANNED), (value) => {
    demand(DOCUMENT, value, 'the plan');
    const { settings, target, plan, choices, ...rest } = value as Planned &
      Record<'command' | 'pictures', string> & { settings: unknown; taught?: string };
    return { ...rest, settings: checkSettings(settings), planned: { plan, target, choices } };
  });
}

/** The result of a finished search; null where it is not. */
async function readFound(folder: RunFolder): Promise<SearchResult | null> {
  const path = await folder.place(FOUND);
  if (!(await statOrNull(path))) return null;
  const result = await read(path, checkResult);
  return result.finished ? result : null;
}

/** What a file of JSON holds. @throws UserError, a sentence that names it, where `take` finds it out of range */
async function read<T>(path: string, take: (value: unknown) => T): Promise<T> {
  const bytes = await bytesIfThere(path, MOST_BYTES);
  if (!bytes) throw new UserError(`there is no file ${path}`);
  try {
    return take(parseBounded(new TextDecoder().decode(bytes), 'it'));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`${path} is damaged: ${error.message}; take a copy of it, or begin the search anew`, {
      cause: error,
    });
  }
}
