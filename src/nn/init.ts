/**
 * Initial values, drawn on the GPU. A value depends only on (seed, name, index) through the counter-based numbers of
 * src/tensor/random.ts, drawn by the same hash in WGSL: AlexNet's 61 million values cost no transfer. In a model the name
 * is the parameter's, so that no order of construction matters; a layer that stands alone has no name, and takes the
 * number of its creation for one.
 */
import { type Device, elementwise, family, slices } from '../gpu/index.ts';
import { RANDOM } from '../kernels/parts/random.ts';
import { checkTypes, getDefaultDevice, type Shape, show, type Tensor, working } from '../tensor/index.ts';
import { randomKey } from '../tensor/random.ts';

/** One number for all values, uniform in ±bound, or normal with mean 0 and this standard deviation. */
export type Draw = { readonly constant: number } | { readonly uniform: number } | { readonly normal: number };

/** How a tensor's values are drawn: as said, or as its shape says. */
export type Init = Draw | ((shape: Shape) => Draw);

/** How many values meet in a sum: those that enter an output, those that an input enters, or a number. */
export type Fan = 'in' | 'out' | number;

/** √2, the gain of a ReLU layer (He et al. 2015, "Delving Deep into Rectifiers"). */
const RELU_GAIN = Math.SQRT2;

/** The fans of a weight in the engine's layout: [in, out] of a linear layer, [kh, kw, in / groups, out] of a convolution. */
function fanOf(shape: Shape, fan: Fan): number {
  if (typeof fan === 'number') return fan;
  if (shape.length < 2)
    throw new RangeError(
      `initial values: ${show(shape)} is no weight [in, out] or [kh, kw, in, out], so it has no fan; give the fan as a number, or draw { uniform: bound }, { normal: deviation } or { constant: value }`,
    );
  const channels = shape[shape.length - (fan === 'in' ? 2 : 1)]!;
  return shape.slice(0, -2).reduce((product, size) => product * size, channels);
}

/** Kaiming's normal initialisation: std = gain / √fan, gain √2 for ReLU. PyTorch: `init.kaiming_normal_`. */
export function kaimingNormal(fan: Fan = 'in', gain = RELU_GAIN): Init {
  return (shape) => ({ normal: gain / Math.sqrt(fanOf(shape, fan)) });
}

/** Kaiming's uniform initialisation: U(±gain·√(3 / fan)), gain √2 for ReLU. PyTorch: `init.kaiming_uniform_`. */
export function kaimingUniform(fan: Fan = 'in', gain = RELU_GAIN): Init {
  return (shape) => ({ uniform: gain * Math.sqrt(3 / fanOf(shape, fan)) });
}

/** N(0, gain² · 2 / (fanIn + fanOut)) (Glorot & Bengio 2010). PyTorch: `init.xavier_normal_`. */
export function xavierNormal(gain = 1): Init {
  return (shape) => ({ normal: gain * Math.sqrt(2 / (fanOf(shape, 'in') + fanOf(shape, 'out'))) });
}

/** U(±gain·√(6 / (fanIn + fanOut))) (Glorot & Bengio 2010). PyTorch: `init.xavier_uniform_`. */
export function xavierUniform(gain = 1): Init {
  return (shape) => ({ uniform: gain * Math.sqrt(6 / (fanOf(shape, 'in') + fanOf(shape, 'out'))) });
}

/** U(±1/√fan): what PyTorch's linear and convolution layers do unasked (`kaiming_uniform_` with a = √5). */
export function torchDefault(fan: Fan = 'in'): Init {
  return (shape) => ({ uniform: 1 / Math.sqrt(fanOf(shape, fan)) });
}

type Distribution = 'constant' | 'uniform' | 'normal';

const DRAW: Record<Distribution, string> = {
  constant: 'fn draw(i: u32) -> f32 { return 1; }',
  uniform: 'fn draw(i: u32) -> f32 { return 2 * uniformAt(i, 0) - 1; }',
  // Box and Muller; 1 − u is never 0.
  normal: `fn draw(i: u32) -> f32 {
  return sqrt(-2 * log(1 - uniformAt(i, 0))) * cos(6.283185307179586 * uniformAt(i, 1));
}`,
};

const fillProgram = family(({ distribution }: { distribution: Distribution }) =>
  elementwise({
    name: `init-${distribution}`,
    bindings: { y: 'write vec4f' },
    params: { key: 'u32', start: 'u32', scale: 'f32' },
    wgsl: `${RANDOM}
fn uniformAt(i: u32, counter: u32) -> f32 {
  return f32(absorb(absorb(p.key, i), counter) >> 8) / 16777216.0;
}
${DRAW[distribution]}
fn element(i: u32) {
  let first = p.start + 4 * i;
  y[i] = p.scale * vec4f(draw(first), draw(first + 1), draw(first + 2), draw(first + 3));
}`,
  }),
);

/** The seed of what is made on a device, and how many of it have been made. */
const counts = new WeakMap<Device, { seed: number; made: number }>();

/**
 * The seed of layers that are made from now on, and counts them anew: the same seed and the same order of creation give
 * the same values. 0 until it is called. Layers inside a `Model` have their values from the model's seed and their names.
 * PyTorch: `torch.manual_seed`.
 */
export function manualSeed(seed: number, device: Device = getDefaultDevice()): void {
  randomKey(seed, '', 0); // Refuses what is no integer.
  counts.set(device, { seed, made: 0 });
}

/** The seed of the next thing that is made on `device`, and a name by its number. */
export function nextMade(device: Device): { seed: number; name: string } {
  const state = counts.get(device) ?? { seed: 0, made: 0 };
  counts.set(device, { ...state, made: state.made + 1 });
  return { seed: state.seed, name: `#${state.made}` };
}

/**
 * Overwrites the values of `tensor` as `init` says, for example `fill(layer.weight, xavierUniform())`. With a seed and a
 * name they decide the values; else `manualSeed` and the number of things made since do. PyTorch: the functions of
 * `torch.nn.init`.
 */
export function fill(tensor: Tensor, init: Init, seed?: number, name?: string): void {
  checkTypes('fill', { tensor });
  const draw = typeof init === 'function' ? init(tensor.shape) : init;
  const [[distribution, scale]] = Object.entries(draw) as [[Distribution, number]];
  const own = seed === undefined ? nextMade(tensor.device) : { seed, name: name ?? '' };
  const key = randomKey(own.seed, `init:${own.name}`, 0);
  working({ name: 'fill', pass: 'forward' }, () => {
    for (const { start, count, slice } of slices(tensor.device, tensor.size)) {
      const vectors = Math.ceil(count / 4);
      tensor.device.run(fillProgram({ distribution }), {
        bindings: { y: slice(tensor.buffer) },
        params: { count: vectors, key, start, scale },
        flops: 40 * count,
        bytes: 4 * count,
      });
    }
  });
}
