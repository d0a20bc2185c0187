/**
 * `--shape`: a problem of any shape, in one word.
 *
 *   KIND:SIZES[,CHANNELS][,FIELD…]
 *
 *   conv:56x56x64,64,k3,s1,p1,g1,n1     height × width × channels, output channels; kernel, stride, padding, groups, pictures
 *   conv:56x56x64,64,k3,norm,relu       as inference has it: norm, residual and activation in the convolution (no gradients)
 *   depthwise:112x112x32,k3,s2          each channel by itself
 *   matmul:512x512x512                  M × K × N
 *   linear:8x512x1000                   rows × inputs × outputs, with a bias
 *   norm:56x56x64,n8,relu               batch norm in training, residual and activation with it
 *   maxpool:112x112x64,k3,s2,p1,n8      avgpool, lrn (k: its size), average (global), relu, relu6, silu, sigmoid, add, mul
 *   softmax:8x1000                      crossentropy
 *
 * k, s, p and d (dilation) take `3` or `3x1`. Left out: s1, d1, g1, n1, and half of the kernel as padding.
 */
import type { DeviceLike } from '../gpu/dry.ts';
import type { Device } from '../gpu/index.ts';
import * as kernels from '../kernels/index.ts';
import { empty, type Shape, sizeOf, type Tensor } from '../tensor/index.ts';
import { didYouMean } from '../text/suggest.ts';
import type { Posed } from './problem.ts';
import { posedOn } from './problems.ts';

/** What a spec says behind its kind. */
interface Spec {
  sizes: readonly number[];
  channels: number | null;
  pairs: Readonly<Record<string, readonly [number, number]>>;
  words: readonly string[];
}

const ACTIVATIONS = ['relu', 'relu6', 'silu', 'sigmoid'] as const;
type Word = (typeof ACTIVATIONS)[number];
const EPS = 1e-5;
/** Of a size, and of the values of a tensor: beyond what any adapter makes. */
const MOST_SIZE = 1 << 20;
const MOST_VALUES = 2 ** 31;

interface Kind {
  /** How many sizes it has. */
  sizes: number;
  /** Whether a number of output channels follows. */
  channels?: boolean;
  /** The letters and words that it takes. */
  fields: string;
  example: string;
  call(device: Device, spec: Spec): void;
}

/** x [n, h, w, c], of which a gradient is asked for. */
const pictures = (device: Device, { sizes, pairs }: Spec): Tensor =>
  made(device, [pairs.n?.[0] ?? 1, ...sizes], true);
const rows = (device: Device, { sizes }: Spec): Tensor => made(device, sizes, true);

function made(device: Device, shape: Shape, requiresGrad = false): Tensor {
  if (!(sizeOf(shape) < MOST_VALUES)) throw new RangeError(`a tensor of ${shape.join('×')} is too large`);
  return empty(device, shape, { requiresGrad });
}

/** Stride, padding and dilation of a window. */
function windowOf({ pairs }: Spec) {
  const [kernel, dilation] = [pairs.k ?? [1, 1], pairs.d ?? [1, 1]];
  const half = kernel.map((size, axis) => Math.floor((dilation[axis]! * (size - 1)) / 2)) as [number, number];
  return { kernel, stride: pairs.s ?? ([1, 1] as const), padding: pairs.p ?? half, dilation };
}

const activationOf = ({ words }: Spec): Word | undefined => ACTIVATIONS.find((one) => words.includes(one));

function conv(device: Device, spec: Spec, groups: number, channels: number): void {
  const { sizes, words } = spec;
  const { kernel, ...window } = windowOf(spec);
  const [height, width, cin] = sizes as [number, number, number];
  const per = cin / groups;
  if (!Number.isInteger(per)) throw new RangeError(`${cin} channels do not divide into ${groups} groups`);
  const w = made(device, [...kernel, per, channels], true);
  const vector = (): Tensor => made(device, [channels]);
  const output = (axis: 0 | 1, size: number): number =>
    Math.floor(
      (size + 2 * window.padding[axis] - window.dilation[axis] * (kernel[axis] - 1) - 1) /
        window.stride[axis],
    ) + 1;
  const residual = (): Tensor =>
    made(device, [spec.pairs.n?.[0] ?? 1, output(0, height), output(1, width), channels]);
  const norm = { weight: vector(), bias: vector(), runningMean: vector(), runningVar: vector(), eps: EPS };
  kernels.conv2d(pictures(device, spec), w, {
    ...window,
    groups,
    bias: words.includes('bias') ? vector() : undefined,
    norm: words.includes('norm') ? norm : undefined,
    residual: words.includes('residual') ? residual() : undefined,
    activation: activationOf(spec),
  });
}

const pointwise = (op: (x: Tensor) => unknown, name: string): Kind => ({
  sizes: 3,
  fields: 'n',
  example: `${name}:56x56x64,n8`,
  call: (device, spec) => void op(pictures(device, spec)),
});

const CONV_FIELDS = 'k s p d n bias norm residual relu relu6 silu sigmoid';

const KINDS: Readonly<Record<string, Kind>> = {
  conv: {
    sizes: 3,
    channels: true,
    fields: `${CONV_FIELDS} g`,
    example: 'conv:56x56x64,64,k3,s1,p1,g1,n1',
    call: (device, spec) => conv(device, spec, spec.pairs.g?.[0] ?? 1, spec.channels!),
  },
  depthwise: {
    sizes: 3,
    fields: CONV_FIELDS,
    example: 'depthwise:112x112x32,k3,s2',
    call: (device, spec) => conv(device, spec, spec.sizes[2]!, spec.sizes[2]!),
  },
  matmul: {
    sizes: 3,
    fields: '',
    example: 'matmul:512x512x512',
    call(device, { sizes: [m, k, n] }) {
      kernels.matmul(made(device, [m!, k!], true), made(device, [k!, n!], true));
    },
  },
  linear: {
    sizes: 3,
    fields: '',
    example: 'linear:8x512x1000',
    call(device, { sizes: [n, inputs, outputs] }) {
      const [x, w] = [made(device, [n!, inputs!], true), made(device, [inputs!, outputs!], true)];
      kernels.linear(x, w, made(device, [outputs!]));
    },
  },
  norm: {
    sizes: 3,
    fields: 'n residual relu relu6 silu sigmoid',
    example: 'norm:56x56x64,n8,relu',
    call(device, spec) {
      const x = pictures(device, spec);
      const vector = (requiresGrad: boolean): Tensor => made(device, x.shape.slice(-1), requiresGrad);
      kernels.batchNorm(x, {
        weight: vector(true),
        bias: vector(true),
        runningMean: vector(false),
        runningVar: vector(false),
        training: true,
        eps: EPS,
        activation: activationOf(spec),
        residual: spec.words.includes('residual') ? made(device, x.shape, true) : null,
      });
    },
  },
  maxpool: {
    sizes: 3,
    fields: 'k s p d n',
    example: 'maxpool:112x112x64,k3,s2,p1,n8',
    call(device, spec) {
      const { kernel, ...window } = windowOf(spec);
      kernels.maxPool2d(pictures(device, spec), { kernelSize: kernel, ...window });
    },
  },
  avgpool: {
    sizes: 3,
    fields: 'k s p n',
    example: 'avgpool:56x56x64,k2,s2,p0,n8',
    call(device, spec) {
      const { kernel, stride, padding } = windowOf(spec);
      kernels.avgPool2d(pictures(device, spec), { kernelSize: kernel, stride, padding });
    },
  },
  lrn: {
    sizes: 3,
    fields: 'k n',
    example: 'lrn:55x55x96,k5,n8',
    call: (device, spec) => void kernels.lrn(pictures(device, spec), { size: spec.pairs.k?.[0] ?? 5 }),
  },
  average: pointwise(kernels.globalAvgPool, 'average'),
  relu: pointwise(kernels.relu, 'relu'),
  relu6: pointwise(kernels.relu6, 'relu6'),
  silu: pointwise(kernels.silu, 'silu'),
  sigmoid: pointwise(kernels.sigmoid, 'sigmoid'),
  add: pointwise((x) => kernels.add(x, made(x.device, x.shape, true)), 'add'),
  mul: pointwise((x) => kernels.mul(x, made(x.device, x.shape, true)), 'mul'),
  softmax: {
    sizes: 2,
    fields: '',
    example: 'softmax:8x1000',
    call: (device, spec) => void kernels.softmax(rows(device, spec)),
  },
  crossentropy: {
    sizes: 2,
    fields: '',
    example: 'crossentropy:8x1000',
    call: (device, spec) => void kernels.crossEntropy(rows(device, spec), new Int32Array(spec.sizes[0]!)),
  },
};

/** The kinds of specs, with an example of each. */
export const SHAPE_EXAMPLES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(KINDS).map(([name, { example }]) => [name, example]),
);

const LONGEST = 200;

/**
 * The problems of a spec: its forward pass and its gradients.
 * @throws RangeError, a sentence with an example, where it cannot be read or the op refuses its shapes
 */
export async function problemsOfShape(like: DeviceLike, text: string): Promise<Posed[]> {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  const [name, rest] = split(text, ':');
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name]! : null;
  if (!kind) {
    const names = Object.keys(KINDS);
    const meant = didYouMean(name, names) ?? `the kinds are ${names.join(', ')}`;
    throw new RangeError(`'${shown}' begins with no kind of problem; ${meant}, as in ${KINDS.conv!.example}`);
  }
  try {
    const spec = read(kind, rest);
    // A convolution that applies what follows is one of inference, as `norm` and `relu` of training are ops of their own.
    const fused = name === 'conv' || name === 'depthwise';
    const recorded = !(fused && spec.words.some((word) => word !== 'bias'));
    const found = await posedOn(like, recorded, (device) => kind.call(device, spec));
    return found.map((posed) => ({ ...posed, networks: [] }));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`'${shown}': ${error.message}; an example is ${kind.example}`);
  }
}

/** A text before and behind the first separator. */
function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function read(kind: Kind, rest: string): Spec {
  const [first = '', ...others] = rest.split(',');
  const sizes = first.split('x').map((size) => sizeOfText(size));
  if (sizes.length !== kind.sizes)
    throw new RangeError(`${kind.sizes} sizes are needed, joined by x, not '${first.slice(0, LONGEST)}'`);
  const channels = kind.channels ? sizeOfText(others.shift() ?? '') : null;
  const known = kind.fields.split(' ').filter(Boolean);
  const pairs: Record<string, readonly [number, number]> = {};
  const words: string[] = [];
  for (const field of others) {
    const [, letter, one, two] = /^([kspdgn])(\d+)(?:x(\d+))?$/.exec(field) ?? [];
    const word = letter ?? field;
    if (
      !known.includes(word) ||
      word in pairs ||
      words.includes(word) ||
      (letter === undefined && word.length === 1)
    )
      throw new RangeError(
        `'${field.slice(0, 40)}' ${word in pairs || words.includes(word) ? 'stands there twice' : `is no field here; there are ${known.join(', ') || 'none'}`}`,
      );
    if (letter === undefined) words.push(word);
    else {
      const least = letter === 'p' ? 0 : 1;
      const value = sizeOfText(one!, least);
      pairs[letter] = [value, two === undefined ? value : sizeOfText(two, least)];
    }
  }
  if (words.includes('bias') && words.includes('norm'))
    throw new RangeError('there is a bias or a norm, not both');
  if (words.filter((word) => (ACTIVATIONS as readonly string[]).includes(word)).length > 1)
    throw new RangeError('there is one activation at most');
  return { sizes, channels, pairs, words };
}

function sizeOfText(text: string, least = 1): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= MOST_SIZE))
    throw new RangeError(
      `'${text.slice(0, 40)}' is no size; it is a whole number from ${least} to ${MOST_SIZE}`,
    );
  return value;
}
