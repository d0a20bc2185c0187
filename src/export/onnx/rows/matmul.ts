/** Rows of products of matrices. */
import { toTorch } from '../../../nn/layout.ts';
import type { Value } from '../../trace.ts';
import { refuse } from '../graph.ts';
import type { Row } from './row.ts';

export const linear: Row = ({ inputs }, graph) => {
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

export const matmul: Row = ({ inputs, attributes }, graph) => {
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
