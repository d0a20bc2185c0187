/** Weights over the network, as browsers have them: `fetch` for addresses, and an address for the folder of weights. */
import { CONFIGURED_FILES } from './config.ts';
import type { WeightsFiles } from './door.ts';

/** Bytes of a file, at most: what a server announces is not believed, and one that never ends is left. */
const MOST_BYTES = 2 ** 31 - 1;

async function boundedBytes(answer: Response, url: URL): Promise<Uint8Array> {
  const tooLarge = new Error(`${url} sends more than ${MOST_BYTES} bytes, the most that are read`);
  if (Number(answer.headers.get('content-length')) > MOST_BYTES) throw tooLarge;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = answer.body?.getReader();
  for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) {
    length += piece.value.length;
    pieces.push(piece.value);
    if (length > MOST_BYTES) {
      await reader?.cancel();
      throw tooLarge;
    }
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** @param folder the address of the folder of weights, relative to `base` (the page) */
export function webFiles(folder: string | URL, base: string | URL = globalThis.location?.href): WeightsFiles {
  const place = new URL(folder, base);
  const bytesAt = async (url: URL): Promise<Uint8Array | null> => {
    const answer = await fetch(url);
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${url} answered ${answer.status} ${answer.statusText}`);
    return boundedBytes(answer, url);
  };
  return {
    file: async (path) => (path.endsWith('/') ? `${path}${CONFIGURED_FILES[0]}` : path),
    beside: (path, name) => bytesAt(new URL(name, new URL(path, base))),
    async read(path) {
      const url = new URL(path, base);
      const bytes = await bytesAt(url);
      if (!bytes) throw new Error(`there is no weights file ${url}`);
      return bytes;
    },
    inFolder: (file) => bytesAt(new URL(file, place.href.endsWith('/') ? place : `${place.href}/`)),
  };
}
