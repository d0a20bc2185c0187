/**
 * Norms into convolutions: w′ = w · γ / √(σ² + ε) and b′ = (b − μ) · γ / √(σ² + ε) + β for each output channel, in
 * float64. A norm is folded where nothing else reads what its convolution computes.
 */
import type { Graph } from './graph.ts';
import type { NodeProto, TensorProto } from './model.ts';

/** Folds every norm of the graph that follows a convolution. @param kept the name that the graph ends in */
export function foldNorms(graph: Graph, kept: string): void {
  const makers = new Map(graph.nodes.map((node) => [node.output[0]!, node]));
  const readers = new Map<string, number>([[kept, 1]]);
  for (const { input } of graph.nodes)
    for (const name of input) readers.set(name, (readers.get(name) ?? 0) + 1);
  const folded = new Set<NodeProto>();
  for (const norm of graph.nodes) {
    if (norm.op_type !== 'BatchNormalization') continue;
    const conv = makers.get(norm.input[0]!);
    if (conv?.op_type !== 'Conv' || readers.get(norm.input[0]!) !== 1) continue;
    fold(graph, conv, norm);
    folded.add(norm);
  }
  graph.nodes = graph.nodes.filter((node) => !folded.has(node));
  graph.prune();
}

function fold(graph: Graph, conv: NodeProto, norm: NodeProto): void {
  const numbers = (name: string): Float32Array => floats(graph.initializers.get(name)!);
  const [gamma, beta, mean, variance] = norm.input.slice(1).map(numbers) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const epsilon = norm.attribute.find(({ name }) => name === 'epsilon')!.f!;
  const [, weightName, biasName] = conv.input;
  const weight = graph.initializers.get(weightName!)!;
  const before = floats(weight);
  const bias = biasName === undefined ? null : numbers(biasName);
  const each = before.length / gamma.length;
  const after = new Float32Array(before.length);
  const shift = Float32Array.from(gamma, (scale, channel) => {
    const factor = scale / Math.sqrt(variance[channel]! + epsilon);
    for (let i = channel * each; i < (channel + 1) * each; i++) after[i] = before[i]! * factor;
    return ((bias?.[channel] ?? 0) - mean[channel]!) * factor + beta[channel]!;
  });
  // Another convolution may share the weight, so it stays as it is for whoever reads it.
  conv.input = [
    conv.input[0]!,
    graph.tensor(`${weightName}.folded`, weight.dims, after),
    graph.tensor(`${weightName!.replace(/\.?weight$/, '')}.bias.folded`, [shift.length], shift),
  ];
  conv.output = norm.output;
}

const floats = ({ raw_data: { buffer, byteOffset, byteLength } }: TensorProto): Float32Array =>
  new Float32Array(buffer, byteOffset, byteLength / 4);
