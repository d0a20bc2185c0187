/**
 * Tuning records on a disk:
 *
 *   ~/.cache/tessera/tuning/            below TESSERA_CACHE where that names another folder
 *     SHA-256.json                      of what a record is of: adapter, driver, Dawn, the kernels' source, traits, system
 *
 * Another driver or another kernel is another name, so that a record is never used for what it was not measured on. What a
 * file holds is checked like any other from outside; one that does not pass is left aside, and that is said.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adapterFacts, type Device } from '../../gpu/index.ts';
import { cacheFolder } from '../../node/cache-folder.ts';
import { bytesIfThere, ifThere, writeWhole } from '../../node/files.ts';
import { versions } from '../../node/versions.ts';
import { merged, type TunedOn, type TuningRecord, tuningRecordOf, type Won } from '../record.ts';

const NAME = /^[0-9a-f]{64}\.json$/;
const MOST_BYTES = 8 * 2 ** 20;

/** What decides how kernels run, and is no trait: the kernels, and what makes programs of them. */
const SOURCES = ['kernels', 'gpu/program.ts', 'gpu/pipelines.ts', 'gpu/traits.ts'];

/** The folder of all records. */
export const tuningFolder = (): string => join(cacheFolder(), 'tuning');

/** What a record of this device is of. */
export function tunedOn(device: Pick<Device, 'info' | 'traits' | 'features'>): TunedOn {
  const { webgpu, system } = versions();
  const { adapter, ...rest } = adapterFacts(device);
  return {
    adapter: adapter[0]!,
    driver: device.info.description,
    dawn: `webgpu ${webgpu}`,
    kernels: kernelsHash(),
    surroundings: sha256(JSON.stringify({ adapter, ...rest, system })),
  };
}

const pathOf = (folder: string, of: TunedOn): string => join(folder, `${sha256(JSON.stringify(of))}.json`);

/**
 * The record of this device; null where there is none.
 * @param note told of a file that is not used, in a sentence
 */
export async function readTuning(
  device: Pick<Device, 'info' | 'traits' | 'features'>,
  note: (sentence: string) => void,
  folder = tuningFolder(),
): Promise<TuningRecord | null> {
  try {
    // Where no record is anywhere nothing has to be hashed.
    if ((await keptTuning(folder)).length === 0) return null;
  } catch (error) {
    note(`No tuning record is used: ${(error as Error).message}`);
    return null;
  }
  const of = tunedOn(device);
  return readAt(pathOf(folder, of), of, note);
}

/** The record in a file; null where there is none that can be used, with a sentence. */
async function recordAt(
  path: string,
  note: (sentence: string) => void,
  check: (record: TuningRecord) => void = () => undefined,
): Promise<TuningRecord | null> {
  try {
    const bytes = await bytesIfThere(path, MOST_BYTES);
    if (!bytes) return null;
    const record = tuningRecordOf(new TextDecoder().decode(bytes), 'it');
    check(record);
    return record;
  } catch (error) {
    note(`The tuning record ${path} is not used: ${(error as Error).message}`);
    return null;
  }
}

const readAt = (path: string, of: TunedOn, note: (sentence: string) => void): Promise<TuningRecord | null> =>
  recordAt(path, note, (record) => {
    for (const [name, value] of Object.entries(of))
      if (record.of[name as keyof TunedOn] !== value)
        throw new RangeError(`it is of another ${name === 'kernels' ? 'source of the kernels' : name}`);
  });

/** A record that holds nothing yet. */
export const emptyTuning = (of: TunedOn): TuningRecord => ({
  format: 'tessera-tuning',
  version: 1,
  of,
  choices: {},
});

/**
 * Adds what was measured to what the file holds by now, so that two commands that tune at once lose nothing but a race for the
 * same moment.
 * @returns the path
 * @throws WriteError, a sentence
 */
export async function saveTuning(
  of: TunedOn,
  found: ReadonlyMap<string, Won | null>,
  folder = tuningFolder(),
): Promise<string> {
  const path = pathOf(folder, of);
  const before = await readAt(path, of, () => undefined);
  const record = merged(before ?? emptyTuning(of), found);
  await writeWhole(path, `${JSON.stringify(record, null, 1)}\n`);
  return path;
}

/** Removes all records. @returns how many there were */
export async function clearTuning(folder = tuningFolder()): Promise<number> {
  const names = await keptTuning(folder);
  for (const name of names) await rm(join(folder, name), { force: true });
  return names.length;
}

/** Names of the files of all records. */
export async function keptTuning(folder = tuningFolder()): Promise<string[]> {
  return ((await ifThere(folder, readdir(folder))) ?? []).filter((name) => NAME.test(name));
}

/**
 * Records of this adapter that are of other kernels, another driver or another Dawn: nothing uses them.
 * @param note told of a file that cannot be read, or is no record, in a sentence
 */
export async function staleTuning(
  of: TunedOn,
  note: (sentence: string) => void,
  folder = tuningFolder(),
): Promise<TunedOn[]> {
  const stale: TunedOn[] = [];
  for (const name of await keptTuning(folder)) {
    const path = join(folder, name);
    if (path === pathOf(folder, of)) continue;
    const record = await recordAt(path, note);
    if (record?.of.adapter === of.adapter) stale.push(record.of);
  }
  return stale;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let hashed: string | null = null;

/** SHA-256 of the kernels' source, as it lies beside this file. */
function kernelsHash(): string {
  if (hashed !== null) return hashed;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const hash = createHash('sha256');
  for (const source of SOURCES)
    for (const path of filesIn(root, source)) hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  hashed = hash.digest('hex');
  return hashed;
}

/** The files at or below a path, in one order on every system. */
function filesIn(root: string, path: string): string[] {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(join(root, path), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const within = `${path}/${entry.name}`;
      return entry.isDirectory() ? filesIn(root, within) : [within];
    });
}
