/**
 * ONNX's operators as its specification has them (https://onnx.ai/onnx/operators), naively and in float64: what an exported
 * graph answers, without a runtime. Only what exports contain.
 */
import type { ModelProto, NodeProto } from '../../src/export/onnx/model.ts';

export interface Array64 {
  shape: readonly number[];
  data: ArrayLike<number>;
}

type Attributes = Record<string, number | number[]>;
type Operator = (inputs: Array64[], attributes: Attributes) => Array64;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Every index of a shape, the last axis fastest, with its place. */
function* indices(shape: readonly number[]): Generator<[index: number[], at: number]> {
  const index = shape.map(() => 0);
  for (let at = 0; at < sizeOf(shape); at++) {
    yield [index, at];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
}

function place(shape: readonly number[], index: readonly number[]): number {
  return shape.reduce((at, size, axis) => at * size + index[axis]!, 0);
}

function build(shape: readonly number[], value: (index: number[]) => number): Array64 {
  const data = new Float64Array(sizeOf(shape));
  for (const [index, at] of indices(shape)) data[at] = value(index);
  return { shape: [...shape], data };
}

const map =
  (f: (x: number) => number): Operator =>
  ([x]) => ({ shape: x!.shape, data: Float64Array.from(x!.data, f) });

const binary =
  (f: (a: number, b: number) => number): Operator =>
  ([a, b]) => {
    const rank = Math.max(a!.shape.length, b!.shape.length);
    const [p, q] = [a!, b!].map(({ shape }) => [...new Array<number>(rank - shape.length).fill(1), ...shape]);
    const shape = p!.map((size, axis) => Math.max(size, q![axis]!));
    const at = (own: number[], index: number[]) =>
      place(
        own,
        index.map((i, axis) => (own[axis] === 1 ? 0 : i)),
      );
    return build(shape, (index) => f(a!.data[at(p!, index)]!, b!.data[at(q!, index)]!));
  };

/** [N, C, H', W'] of windows over [N, C, H, W]: `of` gets the taps inside the picture and their number with padding. */
function windows(
  x: Array64,
  attributes: Attributes,
  of: (taps: number[], counted: number) => number,
): Array64 {
  const kernel = attributes.kernel_shape as number[];
  const {
    strides = [1, 1],
    dilations = [1, 1],
    pads = [0, 0, 0, 0],
  } = attributes as Record<string, number[]>;
  const [, , height, width] = x.shape as [number, number, number, number];
  const sides = [height, width];
  const output = sides.map(
    (size, a) =>
      Math.floor((size + pads[a]! + pads[a + 2]! - dilations[a]! * (kernel[a]! - 1) - 1) / strides[a]!) + 1,
  );
  return build([...x.shape.slice(0, 2), ...output], ([n, c, oy, ox]) => {
    const taps: number[] = [];
    for (let ky = 0; ky < kernel[0]!; ky++)
      for (let kx = 0; kx < kernel[1]!; kx++) {
        const iy = oy! * strides[0]! - pads[0]! + ky * dilations[0]!;
        const ix = ox! * strides[1]! - pads[1]! + kx * dilations[1]!;
        if (iy >= 0 && iy < height && ix >= 0 && ix < width)
          taps.push(x.data[place(x.shape, [n!, c!, iy, ix])]!);
      }
    return of(taps, kernel[0]! * kernel[1]!);
  });
}

const conv: Operator = ([x, w, b], attributes) => {
  const { strides, dilations, pads, group } = attributes as { group: number } & Record<string, number[]>;
  const [, channels, height, width] = x!.shape as [number, number, number, number];
  const [outputs, each, kh, kw] = w!.shape as [number, number, number, number];
  const size = (side: number, a: 0 | 1, k: number) =>
    Math.floor((side + pads![a]! + pads![a + 2]! - dilations![a]! * (k - 1) - 1) / strides![a]!) + 1;
  return build([x!.shape[0]!, outputs, size(height, 0, kh), size(width, 1, kw)], ([n, o, oy, ox]) => {
    let sum = b?.data[o!] ?? 0;
    const first = Math.floor(o! / (outputs / group)) * (channels / group);
    for (let c = 0; c < each; c++)
      for (let ky = 0; ky < kh; ky++)
        for (let kx = 0; kx < kw; kx++) {
          const iy = oy! * strides![0]! - pads![0]! + ky * dilations![0]!;
          const ix = ox! * strides![1]! - pads![1]! + kx * dilations![1]!;
          if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
          sum +=
            x!.data[place(x!.shape, [n!, first + c, iy, ix])]! * w!.data[place(w!.shape, [o!, c, ky, kx])]!;
        }
    return sum;
  });
};

const product = (a: Array64, b: Array64, transA = 0, transB = 0): Array64 => {
  const [m, k] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
  const n = transB ? b.shape[0]! : b.shape[1]!;
  return build([m, n], ([i, j]) => {
    let sum = 0;
    for (let l = 0; l < k; l++)
      sum += a.data[transA ? l * m + i! : i! * k + l]! * b.data[transB ? j! * k + l : l * n + j!]!;
    return sum;
  });
};

/** Products of the last two axes; a matrix meets each of the others'. */
const matmul: Operator = ([a, b]) => {
  const [many, left] = a!.shape.length > 2 ? [a!, false] : [b!, true];
  const [rows, columns] = many.shape.slice(-2) as [number, number];
  const parts = sizeOf(many.shape.slice(0, -2));
  const results = Array.from({ length: parts }, (_, part) => {
    const own = {
      shape: [rows, columns],
      data: Array.from(many.data).slice(part * rows * columns, (part + 1) * rows * columns),
    };
    return left ? product(a!, own) : product(own, b!);
  });
  return {
    shape: [...many.shape.slice(0, -2), ...results[0]!.shape],
    data: Float64Array.from(results.flatMap(({ data }) => Array.from(data))),
  };
};

/** Along `axes` of x, values in groups: what `of` makes of each. */
function reduced(
  x: Array64,
  axes: readonly number[],
  keepdims: number,
  of: (values: number[]) => number,
): Array64 {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const groups = Array.from({ length: sizeOf(kept) }, (): number[] => []);
  for (const [index, at] of indices(x.shape))
    groups[
      place(
        kept,
        index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
      )
    ]!.push(x.data[at]!);
  const shape = keepdims ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return { shape, data: Float64Array.from(groups, of) };
}

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);

const reduce =
  (of: (values: number[]) => number): Operator =>
  ([x, axes], attributes) =>
    reduced(
      x!,
      axes ? Array.from(axes.data) : (attributes.axes as number[]),
      attributes.keepdims as number,
      of,
    );

const softmax =
  (f: (x: number, sum: number) => number): Operator =>
  ([x], { axis }) => {
    const along = [(axis as number) < 0 ? x!.shape.length + (axis as number) : (axis as number)];
    const sums = reduced(x!, along, 1, (values) => total(values.map(Math.exp)));
    return binary(f)([x!, sums], {});
  };

const OPERATORS: Record<string, Operator> = {
  Conv: conv,
  BatchNormalization: ([x, scale, shift, mean, variance], { epsilon }) =>
    build(x!.shape, (index) => {
      const c = index[1]!;
      const value = x!.data[place(x!.shape, index)]! - mean!.data[c]!;
      return (
        (value / Math.sqrt(variance!.data[c]! + (epsilon as number))) * scale!.data[c]! + shift!.data[c]!
      );
    }),
  LRN: ([x], { size, alpha, beta, bias }) =>
    build(x!.shape, ([n, c, h, w]) => {
      const [s, channels] = [size as number, x!.shape[1]!];
      let squares = 0;
      for (
        let j = Math.max(0, c! - Math.floor((s - 1) / 2));
        j <= Math.min(channels - 1, c! + Math.ceil((s - 1) / 2));
        j++
      )
        squares += x!.data[place(x!.shape, [n!, j, h!, w!])]! ** 2;
      const factor = ((bias as number) + ((alpha as number) / s) * squares) ** (beta as number);
      return x!.data[place(x!.shape, [n!, c!, h!, w!])]! / factor;
    }),
  Relu: map((x) => Math.max(x, 0)),
  Sigmoid: map((x) => 1 / (1 + Math.exp(-x))),
  Clip: ([x, low, high]) => map((v) => Math.min(Math.max(v, low!.data[0]!), high!.data[0]!))([x!], {}),
  Identity: ([x]) => x!,
  Cast: ([x]) => x!,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  MaxPool: ([x], attributes) => windows(x!, attributes, (taps) => Math.max(...taps)),
  // Padding counts or not; what is beyond is asked of nobody here, since exports write it out.
  AveragePool: ([x], attributes) =>
    windows(x!, attributes, (taps, all) => total(taps) / (attributes.count_include_pad ? all : taps.length)),
  GlobalAveragePool: ([x]) => reduced(x!, [2, 3], 1, (values) => total(values) / values.length),
  Flatten: ([x]) => ({ shape: [x!.shape[0]!, sizeOf(x!.shape.slice(1))], data: x!.data }),
  Reshape: ([x, shape]) => ({
    shape: Array.from(shape!.data, (size, axis) => (size === 0 ? x!.shape[axis]! : size)),
    data: x!.data,
  }),
  Transpose: ([x], attributes) => {
    const perm = attributes.perm as number[];
    return build(
      perm.map((axis) => x!.shape[axis]!),
      (index) =>
        x!.data[
          place(
            x!.shape,
            x!.shape.map((_, axis) => index[perm.indexOf(axis)]!),
          )
        ]!,
    );
  },
  Gemm: ([a, b, c], { transA = 0, transB = 0 }) => {
    const y = product(a!, b!, transA as number, transB as number);
    return c ? binary((p, q) => p + q)([y, c], {}) : y;
  },
  MatMul: matmul,
  Softmax: softmax((x, sum) => Math.exp(x) / sum),
  LogSoftmax: softmax((x, sum) => x - Math.log(sum)),
  ReduceSum: reduce(total),
  ReduceMean: reduce((values) => total(values) / values.length),
  Concat: (inputs, { axis }) => {
    const along = axis as number;
    const starts = inputs.map((_, i) => total(inputs.slice(0, i).map(({ shape }) => shape[along]!)));
    const extent = total(inputs.map(({ shape }) => shape[along]!));
    return build(inputs[0]!.shape.with(along, extent), (index) => {
      const part = starts.findLastIndex((start) => index[along]! >= start);
      const { shape, data } = inputs[part]!;
      return data[place(shape, index.with(along, index[along]! - starts[part]!))]!;
    });
  },
  Slice: ([x, starts, ends, axes]) => {
    const from = x!.shape.map(() => 0);
    const shape = [...x!.shape];
    Array.from(axes!.data).forEach((axis, k) => {
      from[axis] = starts!.data[k]!;
      shape[axis] = ends!.data[k]! - starts!.data[k]!;
    });
    return build(
      shape,
      (index) =>
        x!.data[
          place(
            x!.shape,
            index.map((i, axis) => i + from[axis]!),
          )
        ]!,
    );
  },
  Pad: ([x, pads, value]) => {
    const rank = x!.shape.length;
    const margins = Array.from(pads!.data);
    return build(
      x!.shape.map((size, axis) => size + margins[axis]! + margins[axis + rank]!),
      (index) => {
        const own = index.map((i, axis) => i - margins[axis]!);
        const inside = own.every((i, axis) => i >= 0 && i < x!.shape[axis]!);
        return inside ? x!.data[place(x!.shape, own)]! : value!.data[0]!;
      },
    );
  },
};

/** The answer of a graph to its one input. */
export function evaluateOnnx({ graph }: ModelProto, input: Array64): Array64 {
  const values = new Map<string, Array64>([[graph.input[0]!.name, input]]);
  for (const { name, dims, data_type, raw_data } of graph.initializer) {
    const bytes = raw_data.slice().buffer;
    const data = data_type === 7 ? Array.from(new BigInt64Array(bytes), Number) : new Float32Array(bytes);
    values.set(name, { shape: dims, data });
  }
  for (const node of graph.node) values.set(node.output[0]!, evaluateNode(node, values));
  return values.get(graph.output[0]!.name)!;
}

function evaluateNode(node: NodeProto, values: ReadonlyMap<string, Array64>): Array64 {
  const operator = OPERATORS[node.op_type];
  if (!operator) throw new Error(`no operator ${node.op_type} in the evaluation of tests`);
  const inputs = node.input.map((name) => {
    const value = values.get(name);
    if (!value) throw new Error(`${node.name} reads ${name}, which nothing gives`);
    return value;
  });
  const attributes = node.attribute.map(({ name, i, f, ints }) => [name, i ?? f ?? ints]);
  return operator(inputs, Object.fromEntries(attributes) as Attributes);
}
