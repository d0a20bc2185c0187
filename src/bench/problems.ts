/**
 * Each distinct problem of the shipped networks, found by running them on a device that computes nothing (src/gpu/dry.ts):
 * an op tells what it was asked for, so there is no list that could drift from the models.
 *
 *   evaluation   one picture: norms, activations and residuals are applied by the convolutions as they write
 *   training     several pictures: a gradient is recorded, and each op has its gradients
 *
 * The same problem in two networks, or twice in one, is one problem; it says who has it and how often.
 */
import { heightWidth, type InputSize } from '../data/input-size.ts';
import { boundless, type DeviceLike, dryDevice } from '../gpu/dry.ts';
import type { Device } from '../gpu/index.ts';
import { crossEntropy, softmax } from '../kernels/index.ts';
import type { Window } from '../kernels/parts/window.ts';
import { buildModel } from '../models/table.ts';
import { trainOnly } from '../nn/index.ts';
import { type ComputedOp, empty, noGrad, type Shape, scope, watchingOps } from '../tensor/index.ts';
import { ENGINE_OPS } from '../verify/engine-ops.ts';
import type { OpParameters } from '../verify/parameters.ts';
import { costOf, type Fused, MATRIX_OPS, nameOf, type Posed, type Problem } from './problem.ts';
import type { Pass } from './result.ts';
import { titleOf } from './titles.ts';

/** The networks whose problems are measured: what most people start from, and both AlexNets (one has groups and LRN). */
export const NETWORKS = [
  'resnet18',
  'resnet50',
  'alexnet',
  'alexnet_2012',
  'efficientnet_b0',
  'efficientnet_lite0',
  'mobilenet_v2',
] as const;

/** Those of them whose training is measured: a step has five times as many problems as a prediction. */
export const TRAINED = ['resnet18', 'alexnet', 'efficientnet_b0', 'mobilenet_v2'] as const;

/** How a network is run. */
export interface Form {
  /** `training`: a step of all of it; `head`: a step of its last layer, the rest frozen. */
  mode: 'evaluation' | 'training' | 'head';
  batch: number;
  /** Of the pictures, a side or [height, width]. */
  size: InputSize;
}

/** What prediction meets, and what training meets. */
export const FORMS: readonly Form[] = [
  { mode: 'evaluation', batch: 1, size: 224 },
  { mode: 'training', batch: 8, size: 224 },
];

/** Ops that dispatch nothing, and those whose kernels depend on more than their shapes (random numbers). */
const LEFT_OUT = ['reshape', 'flatten', 'dropout', 'dropPath'];
/** Of these the gradients are dy itself. */
const NO_GRADIENTS = ['add', 'sum'];

/** An op as it was called, as problems: one a pass. Empty where it is none of the bench's. */
export function posedBy(computed: ComputedOp, recorded: boolean): Pick<Posed, 'problem' | 'pass'>[] {
  const problem = problemOf(computed, recorded);
  if (!problem) return [];
  return passesOf(problem, computed, recorded).map((pass) => ({ problem, pass }));
}

function passesOf({ op }: Problem, { inputs }: ComputedOp, recorded: boolean): Pass[] {
  const [first, second] = inputs.map((input) => recorded && (input?.needsGrad ?? false));
  if (MATRIX_OPS.includes(op))
    return [
      'forward',
      ...(first ? (['input gradient'] as const) : []),
      ...(second ? (['weight gradient'] as const) : []),
    ];
  const gradients = (first || second) && !NO_GRADIENTS.includes(op);
  return ['forward', ...(gradients ? (['gradients'] as const) : [])];
}

interface Attributes extends Omit<OpParameters, 'activation'> {
  window?: Window;
  norm?: { eps: number };
  residual?: { shape: Shape } | null;
  activation?: Fused['activation'];
}

/** What an op was asked for; null where it is none of the bench's. */
function problemOf(
  { name, inputs: given, output, attributes }: ComputedOp,
  recorded: boolean,
): Problem | null {
  if (LEFT_OUT.includes(name) || !(name in ENGINE_OPS)) return null;
  const told = attributes as Attributes;
  const [x, second, third, fourth] = given.map((tensor) => tensor?.shape);
  if (!x) return null;
  const inputs: Record<string, Shape> = { x0: x };
  const parameters = parametersOf(name, told, output.shape);
  const convolution = name === 'conv2d' || name === 'depthwiseConv2d';
  if (name === 'batchNorm') {
    Object.assign(inputs, { weight: second, bias: third, runningMean: second, runningVar: second });
    if (fourth) inputs.residual = fourth;
  } else if (name === 'squeezeExcite')
    Object.assign(inputs, {
      reduceWeight: second,
      reduceBias: third,
      expandWeight: fourth,
      expandBias: x.slice(3),
    });
  else if (second) inputs.x1 = second;
  if ((convolution || name === 'linear') && third) inputs.bias = third;
  if (name === 'crossEntropy') inputs.labels = [x[0]!];
  const fused = convolution ? fusedOf(told, inputs, output.shape) : null;
  const alone = convolution && x[3]! > 1 && second?.[2] === 1 && second[3] === x[3];
  if (alone) delete parameters.groups;
  const op = alone ? 'depthwiseConv2d' : name;
  const problem = { op, inputs, parameters, fused, output: output.shape, recorded };
  return { title: titleOf(problem), ...problem };
}

/** What a convolution of inference does beside its sum, with the inputs that it takes. */
function fusedOf(
  { norm, residual, activation = 'none' }: Attributes,
  inputs: Record<string, Shape>,
  output: Shape,
): Fused | null {
  if (!norm && !residual && activation === 'none') return null;
  const channels = output.slice(-1);
  if (norm) Object.assign(inputs, { gamma: channels, beta: channels, mean: channels, variance: channels });
  if (residual) inputs.residual = output;
  return { eps: norm?.eps ?? null, residual: Boolean(residual), activation };
}

/** What the op was told beside tensors, as src/verify/parameters.ts spells it. */
function parametersOf(name: string, told: Attributes, output: Shape): OpParameters {
  const { window, training, eps, activation, size, alpha, beta, k, axes } = told;
  if (name === 'lrn') return { size, alpha, beta, k };
  if (name === 'batchNorm')
    return { training, eps, activation: activation === 'none' ? undefined : activation };
  if (name === 'adaptiveAvgPool2d') return { outputSize: [output[1]!, output[2]!] };
  if (axes) return { axes };
  if (!window) return {};
  const { kernel, stride, dilation, top, bottom, left, right } = window;
  const padding =
    top === bottom && left === right ? ([top, left] as const) : ([top, bottom, left, right] as const);
  const common = { stride, dilation, padding };
  if (!name.endsWith('Pool2d')) return { ...common, groups: told.groups };
  return { ...common, kernelSize: kernel, countIncludePad: told.countIncludePad };
}

/** Every problem of one run of a network, in its order, repeats included. */
export function problemsOfNetwork(
  like: DeviceLike,
  network: string,
  form: Form,
): Promise<Pick<Posed, 'problem' | 'pass'>[]> {
  return posedOn(like, form.mode !== 'evaluation', (device) => runOnDry(device, network, form));
}

/** Runs a network on a dry device, as a form says; gradients are recorded unless the caller is in `noGrad`. */
export function runOnDry(device: Device, network: string, { mode, batch, size }: Form): void {
  const training = mode !== 'evaluation';
  const model = buildModel(network, { device, initialise: false });
  if (mode === 'head') trainOnly(model, (name) => model.isHead(name));
  if (!training) model.eval();
  const logits = model.forward(empty(device, [batch, ...heightWidth(size), 3]));
  // Predictions end in a softmax, which is no layer of a network.
  if (training) crossEntropy(logits, new Int32Array(batch)).backward();
  else softmax(logits);
}

/** Networks, each of them run in each of some forms. */
export type Runs = readonly [networks: readonly string[], forms: readonly Form[]];

/** Each distinct problem of some runs of networks, with who has it and how often a run has it. */
export async function problemsOf(like: DeviceLike, runs: readonly Runs[]): Promise<Posed[]> {
  const distinct = new Map<string, { posed: Pick<Posed, 'problem' | 'pass'>; times: Map<string, number> }>();
  for (const [networks, forms] of runs)
    for (const form of forms)
      for (const network of networks)
        for (const posed of await problemsOfNetwork(like, network, form)) {
          const name = nameOf(posed);
          const known = distinct.get(name) ?? { posed, times: new Map<string, number>() };
          distinct.set(name, known);
          known.times.set(network, (known.times.get(network) ?? 0) + 1);
        }
  return Array.from(distinct.values(), ({ posed, times }) => ({
    ...posed,
    networks: Array.from(times, ([name, count]) => ({ name, times: count })),
  }));
}

/**
 * The problems that calls of ops pose: what `body` does on a dry device.
 * @param recorded whether gradients are recorded meanwhile
 * @throws RangeError where an op refuses its shapes
 */
export async function posedOn(
  like: DeviceLike,
  recorded: boolean,
  body: (device: Device) => void,
): Promise<Pick<Posed, 'problem' | 'pass'>[]> {
  const { device } = await dryDevice(boundless(like));
  const found: Pick<Posed, 'problem' | 'pass'>[] = [];
  const watch = (computed: ComputedOp): void => {
    for (const posed of posedBy(computed, recorded)) found.push(posed);
  };
  try {
    watchingOps(watch, () => scope(() => (recorded ? body(device) : noGrad(() => body(device)))));
  } finally {
    device.close();
  }
  return found;
}

/** FLOPs and bytes of one run of a network: those of its problems, one after the other. */
export async function costOfNetwork(
  like: DeviceLike,
  network: string,
  form: Form,
): Promise<{ flops: number; bytes: number }> {
  const total = { flops: 0, bytes: 0 };
  for (const posed of await problemsOfNetwork(like, network, form)) {
    const { flops, bytes } = costOf(posed);
    total.flops += flops;
    total.bytes += bytes;
  }
  return total;
}
