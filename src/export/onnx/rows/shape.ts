/** Rows of ops over axes: sums, permutations, shapes, windows, concatenation. */
import { type Shape, show, sizeOf } from '../../../tensor/index.ts';
import type { Value } from '../../trace.ts';
import { channelsFirst, type Graph, ordersAgree, refuse, TO_CHANNELS_FIRST } from '../graph.ts';
import { first, type Row } from './row.ts';

/** Over any axes but the first, which is the number of pictures. From opset 18 on the axes of a mean are an input. */
export const reduction =
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

export const permute: Row = (op, graph) => {
  const x = first(op);
  const { axes } = op.attributes as { axes: readonly number[] };
  if (axes[0] !== 0 && !graph.isConstant(x))
    refuse('permute', `of axes ${axes.join(', ')} moves the pictures' number, which has to stay in front`);
  if (x.shape.length !== 4) return { name: permuted(graph, graph.rows(x), axes), order: 'rows' };
  const perm = TO_CHANNELS_FIRST.map((axis) => TO_CHANNELS_FIRST.indexOf(axes[axis] as 0));
  return { name: permuted(graph, graph.picture(x, 'permute'), perm), order: 'channels first' };
};

export const reshape: Row = (op, graph) => {
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

export const slice: Row = (op, graph) => {
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
export function windowOf(
  data: Float32Array,
  from: Shape,
  starts: readonly number[],
  to: Shape,
): Float32Array {
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

export const concat: Row = ({ inputs, attributes }, graph) => {
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
