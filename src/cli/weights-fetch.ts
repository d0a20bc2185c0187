/**
 * `npm run weights -- fetch NAME`: from the catalog's addresses, or a mirror, into weights/. Resumed after a break, checked
 * before the file takes its place.
 */
import { existsSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBytes, reading, sameFile, statOrNull, writeWhole } from '../node/files.ts';
import { hashFile } from '../node/hash.ts';
import { shown } from '../text/shown.ts';
import { type Download, fileOf, filesOf, getEntry, type WeightsEntry } from '../weights/catalog/catalog.ts';
import { mostBytes, type Shipped } from '../weights/catalog/catalog-entry.ts';
import { heldInstead } from '../weights/expected.ts';
import { WeightsError } from '../weights/formats/error.ts';
import { DownloadError, DownloadStopped, download } from '../weights/node/download.ts';
import { checkUrl, showUrl } from '../weights/node/http.ts';
import { inspectFile } from '../weights/node/inspect.ts';
import { WEIGHTS_FOLDER } from '../weights/node/weights-files.ts';
import { commandLine } from './command-line.ts';
import {
  formatBytes,
  formatSeconds,
  onStop,
  type ProgressBar,
  printJson,
  progressBar,
  say,
  UserError,
} from './ui.ts';

/** A path as one would type it from here. */
export function fromHere(path: string): string {
  const near = relative(process.cwd(), path);
  return shown(near.startsWith('..') ? path : near);
}

/** The project's folder of weights. */
export const FOLDER = fileURLToPath(WEIGHTS_FOLDER);

/** Where the entry's file lies, or null. */
export function present(entry: WeightsEntry, folder: string): string | null {
  const paths = filesOf(entry).map((file) => join(entry.shipped ? FOLDER : folder, file));
  return paths.find((path) => existsSync(path)) ?? null;
}

export interface FetchOptions {
  /** Another address of the file, or of a folder with it. */
  from?: string;
  /** Where it goes. */
  folder: string;
  json?: boolean;
}

/** Fetches the weights called `name`, if they are not there. @returns the exit code */
export async function fetchWeights(name: string, { from, folder, json }: FetchOptions): Promise<number> {
  const entry = getEntry(name);
  if (entry.shipped) return fetchShipped(entry, entry.shipped, { from, folder, json });
  const there = await already(entry, folder);
  if (there) return report(entry, ...there, json);
  const stop = onStop('Stopping; once more stops at once.');
  try {
    const path = await firstThatWorks(entry, from, folder, stop.signal);
    return report(entry, path, 'is fetched', json);
  } catch (error) {
    if (!(error instanceof DownloadStopped)) throw error;
    const again = [
      'fetch',
      name,
      ...(from ? ['--from', from] : []),
      ...(folder === FOLDER ? [] : ['--out', folder]),
    ];
    const command = commandLine('weights', again);
    say(
      error.kept > 0
        ? `Stopped. What has arrived, ${formatBytes(error.kept)}, is kept: ${command} goes on from there.`
        : `Stopped; nothing has arrived that could be gone on from. ${command} begins again.`,
    );
    return stop.exitCode;
  } finally {
    stop.dispose();
  }
}

/** What ships is there already; into another folder it is copied. */
async function fetchShipped(
  entry: WeightsEntry,
  { file, sha256 }: Shipped,
  { from, folder, json }: FetchOptions,
): Promise<number> {
  if (from !== undefined) say(`${entry.name} comes with the project; nobody is asked for it.`);
  const source = join(FOLDER, file);
  if (!(await statOrNull(source)))
    throw new UserError(`weights/${file} is missing; it comes with the project: git checkout weights`);
  const target = join(folder, file);
  if (await sameFile(source, target)) return report(entry, source, 'comes with the project', json);
  if (await statOrNull(target)) {
    if ((await reading(target, hashFile(target))) === sha256)
      return report(entry, target, 'is there already, and whole', json);
    throw new UserError(`${target} is another file; remove it, or name another folder with --out`);
  }
  await writeWhole(target, await readBytes(source));
  return report(entry, target, `is copied from ${fromHere(source)}`, json);
}

/** The fetched or converted file, and what can be said of it, unless it is missing, damaged or another network's. */
async function already(entry: WeightsEntry, folder: string): Promise<[path: string, what: string] | null> {
  for (const file of filesOf(entry)) {
    const path = join(folder, file);
    if (!(await statOrNull(path))) continue;
    const one = entry.downloads.find((download) => fileOf(entry, download) === file);
    if (one?.sha256 && !(await reading(path, hashFile(path))).startsWith(one.sha256)) continue;
    const fault = await reading(path, faultOf(entry, path));
    if (fault)
      say(
        `${fromHere(path)} ${fault}; ${one ? 'it is fetched again' : 'remove it, or it is read all the same'}.`,
      );
    else if (!one) return [path, 'is there already, converted'];
    else if (one.sha256 !== null) return [path, 'is there already, and whole'];
    else return [path, 'is there already; the catalog has no hash to check it with'];
  }
  return null;
}

/** Why the file cannot be the entry's weights, by its structure, names and shapes; null where it can. */
async function faultOf(entry: WeightsEntry, path: string): Promise<string | null> {
  try {
    const { tensors, metadata } = await inspectFile(path, { hashes: false });
    const bytes = new Uint8Array();
    const named = new Map(tensors.map(({ name, dtype, shape }) => [name, { dtype, shape, bytes }]));
    const held = await heldInstead(entry.model, { tensors: named, metadata });
    return held && `holds ${held}`;
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    return `is no file of weights: ${error.message.replace(/\.$/, '')}`;
  }
}

/** An address, and the name of the file in the folder. */
interface Source extends Download {
  file: string;
}

function sourceOf(entry: WeightsEntry, one: Download): Source {
  return { ...one, file: fileOf(entry, one) };
}

/** Tries the entry's addresses one after the other, or the one that `from` names. */
async function firstThatWorks(
  entry: WeightsEntry,
  from: string | undefined,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const sources =
    from === undefined ? entry.downloads.map((one) => sourceOf(entry, one)) : [mirror(entry, from)];
  for (const [index, source] of sources.entries()) {
    try {
      return await fetchOne(entry, source, folder, signal);
    } catch (error) {
      if (!(error instanceof DownloadError) || index === sources.length - 1) throw error;
      say(`${error.message}.`);
      say(`Trying ${new URL(sources[index + 1].url).host} instead.`);
    }
  }
  throw new Error(`${entry.name} has no address`);
}

/** The file at another address: the folder's, under its own name, or the address itself. */
function mirror(entry: WeightsEntry, from: string): Source {
  const url = from.endsWith('/') ? `${from}${basename(entry.downloads[0].url)}` : from;
  const path = URL.canParse(url) ? new URL(url).pathname : url;
  const same = entry.downloads.find((one) => extname(one.url) === extname(path)) ?? entry.downloads[0];
  return { ...sourceOf(entry, same), url };
}

async function fetchOne(
  entry: WeightsEntry,
  { url, sha256, file }: Source,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const path = join(folder, file);
  const bar = transferBar(entry.name);
  const started = performance.now();
  const most = mostBytes(entry);
  let lengthKnown = true;
  if (checkUrl(url).protocol === 'http:') say(unprotected(url, sha256));
  try {
    const done = await download({
      url,
      sha256,
      path,
      signal,
      check: async (part) => {
        const fault = await faultOf(entry, part);
        if (fault) throw new DownloadError(`${showUrl(url)} ${fault}; nothing was kept`);
      },
      limits: { bytes: most },
      onNote: bar.note,
      onProgress: (received, total) => {
        if (total === null && lengthKnown)
          bar.note(`${showUrl(url)} does not say how long it is; ${formatBytes(most)} are taken at most.`);
        lengthKnown = total !== null;
        bar.update(received, total);
      },
    });
    bar.stop();
    say(
      `${formatBytes(done.bytes)} in ${formatSeconds((performance.now() - started) / 1000)}, SHA-256 ${done.sha256}`,
    );
    say(comparison(done.comparedWith, sha256, new URL(url).host, entry.model));
    return path;
  } finally {
    bar.stop();
  }
}

/** Bytes and their speed, and the share where the length is known. The bar appears with the first byte. */
function transferBar(label: string) {
  let bar: ProgressBar | null = null;
  let barTotal: number | null = null;
  let first: { bytes: number; time: number } | null = null;
  const stop = () => {
    bar?.stop();
    bar = null;
  };
  return {
    stop,
    note: (line: string) => (bar ? bar.note(line) : say(line)),
    update(received: number, total: number | null) {
      // Another try may bring another length, or one at last.
      if (total !== barTotal) stop();
      barTotal = total;
      bar ??= progressBar(label, total, undefined, formatBytes);
      // What an earlier run left has cost no time, and a server that starts again takes nothing back.
      first ??= { bytes: received, time: performance.now() };
      const seconds = Math.max((performance.now() - first.time) / 1000, 0.001);
      const speed = Math.round(Math.max(received - first.bytes, 0) / seconds);
      bar.update(received, `${formatBytes(speed)}/s`);
    },
  };
}

/** What vouches for a file over http, which anybody on its way can change. */
function unprotected(url: string, sha256: string | null): string {
  const remedy = 'take an https address where there is one';
  const check =
    sha256?.length === 64
      ? 'its whole SHA-256 is compared'
      : sha256 === null
        ? `the catalog has no hash that would tell; ${remedy}`
        : `${sha256.length} digits of its SHA-256 are all that the catalog has, which is no proof; ${remedy}`;
  return `Warning: ${showUrl(url)} comes over http, so anybody on the way can change it; ${check}.`;
}

function comparison(
  comparedWith: 'given' | 'server' | null,
  given: string | null,
  host: string,
  model: string,
): string {
  if (comparedWith === 'given')
    return given?.length === 64
      ? 'It is the file that the catalog names.'
      : `Its SHA-256 begins as the catalog says, which has ${given?.length} digits of it.`;
  if (comparedWith === 'server') return `It is the one that ${host} states; the catalog knows none.`;
  return `Neither the catalog nor the server states a hash to compare it with; its names and shapes are those of ${model}.`;
}

function report(entry: WeightsEntry, path: string, what: string, json: boolean | undefined): number {
  if (json) printJson({ ...entry, file: path });
  else process.stdout.write(`${fromHere(path)} ${what}. Licence: ${entry.licence} (${entry.source})\n`);
  return 0;
}
