/**
 * The ops once more, naively and in float64: each is its forward formula over nodes of a tape, which derives the
 * gradients. Slow and plain on purpose; test/verify/float64.test.ts holds it against finite differences and
 * PyTorch, and the tests of the kernels use it for random shapes. Layouts are the engine's.
 */
import { conv2d, pools, resize } from './float64-windows.ts';
import { marginsOf, type OpInputs, type OpParameters, type OpResult } from './parameters.ts';
import { indices, Nodes, Tape } from './tape.ts';

export type Inputs64 = Record<string, Nodes>;
export type Op64 = (inputs: Inputs64, parameters: OpParameters) => Nodes | Record<string, Nodes>;

// --- elementwise, with broadcasting ---------------------------------------------------------------------------

type Scalar = (x: number) => number;

/** y = f(x), given f and its derivative. */
function map(x: Nodes, f: Scalar, derivative: Scalar): Nodes {
  const { tape } = x;
  const nodes = x.nodes.map((node) => {
    const value = tape.value(node);
    tape.edge(node, derivative(value));
    return tape.node(f(value));
  });
  return new Nodes(tape, x.shape, nodes);
}

/** The shape that `a` and `b` broadcast to, aligned at the last axis. */
function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const size = (shape: readonly number[], axis: number): number => shape[axis - rank + shape.length] ?? 1;
  return Array.from({ length: rank }, (_, axis) => (size(a, axis) === 1 ? size(b, axis) : size(a, axis)));
}

/** The element of `x` that meets `index` of the broadcast shape. */
const broadcastAt = (x: Nodes, index: readonly number[]): number =>
  x.at(...index.slice(index.length - x.shape.length).map((i, axis) => (x.shape[axis] === 1 ? 0 : i)));

type Binary = { value: (a: number, b: number) => number; da: typeof addA; db: typeof addA };
const addA = (_a: number, _b: number): number => 1;

const BINARY: Record<'add' | 'sub' | 'mul' | 'div', Binary> = {
  add: { value: (a, b) => a + b, da: addA, db: addA },
  sub: { value: (a, b) => a - b, da: addA, db: () => -1 },
  mul: { value: (a, b) => a * b, da: (_, b) => b, db: (a) => a },
  div: { value: (a, b) => a / b, da: (_, b) => 1 / b, db: (a, b) => -a / (b * b) },
};

function binary(op: keyof typeof BINARY, a: Nodes, b: Nodes): Nodes {
  const { value, da, db } = BINARY[op];
  const { tape } = a;
  return Nodes.from(tape, broadcastShape(a.shape, b.shape), (index) => {
    const [left, right] = [broadcastAt(a, index), broadcastAt(b, index)];
    const [x, y] = [tape.value(left), tape.value(right)];
    tape.edge(left, da(x, y));
    tape.edge(right, db(x, y));
    return tape.node(value(x, y));
  });
}

const add = (a: Nodes, b: Nodes): Nodes => binary('add', a, b);
const sub = (a: Nodes, b: Nodes): Nodes => binary('sub', a, b);
const mul = (a: Nodes, b: Nodes): Nodes => binary('mul', a, b);
const div = (a: Nodes, b: Nodes): Nodes => binary('div', a, b);
const scale = (x: Nodes, factor: number, offset = 0): Nodes =>
  map(
    x,
    (v) => factor * v + offset,
    () => factor,
  );
const power = (x: Nodes, exponent: number): Nodes =>
  map(
    x,
    (v) => v ** exponent,
    (v) => exponent * v ** (exponent - 1),
  );

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const ACTIVATIONS: Record<'relu' | 'relu6' | 'silu' | 'sigmoid', (x: Nodes) => Nodes> = {
  relu: (x) =>
    map(
      x,
      (v) => Math.max(v, 0),
      (v) => (v > 0 ? 1 : 0),
    ),
  relu6: (x) =>
    map(
      x,
      (v) => Math.min(Math.max(v, 0), 6),
      (v) => (v > 0 && v < 6 ? 1 : 0),
    ),
  silu: (x) =>
    map(
      x,
      (v) => v * sigmoid(v),
      (v) => sigmoid(v) * (1 + v * (1 - sigmoid(v))),
    ),
  sigmoid: (x) => map(x, sigmoid, (v) => sigmoid(v) * (1 - sigmoid(v))),
};

// --- reductions and what is made of them ----------------------------------------------------------------------

function sum(x: Nodes, axes = x.shape.map((_, axis) => axis), keepDims = false): Nodes {
  const { tape, shape } = x;
  const summed = new Set(axes.map((axis) => (axis + shape.length) % shape.length));
  const kept = shape.map((size, axis) => (summed.has(axis) ? 1 : size));
  const window = shape.map((size, axis) => (summed.has(axis) ? size : 1));
  const result = Nodes.from(tape, kept, (index) => {
    let total = 0;
    for (const offset of indices(window)) {
      const node = x.at(...index.map((i, axis) => i + offset[axis]));
      tape.edge(node, 1);
      total += tape.value(node);
    }
    return tape.node(total);
  });
  return keepDims
    ? result
    : reshape(
        result,
        shape.filter((_, axis) => !summed.has(axis)),
      );
}

function mean(x: Nodes, axes?: number[], keepDims = false): Nodes {
  const total = sum(x, axes, keepDims);
  return scale(total, total.nodes.length / x.nodes.length);
}

const reshape = (x: Nodes, shape: readonly number[]): Nodes => new Nodes(x.tape, shape, x.nodes);

/** The largest value of each row of the last axis, as a constant: softmax does not depend on it. */
function rowMaximum(x: Nodes): Nodes {
  return Nodes.from(x.tape, [...x.shape.slice(0, -1), 1], (index) => {
    const row = Array.from({ length: x.shape.at(-1)! }, (_, i) => x.value(...index.slice(0, -1), i));
    return x.tape.node(row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY));
  });
}

function logSoftmax(x: Nodes): Nodes {
  const shifted = sub(x, rowMaximum(x));
  const total = sum(map(shifted, Math.exp, Math.exp), [-1], true);
  return sub(
    shifted,
    map(total, Math.log, (v) => 1 / v),
  );
}

const softmax = (x: Nodes): Nodes => map(logSoftmax(x), Math.exp, Math.exp);

/**
 * −Σ coefficient·logp / denominator. Labels are class indices (rank 1), each with the weight of its class, or
 * probabilities [N, C]; smoothing mixes in 1/C of every class. PyTorch: F.cross_entropy.
 */
function crossEntropy({ x0, labels, weight }: Inputs64, parameters: OpParameters): Nodes {
  const { labelSmoothing = 0, ignoreIndex = -100 } = parameters;
  const [rows, classes] = x0.shape;
  const soft = labels.shape.length === 2;
  const target = (n: number, c: number): number =>
    soft ? labels.value(n, c) : labels.value(n) === c ? 1 : 0;
  const ignored = (n: number): boolean => !soft && labels.value(n) === ignoreIndex;
  const weightOf = (c: number): number => weight?.value(c) ?? 1;
  let denominator = soft ? rows : 0;
  if (!soft) for (let n = 0; n < rows; n++) denominator += ignored(n) ? 0 : weightOf(labels.value(n));
  const logp = logSoftmax(x0);
  return Nodes.from(x0.tape, [], () => {
    let loss = 0;
    for (const [n, c] of indices(x0.shape)) {
      if (ignored(n)) continue;
      const smoothed = (1 - labelSmoothing) * target(n, c) + labelSmoothing / classes;
      const coefficient = (-weightOf(c) * smoothed) / denominator;
      x0.tape.edge(logp.at(n, c), coefficient);
      loss += coefficient * logp.value(n, c);
    }
    return x0.tape.node(loss);
  });
}

/**
 * Σ w·t·softplus(−x) + (1 − t)·softplus(x), divided by the number of labels; softplus is log(1 + eˣ). PyTorch:
 * F.binary_cross_entropy_with_logits with its pos_weight.
 */
function binaryCrossEntropy({ x0, targets, weight }: Inputs64): Nodes {
  const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const sigmoid = (x: number): number => Math.exp(-softplus(-x));
  const count = x0.nodes.length;
  return Nodes.from(x0.tape, [], () => {
    let loss = 0;
    for (const [n, c] of indices(x0.shape)) {
      const [x, t, w] = [x0.value(n, c), targets.value(n, c), weight?.value(c) ?? 1];
      loss += (w * t * softplus(-x) + (1 - t) * softplus(x)) / count;
      x0.tape.edge(x0.at(n, c), ((1 - t) * sigmoid(x) - w * t * sigmoid(-x)) / count);
    }
    return x0.tape.node(loss);
  });
}

function batchNorm(inputs: Inputs64, parameters: OpParameters): Record<string, Nodes> {
  const { x0: x, weight, bias, runningMean, runningVar, residual } = inputs;
  const { training = true, momentum = 0.1, eps = 1e-5, activation } = parameters;
  const axes = [0, 1, 2];
  const average = training ? mean(x, axes) : runningMean;
  const centred = sub(x, average);
  const variance = training ? mean(mul(centred, centred), axes) : runningVar;
  const normalised = mul(centred, power(scale(variance, 1, eps), -0.5));
  const affine = add(mul(normalised, weight), bias);
  const sumOfBoth = residual ? add(affine, residual) : affine;
  const y = activation ? ACTIVATIONS[activation](sumOfBoth) : sumOfBoth;
  if (!training) return { y };
  const rows = x.nodes.length / average.nodes.length;
  const update = (before: Nodes, batch: Nodes): Nodes =>
    add(scale(before, 1 - momentum), scale(batch, momentum));
  return {
    y,
    runningMean: update(runningMean, average),
    runningVar: update(runningVar, scale(variance, rows / (rows - 1))),
  };
}

/** y[c] = x[c] · (k + alpha/size · Σ x[j]²)^−beta over `size` channels around c, the odd one of an even size below. */
function lrn({ x0: x }: Inputs64, { size = 5, alpha = 1e-4, beta = 0.75, k = 1 }: OpParameters): Nodes {
  const { tape } = x;
  const length = size as number;
  const squares = mul(x, x);
  const sums = Nodes.from(tape, x.shape, ([n, h, w, c]) => {
    let total = 0;
    for (let offset = 0; offset < length; offset++) {
      const channel = c - Math.floor(length / 2) + offset;
      if (channel < 0 || channel >= x.shape[3]) continue;
      tape.edge(squares.at(n, h, w, channel), 1);
      total += squares.value(n, h, w, channel);
    }
    return tape.node(total);
  });
  return mul(x, power(scale(sums, alpha / length, k), -beta));
}

// --- matrices and shapes --------------------------------------------------------------------------------------

function transpose(x: Nodes): Nodes {
  return Nodes.from(x.tape, [...x.shape].reverse(), (index) => x.at(...[...index].reverse()));
}

function matmul(a: Nodes, b: Nodes): Nodes {
  const { tape } = a;
  return Nodes.from(tape, [a.shape[0], b.shape[1]], ([row, column]) => {
    let dot = 0;
    for (let k = 0; k < a.shape[1]; k++) {
      const [left, right] = [a.at(row, k), b.at(k, column)];
      tape.edge(left, tape.value(right));
      tape.edge(right, tape.value(left));
      dot += tape.value(left) * tape.value(right);
    }
    return tape.node(dot);
  });
}

function pad({ x0: x }: Inputs64, [top, bottom, left, right]: readonly number[]): Nodes {
  const [n, h, w, c] = x.shape;
  return Nodes.from(x.tape, [n, h + top + bottom, w + left + right, c], ([b, i, j, k]) => {
    const [row, column] = [i - top, j - left];
    return row >= 0 && row < h && column >= 0 && column < w ? x.at(b, row, column, k) : x.tape.node(0);
  });
}

function concat(parts: readonly Nodes[], axis: number): Nodes {
  const shape = [...parts[0].shape];
  shape[axis] = parts.reduce((total, part) => total + part.shape[axis], 0);
  return Nodes.from(parts[0].tape, shape, (index) => {
    let position = index[axis];
    for (const part of parts) {
      if (position < part.shape[axis]) return part.at(...index.with(axis, position));
      position -= part.shape[axis];
    }
    throw new Error('concat: an index beyond the last part');
  });
}

function slice(x: Nodes, ranges: NonNullable<OpParameters['ranges']>): Nodes {
  const places = x.shape.map((size, axis) =>
    Array.from({ length: size }, (_, i) => i).slice(...(ranges[axis] ?? [])),
  );
  return Nodes.from(
    x.tape,
    places.map(({ length }) => length),
    (index) => x.at(...index.map((i, axis) => places[axis][i])),
  );
}

/** y = x · scale, scale = σ(hidden · w2 + b2), hidden = silu(mean · w1 + b1). */
function squeezeExcite(inputs: Inputs64): Record<string, Nodes> {
  const { x0: x, reduceWeight, reduceBias, expandWeight, expandBias } = inputs;
  const pixels = (rows: Nodes): Nodes => reshape(rows, [rows.shape[0], 1, 1, rows.shape[1]]);
  const matrix = (weight: Nodes): Nodes => reshape(weight, weight.shape.slice(2));
  const hidden = ACTIVATIONS.silu(add(matmul(mean(x, [1, 2]), matrix(reduceWeight)), reduceBias));
  const scale = pixels(ACTIVATIONS.sigmoid(add(matmul(hidden, matrix(expandWeight)), expandBias)));
  return { y: mul(x, scale), hidden: pixels(hidden), scale };
}

export const OPS64: Record<string, Op64> = {
  conv2d,
  depthwiseConv2d: (inputs, parameters) => conv2d(inputs, { ...parameters, groups: inputs.x0.shape[3] }),
  ...pools,
  resize,
  matmul: ({ x0, x1 }, { transposeA, transposeB }) =>
    matmul(transposeA ? transpose(x0) : x0, transposeB ? transpose(x1) : x1),
  linear: ({ x0, x1, bias }) => (bias ? add(matmul(x0, x1), bias) : matmul(x0, x1)),
  batchNorm,
  lrn,
  squeezeExcite,
  relu: ({ x0 }) => ACTIVATIONS.relu(x0),
  relu6: ({ x0 }) => ACTIVATIONS.relu6(x0),
  silu: ({ x0 }) => ACTIVATIONS.silu(x0),
  sigmoid: ({ x0 }) => ACTIVATIONS.sigmoid(x0),
  add: ({ x0, x1 }) => add(x0, x1),
  sub: ({ x0, x1 }) => sub(x0, x1),
  mul: ({ x0, x1 }) => mul(x0, x1),
  div: ({ x0, x1 }) => div(x0, x1),
  sum: ({ x0 }, { axes, keepDims }) => sum(x0, axes, keepDims),
  mean: ({ x0 }, { axes, keepDims }) => mean(x0, axes, keepDims),
  reshape: ({ x0 }, { shape }) => reshape(x0, shape!),
  flatten: ({ x0 }, { startDim = 1 }) =>
    reshape(x0, [...x0.shape.slice(0, startDim), x0.shape.slice(startDim).reduce((a, b) => a * b, 1)]),
  softmax: ({ x0 }) => softmax(x0),
  logSoftmax: ({ x0 }) => logSoftmax(x0),
  crossEntropy,
  binaryCrossEntropy,
  pad: (inputs, { padding }) => pad(inputs, marginsOf(padding!)),
  concat: (inputs, { axis }) => concat(Object.values(inputs), axis!),
  slice: ({ x0 }, { ranges }) => slice(x0, ranges!),
  globalAvgPool: ({ x0 }) => mean(x0, [1, 2]),
};

/** Runs a reference op: outputs, and the gradients of Σ y·dy for the inputs that take one. */
export function runReference(
  op: string,
  inputs: OpInputs,
  parameters: OpParameters,
  outputGradient: (count: number) => ArrayLike<number>,
): OpResult {
  const tape = new Tape();
  const nodes: Inputs64 = {};
  for (const [name, { shape, data }] of Object.entries(inputs)) nodes[name] = Nodes.leaf(tape, shape, data);
  const result = OPS64[op](nodes, parameters);
  const outputs = result instanceof Nodes ? { y: result } : result;
  const gradient = tape.backward(outputs.y.nodes, outputGradient(outputs.y.nodes.length));
  const wanted = Object.entries(nodes).filter(([name]) => inputs[name].grad);
  return {
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [name, { shape: value.shape, data: value.data() }]),
    ),
    gradients: Object.fromEntries(
      wanted.map(([name, { shape, nodes: of }]) => [
        name,
        { shape, data: Float64Array.from(of, (node) => gradient[node]) },
      ]),
    ),
  };
}
