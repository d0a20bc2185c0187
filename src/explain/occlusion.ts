/**
 * Occlusion: what a network no longer finds when a part of the picture is hidden (Zeiler & Fergus 2014, "Visualizing and
 * Understanding Convolutional Networks", section 4.2, https://arxiv.org/abs/1311.2901).
 *
 *   map[i, j] = relu(p_c − p_c where a square around place (i, j) is hidden)        p_c the probability of class c
 *
 * The square has the mean colour of the pictures that the network was trained on, which is 0 in its input. It slides over
 * the picture with a stride, its centre in the middle of each cell of the map, and reaches over the edge at the border. It
 * knows nothing of the network but its answers, and takes a forward pass for each place.
 */

import type { Task } from '../data/sample.ts';
import type { Model } from '../nn/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../tensor/index.ts';
import { checkedClasses, likeliest, probabilityRows } from './classes.ts';
import { type Explanation, normaliseMaps } from './heatmap.ts';
import { observing } from './observing.ts';

export interface OcclusionOptions {
  /** The class of each picture's map; by default the one that the network takes it for. */
  classes?: ArrayLike<number>;
  /** What the network is asked: 'labels' where several may hold of a picture. Default 'classes'. */
  task?: Task;
  /** Side of the hidden square in pixels of the network's input; by default a quarter of the picture's. */
  size?: number;
  /** How far it moves at a time, in pixels; by default half of its side. */
  stride?: number;
  /** Pictures in a forward pass. Default 16. */
  batchSize?: number;
  /** Called after each forward pass with how many hidden pictures are done, and of how many; `false` ends it early. */
  onBatch?: (done: number, total: number) => boolean | undefined;
}

/**
 * The occlusion map of each of the pictures [N, H, W, 3], which are normalised as the network wants them:
 * [N, ⌈H / stride⌉, ⌈W / stride⌉], with the defaults 8 × 8 and so 64 forward passes a picture. The model stays as it is.
 * Null where `onBatch` ended it early.
 * @throws RangeError for a class that the network does not have, and for a square or a stride that the picture has no room
 * for
 */
export async function occlusion(
  model: Model,
  images: Tensor,
  options: OcclusionOptions = {},
): Promise<Explanation | null> {
  const [count, height, width] = images.shape as [number, number, number, number];
  const side = Math.min(height, width);
  const { size = Math.max(1, Math.round(side / 4)), batchSize = 16, task = 'classes', onBatch } = options;
  const { stride = Math.max(1, Math.round(size / 2)) } = options;
  checkWhole('size', size, side);
  checkWhole('stride', stride, side);
  checkWhole('batchSize', batchSize, Number.MAX_SAFE_INTEGER);
  const chosen = options.classes && checkedClasses('occlusion', model, images, options.classes);
  const probabilities = await answers(model, images, task);
  const classes = chosen ?? likeliest(probabilities, model.numClasses);

  const pictures = (await images.data()) as Float32Array;
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const places = rows * columns;
  const maps = new Float32Array(count * places);
  const pictureOf = (job: number): number => Math.floor(job / places);
  for (let from = 0; from < maps.length; from += batchSize) {
    const length = Math.min(batchSize, maps.length - from);
    const values = height * width * 3;
    const hidden = new Float32Array(length * values);
    for (let i = 0; i < length; i++) {
      const picture = pictureOf(from + i);
      const place = (from + i) % places;
      const copy = hidden.subarray(i * values, (i + 1) * values);
      copy.set(pictures.subarray(picture * values, (picture + 1) * values));
      const [top, bottom] = span(Math.floor(place / columns), rows, height, size);
      const [left, right] = span(place % columns, columns, width, size);
      for (let y = top; y < bottom; y++) copy.fill(0, 3 * (y * width + left), 3 * (y * width + right));
    }
    const x = tensor(hidden, [length, height, width, 3], { device: images.device });
    const found = await answers(model, x, task);
    x.dispose();
    for (let i = 0; i < length; i++) {
      const index = classes[pictureOf(from + i)]!;
      const before = probabilities[pictureOf(from + i) * model.numClasses + index]!;
      maps[from + i] = Math.max(0, before - found[i * model.numClasses + index]!);
    }
    if (onBatch?.(from + length, maps.length) === false) return null;
  }
  const strengths = normaliseMaps(maps, places);
  return { maps, height: rows, width: columns, strengths, classes, probabilities };
}

function checkWhole(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? 'of at least 1' : `from 1 to the picture's side, ${most}`;
  throw new RangeError(`occlusion: ${name} is a whole number ${range}, not ${value}`);
}

/** What the network answers to pictures, as probabilities [N, classes]. */
async function answers(model: Model, images: Tensor, task: Task): Promise<Float32Array> {
  const logits = observing(model, () => noGrad(() => scope(() => model.forward(images))));
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return probabilityRows(values, model.numClasses, task);
}

/** What a square of `size` hides of an axis of `length`, its centre in the middle of one of the `cells` of the map. */
function span(cell: number, cells: number, length: number, size: number): [from: number, to: number] {
  const from = Math.round((length * (cell + 0.5)) / cells - size / 2);
  return [Math.max(0, from), Math.min(length, from + size)];
}
