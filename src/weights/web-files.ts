/** Weights over the network, as browsers have them: `fetch` for addresses, and an address for the folder of weights. */
import type { WeightsFiles } from './door.ts';

/** @param folder the address of the folder of weights, relative to `base` (the page) */
export function webFiles(folder: string | URL, base: string | URL = globalThis.location?.href): WeightsFiles {
  const place = new URL(folder, base);
  const bytesAt = async (url: URL): Promise<Uint8Array | null> => {
    const answer = await fetch(url);
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${url} answered ${answer.status} ${answer.statusText}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  return {
    async read(path) {
      const url = new URL(path, base);
      const bytes = await bytesAt(url);
      if (!bytes) throw new Error(`there is no weights file ${url}`);
      return bytes;
    },
    inFolder: (file) => bytesAt(new URL(file, place.href.endsWith('/') ? place : `${place.href}/`)),
  };
}
