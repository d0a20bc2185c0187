/** What problems are called: the same in every run, unique, and readable, since comparisons and filters go by it. */
import { pair } from '../kernels/parts/window.ts';
import type { Shape } from '../tensor/index.ts';
import { marginsOf } from '../verify/parameters.ts';
import type { Problem } from './problem.ts';

/** `56²`, `56×48`. */
export const area = (height: number, width: number): string =>
  height === width ? `${height}²` : `${height}×${width}`;

/** `8×56²×64` of pictures, `8×1000` of rows. */
export function shapeText(shape: Shape): string {
  if (shape.length !== 4) return shape.join('×');
  const [n, height, width, channels] = shape as [number, number, number, number];
  return `${n}×${area(height, width)}×${channels}`;
}

/** `2`, `2×1`. */
const both = (value: readonly [number, number]): string =>
  value[0] === value[1] ? String(value[0]) : value.join('×');

const WORDS: Readonly<Record<string, string>> = {
  batchNorm: 'batch norm',
  maxPool2d: 'max-pool',
  avgPool2d: 'average pool',
  globalAvgPool: 'global average',
  adaptiveAvgPool2d: 'average to',
  crossEntropy: 'cross-entropy',
  binaryCrossEntropy: 'binary cross-entropy',
  logSoftmax: 'log-softmax',
  squeezeExcite: 'squeeze-and-excitation',
};

/** `conv 3×3/1 8×56² 64→64 norm relu`; `batch norm 8×56²×64 relu`; `linear 8×512→1000`. */
export function titleOf(problem: Omit<Problem, 'title'>): string {
  const { op, inputs, parameters, recorded } = problem;
  const x = inputs.x0!;
  const word = WORDS[op] ?? op;
  switch (op) {
    case 'conv2d':
    case 'depthwiseConv2d':
      return convTitle(problem);
    case 'linear':
      return `linear ${x[0]}×${x[1]}→${inputs.x1![1]}`;
    case 'matmul':
      return `matmul ${x[0]}×${x[1]}×${inputs.x1![1]}`;
    case 'batchNorm':
      return [
        word,
        shapeText(x),
        ...(parameters.training ? [] : ['evaluation']),
        ...(inputs.residual ? ['residual'] : []),
        ...(parameters.activation ? [parameters.activation] : []),
      ].join(' ');
    case 'maxPool2d':
    case 'avgPool2d':
      // What the gradients need is kept beside the result in training.
      return [
        word,
        windowText(problem, pair(parameters.kernelSize!)),
        shapeText(x),
        ...keeping(recorded),
      ].join(' ');
    case 'squeezeExcite':
      return `${word} ${shapeText(x)} by ${inputs.reduceBias![0]}`;
    case 'lrn':
      return [word, parameters.size, shapeText(x), ...keeping(recorded)].join(' ');
    case 'adaptiveAvgPool2d':
      return `${word} ${both(pair(parameters.outputSize!))} ${shapeText(x)}`;
    case 'sum':
    case 'mean':
      return `${word} ${shapeText(x)} over ${parameters.axes?.join(',') ?? 'all'}`;
    default:
      return [word, shapeText(x), ...(inputs.x1 ? ['by', shapeText(inputs.x1)] : [])].join(' ');
  }
}

const keeping = (recorded: boolean): string[] => (recorded ? ['recorded'] : []);

function convTitle(problem: Omit<Problem, 'title'>): string {
  const { op, inputs, fused } = problem;
  const [n, height, width, channels] = inputs.x0 as readonly [number, number, number, number];
  const [kh, kw, cin, cout] = inputs.x1 as readonly [number, number, number, number];
  const alone = op === 'depthwiseConv2d';
  const groups = channels / cin;
  return [
    alone ? 'depthwise' : 'conv',
    windowText(problem, [kh, kw]),
    `${n}×${area(height, width)}`,
    alone ? channels : `${channels}→${cout}`,
    ...(groups > 1 && !alone ? [`${groups} groups`] : []),
    ...(inputs.bias ? ['bias'] : []),
    ...(fused && fused.eps !== null ? ['norm'] : []),
    ...(fused?.residual ? ['residual'] : []),
    ...(fused && fused.activation !== 'none' ? [fused.activation] : []),
  ].join(' ');
}

/** `3×3/2`; dilation and padding are named where they are not what everybody takes: none, and half of the kernel. */
function windowText({ parameters, op }: Omit<Problem, 'title'>, kernel: readonly [number, number]): string {
  const pool = parameters.kernelSize !== undefined;
  const stride = pair(parameters.stride ?? (pool ? kernel : 1));
  const dilation = pair(parameters.dilation ?? 1);
  const margins = marginsOf(parameters.padding ?? 0);
  const usual = kernel.map((size, axis) => Math.floor((dilation[axis]! * (size - 1)) / 2));
  const expected = pool && op === 'avgPool2d' ? [0, 0, 0, 0] : [usual[0], usual[0], usual[1], usual[1]];
  const same = margins.every((margin, index) => margin === expected[index]);
  const even = margins.every((margin) => margin === margins[0]);
  return [
    `${kernel.join('×')}/${both(stride)}`,
    ...(dilation[0] * dilation[1] > 1 ? [`d${both(dilation)}`] : []),
    ...(same ? [] : [`p${even ? margins[0] : margins.join(',')}`]),
    ...(parameters.ceilMode ? ['ceil'] : []),
  ].join(' ');
}
