/**
 * Rows of convolutions and norms. A norm that a convolution applied as it wrote its result is a node of its own here; fold.ts
 * folds it.
 */
import type { Activation } from '../../../kernels/index.ts';
import type { Window } from '../../../kernels/parts/window.ts';
import { toTorch } from '../../../nn/layout.ts';
import { show } from '../../../tensor/index.ts';
import type { Value } from '../../trace.ts';
import { type Graph, refuse } from '../graph.ts';
import { activated } from './pointwise.ts';
import { first, type Row } from './row.ts';

interface Norm {
  weight: Value;
  bias: Value;
  runningMean: Value;
  runningVar: Value;
  eps?: number;
}

interface Finish {
  norm?: Norm;
  residual?: Value | null;
  activation?: Activation;
}

/** act(norm(y) + residual), as far as they are there. */
function finished(
  graph: Graph,
  op: string,
  y: string,
  { norm, residual, activation = 'none' }: Finish,
): string {
  let name = y;
  if (norm) {
    const parts = [norm.weight, norm.bias, norm.runningMean, norm.runningVar];
    const [, scale] = norm.weight.name.match(/(.*?)\.?weight$/) ?? [];
    const vectors = parts.map((value) =>
      graph.tensor(value.name, value.shape, graph.data(value, op, 'a norm')),
    );
    const epsilon = { float: norm.eps ?? 1e-5 };
    name = graph.node('BatchNormalization', [name, ...vectors], { epsilon }, scale || 'norm');
  }
  if (residual) name = graph.node('Add', [name, graph.picture(residual, op)]);
  return activated(graph, name, activation);
}

export const convolution: Row = ({ name: op, inputs, attributes }, graph) => {
  const [x, w, bias] = inputs as [Value, Value, Value | null];
  const { window, groups, ...finish } = attributes as unknown as Finish & { window: Window; groups: number };
  const weight = toTorch(graph.data(w, op, 'a weight'), w.shape, 'conv');
  const operands = [graph.picture(x, op), graph.tensor(w.name, weight.shape, weight.data)];
  if (bias) operands.push(graph.tensor(bias.name, bias.shape, graph.data(bias, op, 'a bias')));
  const { kernel, stride, dilation } = window;
  const settings = {
    kernel_shape: kernel,
    strides: stride,
    dilations: dilation,
    pads: padsOf(window),
    group: groups,
  };
  const y = graph.node('Conv', operands, settings, w.name.replace(/\.?weight$/, '') || 'conv');
  return { name: finished(graph, op, y, finish), order: 'channels first' };
};

export const padsOf = ({
  top,
  left,
  bottom,
  right,
}: Pick<Window, 'top' | 'left' | 'bottom' | 'right'>): number[] => [top, left, bottom, right];

export const batchNorm: Row = (op, graph) => {
  const { training, ...norm } = op.attributes as unknown as Norm & Finish & { training: boolean };
  if (training)
    refuse('batchNorm', 'takes the statistics of the batch also in evaluation; export needs running ones');
  const x = first(op);
  if (x.shape.length !== 4 && x.shape.length !== 2)
    refuse('batchNorm', `of ${show(x.shape)} has no node in ONNX; give it [N, C] or [N, H, W, C]`);
  const order = x.shape.length === 4 ? 'channels first' : 'rows';
  if (order === 'rows' && norm.residual) refuse('batchNorm', 'adds a residual to [N, C]; use add');
  const name = order === 'rows' ? graph.rows(x) : graph.picture(x, 'batchNorm');
  const { residual, activation } = norm;
  return {
    name: finished(graph, 'batchNorm', name, {
      norm,
      ...(residual && { residual }),
      ...(activation && { activation }),
    }),
    order,
  };
};

const ONE_BY_ONE = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };

/** A mean, two 1×1 convolutions and a product. */
export const squeezeExcite: Row = ({ name: op, inputs }, graph) => {
  const [x, ...layers] = inputs as [Value, Value, Value, Value, Value];
  const picture = graph.picture(x, op);
  let scale = graph.node('GlobalAveragePool', [picture], {}, 'pool');
  for (const [activation, w, bias] of [
    ['silu', layers[0], layers[1]],
    ['sigmoid', layers[2], layers[3]],
  ] as const) {
    const weight = toTorch(graph.data(w, op, 'a weight'), w.shape, 'conv');
    const operands = [
      scale,
      graph.tensor(w.name, weight.shape, weight.data),
      graph.tensor(bias.name, bias.shape, graph.data(bias, op, 'a bias')),
    ];
    const name = w.name.replace(/\.?weight$/, '') || 'conv';
    scale = activated(graph, graph.node('Conv', operands, ONE_BY_ONE, name), activation);
  }
  return { name: graph.node('Mul', [picture, scale]), order: 'channels first' };
};

/** ONNX centres an even window the other way round, so only odd ones are the same. */
export const lrn: Row = (op, graph) => {
  const { size, alpha, beta, k } = op.attributes as unknown as Record<string, number>;
  if (size! % 2 === 0)
    refuse('lrn', `of an even size (${size}) reaches to the other side in ONNX; take an odd one`);
  const settings = { size: size!, alpha: { float: alpha! }, beta: { float: beta! }, bias: { float: k! } };
  return { name: graph.node('LRN', [graph.picture(first(op), 'lrn')], settings), order: 'channels first' };
};
