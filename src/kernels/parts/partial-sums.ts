/**
 * Sums over a group of neighbouring axes, the core of sum, mean and of every gradient that a broadcast sums.
 *
 * The tensor is seen as [outer, reduce, inner]; y[o, j] = scale · Σᵣ x[o, r, j], or Σᵣ x·z of two tensors.
 * A long reduction is cut into chunks: an invocation sums one chunk for one (o, j), and a second pass of the same
 * program sums the partial results, so that there are thousands of invocations and no float32 sum is long.
 *
 *        inner →                          lanes → (inner = 1)
 *   r  ┌─────────┐ ┐                 row o  ┌─────────┐ ┐
 *   ↓  │ 0 1 2 3 │ │ chunk 0                │ 0 1 2 3 │ │ chunk 0: lane j sums x[o, j], x[o, lanes + j], …
 *      │ 0 1 2 3 │ ┘                        │ 0 1 2 3 │ ┘
 *      │ 4 5 6 7 │ ┐ chunk 1                │ 4 5 6   │   chunk 1, the end of the row
 *      └─────────┘ ┘                        └─────────┘
 *
 * Adjacent invocations read adjacent memory either way: where the last axis itself is summed, its row is folded into
 * rows of `lanes` values first. Elements are vec4 where the last axis is a multiple of four long. Four accumulators
 * each, since one alone waits for its own last addition. Limited by memory: 4 bytes an element.
 */
import { type BufferBinding, type Device, elementwise, family, type PooledBuffer } from '../../gpu/index.ts';
import { empty, type Shape, scope, sizeOf, type Tensor } from '../../tensor/index.ts';

/** Invocations that a reduction should have, and how many terms one of them adds: at least, at most. */
const INVOCATIONS = 16384;
const CHUNK = { least: 64, most: 512 };
/** Values to a row where a long last axis is folded: 128 bytes of vec4. 32 of them thrash a CPU's first cache (0.4×). */
const LANES = 8;

/** `across`: the four components of the sum are added as well. */
type Element = 'f32' | 'vec4f' | 'across';

const sumProgram = family(({ element, product }: { element: Element; product: boolean }) => {
  const type = element === 'f32' ? 'f32' : 'vec4f';
  return elementwise({
    name: `sum-${element}${product ? '-of-products' : ''}`,
    bindings: {
      x: `read ${type}`,
      ...(product ? { z: `read ${type}` as const } : {}),
      y: `write ${element === 'across' ? 'f32' : type}`,
    },
    params: {
      length: 'u32', // elements of one o
      inner: 'u32', // elements between two terms of a sum
      chunks: 'u32',
      chunk: 'u32', // terms in a chunk
      scale: 'f32',
    },
    wgsl: `
fn term(at: u32) -> ${type} { return x[at]${product ? ' * z[at]' : ''}; }
fn element(i: u32) {
  let j = i % p.inner;
  let k = i / p.inner % p.chunks;
  let o = i / p.inner / p.chunks;
  let terms = (p.length - j + p.inner - 1) / p.inner; // rounded up: a folded row may end early
  let first = min(k * p.chunk, terms);
  let count = min(p.chunk, terms - first);
  var at = o * p.length + first * p.inner + j;
  var s0 = ${type}(0); var s1 = ${type}(0); var s2 = ${type}(0); var s3 = ${type}(0);
  for (var n = count / 4; n > 0; n--) {
    s0 += term(at);
    s1 += term(at + p.inner);
    s2 += term(at + 2 * p.inner);
    s3 += term(at + 3 * p.inner);
    at += 4 * p.inner;
  }
  for (var n = count % 4; n > 0; n--) {
    s0 += term(at);
    at += p.inner;
  }
  let total = ((s0 + s1) + (s2 + s3)) * p.scale;
  y[i] = ${element === 'across' ? 'dot(total, vec4f(1))' : 'total'};
}`,
  });
});

export interface GroupSum {
  outer: number;
  reduce: number;
  inner: number;
  /** Factor of the result; 1 by default. */
  scale?: number;
  /** Sums the products with this tensor of the same size instead. */
  times?: Tensor | null;
}

/** scale · Σᵣ x[o, r, j] as a new tensor of `shape` (outer·inner values). Records no gradient. */
export function sumGroup(x: Tensor, shape: Shape, { times, ...group }: GroupSum): Tensor {
  return scope(() => {
    const y = empty(x.device, shape);
    sumGroupInto(x.device, x.buffer, y.buffer, { ...group, times: times?.buffer });
    return y;
  });
}

/** The same from buffer to buffer. Partial sums belong to the scope of the caller. */
export function sumGroupInto(
  device: Device,
  x: PooledBuffer,
  y: BufferBinding,
  { outer, reduce, inner, scale = 1, times }: Omit<GroupSum, 'times'> & { times?: PooledBuffer | undefined },
): void {
  const wide = inner > 1 ? inner % 4 === 0 : reduce % 4 === 0;
  const unit = wide ? 4 : 1;
  // From here on, lengths count elements of the program's type.
  const length = (reduce * inner) / unit;
  const folded = inner === 1 && length >= 2 * CHUNK.least;
  const lanes = inner > 1 ? inner / unit : folded ? LANES : 1;
  const terms = Math.ceil(length / lanes);
  const chunk = chunkLength(terms, lanes);
  const chunks = Math.ceil(terms / chunk);
  const last = chunks === 1 && !folded;
  const across = wide && inner === 1 && !folded && chunks === 1;

  const count = outer * chunks * lanes;
  const size = outer * reduce * inner;
  const results = last ? outer * inner : count * unit;
  const partial = last ? null : empty(device, [results]);
  const element = across ? 'across' : wide ? 'vec4f' : 'f32';
  device.run(sumProgram({ element, product: times !== undefined }), {
    bindings: { x, ...(times && { z: times }), y: partial?.buffer ?? y },
    params: { count, length, inner: lanes, chunks, chunk, scale: last ? scale : 1 },
    flops: times ? 2 * size : size,
    bytes: 4 * (times ? 2 * size : size) + 4 * results,
  });
  if (!partial) return;
  // The partial sums: [outer, chunks, inner], or [outer, everything that is left of a row].
  const rest = inner > 1 ? { reduce: chunks, inner } : { reduce: chunks * lanes * unit, inner: 1 };
  sumGroupInto(device, partial.buffer, y, { outer, ...rest, scale });
  partial.dispose();
}

/**
 * Terms to a chunk of a sum with `lanes` neighbours: enough invocations for the device first, then no sum longer than
 * float32 likes. How many such sums there are does not count: the average of a picture must not depend on its batch.
 */
function chunkLength(terms: number, lanes: number): number {
  if (terms <= 2 * CHUNK.least) return terms;
  const wanted = Math.ceil((terms * lanes) / INVOCATIONS);
  return Math.min(Math.max(wanted, CHUNK.least), CHUNK.most);
}

/** Σ over all axes but the last: [..., C] → [C], for instance the gradient of a bias. Records no gradient. */
export function sumToChannels(x: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  return sumGroup(x, [channels], { outer: 1, reduce: x.size / channels, inner: channels });
}

/**
 * Sums `x` (or x · times, or scale · x) over the axes along which `shape` was broadcast to x.shape: the transpose of
 * a broadcast. Returns a new tensor of `shape`, or another handle to `x` where there is nothing to do.
 */
export function sumTo(
  x: Tensor,
  shape: Shape,
  { scale = 1, times = null }: { scale?: number; times?: Tensor | null } = {},
): Tensor {
  const axes = x.shape
    .map((_, axis) => axis)
    .filter((axis) => {
      const own = shape[axis - x.shape.length + shape.length] ?? 1;
      return own === 1 && x.shape[axis] !== 1;
    });
  if (axes.length === 0) {
    if (scale === 1 && !times) return x.alias(shape);
    return sumGroup(x, shape, { outer: 1, reduce: 1, inner: x.size, scale, times });
  }
  return sumAxes(x, axes, shape, scale, times);
}

/** scale · Σ over `axes` (ascending, at least one) of x or x · times, as a new tensor of `shape`. */
export function sumAxes(
  x: Tensor,
  axes: readonly number[],
  shape: Shape,
  scale = 1,
  times: Tensor | null = null,
): Tensor {
  // Neighbouring axes (sizes of one between them do not count) make a group; the last group goes first, so that the
  // axes before it keep their numbers.
  const sizes = [...x.shape];
  const last = axes.at(-1)!;
  let first = last;
  while (first > 0 && (axes.includes(first - 1) || sizes[first - 1] === 1)) first--;
  const rest = axes.filter((axis) => axis < first);
  const reduce = sizeOf(sizes.slice(first, last + 1));
  const outer = sizeOf(sizes.slice(0, first));
  const inner = sizeOf(sizes.slice(last + 1));
  if (rest.length === 0) return sumGroup(x, shape, { outer, reduce, inner, scale, times });
  const between = [...sizes.slice(0, first), inner];
  return scope(() => {
    const partial = sumGroup(x, between, { outer, reduce, inner, times });
    return sumAxes(partial, rest, shape, scale);
  });
}
