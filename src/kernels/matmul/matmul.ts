/**
 * Matrix product, with transposes: C = op(A) · op(B), where op is the identity or the transpose.
 *
 *   A·B    C[m, n] = Σ_k A[m, k] · B[k, n]     `forward`
 *   A·Bᵀ   C[m, n] = Σ_k A[m, k] · B[n, k]     `input`
 *   Aᵀ·B   C[m, n] = Σ_k A[k, m] · B[k, n]     `weight`
 *   Aᵀ·Bᵀ  = (B·A)ᵀ
 *
 * The names on the right are those of problem.ts; a row of table.ts computes them. The gradients of each are products of
 * the same kinds. The second operand (in Aᵀ·B: the result) is the one that may be larger than a binding (the 151 MB of
 * AlexNet's first linear layer); it is then worked through in slices of rows.
 *
 * Cost: 2·M·N·K FLOPs.
 */
import type { BufferBinding, Device, PooledBuffer } from '../../gpu/index.ts';
import { elementwise, program } from '../../gpu/index.ts';
import { checkTypes, empty, record, scope, show, type Tensor } from '../../tensor/index.ts';
import { resizeRows } from '../parts/align.ts';
import { padLastAxis } from '../parts/pad-channels.ts';
import { problemOf } from './problem.ts';
import { chooseMatrix } from './table.ts';

const columnsTo = (x: Tensor, columns: number): Tensor =>
  x.shape[1] === columns ? x : padLastAxis(x, columns);
const rowsTo = (x: Tensor, rows: number): Tensor => {
  const [from, columns] = x.shape as [number, number];
  return from === rows ? x : resizeRows(x, 1, from, rows, columns).alias([rows, columns]);
};

/** A slice of rows of a matrix that one binding holds; null where it holds all of them. */
interface RowSlice {
  slice: { start: number; count: number } | undefined;
  /** Of a matrix of so many bytes a value. */
  bind: (buffer: PooledBuffer, bytes?: number) => BufferBinding;
}

/** Cuts a matrix of [rows, columns] so that every slice fits a binding and starts at a multiple of 256 bytes. */
function rowSlices(device: Device, rows: number, columns: number): RowSlice[] {
  const limit = device.limits.maxStorageBufferBindingSize;
  if (4 * rows * columns <= limit) return [{ slice: undefined, bind: (buffer) => buffer }];
  const most = Math.floor(limit / (4 * columns * 64)) * 64;
  if (most === 0)
    throw new RangeError(
      `matmul: 64 rows of ${columns} values do not fit this adapter's ${limit} bytes a binding`,
    );
  return Array.from({ length: Math.ceil(rows / most) }, (_, index) => {
    const start = index * most;
    const count = Math.min(most, rows - start);
    return {
      slice: { start, count },
      bind: (buffer, bytes = 4) => ({
        buffer,
        offset: bytes * start * columns,
        size: bytes * count * columns,
      }),
    };
  });
}

/** A [M, K] · B [K, N] + bias [N]. */
export function product(a: Tensor, b: Tensor, bias?: Tensor): Tensor {
  const { device } = a;
  const [m, k] = a.shape as [number, number];
  const n = b.shape[1]!;
  const problem = problemOf('forward', m > 1, k, n);
  const { sourceChannels: terms, resultChannels: columns } = problem;
  const left = columnsTo(a, terms);
  const shift = bias && (n === columns ? bias : padLastAxis(bias, columns));
  const c = empty(device, [m, columns]);
  const row = chooseMatrix(problem, device);
  const halves = row.readsHalves && n % 4 === 0 && k % 4 === 0 ? b.halves : null;
  const right = halves ?? rowsTo(columnsTo(b, columns), terms).buffer;
  const slices = rowSlices(device, terms, columns);
  slices.forEach(({ slice, bind }, index) => {
    const last = index === slices.length - 1;
    row.record(device, last ? { ...problem, epilogue: { bias: shift?.buffer } } : problem, {
      pictures: m,
      x: left.buffer,
      w: bind(right, halves ? 2 : 4),
      halves: halves !== null,
      y: c.buffer,
      slice,
      accumulate: index > 0,
    });
  });
  return columnsTo(c, n);
}

/** A [M, K] · Bᵀ with B [N, K]. */
export function productBT(a: Tensor, b: Tensor): Tensor {
  const { device } = a;
  const [m, k] = a.shape as [number, number];
  const n = b.shape[0]!;
  const problem = problemOf('input', m > 1, k, n);
  const { sourceChannels: terms, resultChannels: columns } = problem;
  const left = columnsTo(a, terms);
  const right = rowsTo(columnsTo(b, terms), columns);
  const c = empty(device, [m, columns]);
  const row = chooseMatrix(problem, device);
  for (const { slice, bind } of rowSlices(device, columns, terms))
    row.record(device, problem, {
      pictures: m,
      x: left.buffer,
      w: bind(right.buffer),
      y: c.buffer,
      slice,
    });
  return columnsTo(c, n);
}

/** Aᵀ · B with A [K, M], B [K, N]. */
export function productAT(a: Tensor, b: Tensor): Tensor {
  const { device } = a;
  const [k, m] = a.shape as [number, number];
  const n = b.shape[1]!;
  const problem = problemOf('weight', k > 1, m, n);
  const { sourceChannels: rows, resultChannels: columns } = problem;
  const left = columnsTo(a, rows);
  const right = columnsTo(b, columns);
  const c = empty(device, [rows, columns]);
  const row = chooseMatrix(problem, device);
  for (const { slice, bind } of rowSlices(device, rows, columns))
    row.record(device, problem, {
      pictures: k,
      x: left.buffer,
      dy: right.buffer,
      dw: bind(c.buffer),
      slice,
    });
  return rowsTo(columnsTo(c, n), m);
}

const transposeProgram = program(
  elementwise({
    name: 'transpose',
    bindings: { x: 'read f32', y: 'write f32' },
    params: { rows: 'u32', columns: 'u32' },
    wgsl: 'fn element(i: u32) { y[i] = x[i % p.rows * p.columns + i / p.rows]; }',
  }),
);

/** Aᵀ·Bᵀ with A [K, M], B [N, K]. Nobody's hot path: the product is transposed in a pass of its own. */
function productATBT(a: Tensor, b: Tensor): Tensor {
  const c = product(b, a);
  const [rows, columns] = c.shape as [number, number];
  const y = empty(a.device, [columns, rows]);
  a.device.run(transposeProgram, {
    bindings: { x: c.buffer, y: y.buffer },
    params: { count: c.size, rows, columns },
    bytes: 8 * c.size,
  });
  return y;
}

export interface MatmulOptions {
  /** Use Aᵀ: a is [K, M]. */
  transposeA?: boolean;
  /** Use Bᵀ: b is [N, K]. */
  transposeB?: boolean;
}

type Multiply = (left: Tensor, right: Tensor) => Tensor;

/** By transposeA and transposeB: the product, dA from B and dC, dB from A and dC. */
const PRODUCTS: readonly (readonly (readonly [forward: Multiply, dA: Multiply, dB: Multiply])[])[] = [
  [
    [(a, b) => product(a, b), (b, dc) => productBT(dc, b), (a, dc) => productAT(a, dc)],
    [productBT, (b, dc) => product(dc, b), (a, dc) => productAT(dc, a)],
  ],
  [
    [productAT, (b, dc) => productBT(b, dc), (a, dc) => product(a, dc)],
    [productATBT, (b, dc) => productATBT(b, dc), (a, dc) => productATBT(dc, a)],
  ],
];

/**
 * op(a) · op(b) of two matrices → [M, N]. PyTorch: `torch.matmul` on matrices. Gradients for both.
 * Throws where the inner sizes differ.
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulOptions = {},
): Tensor {
  const where = `(${show(a.shape)}${transposeA ? 'ᵀ' : ''} · ${show(b.shape)}${transposeB ? 'ᵀ' : ''})`;
  checkTypes('matmul', { a, b });
  if (a.shape.length !== 2 || b.shape.length !== 2)
    throw new RangeError(`matmul: two matrices are needed ${where}`);
  const inner = [a.shape[transposeA ? 0 : 1], b.shape[transposeB ? 1 : 0]];
  if (inner[0] !== inner[1])
    throw new RangeError(`matmul: the inner sizes ${inner.join(' and ')} differ ${where}`);
  const [forward, gradientA, gradientB] = PRODUCTS[Number(transposeA)]![Number(transposeB)]!;
  return scope(() =>
    record(
      { op: 'matmul', transposeA, transposeB },
      forward(a, b),
      [a, b],
      ([needA, needB]) => ({ a: needB ? a : null, b: needA ? b : null }),
      (saved, dc, [needA, needB]) => [
        needA ? gradientA(saved.b!, dc) : null,
        needB ? gradientB(saved.a!, dc) : null,
      ],
    ),
  );
}
