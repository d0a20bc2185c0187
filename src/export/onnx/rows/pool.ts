/** Rows of pooling. */
import type { Window } from '../../../kernels/parts/window.ts';
import type { Shape } from '../../../tensor/index.ts';
import { padsOf } from './conv.ts';
import { padded } from './image.ts';
import { along, first, type Row } from './row.ts';

/** What the windows reach beyond the picture: the padding, or more where the last one may (`ceilMode`). */
function reach({ kernel, stride, dilation, top, left, bottom, right, output }: Window, shape: Shape) {
  const after = (axis: 0 | 1, before: number, given: number): number => {
    const end = (output[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1;
    return Math.max(given, end - before - shape[axis + 1]!);
  };
  return { top, left, bottom: after(0, top, bottom), right: after(1, left, right) };
}

/** onnxruntime refuses padding as wide as the kernel, which a dilated window may have; it is written out then. */
export const maxPool: Row = (op, graph) => {
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
export const avgPool: Row = (op, graph) => {
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

export const globalAvgPool: Row = (op, graph) => {
  const pooled = graph.node('GlobalAveragePool', [graph.picture(first(op), 'globalAvgPool')], {}, 'pool');
  return { name: graph.node('Flatten', [pooled], { axis: 1 }), order: 'rows' };
};

/** Windows of one size are an average pool; others, which overlap, a product with the matrix of their means. */
export const adaptiveAvgPool: Row = (op, graph) => {
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
