/** What a row of the op table is, and what several rows need. */
import { toTorch } from '../../../nn/layout.ts';
import type { TracedOp, Value } from '../../trace.ts';
import type { Graph, Held } from '../graph.ts';

export type Row = (op: TracedOp, graph: Graph) => Held;

/** The first input. Every op of the table has one. */
export const first = ({ inputs }: TracedOp): Value => inputs[0]!;

/** Rows and columns of pictures [N, C, H, W] by a matrix [outputs, inputs] each; null where an axis stays. */
export function along(
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
