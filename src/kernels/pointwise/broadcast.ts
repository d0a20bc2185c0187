/**
 * Sum, difference, product and quotient of two tensors with NumPy's broadcasting: shapes are aligned at the last axis,
 * and an axis of size 1 is repeated.
 *
 *   add: da = Σ dy        db = Σ dy              Σ over the axes along which the operand was repeated
 *   sub: da = Σ dy        db = −Σ dy
 *   mul: da = Σ dy·b      db = Σ dy·a
 *   div: da = Σ dy/b      db = −Σ dy·y/b
 *
 * Neighbouring axes that an operand has or has not both of are one axis for it: equal shapes collapse to a line, a
 * bias to [rows, C], a squeeze-and-excitation scale to [N, H·W, C]. Which axes each operand has is part of the program
 * ('101'), their sizes are parameters. One invocation computes four neighbours of the last axis where that is a
 * multiple of four long, else one; equal shapes are a line of quadruples in any case, since buffers are padded.
 * Limited by memory: 12 bytes an element, 8 where one operand is small. Divisions by floats (DIVIDE of parts/tile.ts) in
 * place of those of integers: 0.73 to 0.81 times as fast on lavapipe, and pools' 0.72 to 0.92 times.
 */
import { elementwise, family } from '../../gpu/index.ts';
import {
  broadcastShapes,
  checkTypes,
  empty,
  record,
  type Shape,
  scope,
  sizeOf,
  type Tensor,
} from '../../tensor/index.ts';
import type { Element } from '../parts/element.ts';
import { sumTo } from '../parts/partial-sums.ts';

type Operator = '+' | '-' | '*' | '/';

/** An operand's axes after collapsing: '1' has it, '0' repeats along it; 'number' is a parameter. */
interface Pattern {
  operator: Operator;
  a: string;
  b: string;
  element: Element;
}

const NAMES: Record<Operator, string> = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div' };
/** Few shapes have more: four axes of pictures, and two to spare. */
const MOST_AXES = 6;

const broadcastProgram = family(({ operator, a, b, element }: Pattern) => {
  const rank = a.length;
  // A quadruple reads one value of an operand that repeats along the last axis.
  const type = (axes: string) => (axes.endsWith('0') ? 'f32' : element);
  const operand = (name: 'a' | 'b', axes: string) =>
    axes === 'number' ? `${element}(p.b)` : `${element}(${name}[${index(axes)}])`;
  return elementwise({
    name: `${NAMES[operator]}-${a}-${b}-${element}`,
    bindings: {
      a: `read ${type(a)}`,
      ...(b === 'number' ? {} : { b: `read ${type(b)}` as const }),
      y: `write ${element}`,
    },
    params: { ...sizeParams(rank), ...(b === 'number' ? { b: 'f32' } : {}) },
    wgsl: `
fn element(i: u32) {
${coordinates(rank)}
  y[i] = ${operand('a', a)} ${operator} ${operand('b', b)};
}`,
  });
});

/** size1, size2, …: all but the first axis; the last one in elements of the program. */
function sizeParams(rank: number): Record<string, 'u32'> {
  return Object.fromEntries(Array.from({ length: rank - 1 }, (_, k) => [`size${k + 1}`, 'u32']));
}

/** WGSL that takes i apart: i2 = i % size2, i1 = i / size2 % size1, i0 = the rest. */
function coordinates(rank: number): string {
  const lines = ['  var rest = i;'];
  for (let axis = rank - 1; axis > 0; axis--)
    lines.push(`  let i${axis} = rest % p.size${axis}; rest /= p.size${axis};`);
  return rank === 1 ? '' : [...lines, '  let i0 = rest;'].join('\n');
}

/** WGSL of an operand's element: Horner's rule over the axes that it has. */
function index(axes: string): string {
  if (!axes.includes('0')) return 'i';
  const own = [...axes].flatMap((has, axis) => (has === '1' ? [axis] : []));
  return (
    own.reduce((inner, axis) => (inner === '' ? `i${axis}` : `(${inner}) * p.size${axis} + i${axis}`), '') ||
    '0'
  );
}

/** a ∘ b of the broadcast shape `shape`, as a new tensor. Records no gradient. */
function combine(operator: Operator, a: Tensor, b: Tensor | number, shape: Shape): Tensor {
  return scope(() => {
    const y = empty(a.device, shape);
    const axes = collapse(shape, a.shape, typeof b === 'number' ? null : b.shape);
    const last = axes.sizes.at(-1)!;
    const wide = axes.sizes.length === 1 || last % 4 === 0;
    const sizes = [...axes.sizes.slice(0, -1), wide ? Math.ceil(last / 4) : last];
    const pattern: Pattern = { operator, a: axes.a, b: axes.b ?? 'number', element: wide ? 'vec4f' : 'f32' };
    const count = sizeOf(sizes);
    a.device.run(broadcastProgram(pattern), {
      bindings: { a: a.buffer, ...(typeof b === 'number' ? {} : { b: b.buffer }), y: y.buffer },
      params: {
        count,
        ...Object.fromEntries(sizes.map((size, axis) => [`size${axis}`, size])),
        ...(typeof b === 'number' ? { b } : {}),
      },
      flops: y.size,
      bytes: 4 * (a.size + (typeof b === 'number' ? 0 : b.size) + y.size),
    });
    return y;
  });
}

/** The axes of the result, neighbours merged where both operands treat them alike. */
function collapse(shape: Shape, a: Shape, b: Shape | null): { sizes: number[]; a: string; b: string | null } {
  const has = (own: Shape, axis: number) =>
    (own[axis - shape.length + own.length] ?? 1) === shape[axis] ? '1' : '0';
  const sizes: number[] = [];
  let patternA = '';
  let patternB = '';
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const [hasA, hasB] = [has(a, axis), b ? has(b, axis) : '1'];
    if (sizes.length > 0 && patternA.endsWith(hasA) && patternB.endsWith(hasB))
      sizes[sizes.length - 1]! *= size;
    else {
      sizes.push(size);
      patternA += hasA;
      patternB += hasB;
    }
  });
  if (sizes.length > MOST_AXES)
    throw new RangeError(
      `broadcasting [${a.join(',')}] and [${b?.join(',')}] takes ${sizes.length} axes that do not merge, and at most ${MOST_AXES} are written; reshape the operands`,
    );
  if (sizes.length === 0) return { sizes: [1], a: '1', b: b && '1' };
  return { sizes, a: patternA, b: b && patternB };
}

/** `x` repeated along axes of size 1 to `shape`, times `scale`: the transpose of a sum. Records no gradient. */
export function expand(x: Tensor, shape: Shape, scale = 1): Tensor {
  return combine('*', x, scale, shape);
}

function checkOperands(op: string, a: Tensor, b: Tensor | number): void {
  checkTypes(op, { a, b: typeof b === 'number' ? null : b });
}

/** a + b. PyTorch: `torch.add`. Throws where the shapes do not broadcast. */
export function add(a: Tensor, b: Tensor | number): Tensor {
  checkOperands('add', a, b);
  if (typeof b === 'number')
    return record({ op: 'add', b }, combine('+', a, b, a.shape), [a], {}, (_, dy) => [dy]);
  const y = combine('+', a, b, broadcastShapes('add', a.shape, b.shape));
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record('add', y, [a, b], {}, (_, dy, [needsA, needsB]) => [
    needsA ? sumTo(dy, shapeA) : null,
    needsB ? sumTo(dy, shapeB) : null,
  ]);
}

/** a − b. PyTorch: `torch.sub`. Throws where the shapes do not broadcast. */
export function sub(a: Tensor, b: Tensor | number): Tensor {
  checkOperands('sub', a, b);
  if (typeof b === 'number')
    return record({ op: 'sub', b }, combine('-', a, b, a.shape), [a], {}, (_, dy) => [dy]);
  const y = combine('-', a, b, broadcastShapes('sub', a.shape, b.shape));
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record('sub', y, [a, b], {}, (_, dy, [needsA, needsB]) => [
    needsA ? sumTo(dy, shapeA) : null,
    needsB ? sumTo(dy, shapeB, { scale: -1 }) : null,
  ]);
}

/** a · b, element by element. PyTorch: `torch.mul`. Throws where the shapes do not broadcast. */
export function mul(a: Tensor, b: Tensor | number): Tensor {
  checkOperands('mul', a, b);
  if (typeof b === 'number')
    return record({ op: 'mul', b }, combine('*', a, b, a.shape), [a], {}, (_, dy) => [
      combine('*', dy, b, dy.shape),
    ]);
  const y = combine('*', a, b, broadcastShapes('mul', a.shape, b.shape));
  const [shapeA, shapeB] = [a.shape, b.shape];
  const saved = ([needsA, needsB]: readonly boolean[]) => ({ a: needsB ? a : null, b: needsA ? b : null });
  return record('mul', y, [a, b], saved, ({ a, b }, dy, [needsA, needsB]) => [
    needsA ? productGradient(dy, b!, shapeA) : null,
    needsB ? productGradient(dy, a!, shapeB) : null,
  ]);
}

/** Σ dy · other over the axes along which the operand of shape `shape` was repeated. */
function productGradient(dy: Tensor, other: Tensor, shape: Shape): Tensor {
  // Both of full size: one pass that reads each once and writes only the sums.
  if (sizeOf(shape) < dy.size && other.size === dy.size) return sumTo(dy, shape, { times: other });
  return scope(() => {
    const product = combine('*', dy, other, dy.shape);
    const sum = sumTo(product, shape);
    return sum;
  });
}

/** a / b, element by element. PyTorch: `torch.div`. Throws where the shapes do not broadcast. */
export function div(a: Tensor, b: Tensor | number): Tensor {
  checkOperands('div', a, b);
  if (typeof b === 'number')
    return record({ op: 'div', b }, combine('/', a, b, a.shape), [a], {}, (_, dy) => [
      combine('/', dy, b, dy.shape),
    ]);
  const y = combine('/', a, b, broadcastShapes('div', a.shape, b.shape));
  const [shapeA, shapeB] = [a.shape, b.shape];
  const saved = ([, needsB]: readonly boolean[]) => ({ b, y: needsB ? y : null });
  return record('div', y, [a, b], saved, ({ b, y }, dy, [needsA, needsB]) => {
    const da = combine('/', dy, b!, dy.shape);
    return [needsA ? sumTo(da, shapeA) : null, needsB ? sumTo(da, shapeB, { scale: -1, times: y }) : null];
  });
}
