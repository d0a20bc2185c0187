/**
 * Initial values, drawn on the GPU. A value depends only on (seed, parameter name, index) through the counter-based
 * numbers of src/tensor/random.ts, drawn by the same hash in WGSL: no order of construction matters, and
 * AlexNet's 61 million values cost no transfer.
 */
import { elementwise, family, slices } from '../gpu/index.ts';
import { RANDOM } from '../kernels/parts/random.ts';
import type { Tensor } from '../tensor/index.ts';
import { randomKey } from '../tensor/random.ts';
import type { Module } from './module.ts';

/** How values are drawn: one number for all, uniform in ±bound, or normal with mean 0. */
export type Init = { readonly constant: number } | { readonly uniform: number } | { readonly normal: number };

/** √2, the gain of a ReLU layer (He et al. 2015, "Delving Deep into Rectifiers"). */
const RELU_GAIN = Math.SQRT2;

/** Kaiming's normal initialisation: std = gain / √fan, gain √2. PyTorch: `init.kaiming_normal_`. */
export function kaimingNormal(fan: number): Init {
  return { normal: RELU_GAIN / Math.sqrt(fan) };
}

/** U(±1/√fanIn): what PyTorch's linear and convolution layers do unasked (`kaiming_uniform_` with a = √5). */
export function torchDefault(fanIn: number): Init {
  return { uniform: 1 / Math.sqrt(fanIn) };
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

/** Fills `tensor` with values that belong to (seed, name). */
export function fill(tensor: Tensor, init: Init, seed: number, name: string): void {
  const [[distribution, scale]] = Object.entries(init) as [[Distribution, number]];
  const key = randomKey(seed, `init:${name}`, 0);
  for (const { start, count, slice } of slices(tensor.device, tensor.size)) {
    const vectors = Math.ceil(count / 4);
    tensor.device.run(fillProgram({ distribution }), {
      bindings: { y: slice(tensor.buffer) },
      params: { count: vectors, key, start, scale },
      flops: 40 * count,
      bytes: 4 * count,
    });
  }
}

/** What a model says of a tensor that should not start as PyTorch's layers do by default. */
export type InitRule = (module: Module, attribute: string, name: string) => Init | undefined;

/**
 * Initialises every parameter and buffer of `model`: as `rule` says, else as PyTorch's layer does.
 * `only` picks by name (a replaced head); names are those of `namedParameters(prefix)`.
 */
export function initialise(
  model: Module,
  seed: number,
  rule: InitRule = () => undefined,
  only: (name: string) => boolean = () => true,
): void {
  for (const { name, tensor, owner, attribute } of model.tensors())
    if (only(name)) fill(tensor, rule(owner, attribute, name) ?? owner.initOf(attribute), seed, name);
}
