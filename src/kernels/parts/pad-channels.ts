/**
 * Copies a window: rows of `columns` values, some of them zeros, out of rows of another length.
 *
 *   y[plane, row, column] = x[plane, row − top, column − left]   where that lies inside x, else `fill`
 *
 * x is [planes, rowsIn, columnsIn], y [planes, rowsOut, columnsOut]; negative offsets cut off instead of padding, so
 * that the gradient of a padding is the same program. Channels are part of the columns: a picture [N, H, W, C] is
 * [N, H, W·C], and its left padding is left·C columns.
 *
 * One invocation writes four neighbouring columns where the rows of y are a multiple of four long, else one. It loads
 * a vec4 where x is aligned as well, else four values (3 channels to 4). Limited by memory: 4 bytes an element read,
 * 4 written.
 */
import { elementwise, family } from '../../gpu/index.ts';
import { empty, type Shape, sizeOf, type Tensor } from '../../tensor/index.ts';

/** Which types x and y are bound as. */
type Access = 'vec4 to vec4' | 'f32 to vec4' | 'f32 to f32';

const READ: Record<Access, string> = {
  'vec4 to vec4': 'load(start, column)',
  'f32 to vec4':
    'vec4f(load(start, 4 * column), load(start, 4 * column + 1), load(start, 4 * column + 2), load(start, 4 * column + 3))',
  'f32 to f32': 'load(start, column)',
};

const windowProgram = family(({ access }: { access: Access }) => {
  const [from, to] = access.replaceAll('vec4', 'vec4f').split(' to ');
  return elementwise({
    name: `window-${access.replaceAll(' ', '-')}`,
    bindings: { x: `read ${from}`, y: `write ${to}` },
    params: {
      rowsIn: 'u32',
      columnsIn: 'u32', // in elements of x as it is bound
      rowsOut: 'u32',
      columnsOut: 'u32', // in elements of y as it is bound
      top: 'i32',
      left: 'i32', // in elements of x
      fill: 'f32',
    },
    wgsl: `
fn load(start: u32, column: i32) -> ${from} {
  if (column < p.left || column >= p.left + i32(p.columnsIn)) { return ${from}(p.fill); }
  return x[start + u32(column - p.left)];
}
fn element(i: u32) {
  let column = i32(i % p.columnsOut);
  let row = i32(i / p.columnsOut % p.rowsOut) - p.top;
  let plane = i / p.columnsOut / p.rowsOut;
  if (row < 0 || row >= i32(p.rowsIn)) { y[i] = ${to}(p.fill); return; }
  let start = (plane * p.rowsIn + u32(row)) * p.columnsIn;
  y[i] = ${READ[access]};
}`,
  });
});

export interface CopyWindow {
  planes: number;
  rows: readonly [from: number, to: number];
  columns: readonly [from: number, to: number];
  /** Rows of fill above x; negative: rows cut off. */
  top?: number;
  /** Columns of fill before x; negative: columns cut off. */
  left?: number;
  fill?: number;
}

/** Copies a window of `x` into a new tensor of shape `shape`. Records no gradient. */
export function copyWindow(x: Tensor, shape: Shape, window: CopyWindow): Tensor {
  const { planes, rows, columns, top = 0, left = 0, fill = 0 } = window;
  const y = empty(x.device, shape);
  const alignedInput = columns[0] % 4 === 0 && left % 4 === 0;
  const access: Access = columns[1] % 4 !== 0 ? 'f32 to f32' : alignedInput ? 'vec4 to vec4' : 'f32 to vec4';
  const unitIn = access === 'vec4 to vec4' ? 4 : 1;
  const unitOut = access === 'f32 to f32' ? 1 : 4;
  const count = (planes * rows[1] * columns[1]) / unitOut;
  x.device.run(windowProgram({ access }), {
    bindings: { x: x.buffer, y: y.buffer },
    params: {
      count,
      rowsIn: rows[0],
      columnsIn: columns[0] / unitIn,
      rowsOut: rows[1],
      columnsOut: columns[1] / unitOut,
      top,
      left: left / unitIn,
      fill,
    },
    bytes: 4 * (Math.min(x.size, y.size) + y.size),
  });
  return y;
}

/**
 * x [..., C] as [..., size]: zeros appended to the last axis, or its end cut off. Records no gradient; the inverse
 * call is the gradient. `x` itself is not returned even where `size` is C already.
 */
export function padLastAxis(x: Tensor, size: number): Tensor {
  const outer = x.shape.slice(0, -1);
  return copyWindow(x, [...outer, size], {
    planes: sizeOf(outer),
    rows: [1, 1],
    columns: [x.shape.at(-1)!, size],
  });
}
