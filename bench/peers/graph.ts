/**
 * A network as the peers get it: the nodes of the ONNX graph that our export writes, as plain data, and the numbers of its
 * tensors in one block. Peers that read ONNX get the same graph as an ONNX file; those that do not (tfjs, jax-js, PyTorch,
 * ncnn) walk over these nodes.
 *
 * Values are ONNX's: pictures [N, C, H, W], weights of convolutions [cout, cin/groups, kh, kw].
 */
import { ELEMENT, type ModelProto, type NodeProto } from '../../src/export/onnx/model.ts';

export interface PeerNode {
  op: string;
  inputs: readonly string[];
  output: string;
  attributes: Readonly<Record<string, number | readonly number[]>>;
}

/** Where a tensor stands in the block, in floats, and whether a training step changes it. */
export interface PeerTensor {
  shape: readonly number[];
  at: number;
  trains: boolean;
}

export interface PeerGraph {
  input: string;
  output: string;
  nodes: readonly PeerNode[];
  tensors: Readonly<Record<string, PeerTensor>>;
}

/** The inputs of a node that a training step changes: weights and biases, scales and shifts. */
const TRAINED: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  Gemm: [1, 2],
  BatchNormalization: [1, 2],
};

/** The nodes and the numbers of a model. @throws Error where a tensor is not float32 */
export function graphOf({ graph }: ModelProto): { graph: PeerGraph; weights: Float32Array } {
  const trained = new Set(
    graph.node.flatMap(({ op_type, input }) => (TRAINED[op_type] ?? []).map((place) => input[place])),
  );
  const tensors: Record<string, PeerTensor> = {};
  let at = 0;
  for (const { name, dims, data_type, raw_data } of graph.initializer) {
    if (data_type !== ELEMENT.float)
      throw new Error(`peers: the tensor ${name} of the exported graph is not float32`);
    tensors[name] = { shape: dims, at, trains: trained.has(name) };
    at += raw_data.byteLength / 4;
  }
  const weights = new Float32Array(at);
  const bytes = new Uint8Array(weights.buffer);
  for (const { name, raw_data } of graph.initializer) bytes.set(raw_data, 4 * tensors[name]!.at);
  const [input, output] = [graph.input[0]!.name, graph.output[0]!.name];
  return { graph: { input, output, nodes: graph.node.map(plain), tensors }, weights };
}

function plain({ op_type, input, output, attribute }: NodeProto): PeerNode {
  const attributes: Record<string, number | readonly number[]> = {};
  for (const { name, f, i, ints } of attribute) attributes[name] = ints ?? i ?? f ?? 0;
  return { op: op_type, inputs: input, output: output[0]!, attributes };
}

/** The numbers of a tensor. */
export function valuesOf({ shape, at }: PeerTensor, weights: Float32Array): Float32Array {
  return weights.subarray(at, at + shape.reduce((product, size) => product * size, 1));
}

/** A number that stands in the graph as a tensor of its own: the bounds of Clip. */
export function scalarOf(graph: PeerGraph, weights: Float32Array, name: string): number {
  return weights[graph.tensors[name]!.at]!;
}

/** How often each value is read, the result of the graph once more. */
export function readersOf({ nodes, output }: PeerGraph): Map<string, number> {
  const readers = new Map([[output, 1]]);
  for (const { inputs } of nodes) for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
  return readers;
}

/** What an engine may compute in the last lines of a convolution or a product. */
export interface Activation {
  kind: 'relu' | 'clip';
  low: number;
  high: number;
}

/** A node with the activation that follows it and that nothing else reads the input of. */
export interface FusedNode extends PeerNode {
  activation: Activation | null;
}

/**
 * The nodes with ReLU and Clip drawn into the convolution or product before them, as each engine's own converter does, and
 * with x · Sigmoid(x) as one node `Swish`.
 */
export function fused(graph: PeerGraph, weights: Float32Array): FusedNode[] {
  const readers = readersOf(graph);
  const makers = new Map<string, FusedNode>();
  const result: FusedNode[] = [];
  for (const node of graph.nodes) {
    const [first, second] = node.inputs as [string, string | undefined];
    const before = makers.get(first);
    const activation = activationOf(graph, weights, node);
    const takes = before && (before.op === 'Conv' || before.op === 'Gemm') && !before.activation;
    const gate = second === undefined ? undefined : makers.get(second);
    let made: FusedNode;
    if (activation && takes && readers.get(first) === 1) {
      made = before;
      made.activation = activation;
      made.output = node.output;
    } else if (
      node.op === 'Mul' &&
      gate?.op === 'Sigmoid' &&
      gate.inputs[0] === first &&
      readers.get(second!) === 1
    ) {
      result.splice(result.indexOf(gate), 1);
      made = { op: 'Swish', inputs: [first], output: node.output, attributes: {}, activation: null };
      result.push(made);
    } else {
      made = { ...node, activation: null };
      result.push(made);
    }
    makers.set(node.output, made);
  }
  return result;
}

function activationOf(graph: PeerGraph, weights: Float32Array, { op, inputs }: PeerNode): Activation | null {
  if (op === 'Relu') return { kind: 'relu', low: 0, high: Number.POSITIVE_INFINITY };
  if (op !== 'Clip') return null;
  const [low, high] = inputs.slice(1).map((name) => scalarOf(graph, weights, name)) as [number, number];
  return { kind: 'clip', low, high };
}
