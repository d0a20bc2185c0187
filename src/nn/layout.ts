/**
 * Weight layouts: PyTorch's and the engine's.
 *
 *   conv         torch [cout, cin/groups, kh, kw]   engine [kh, kw, cin/groups, cout]
 *   linear       torch [out, in]                    engine [in, out]
 *   linearAfter  as linear, behind a flatten of a C×H×W map: torch counts inputs as C, H, W, the engine as H, W, C
 *   plain        the same on both sides
 *
 * All of them are one operation: torch's weight is [out, a, b] (conv: a = cin, b = kh·kw; linearAfter: a = channel,
 * b = pixel; linear: a = in, b = 1), and the engine's is the same with its axes reversed, [b, a, out].
 */

export type Layout =
  | 'plain'
  | 'conv'
  | 'linear'
  | { readonly linearAfter: readonly [channels: number, height: number, width: number] };

/** A weight as three axes. */
interface Axes {
  out: number;
  a: number;
  b: number;
}

function show(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

function wrong(shape: readonly number[], layout: Layout): never {
  const name = typeof layout === 'string' ? layout : `linearAfter ${show(layout.linearAfter)}`;
  throw new Error(`layout: a weight of shape ${show(shape)} cannot be in the layout ${name}.`);
}

/** The axes of an engine shape; null where nothing moves. */
function axesOf(shape: readonly number[], layout: Layout): Axes | null {
  if (layout === 'plain') return null;
  if (layout === 'conv') {
    if (shape.length !== 4) wrong(shape, layout);
    return { out: shape[3], a: shape[2], b: shape[0] * shape[1] };
  }
  if (shape.length !== 2) wrong(shape, layout);
  if (layout === 'linear') return { out: shape[1], a: shape[0], b: 1 };
  const [channels, height, width] = layout.linearAfter;
  if (shape[0] !== channels * height * width) wrong(shape, layout);
  return { out: shape[1], a: channels, b: height * width };
}

/** The shape that PyTorch gives a weight of the engine's `shape`. */
export function torchShape(shape: readonly number[], layout: Layout): number[] {
  if (layout === 'plain') return [...shape];
  axesOf(shape, layout);
  return layout === 'conv' ? [shape[3], shape[2], shape[0], shape[1]] : [shape[1], shape[0]];
}

/** The engine's shape of a weight of PyTorch's `shape`. */
export function engineShape(shape: readonly number[], layout: Layout): number[] {
  if (layout === 'plain') return [...shape];
  if (shape.length !== (layout === 'conv' ? 4 : 2)) wrong(shape, layout);
  const engine = layout === 'conv' ? [shape[2], shape[3], shape[1], shape[0]] : [shape[1], shape[0]];
  axesOf(engine, layout);
  return engine;
}

/** Values of a weight: floats, or the bits of halves. */
type Values = Float32Array | Uint16Array;

function checkLength(data: Values, shape: readonly number[]): void {
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count)
    throw new Error(`layout: shape ${show(shape)} does not hold ${data.length} numbers.`);
}

/** This many of the first axis are moved at a time: 16 floats fill a cache line. */
const BLOCK = 16;

/** Reverses the axes of a [d0, d1, d2] array: `result[k][j][i] = data[i][j][k]`. Its own inverse. */
function reverseAxes<Data extends Values>(data: Data, d0: number, d1: number, d2: number): Data {
  const result = new (data.constructor as new (length: number) => Data)(data.length);
  const plane = d1 * d2;
  for (let block = 0; block < d0; block += BLOCK) {
    const end = Math.min(block + BLOCK, d0);
    for (let j = 0; j < d1; j++) {
      for (let k = 0; k < d2; k++) {
        const to = (k * d1 + j) * d0;
        const from = j * d2 + k;
        for (let i = block; i < end; i++) result[to + i] = data[i * plane + from];
      }
    }
  }
  return result;
}

/**
 * A weight from PyTorch's layout to the engine's. 'plain' returns `data` itself.
 * @throws Error where the shape does not suit the layout
 */
export function fromTorch<Data extends Values>(
  data: Data,
  shape: readonly number[],
  layout: Layout,
): { data: Data; shape: number[] } {
  checkLength(data, shape);
  const engine = engineShape(shape, layout);
  const axes = axesOf(engine, layout);
  return { data: axes ? reverseAxes(data, axes.out, axes.a, axes.b) : data, shape: engine };
}

/**
 * A weight from the engine's layout to PyTorch's. 'plain' returns `data` itself.
 * @throws Error where the shape does not suit the layout
 */
export function toTorch(
  data: Float32Array,
  shape: readonly number[],
  layout: Layout,
): { data: Float32Array; shape: number[] } {
  checkLength(data, shape);
  const axes = axesOf(shape, layout);
  return {
    data: axes ? reverseAxes(data, axes.b, axes.a, axes.out) : data,
    shape: torchShape(shape, layout),
  };
}
