/**
 * A network in ncnn's format, https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure: a text of layers and a block
 * of weights. ncnn's own converter (pnnx) starts from PyTorch; this one from the graph that all peers get, with ReLU, Clip and
 * x · Sigmoid(x) fused as pnnx does.
 */
import { type Activation, type FusedNode, fused, type PeerGraph, readersOf, valuesOf } from './graph.ts';
import { convSettings, poolSettings } from './interpret.ts';

const MAGIC = 7767517;

export interface NcnnNet {
  param: string;
  bin: Uint8Array;
}

/** @param size side of the pictures @throws Error for a node that ncnn is not told */
export function ncnnNet(graph: PeerGraph, weights: Float32Array, size: number): NcnnNet {
  const nodes = fused(graph, weights);
  const blocks: Uint8Array[] = [];
  const put = (name: string, tagged: boolean): number => {
    const values = valuesOf(graph.tensors[name]!, weights);
    // A tag of four zero bytes says that float32 follows.
    if (tagged) blocks.push(new Uint8Array(4));
    blocks.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return values.length;
  };
  const lines = [`Input input 0 1 ${blob(graph.input)} 0=${size} 1=${size} 2=3`];
  const [splits, copyOf] = splitter(graph, nodes);
  lines.push(...splits(graph.input));
  for (const [index, node] of nodes.entries()) {
    const inputs = node.inputs.filter((name) => !(name in graph.tensors)).map(copyOf);
    const { type, settings } = layerOf(node, graph, put);
    const parameters = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    lines.push(
      [type, `${type}_${index}`, inputs.length, 1, ...inputs, blob(node.output), ...parameters].join(' '),
      ...splits(node.output),
    );
  }
  const blobs = lines.reduce((count, line) => count + Number(line.split(' ')[3]), 0);
  return { param: `${[MAGIC, `${lines.length} ${blobs}`, ...lines].join('\n')}\n`, bin: joined(blocks) };
}

/** Names in ncnn's text hold no spaces. */
const blob = (name: string): string => name.replace(/\s/g, '_');

/** ncnn wants a layer that copies a value for each of its readers: the lines for a value, and the copy of the next reader. */
function splitter(graph: PeerGraph, nodes: readonly FusedNode[]) {
  const readers = readersOf({ ...graph, nodes });
  const given = new Map<string, number>();
  const copy = (name: string, index: number): string => `${blob(name)}_copy${index}`;
  const splits = (name: string): string[] => {
    const count = readers.get(name) ?? 0;
    if (count < 2) return [];
    const copies = Array.from({ length: count }, (_, index) => copy(name, index));
    return [['Split', `split_${blob(name)}`, 1, count, blob(name), ...copies].join(' ')];
  };
  const copyOf = (name: string): string => {
    if ((readers.get(name) ?? 0) < 2) return blob(name);
    const index = given.get(name) ?? 0;
    given.set(name, index + 1);
    return copy(name, index);
  };
  return [splits, copyOf] as const;
}

type Settings = Record<string, number | string>;

/** The keys are those of ncnn's layers: https://github.com/Tencent/ncnn/wiki/operators */
function layerOf(
  node: FusedNode,
  graph: PeerGraph,
  put: (name: string, tagged: boolean) => number,
): { type: string; settings: Settings } {
  const { op, inputs, attributes } = node;
  const number = (name: string, otherwise: number): number =>
    (attributes[name] as number | undefined) ?? otherwise;
  switch (op) {
    case 'Conv': {
      const { strides, dilations, pads, groups } = convSettings(attributes);
      const [outputs, , height, width] = graph.tensors[inputs[1]!]!.shape as number[];
      const count = put(inputs[1]!, true);
      if (inputs[2]) put(inputs[2], false);
      const [top, left, bottom, right] = pads;
      return {
        type: groups > 1 ? 'ConvolutionDepthWise' : 'Convolution',
        settings: {
          0: outputs!,
          1: width!,
          11: height!,
          2: dilations[1],
          12: dilations[0],
          3: strides[1],
          13: strides[0],
          4: left,
          14: top,
          15: right,
          16: bottom,
          5: inputs[2] ? 1 : 0,
          6: count,
          ...(groups > 1 && { 7: groups }),
          ...activated(node.activation, 9, 10),
        },
      };
    }
    case 'Gemm': {
      const count = put(inputs[1]!, true);
      if (inputs[2]) put(inputs[2], false);
      const [outputs] = graph.tensors[inputs[1]!]!.shape as [number];
      const settings = { 0: outputs, 1: inputs[2] ? 1 : 0, 2: count, ...activated(node.activation, 9, 10) };
      return { type: 'InnerProduct', settings };
    }
    case 'MaxPool':
    case 'AveragePool': {
      const { kernel, strides, pads, countsPadding } = poolSettings(attributes);
      const [top, left, bottom, right] = pads;
      const window = {
        1: kernel[1],
        11: kernel[0],
        2: strides[1],
        12: strides[0],
        3: left,
        13: top,
        14: right,
        15: bottom,
      };
      const kind = op === 'MaxPool' ? 0 : 1;
      return { type: 'Pooling', settings: { 0: kind, ...window, 5: 1, 6: countsPadding ? 1 : 0 } };
    }
    case 'GlobalAveragePool':
      return { type: 'Pooling', settings: { 0: 1, 4: 1 } };
    case 'Flatten':
      return { type: 'Flatten', settings: {} };
    case 'Relu':
      return { type: 'ReLU', settings: {} };
    case 'Sigmoid':
      return { type: 'Sigmoid', settings: {} };
    case 'Swish':
      return { type: 'Swish', settings: {} };
    case 'Add':
      return { type: 'BinaryOp', settings: { 0: 0 } };
    case 'Mul':
      return { type: 'BinaryOp', settings: { 0: 2 } };
    case 'LRN':
      return {
        type: 'LRN',
        settings: {
          0: 0,
          1: number('size', 1),
          2: float(number('alpha', 1e-4)),
          3: float(number('beta', 0.75)),
          4: float(number('bias', 1)),
        },
      };
  }
  throw new Error(
    `peers: ncnn is not told how to compute a node ${op}; bench/peers/ncnn-net.ts has those that are`,
  );
}

/** Of a fused activation: 1 ReLU, 3 Clip with its bounds, an array of two. */
function activated(activation: Activation | null, kind: number, bounds: number): Settings {
  if (!activation) return {};
  if (activation.kind === 'relu') return { [kind]: 1 };
  return { [kind]: 3, [`-233${bounds}`]: `2,${float(activation.low)},${float(activation.high)}` };
}

/** ncnn takes a number without a point for a whole one, and reads its bits. */
const float = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

function joined(blocks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}
