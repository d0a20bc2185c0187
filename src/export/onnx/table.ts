/**
 * The op table: what each op of the engine is in ONNX. A row takes an op as it was traced, adds nodes and says how the
 * result is held; an op without a row is refused by name. Signs and corners are the engine's (each op's own file tells
 * them); where ONNX's differ, the row says so.
 */
import { type ResizeFilter, resizeCoefficients } from '../../kernels/image/resize-coefficients.ts';
import type { Activation, Margins } from '../../kernels/index.ts';
import type { Window } from '../../kernels/parts/window.ts';
import { toTorch } from '../../nn/layout.ts';
import { type Shape, show, sizeOf } from '../../tensor/index.ts';
import type { TracedOp, Value } from '../trace.ts';
import {
  channelsFirst,
  type Graph,
  type Held,
  type Order,
  ordersAgree,
  refuse,
  TO_CHANNELS_FIRST,
} from './graph.ts';

type Row = (op: TracedOp, graph: Graph) => Held;

/** The first input. Every op of the table has one. */
const first = ({ inputs }: TracedOp): Value => inputs[0]!;

// --- activations and other ops of one operand -----------------------------------------------------------------

/** The nodes of an activation. */
function activated(graph: Graph, name: string, activation: Activation): string {
  switch (activation) {
    case 'none':
      return name;
    case 'relu':
      return graph.node('Relu', [name]);
    case 'relu6':
      return graph.node('Clip', [name, graph.scalar('zero', 0), graph.scalar('six', 6)], {}, 'relu6');
    case 'sigmoid':
      return graph.node('Sigmoid', [name]);
    case 'silu':
      return graph.node('Mul', [name, graph.node('Sigmoid', [name])], {}, 'silu');
  }
}

const activation: Row = (op, graph) => {
  const { name, order } = graph.held(first(op));
  return { name: activated(graph, name, op.name as Activation), order };
};

/** Along the last axis of the engine's shape, which is the channels of a picture. */
const softmax =
  (type: string): Row =>
  (op, graph) => {
    const x = first(op);
    const picture = graph.held(x).order === 'channels first';
    const name = graph.node(type, [picture ? graph.held(x).name : graph.rows(x)], { axis: picture ? 1 : -1 });
    return { name, order: picture ? 'channels first' : 'rows' };
  };

// --- sums, products --------------------------------------------------------------------------------------------

const arithmetic =
  (type: string): Row =>
  ({ name: op, inputs, output, attributes }, graph) => {
    const [a, b] = inputs as [Value, Value | undefined];
    if (b === undefined) {
      const { name, order } = graph.held(a);
      return { name: graph.node(type, [name, graph.scalar('number', attributes.b as number)]), order };
    }
    if (output.shape.length === 4) {
      const operands = [a, b].map((value) => asPicture(value, op, graph));
      return { name: graph.node(type, operands), order: 'channels first' };
    }
    const [one, other] = [graph.held(a), graph.held(b)];
    const alike = show(a.shape) === show(b.shape) && sameOrder(one.order, other.order);
    if (alike) return { name: graph.node(type, [one.name, other.name]), order: one.order };
    for (const value of [a, b]) checkRank(value, output.shape.length, op, graph);
    return { name: graph.node(type, [graph.rows(a), graph.rows(b)]), order: 'rows' };
  };

const sameOrder = (a: Order, b: Order): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The first axis of what is computed is the number of pictures, and meets no other axis. */
function checkRank(value: Value, rank: number, op: string, graph: Graph): void {
  if (value.shape.length !== rank && !graph.isConstant(value))
    refuse(
      op,
      `repeats a computed tensor ${show(value.shape)} along an axis more; reshape it to ${rank} axes first, the pictures' number in front`,
    );
}

/** An operand of pictures, [N, C, H, W]; a constant of fewer axes is given those that it lacks. */
function asPicture(value: Value, op: string, graph: Graph): string {
  checkRank(value, 4, op, graph);
  if (value.shape.length === 4) return graph.picture(value, op);
  const shape = [...new Array<number>(4 - value.shape.length).fill(1), ...value.shape];
  const data = graph.data(value, op, 'an operand');
  // At most two axes are longer than 1 but for the rare [H, W, C], which is put in order like a picture.
  const { data: ordered } = toTorch(data, [shape[1]! * shape[2]!, shape[3]!], 'linear');
  return graph.tensor(value.name, channelsFirst(shape), ordered);
}

// --- convolutions and norms ------------------------------------------------------------------------------------

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

const convolution: Row = ({ name: op, inputs, attributes }, graph) => {
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

const padsOf = ({
  top,
  left,
  bottom,
  right,
}: Pick<Window, 'top' | 'left' | 'bottom' | 'right'>): number[] => [top, left, bottom, right];

const batchNorm: Row = (op, graph) => {
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

/** ONNX centres an even window the other way round, so only odd ones are the same. */
const lrn: Row = (op, graph) => {
  const { size, alpha, beta, k } = op.attributes as unknown as Record<string, number>;
  if (size! % 2 === 0)
    refuse('lrn', `of an even size (${size}) reaches to the other side in ONNX; take an odd one`);
  const settings = { size: size!, alpha: { float: alpha! }, beta: { float: beta! }, bias: { float: k! } };
  return { name: graph.node('LRN', [graph.picture(first(op), 'lrn')], settings), order: 'channels first' };
};

// --- pooling ---------------------------------------------------------------------------------------------------

/** What the windows reach beyond the picture: the padding, or more where the last one may (`ceilMode`). */
function reach({ kernel, stride, dilation, top, left, bottom, right, output }: Window, shape: Shape) {
  const after = (axis: 0 | 1, before: number, given: number): number => {
    const end = (output[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1;
    return Math.max(given, end - before - shape[axis + 1]!);
  };
  return { top, left, bottom: after(0, top, bottom), right: after(1, left, right) };
}

/** onnxruntime refuses padding as wide as the kernel, which a dilated window may have; it is written out then. */
const maxPool: Row = (op, graph) => {
  const x = first(op);
  const { window } = op.attributes as unknown as { window: Window };
  const { kernel, stride, dilation } = window;
  const { top, bottom, left, right } = reach(window, x.shape);
  let name = graph.picture(x, 'maxPool2d');
  let pads = [top, left, bottom, right];
  if (pads.some((pad, side) => pad >= kernel[side % 2]!)) {
    name = padded(graph, name, [top, bottom, left, right], Number.NEGATIVE_INFINITY);
    pads = [0, 0, 0, 0];
  }
  const settings = { kernel_shape: kernel, strides: stride, dilations: dilation, pads };
  return { name: graph.node('MaxPool', [name], settings), order: 'channels first' };
};

/** Padding counts in the mean or not; what a window reaches beyond it never does, so that padding is then written out. */
const avgPool: Row = (op, graph) => {
  const x = first(op);
  const { window, countIncludePad } = op.attributes as unknown as {
    window: Window;
    countIncludePad: boolean;
  };
  const { kernel, stride, top, left, bottom, right } = window;
  const far = reach(window, x.shape);
  const beyond = far.bottom > bottom || far.right > right;
  let name = graph.picture(x, 'avgPool2d');
  let pads = padsOf(far);
  if (countIncludePad && beyond) {
    name = padded(graph, name, [top, bottom, left, right], 0);
    pads = [0, 0, far.bottom - bottom, far.right - right];
  }
  const counts = Number(countIncludePad && !beyond);
  const settings = { kernel_shape: kernel, strides: stride, pads, count_include_pad: counts };
  return { name: graph.node('AveragePool', [name], settings), order: 'channels first' };
};

const globalAvgPool: Row = (op, graph) => {
  const pooled = graph.node('GlobalAveragePool', [graph.picture(first(op), 'globalAvgPool')], {}, 'pool');
  return { name: graph.node('Flatten', [pooled], { axis: 1 }), order: 'rows' };
};

/** Windows of one size are an average pool; others, which overlap, a product with the matrix of their means. */
const adaptiveAvgPool: Row = (op, graph) => {
  const x = first(op);
  const name = graph.picture(x, 'adaptiveAvgPool2d');
  const [from, to] = [x.shape.slice(1, 3), op.output.shape.slice(1, 3)];
  if (to.every((size) => size === 1))
    return { name: graph.node('GlobalAveragePool', [name], {}, 'pool'), order: 'channels first' };
  if (from.every((size, axis) => size % to[axis]! === 0)) {
    const sides = from.map((size, axis) => size / to[axis]!);
    return {
      name: graph.node('AveragePool', [name], { kernel_shape: sides, strides: sides }),
      order: 'channels first',
    };
  }
  const means = from.map((size, axis) => meansOf(size, to[axis]!));
  return { name: along(graph, name, from, to, means), order: 'channels first' };
};

/** [outputs, inputs]: what each window of an adaptive pool takes of each input. */
function meansOf(inputs: number, outputs: number): Float32Array {
  const matrix = new Float32Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) {
    const [start, end] = [Math.floor((o * inputs) / outputs), Math.ceil(((o + 1) * inputs) / outputs)];
    matrix.fill(1 / (end - start), o * inputs + start, o * inputs + end);
  }
  return matrix;
}

/** Rows and columns of pictures [N, C, H, W] by a matrix [outputs, inputs] each; null where an axis stays. */
function along(
  graph: Graph,
  x: string,
  [height, width]: readonly number[],
  [rows, columns]: readonly number[],
  [down, across]: readonly (Float32Array | null)[],
): string {
  let name = x;
  if (across) {
    const { data, shape } = toTorch(across, [columns!, width!], 'linear'); // [inputs, outputs]
    name = graph.node('MatMul', [name, graph.tensor('across', shape, data)]);
  }
  return down ? graph.node('MatMul', [graph.tensor('down', [rows!, height!], down), name]) : name;
}

// --- products of matrices --------------------------------------------------------------------------------------

const linear: Row = ({ inputs }, graph) => {
  const [x, w, bias] = inputs as [Value, Value, Value | null];
  const { name, order } = graph.held(x);
  const flattened = typeof order === 'object' ? order.flattened : null;
  const layout = flattened
    ? ({ linearAfter: [flattened[2], flattened[0], flattened[1]] } as const)
    : ('linear' as const);
  const weight = toTorch(graph.data(w, 'linear', 'a weight'), w.shape, layout);
  const operands = [name, graph.tensor(w.name, weight.shape, weight.data)];
  if (bias) operands.push(graph.tensor(bias.name, bias.shape, graph.data(bias, 'linear', 'a bias')));
  const base = w.name.replace(/\.?weight$/, '') || 'linear';
  return { name: graph.node('Gemm', operands, { transB: 1 }, base), order: 'rows' };
};

const matmul: Row = ({ inputs, attributes }, graph) => {
  const [a, b] = inputs as [Value, Value];
  const { transposeA, transposeB } = attributes as { transposeA: boolean; transposeB: boolean };
  if (!graph.isConstant(b) || (transposeA && !graph.isConstant(a)))
    refuse(
      'matmul',
      'of two computed matrices mixes pictures; a graph takes any number of them, so multiply by a parameter',
    );
  const settings = { transA: Number(transposeA), transB: Number(transposeB) };
  return { name: graph.node('Gemm', [graph.rows(a), graph.rows(b)], settings, 'matmul'), order: 'rows' };
};

// --- sums over axes, shapes ------------------------------------------------------------------------------------

/** Over any axes but the first, which is the number of pictures. From opset 18 on the axes of a mean are an input. */
const reduction =
  (type: 'ReduceMean' | 'ReduceSum'): Row =>
  (op, graph) => {
    const x = first(op);
    const { axes } = op.attributes as { axes: readonly number[] };
    if (axes.includes(0) && !graph.isConstant(x))
      refuse(op.name, 'over the pictures themselves has no result for each; leave axis 0 out');
    const picture = graph.held(x).order === 'channels first';
    const keepdims = Number(op.output.shape.length === x.shape.length);
    const over = picture ? axes.map((axis) => TO_CHANNELS_FIRST.indexOf(axis as 0)) : [...axes];
    const name = picture ? graph.held(x).name : graph.rows(x);
    const byInput = type === 'ReduceSum' || graph.opset >= 18;
    const reduced = byInput
      ? graph.node(type, [name, graph.integers('axes', over)], { keepdims }, op.name)
      : graph.node(type, [name], { axes: over, keepdims }, op.name);
    if (!picture || keepdims) return { name: reduced, order: picture ? 'channels first' : 'rows' };
    // What is left of [N, C, H, W], in the order of the engine.
    const left = TO_CHANNELS_FIRST.filter((axis) => !axes.includes(axis));
    const perm = [...left].sort((p, q) => p - q).map((axis) => left.indexOf(axis));
    return { name: permuted(graph, reduced, perm), order: 'rows' };
  };

function permuted(graph: Graph, name: string, perm: readonly number[]): string {
  return perm.every((axis, index) => axis === index) ? name : graph.node('Transpose', [name], { perm });
}

const permute: Row = (op, graph) => {
  const x = first(op);
  const { axes } = op.attributes as { axes: readonly number[] };
  if (axes[0] !== 0 && !graph.isConstant(x))
    refuse('permute', `of axes ${axes.join(', ')} moves the pictures' number, which has to stay in front`);
  if (x.shape.length !== 4) return { name: permuted(graph, graph.rows(x), axes), order: 'rows' };
  const perm = TO_CHANNELS_FIRST.map((axis) => TO_CHANNELS_FIRST.indexOf(axes[axis] as 0));
  return { name: permuted(graph, graph.picture(x, 'permute'), perm), order: 'channels first' };
};

const reshape: Row = (op, graph) => {
  const x = first(op);
  const [from, to] = [x.shape, op.output.shape];
  const { name, order } = graph.held(x);
  if (show(from) === show(to)) return { name, order };
  if (from[0] !== to[0])
    refuse(
      'reshape',
      `of ${show(from)} to ${show(to)} moves the pictures' number, which has to stay in front`,
    );
  if (order === 'channels first' && to.length === 2 && !ordersAgree(from)) {
    const [, height, width, channels] = from as [number, number, number, number];
    const flattened = [height, width, channels] as const;
    return { name: graph.node('Flatten', [name], { axis: 1 }), order: { flattened } };
  }
  if (typeof order === 'object' && show(order.flattened) === show(to.slice(1)))
    return { name: graph.reshaped(name, channelsFirst(to).slice(1)), order: 'channels first' };
  const memory = graph.memory(x);
  if (to.length !== 4) {
    const flat = to.length === 2;
    return {
      name: flat ? graph.node('Flatten', [memory], { axis: 1 }) : graph.reshaped(memory, to.slice(1)),
      order: 'rows',
    };
  }
  if (ordersAgree(to))
    return { name: graph.reshaped(memory, channelsFirst(to).slice(1)), order: 'channels first' };
  const last = graph.reshaped(memory, to.slice(1));
  return { name: graph.node('Transpose', [last], { perm: TO_CHANNELS_FIRST }), order: 'channels first' };
};

const slice: Row = (op, graph) => {
  const x = first(op);
  const { starts } = op.attributes as unknown as { starts: readonly number[] };
  const cut = x.shape.flatMap((size, axis) => (op.output.shape[axis] === size ? [] : [axis]));
  if (cut.includes(0)) refuse('slice', "of the pictures' axis leaves some of them out; take another axis");
  const { name: held, order } = graph.held(x);
  const picture = order === 'channels first';
  const name = picture ? held : graph.rows(x);
  if (cut.length === 0) return { name, order: picture ? order : 'rows' };
  const axes = picture ? cut.map((axis) => TO_CHANNELS_FIRST.indexOf(axis as 0)) : cut;
  const parts = [
    graph.integers(
      'starts',
      cut.map((axis) => starts[axis]!),
    ),
    graph.integers(
      'ends',
      cut.map((axis) => starts[axis]! + op.output.shape[axis]!),
    ),
    graph.integers('axes', axes),
  ];
  return { name: graph.node('Slice', [name, ...parts]), order: picture ? order : 'rows' };
};

/** A window of a parameter. */
function windowOf(data: Float32Array, from: Shape, starts: readonly number[], to: Shape): Float32Array {
  const steps = from.map((_, axis) => sizeOf(from.slice(axis + 1)));
  return Float32Array.from({ length: sizeOf(to) }, (_, place) => {
    let [rest, at] = [place, 0];
    for (let axis = to.length - 1; axis >= 0; axis--) {
      at += ((rest % to[axis]!) + starts[axis]!) * steps[axis]!;
      rest = Math.floor(rest / to[axis]!);
    }
    return data[at]!;
  });
}

const concat: Row = ({ inputs, attributes }, graph) => {
  const values = inputs as readonly Value[];
  const axis = attributes.axis as number;
  if (axis === 0) refuse('concat', 'along the first axis makes pictures of pictures; take another axis');
  const picture = values[0]!.shape.length === 4;
  const names = values.map((value) => (picture ? graph.picture(value, 'concat') : graph.rows(value)));
  for (const value of values)
    if (graph.isConstant(value) && values.some((other) => !graph.isConstant(other)))
      refuse(
        'concat',
        `joins a constant ${show(value.shape)} of fixed pictures to computed ones; add it instead`,
      );
  const along = picture ? TO_CHANNELS_FIRST.indexOf(axis as 0) : axis;
  return { name: graph.node('Concat', names, { axis: along }), order: picture ? 'channels first' : 'rows' };
};

// --- pictures --------------------------------------------------------------------------------------------------

function padded(graph: Graph, name: string, [top, bottom, left, right]: Margins, value: number): string {
  const margins = graph.integers('margins', [0, 0, top, left, 0, 0, bottom, right]);
  return graph.node('Pad', [name, margins, graph.scalar('margin', value)]);
}

const pad: Row = (op, graph) => {
  const { margins, value } = op.attributes as unknown as { margins: Margins; value: number };
  return { name: padded(graph, graph.picture(first(op), 'pad'), margins, value), order: 'channels first' };
};

/** Antialiased, along each axis a product with the matrix of the filter: ONNX's Resize has other corners. */
const resize: Row = (op, graph) => {
  const x = first(op);
  const { interpolation, round8 } = op.attributes as { interpolation: ResizeFilter; round8: boolean };
  if (round8) refuse('resize', 'with round8 rounds as Pillow does on 8-bit pictures; leave round8 out');
  const [from, to] = [x.shape.slice(1, 3), op.output.shape.slice(1, 3)];
  const filters = from.map((size, axis) =>
    size === to[axis] ? null : filterOf(size, to[axis]!, interpolation),
  );
  return { name: along(graph, graph.picture(x, 'resize'), from, to, filters), order: 'channels first' };
};

/** [outputs, inputs] of a resize, each row's weights summing to 1. */
function filterOf(inputs: number, outputs: number, filter: ResizeFilter): Float32Array {
  const { taps, start, count, weights } = resizeCoefficients(inputs, outputs, filter);
  const matrix = new Float32Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) {
    const row = weights.subarray(o * taps, o * taps + count[o]!);
    const sum = row.reduce((total, weight) => total + weight, 0);
    row.forEach((weight, k) => {
      matrix[o * inputs + start[o]! + k] = weight / sum;
    });
  }
  return matrix;
}

// --- the table -------------------------------------------------------------------------------------------------

const ROWS: Readonly<Record<string, Row>> = {
  conv2d: convolution,
  depthwiseConv2d: convolution,
  batchNorm,
  lrn,
  relu: activation,
  relu6: activation,
  silu: activation,
  sigmoid: activation,
  add: arithmetic('Add'),
  sub: arithmetic('Sub'),
  mul: arithmetic('Mul'),
  div: arithmetic('Div'),
  maxPool2d: maxPool,
  avgPool2d: avgPool,
  adaptiveAvgPool2d: adaptiveAvgPool,
  globalAvgPool,
  linear,
  matmul,
  mean: reduction('ReduceMean'),
  sum: reduction('ReduceSum'),
  softmax: softmax('Softmax'),
  logSoftmax: softmax('LogSoftmax'),
  reshape,
  permute,
  concat,
  slice,
  pad,
  resize,
};

/** The ops that an export has rows for. */
export const EXPORTED_OPS: readonly string[] = Object.keys(ROWS);

/** Adds the nodes of an op. @throws Error, a sentence, where it has no row or its row cannot say it in ONNX */
export function addOp(op: TracedOp, graph: Graph): void {
  const x = first(op);
  // A parameter in another shape, or a part of one, is a parameter still.
  if (graph.isConstant(x) && (op.name === 'reshape' || op.name === 'slice')) {
    const data = graph.data(x, op.name, 'an input');
    const { starts } = op.attributes as unknown as { starts: readonly number[] };
    const part = op.name === 'slice' ? windowOf(data, x.shape, starts, op.output.shape) : data;
    graph.putConstant(op.output, part);
    return;
  }
  const row = ROWS[op.name];
  if (!row)
    refuse(
      `the op ${op.name}`,
      `has no row in the table of exports; those that have are ${EXPORTED_OPS.join(', ')}. Compute it of those, or add a row to src/export/onnx/table.ts`,
    );
  graph.put(op.output, row(op, graph));
}
