/**
 * Antialiased resize of pictures [N, H, W, C], bilinear or bicubic, one axis at a time:
 *
 *   y[…, o, …] = Σₖ weight[o, k] · x[…, start[o] + k, …]
 *
 * Start, count and weights of each output come from resize-coefficients.ts; where the picture shrinks, the filter is
 * stretched, so that every input counts. The gradient is the same pass with the transposed coefficients: the outputs
 * that an input went into are neighbours too.
 *
 * A pass sees the picture as [outer, size, inner]: rows are [N, H, W·C], columns [N·H, W, C]. A lane computes four
 * neighbouring inner values of one output where inner is a multiple of four, else one. Limited by loads, `taps` of them.
 *
 * `round8` repeats Pillow's arithmetic on 8-bit pictures, held as integers in float32: weights of 22 fractional bits, each
 * pass rounded and clipped to 0 … 255, in Pillow's order.
 */
import { elementwise, family } from '../../gpu/index.ts';
import {
  checkTypes,
  empty,
  record,
  recordsGrad,
  type Shape,
  scope,
  type Tensor,
  tensor,
} from '../../tensor/index.ts';
import { checkPictures } from '../parts/channels-last.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import {
  RESIZE_PRECISION_BITS,
  type ResizeCoefficients,
  type ResizeFilter,
  resizeCoefficients,
  resizesVerticallyFirst,
} from './resize-coefficients.ts';

export interface ResizeOptions {
  interpolation: ResizeFilter;
  /** Bit for bit Pillow's result on 8-bit pictures; the values are integers 0 … 255. No gradient. */
  round8?: boolean;
}

/** Weights: float32 as bits, or integers. */
const passProgram = family(({ element, round8 }: { element: Element; round8: boolean }) => {
  const integer = element === 'vec4f' ? 'vec4i' : 'i32';
  const sum = round8
    ? {
        type: integer,
        start: `${1 << (RESIZE_PRECISION_BITS - 1)}`,
        add: `table[at + k] * ${integer}(x[source])`,
      }
    : { type: element, start: '0', add: 'bitcast<f32>(table[at + k]) * x[source]' };
  const shift = element === 'vec4f' ? `vec4u(${RESIZE_PRECISION_BITS})` : `${RESIZE_PRECISION_BITS}u`;
  const result = round8 ? `${element}(clamp(sum >> ${shift}, ${integer}(0), ${integer}(255)))` : 'sum';
  return elementwise({
    name: `resize-${round8 ? '8-bit-' : ''}${element}`,
    bindings: { x: `read ${element}`, table: 'read i32', y: `write ${element}` },
    params: { inner: 'u32', inputs: 'u32', outputs: 'u32', pitch: 'u32' },
    // table: a row an output: start, count, weights.
    wgsl: `
fn element(i: u32) {
  let j = i % p.inner;
  let o = i / p.inner % p.outputs;
  let outer = i / p.inner / p.outputs;
  let at = o * p.pitch + 2;
  var source = (outer * p.inputs + u32(table[at - 2])) * p.inner + j;
  var sum = ${sum.type}(${sum.start});
  for (var k = 0u; k < u32(table[at - 1]); k++) {
    sum += ${sum.add};
    source += p.inner;
  }
  y[i] = ${result};
}`,
  });
});

/**
 * Resizes pictures x [N, H, W, C] to [N, h, w, C]. PyTorch: `F.interpolate(…, antialias=True, align_corners=False)`;
 * with `round8` Pillow's `Image.resize`. Gradient for x, except with `round8`, which throws where one is recorded.
 */
export function resize(
  x: Tensor,
  [height, width]: readonly [number, number],
  { interpolation, round8 = false }: ResizeOptions,
): Tensor {
  checkTypes('resize', { x });
  checkPictures('resize', x.shape);
  if (round8 && recordsGrad(x))
    throw new Error('resize: round8 rounds to whole numbers, so that no gradient passes through it');
  const [from, to] = [[x.shape[1]!, x.shape[2]!] as const, [height, width] as const];
  const axes = ([1, 2] as const).map((axis) => ({
    axis,
    inputs: from[axis - 1]!,
    outputs: to[axis - 1]!,
    coefficients: resizeCoefficients(from[axis - 1]!, to[axis - 1]!, interpolation),
  }));
  if (!resizesVerticallyFirst(from[1], from[0], width, height)) axes.reverse();
  const passes = axes.filter(({ inputs, outputs }) => inputs !== outputs);
  const forward = passes.map((pass) => ({ ...pass, table: tableOf(pass.coefficients, round8) }));
  const y = run(x, forward, round8);
  return record({ op: 'resize', interpolation, round8 }, y, [x], {}, (_, dy) => [
    run(
      dy,
      passes
        .map(({ axis, inputs, outputs, coefficients }) => ({
          axis,
          inputs: outputs,
          outputs: inputs,
          table: transposed(coefficients, inputs),
        }))
        .reverse(),
      false,
    ),
  ]);
}

/** Start, count and weights of each output, as the kernel reads them. */
interface Table {
  pitch: number;
  values: Int32Array<ArrayBuffer>;
}

interface Pass {
  axis: 1 | 2;
  inputs: number;
  outputs: number;
  table: Table;
}

/** The passes one after the other; another handle of `x` where there is none. */
function run(x: Tensor, passes: readonly Pass[], round8: boolean): Tensor {
  return scope(() => {
    let result = x;
    for (const pass of passes) {
      const next = runPass(result, pass, round8);
      if (result !== x) result.dispose();
      result = next;
    }
    return result === x ? x.alias() : result;
  });
}

function runPass(x: Tensor, { axis, inputs, outputs, table }: Pass, round8: boolean): Tensor {
  const shape: Shape = x.shape.map((size, i) => (i === axis ? outputs : size));
  const inner = x.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const element = elementOf(inner);
  const unit = widthOf(element);
  return scope(() => {
    const y = empty(x.device, shape);
    // A tensor, not a constant of the device: pictures come in any number of sizes.
    const values = tensor(table.values, [table.values.length], { device: x.device });
    x.device.run(passProgram({ element, round8 }), {
      bindings: { x: x.buffer, table: values.buffer, y: y.buffer },
      params: { count: y.size / unit, inner: inner / unit, inputs, outputs, pitch: table.pitch },
      flops: 2 * y.size * (table.pitch - 2),
      bytes: 4 * (x.size + y.size),
    });
    return y;
  });
}

/** Row o of a table; `weights` as float32 unless they are kept as integers. */
function fillRow(
  table: Table,
  o: number,
  start: number,
  weights: readonly number[],
  integers: boolean,
): void {
  const at = o * table.pitch;
  table.values[at] = start;
  table.values[at + 1] = weights.length;
  const target = integers ? table.values : new Float32Array(table.values.buffer);
  weights.forEach((weight, k) => {
    target[at + 2 + k] = weight;
  });
}

const newTable = (rows: number, taps: number): Table => ({
  pitch: taps + 2,
  values: new Int32Array(rows * (taps + 2)),
});

/** The weights of output o. Integer weights sum to 2²² but for their rounding, which dividing by the sum takes out. */
function weightsOf({ taps, count, weights }: ResizeCoefficients, o: number): number[] {
  const row = Array.from(weights.subarray(o * taps, o * taps + count[o]!));
  const sum = row.reduce((total, weight) => total + weight, 0);
  return row.map((weight) => weight / sum);
}

function tableOf(coefficients: ResizeCoefficients, integers: boolean): Table {
  const { taps, start, count, weights } = coefficients;
  const table = newTable(start.length, taps);
  start.forEach((first, o) => {
    const row = integers
      ? Array.from(weights.subarray(o * taps, o * taps + count[o]!))
      : weightsOf(coefficients, o);
    fillRow(table, o, first, row, integers);
  });
  return table;
}

/** For each input, the outputs that it went into. Windows start and end in order, so these are neighbours. */
function transposed(coefficients: ResizeCoefficients, inputs: number): Table {
  const rows = Array.from({ length: inputs }, () => ({ start: 0, weights: [] as number[] }));
  coefficients.start.forEach((first, o) => {
    weightsOf(coefficients, o).forEach((weight, k) => {
      const row = rows[first + k]!;
      if (row.weights.length === 0) row.start = o;
      row.weights.push(weight);
    });
  });
  const taps = rows.reduce((most, { weights }) => Math.max(most, weights.length), 0);
  const table = newTable(inputs, taps);
  rows.forEach(({ start, weights }, i) => {
    fillRow(table, i, start, weights, false);
  });
  return table;
}
