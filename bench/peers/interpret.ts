/**
 * Walks over the nodes of a network with the ops of another engine: one walk for tfjs and jax-js, which read no ONNX, so that
 * every network runs in both without being written twice. An engine is a `Backend`, a function for each kind of node.
 */
import {
  type Activation,
  type FusedNode,
  fused,
  type PeerGraph,
  readersOf,
  scalarOf,
  valuesOf,
} from './graph.ts';

export interface ConvSettings {
  strides: readonly [number, number];
  dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  pads: readonly [number, number, number, number];
  groups: number;
}

export interface PoolSettings extends Omit<ConvSettings, 'dilations' | 'groups'> {
  kernel: readonly [number, number];
  countsPadding: boolean;
}

export interface NormSettings {
  epsilon: number;
  /** Statistics of the batch, in place of the running ones. */
  training: boolean;
}

/** What a tensor of the graph is for: an engine may want it in a layout of its own. */
export type Role = 'conv' | 'depthwise' | 'matrix' | 'vector';

/** The ops of an engine. How it holds [N, C, H, W] is its own affair. */
export interface Backend<T> {
  /** A tensor of the graph on the device. */
  weight(values: Float32Array, shape: readonly number[], role: Role): T;
  /** The value once more, where another node will read it again (engines that count references). */
  again(value: T): T;
  conv(x: T, weight: T, bias: T | null, settings: ConvSettings, activation: Activation | null): T;
  norm(x: T, scale: T, shift: T, mean: T, variance: T, settings: NormSettings): T;
  activate(x: T, activation: Activation): T;
  sigmoid(x: T): T;
  swish(x: T): T;
  add(a: T, b: T): T;
  multiply(a: T, b: T): T;
  maxPool(x: T, settings: PoolSettings): T;
  averagePool(x: T, settings: PoolSettings): T;
  /** [N, C, H, W] → [N, C, 1, 1] */
  globalAverage(x: T): T;
  /** [N, C, H, W] → [N, C·H·W], in that order. */
  flatten(x: T): T;
  /** x [N, in] · weight, with weight as the graph has it, [out, in]. */
  product(x: T, weight: T, bias: T | null, activation: Activation | null): T;
  /** Over channels: x / (k + α/n · Σ x²)^β */
  localNorm(x: T, settings: { size: number; alpha: number; beta: number; k: number }): T;
}

export interface Walk<T> {
  /** The tensors of the graph that nodes read, by name. */
  readonly tensors: ReadonlyMap<string, T>;
  /** The names of those that a training step changes. */
  readonly trained: readonly string[];
  /** The result of the graph for `x`; with tensors in place of its own, those of a step that is differentiated. */
  run(x: T, tensors?: ReadonlyMap<string, T>): T;
}

/**
 * Prepares a graph for an engine.
 * @param training norms take the statistics of the batch, and no activation is drawn into a convolution, since engines that
 * differentiate do not always differentiate that
 * @throws Error for a node that no backend has
 */
export function walk<T>(
  graph: PeerGraph,
  weights: Float32Array,
  backend: Backend<T>,
  training = false,
): Walk<T> {
  const nodes: readonly FusedNode[] = training
    ? graph.nodes.map((node) => ({ ...node, activation: null }))
    : fused(graph, weights);
  const tensors = new Map<string, T>();
  for (const [name, role] of rolesOf(graph)) {
    const tensor = graph.tensors[name]!;
    tensors.set(name, backend.weight(valuesOf(tensor, weights), tensor.shape, role));
  }
  const numberOf = (name: string): number => scalarOf(graph, weights, name);
  return {
    tensors,
    trained: [...tensors.keys()].filter((name) => graph.tensors[name]!.trains),
    run(x, given = tensors) {
      const left = readersOf({ ...graph, nodes });
      const values = new Map<string, T>([...given, [graph.input, x]]);
      const read = (name: string): T => {
        const value = values.get(name)!;
        const times = left.get(name)! - 1;
        left.set(name, times);
        return times > 0 ? backend.again(value) : value;
      };
      for (const node of nodes) values.set(node.output, apply(node, backend, read, numberOf, training));
      return read(graph.output);
    },
  };
}

/** What each tensor of the graph is for, by its first reader; bounds of Clip are numbers, and on no device. */
function rolesOf(graph: PeerGraph): Map<string, Role> {
  const roles = new Map<string, Role>();
  for (const { op, inputs, attributes } of graph.nodes) {
    if (op === 'Clip') continue;
    for (const [place, name] of inputs.entries()) {
      if (!(name in graph.tensors) || roles.has(name)) continue;
      const [channels = 0, each] = graph.tensors[name]!.shape;
      if (op === 'Conv' && place === 1)
        roles.set(name, each === 1 && attributes.group === channels && channels > 1 ? 'depthwise' : 'conv');
      else roles.set(name, op === 'Gemm' && place === 1 ? 'matrix' : 'vector');
    }
  }
  return roles;
}

function apply<T>(
  node: FusedNode,
  backend: Backend<T>,
  read: (name: string) => T,
  numberOf: (name: string) => number,
  training: boolean,
): T {
  const { op, inputs, attributes, activation } = node;
  const operand = (place: number): T => read(inputs[place]!);
  const optional = (place: number): T | null => (inputs[place] === undefined ? null : operand(place));
  const number = (name: string, otherwise: number): number =>
    (attributes[name] as number | undefined) ?? otherwise;
  switch (op) {
    case 'Conv':
      return backend.conv(operand(0), operand(1), optional(2), convSettings(attributes), activation);
    case 'BatchNormalization':
      return backend.norm(operand(0), operand(1), operand(2), operand(3), operand(4), {
        epsilon: number('epsilon', 1e-5),
        training,
      });
    case 'Relu':
      return backend.activate(operand(0), { kind: 'relu', low: 0, high: Number.POSITIVE_INFINITY });
    case 'Clip': {
      const [low, high] = inputs.slice(1).map(numberOf) as [number, number];
      return backend.activate(operand(0), { kind: 'clip', low, high });
    }
    case 'Sigmoid':
      return backend.sigmoid(operand(0));
    case 'Swish':
      return backend.swish(operand(0));
    case 'Add':
      return backend.add(operand(0), operand(1));
    case 'Mul':
      return backend.multiply(operand(0), operand(1));
    case 'MaxPool':
      return backend.maxPool(operand(0), poolSettings(attributes));
    case 'AveragePool':
      return backend.averagePool(operand(0), poolSettings(attributes));
    case 'GlobalAveragePool':
      return backend.globalAverage(operand(0));
    case 'Flatten':
      return backend.flatten(operand(0));
    case 'Gemm':
      if (number('transB', 0) !== 1) break;
      return backend.product(operand(0), operand(1), optional(2), activation);
    case 'LRN': {
      const [size, k] = [number('size', 1), number('bias', 1)];
      return backend.localNorm(operand(0), {
        size,
        alpha: number('alpha', 1e-4),
        beta: number('beta', 0.75),
        k,
      });
    }
  }
  throw new Error(
    `peers: no peer is told how to compute a node ${op}; bench/peers/interpret.ts has those that are`,
  );
}

type Attributes = FusedNode['attributes'];
type Four = readonly [number, number, number, number];

const pair = (attributes: Attributes, name: string): readonly [number, number] =>
  (attributes[name] as [number, number] | undefined) ?? [1, 1];
const padsOf = (attributes: Attributes): Four => (attributes.pads as Four | undefined) ?? [0, 0, 0, 0];

export function convSettings(attributes: Attributes): ConvSettings {
  return {
    strides: pair(attributes, 'strides'),
    dilations: pair(attributes, 'dilations'),
    pads: padsOf(attributes),
    groups: (attributes.group as number | undefined) ?? 1,
  };
}

export function poolSettings(attributes: Attributes): PoolSettings {
  return {
    kernel: pair(attributes, 'kernel_shape'),
    strides: pair(attributes, 'strides'),
    pads: padsOf(attributes),
    countsPadding: attributes.count_include_pad === 1,
  };
}
