/** Small pictures for a page, whatever the network's input was: the middle square of each, 192 pixels wide. */
import { loadBatches } from '../../data/node/loader.ts';
import type { Preprocessing } from '../../data/transforms.ts';
import { jpegOf } from '../examples.ts';

const SIDE = 192;
const AS_IT_IS: Preprocessing = {
  inputSize: SIDE,
  resizeSize: SIDE,
  interpolation: 'bilinear',
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** JPEGs by file; a picture that cannot be read (any more) has none. */
export async function thumbnails(files: readonly string[]): Promise<Map<string, Uint8Array>> {
  const drawn = new Map<string, Uint8Array>();
  const samples = files.map((file) => ({ file, label: 0 }));
  const options = { batchSize: 8, preprocessing: AS_IT_IS, onUnreadable: () => undefined };
  for await (const { images, samples: read } of loadBatches(samples, options))
    for (const [index, { file }] of read.entries()) {
      const values = images.subarray(index * SIDE * SIDE * 3, (index + 1) * SIDE * SIDE * 3);
      const pixels = Uint8Array.from(values, (value) => Math.round(255 * value));
      drawn.set(file, await jpegOf({ width: SIDE, height: SIDE, pixels }));
    }
  return drawn;
}
