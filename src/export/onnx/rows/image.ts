/** Rows of ops on pictures: padding and resizing. */
import { type ResizeFilter, resizeCoefficients } from '../../../kernels/image/resize-coefficients.ts';
import type { Margins } from '../../../kernels/index.ts';
import { type Graph, refuse } from '../graph.ts';
import { along, first, type Row } from './row.ts';

export function padded(
  graph: Graph,
  name: string,
  [top, bottom, left, right]: Margins,
  value: number,
): string {
  const margins = graph.integers('margins', [0, 0, top, left, 0, 0, bottom, right]);
  return graph.node('Pad', [name, margins, graph.scalar('margin', value)]);
}

export const pad: Row = (op, graph) => {
  const { margins, value } = op.attributes as unknown as { margins: Margins; value: number };
  return { name: padded(graph, graph.picture(first(op), 'pad'), margins, value), order: 'channels first' };
};

/** Antialiased, along each axis a product with the matrix of the filter: ONNX's Resize has other corners. */
export const resize: Row = (op, graph) => {
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
