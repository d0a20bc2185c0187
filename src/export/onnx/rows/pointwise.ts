/** Rows of ops of single values: activations, softmax, sums and products. */
import type { Activation } from '../../../kernels/index.ts';
import { toTorch } from '../../../nn/layout.ts';
import { show } from '../../../tensor/index.ts';
import type { Value } from '../../trace.ts';
import { channelsFirst, type Graph, type Order, refuse } from '../graph.ts';
import { first, type Row } from './row.ts';

/** The nodes of an activation. */
export function activated(graph: Graph, name: string, activation: Activation): string {
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

export const activation: Row = (op, graph) => {
  const { name, order } = graph.held(first(op));
  return { name: activated(graph, name, op.name as Activation), order };
};

/** Along the last axis of the engine's shape, which is the channels of a picture. */
export const softmax =
  (type: string): Row =>
  (op, graph) => {
    const x = first(op);
    const picture = graph.held(x).order === 'channels first';
    const name = graph.node(type, [picture ? graph.held(x).name : graph.rows(x)], { axis: picture ? 1 : -1 });
    return { name, order: picture ? 'channels first' : 'rows' };
  };

// --- sums, products --------------------------------------------------------------------------------------------

export const arithmetic =
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
