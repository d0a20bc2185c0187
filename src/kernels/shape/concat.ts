/**
 * Concatenation along one axis.
 *
 *   y[o, start + r] = x[o, r]     tensors seen as [outer, axis · inner]; start: where x begins in a row of y
 *   dx[o, r] = dy[o, start + r]
 *
 * Forward and backward are the same copy of a block, one dispatch a tensor: an invocation moves four neighbours of a
 * row where all rows and starts are multiples of four, else one value. Limited by memory: 8 bytes an element. Bits are
 * copied, of any type.
 */
import { elementwise, family, type PooledBuffer } from '../../gpu/index.ts';
import { empty, normaliseAxis, record, scope, show, sizeOf, type Tensor } from '../../tensor/index.ts';

const blockProgram = family(({ element }: { element: 'vec4u' | 'u32' }) =>
  elementwise({
    name: `copy-block-${element}`,
    bindings: { x: `read ${element}`, y: `write ${element}` },
    params: { columns: 'u32', startX: 'u32', rowX: 'u32', startY: 'u32', rowY: 'u32' },
    wgsl: `
fn element(i: u32) {
  let row = i / p.columns;
  let column = i % p.columns;
  y[p.startY + row * p.rowY + column] = x[p.startX + row * p.rowX + column];
}`,
  }),
);

/** Where a block begins in a tensor's rows, and how long those rows are. */
interface Rows {
  buffer: PooledBuffer;
  start: number;
  row: number;
}

/** Copies `rows` rows of `columns` values from one tensor's rows into another's. */
function copyBlock(like: Tensor, rows: number, columns: number, from: Rows, to: Rows): void {
  const wide = [columns, from.start, from.row, to.start, to.row].every((length) => length % 4 === 0);
  const unit = wide ? 4 : 1;
  const count = (rows * columns) / unit;
  like.device.run(blockProgram({ element: wide ? 'vec4u' : 'u32' }), {
    bindings: { x: from.buffer, y: to.buffer },
    params: {
      count,
      columns: columns / unit,
      startX: from.start / unit,
      rowX: from.row / unit,
      startY: to.start / unit,
      rowY: to.row / unit,
    },
    bytes: 8 * rows * columns,
  });
}

/**
 * The tensors one after the other along `axis` (negative: from the back). PyTorch: `torch.cat`.
 * Throws where there is none, and where they differ in another axis or in their types.
 */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0];
  if (!first) throw new RangeError('concat: there is no tensor to concatenate');
  const front = normaliseAxis('concat', axis, first.shape.length);
  tensors.forEach((tensor, index) => {
    checkAlike(first, tensor, front, index);
  });
  const outer = sizeOf(first.shape.slice(0, front));
  const widths = tensors.map((tensor) => tensor.size / outer);
  const starts = widths.map((_, index) => widths.slice(0, index).reduce((total, width) => total + width, 0));
  const row = widths.reduce((total, width) => total + width, 0);
  const extent = tensors.reduce((total, tensor) => total + tensor.shape[front]!, 0);
  return scope(() => {
    const y = empty(first.device, first.shape.with(front, extent), { dtype: first.dtype });
    tensors.forEach((x, index) => {
      const width = widths[index]!;
      const from = { buffer: x.buffer, start: 0, row: width };
      copyBlock(x, outer, width, from, { buffer: y.buffer, start: starts[index]!, row });
    });
    const shapes = tensors.map((tensor) => tensor.shape);
    return record({ op: 'concat', axis: front }, y, tensors, {}, (_, dy, needs) =>
      shapes.map((shape, index) => {
        if (!needs[index]) return null;
        const dx = empty(dy.device, shape);
        const width = widths[index]!;
        const from = { buffer: dy.buffer, start: starts[index]!, row };
        copyBlock(dx, outer, width, from, { buffer: dx.buffer, start: 0, row: width });
        return dx;
      }),
    );
  });
}

function checkAlike({ shape: first, dtype }: Tensor, tensor: Tensor, axis: number, index: number): void {
  const { shape } = tensor;
  if (tensor.dtype !== dtype)
    throw new TypeError(
      `concat: tensor ${index} is ${tensor.dtype} and tensor 0 is ${dtype}; their types must be equal`,
    );
  const alike =
    first.length === shape.length && shape.every((size, other) => other === axis || size === first[other]);
  if (!alike)
    throw new RangeError(
      `concat: tensor ${index} is ${show(shape)} and tensor 0 is ${show(first)}; they may differ in axis ${axis} only`,
    );
}
