/** Counts what a device creates. */
import type { Device, Made } from '../../src/gpu/index.ts';

/** Counts what is created from now on, of the kinds named (all without): call the result for the number so far. */
export function countCreated(device: Device, ...kinds: readonly Made[]): () => number {
  let created = 0;
  device.observe({
    make(what) {
      if (kinds.length === 0 || kinds.includes(what)) created++;
    },
  });
  return () => created;
}
