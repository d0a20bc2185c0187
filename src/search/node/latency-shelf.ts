/**
 * Latency tables on a disk, so that the next search on the same adapter need not measure:
 *
 *   ~/.cache/tessera/latencies/         below TESSERA_CACHE where that names another folder
 *     SHA-256.json                      of all that a latency depends on: adapter, driver, versions, traits, the rows that a
 *                                       tuning record chooses, batch, pieces
 *
 * What a file holds is checked like any other from outside, and it must have every piece of the space. Where it is damaged, or
 * the disk refuses, that is said and the table is measured.
 */
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { adapterFacts, type Device, listedChoices } from '../../gpu/index.ts';
import { cacheFolder } from '../../node/cache-folder.ts';
import { bytesIfThere, ifThere, writeWhole } from '../../node/files.ts';
import { versions } from '../../node/versions.ts';
import { demand, parseBounded } from '../../text/rules.ts';
import { type LatencyOptions, latencyWarning, measureLatencies } from '../cost/latency.ts';
import { piecesOf, STEM } from '../cost/pieces.ts';
import { LATENCY, type LatencyTable } from '../result.ts';
import type { SearchSpace } from '../space.ts';

/** Changes where tables are measured in another way, or kernels have become others without a new version. */
const FORMAT = 1;

const NAME = /^[0-9a-f]{64}\.json$/;
const MOST_BYTES = 2 ** 20;

/** The folder of all tables. */
export const latencyFolder = (): string => join(cacheFolder(), 'latencies');

export interface KeptLatencyOptions extends LatencyOptions {
  /** Default: `latencyFolder()`. */
  folder?: string;
  /** Told what does not work, or was damaged. */
  note?: (sentence: string) => void;
  /** What measures. Default: `measureLatencies`. */
  measure?: typeof measureLatencies;
}

/**
 * The table of a space on this adapter: the one that is kept, else measured now and kept, unless it predicts badly
 * (`latencyWarning`) or the device has kernels chosen by a function, which no name can hold.
 * @throws as `measureLatencies`
 */
export async function latenciesFor(
  device: Device,
  space: SearchSpace,
  { folder = latencyFolder(), note, measure = measureLatencies, ...options }: KeptLatencyOptions,
): Promise<LatencyTable> {
  const path = join(folder, nameFor(device, space, options));
  const nameable = listedChoices(device.choices) !== null;
  const kept = nameable ? await keptTable(path, space, options, note) : null;
  if (kept) return kept;
  const table = await measure(device, space, options);
  if (nameable && !latencyWarning(table))
    await writeWhole(path, JSON.stringify(table)).catch((error: Error) =>
      note?.(`The latency table is not kept for the next search: ${error.message}`),
    );
  return table;
}

/** Removes all tables. @returns how many there were */
export async function clearLatencies(folder = latencyFolder()): Promise<number> {
  const names = await keptLatencies(folder);
  for (const name of names) await rm(join(folder, name), { force: true });
  return names.length;
}

/** Names of the files of all tables. */
export async function keptLatencies(folder = latencyFolder()): Promise<string[]> {
  return ((await ifThere(folder, readdir(folder))) ?? []).filter((name) => NAME.test(name));
}

async function keptTable(
  path: string,
  space: SearchSpace,
  { batch = 1, classes }: LatencyOptions,
  note: KeptLatencyOptions['note'],
): Promise<LatencyTable | null> {
  try {
    const bytes = await bytesIfThere(path, MOST_BYTES);
    if (!bytes) return null;
    const place = 'the table';
    const table = parseBounded(new TextDecoder().decode(bytes), place) as LatencyTable;
    demand(LATENCY, table, place);
    const missing = piecesOf(space, classes).find(
      ({ key }) => key !== STEM && !Object.hasOwn(table.blocks, key),
    );
    if (table.batch !== batch || table.inputSize !== space.inputSize || missing)
      throw new RangeError(`it is of another space than ${space.name}`);
    return table;
  } catch (error) {
    note?.(`The kept latency table ${path} is not taken, and measured again: ${(error as Error).message}`);
    return null;
  }
}

/** The name of a table's file: a hash of all that it depends on. */
function nameFor(device: Device, space: SearchSpace, { batch = 1, classes }: LatencyOptions): string {
  const { stem, head, activation, inputSize } = space;
  const { tessera, webgpu, system } = versions();
  const facts = {
    format: FORMAT,
    versions: { tessera, webgpu, system },
    ...adapterFacts(device),
    tuned: listedChoices(device.choices),
    surroundings: { stem, head, activation, inputSize, batch, classes },
    pieces: piecesOf(space, classes).map(({ key }) => key),
  };
  return `${createHash('sha256').update(JSON.stringify(facts)).digest('hex')}.json`;
}
