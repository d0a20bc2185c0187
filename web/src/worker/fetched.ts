/**
 * Weights that ship with the page: fetched once, with their progress, held against the catalog's hash, and kept by it
 * (Cache API), so that the next visit reads them from the disk and needs no network.
 */
import type { Fetched } from '../contract.ts';

const CACHE = 'tessera-weights';

/** In hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The file at `url`, whose SHA-256 is `hash`.
 * @throws Error, a sentence, where it does not come or is another file
 */
export async function fetchedOnce(
  url: string,
  hash: string,
  onProgress: (fetched: Fetched) => void,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = new URL(`?sha256=${hash}`, url).href;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(key);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if ((await sha256(bytes)) === hash) return bytes;
    await cache.delete(key);
  }
  const bytes = await download(url, onProgress, signal);
  const found = await sha256(bytes);
  if (found !== hash)
    throw new Error(
      `the weights at ${url} are not those that this page was built for (SHA-256 ${found.slice(0, 8)}…, not ${hash.slice(0, 8)}…); build the page anew`,
    );
  // Where there is no room the page works all the same, and fetches again at the next visit.
  await cache.put(key, new Response(bytes)).catch((error: unknown) => {
    if (!(error instanceof DOMException && error.name === 'QuotaExceededError')) throw error;
  });
  return bytes;
}

async function download(
  url: string,
  onProgress: (fetched: Fetched) => void,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(url, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new Error(`the weights cannot be fetched: ${error instanceof Error ? error.message : error}`);
  });
  if (!answer.ok)
    throw new Error(`the weights cannot be fetched: ${url} answers ${answer.status} ${answer.statusText}`);
  const total = Number(answer.headers.get('content-length') ?? 0);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = answer.body!.getReader();
  for (let piece = await reader.read(); piece.value; piece = await reader.read()) {
    pieces.push(piece.value);
    done += piece.value.length;
    onProgress({ done, total });
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
