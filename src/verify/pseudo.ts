/**
 * Pseudo-random numbers from one stated formula, computed bit for bit alike here and in
 * test/reference/pseudo.py, so that a fixture names its inputs instead of storing them.
 *
 *   key        = FNV-1a of the UTF-8 bytes of the name, 32 bits
 *   mix(h)     = h ^= h >>> 16; h *= 0x7feb352d; h ^= h >>> 15; h *= 0x846ca68b; h ^= h >>> 16
 *   bits(i)    = mix(mix(i) + key)                      (all modulo 2^32)
 *   value(i)   = (bits(i) >>> 8) / 2^23 - 1             in [-1, 1), exact in float32
 *
 * `mix` is Chris Wellons' "lowbias32" (https://nullprogram.com/blog/2018/07/31/).
 */
import { sizeOf } from '../tensor/index.ts';

/** 32-bit FNV-1a hash of the UTF-8 bytes of `name`. */
function nameKey(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The first `count` numbers of the stream called `name`: uniform in [-1, 1), exact in float32. */
export function pseudo(name: string, count: number): Float32Array<ArrayBuffer> {
  const key = nameKey(name);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = (mix((mix(i) + key) | 0) >>> 8) / 2 ** 23 - 1;
  return values;
}

/**
 * How a fixture's input is made from u in [-1, 1):
 * `offset + scale * u` rounded to float32, or, where `levels` is given,
 * `offset + scale * floor(levels * (u + 1) / 2)`: few distinct values, hence ties, labels and 8-bit pixels.
 */
export type Fill = { scale?: number; offset?: number; levels?: number };

/** The stream `name`, shaped by `fill`. */
export function pseudoFill(name: string, count: number, fill: Fill = {}): Float32Array<ArrayBuffer> {
  const { scale = 1, offset = 0, levels } = fill;
  const values = pseudo(name, count);
  // Assigning to a Float32Array rounds once, as numpy's astype(float32) of the same double does.
  for (let i = 0; i < count; i++) {
    const u = values[i];
    values[i] = offset + scale * (levels === undefined ? u : Math.floor((levels * (u + 1)) / 2));
  }
  return values;
}

/**
 * A batch of pictures [n, h, w, c], `2 * coarse + fine`: blocks of 8×8 pixels under noise. Noise alone would
 * average out in a network, and its logits would hardly depend on the picture.
 */
export function pseudoPictures(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const [n = 0, h = 0, w = 0, c = 0] = shape;
  const [rows, columns] = [Math.ceil(h / 8), Math.ceil(w / 8)];
  const coarse = pseudo(`${name}/coarse`, n * rows * columns * c);
  const values = pseudo(`${name}/fine`, n * h * w * c);
  for (let i = 0; i < values.length; i++) {
    const channel = i % c;
    const x = Math.floor(i / c) % w;
    const y = Math.floor(i / (c * w)) % h;
    const block = ((Math.floor(i / (c * w * h)) * rows + (y >> 3)) * columns + (x >> 3)) * c + channel;
    values[i] += 2 * coarse[block];
  }
  return values;
}

/** What a fixture chooses in `pseudoState`. */
export interface StateOptions {
  /** Scale of batch norms. */
  gain: number;
  /** Scale of the batch norm that closes a residual branch: small, so that a sum of 50 branches does not grow. */
  lastGain: number;
  /** Offset of batch norms from zero, downwards for every fourth channel. */
  shift: number;
}

/**
 * All parameters and buffers of a model by their torchvision names, from their shapes in PyTorch's layout, values
 * in that layout's order. With u from the stream of that name and g = gain (lastGain on a branch's last norm):
 *
 *   convolution and linear weights   sqrt(6 / fanIn) * u       Kaiming's uniform bound, fanIn = size / shape[0]
 *   their biases                     u / 8
 *   batch norm                       weight g * (1 + u / 4), bias g * (u / 8 ± shift)
 *   running_mean, running_var        u / 8,  1 + u / 2
 *   num_batches_tracked              0
 */
export function pseudoState(
  shapes: ReadonlyMap<string, readonly number[]>,
  { gain, lastGain, shift }: StateOptions,
): Map<string, Float32Array<ArrayBuffer>> {
  const last = lastNorms(shapes.keys());
  const state = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, shape] of shapes) {
    const count = sizeOf(shape);
    const layer = name.slice(0, name.lastIndexOf('.'));
    const kind = name.slice(layer.length + 1);
    const unit = last.has(`${layer}.weight`) ? lastGain : gain;
    let values: Float32Array<ArrayBuffer>;
    if (kind === 'num_batches_tracked') values = new Float32Array(count);
    else if (kind === 'running_var') values = pseudoFill(name, count, { offset: 1, scale: 0.5 });
    else if (kind === 'running_mean') values = pseudoFill(name, count, { scale: 1 / 8 });
    else if (!shapes.has(`${layer}.running_var`)) {
      const bound = Math.fround(Math.sqrt(6 / (count / shape[0])));
      values = pseudoFill(name, count, { scale: kind === 'bias' ? 1 / 8 : bound });
    } else if (kind === 'weight') values = pseudoFill(name, count, { offset: unit, scale: unit / 4 });
    else values = pseudo(name, count).map((u, i) => unit * (u / 8 + (i % 4 === 3 ? -shift : shift)));
    state.set(name, values);
  }
  return state;
}

/**
 * Names of the batch-norm weights that close a residual branch: `bn3`, or `bn2` where a ResNet block has
 * no `bn3`; in EfficientNet the projection of each MBConv that has a shortcut, which every block of a stage has
 * but the first.
 */
function lastNorms(names: Iterable<string>): Set<string> {
  const last = new Map<string, [position: number, name: string]>();
  for (const name of names) {
    const match =
      /^(layer\d\.\d+)\.bn(\d)\.weight$/.exec(name) ??
      /^(features\.\d+\.[1-9]\d*\.block)\.(\d)\.1\.weight$/.exec(name);
    if (!match) continue;
    const [, block, position] = match;
    if (Number(position) >= (last.get(block)?.[0] ?? 0)) last.set(block, [Number(position), name]);
  }
  return new Set([...last.values()].map(([, name]) => name));
}
