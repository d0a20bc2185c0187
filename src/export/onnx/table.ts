/**
 * The op table: what each op of the engine is in ONNX. A row (rows/) takes an op as it was traced, adds nodes and says how the
 * result is held; an op without a row is refused by name. Signs and corners are the engine's (each op's own file tells
 * them); where ONNX's differ, the row says so.
 */
import type { TracedOp } from '../trace.ts';
import { type Graph, refuse } from './graph.ts';
import { batchNorm, convolution, lrn, squeezeExcite } from './rows/conv.ts';
import { pad, resize } from './rows/image.ts';
import { linear, matmul } from './rows/matmul.ts';
import { activation, arithmetic, softmax } from './rows/pointwise.ts';
import { adaptiveAvgPool, avgPool, globalAvgPool, maxPool } from './rows/pool.ts';
import { first, type Row } from './rows/row.ts';
import { concat, permute, reduction, reshape, slice, windowOf } from './rows/shape.ts';

const ROWS: Readonly<Record<string, Row>> = {
  conv2d: convolution,
  depthwiseConv2d: convolution,
  batchNorm,
  lrn,
  squeezeExcite,
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
