/**
 * The programs of batch norm: what each computes stands in batch-norm.ts, who computes what in channel-lanes.ts.
 */
import { elementwise, family, type ProgramSpec } from '../../gpu/index.ts';
import { LANE, LANE_PARAMS, LANES } from '../parts/channel-lanes.ts';
import type { Element } from '../parts/element.ts';
import { type Activation, activateFunction, slopeFunction } from '../pointwise/activations.ts';

/** Lanes of a workgroup that merge the partial results of one channel element. */
const SLICES = 16;
/** Channel elements that a merging workgroup has. */
const COLUMNS = LANES / SLICES;

const lanesKernel = (body: string): string => `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {${LANE}
${body}
}`;

// ---- forward ----

export const momentsProgram = family(({ element }: { element: Element }) => ({
  name: `batch-norm-moments-${element}`,
  bindings: { x: `read ${element}`, partial: `write ${element}` },
  params: LANE_PARAMS,
  // partial: the means of all lanes, less the channel's first value, which keeps all their digits; then their squares.
  wgsl: lanesKernel(`
  let shift = x[min(first, p.count - 1)];
  var sum = ${element}(0);
  var squares = ${element}(0);
  for (var i = first; i < end; i += p.stride) {
    let d = x[i] - shift;
    sum += d;
    squares = fma(d, d, squares);
  }
  let n = f32(max((max(end, first) - first + p.stride - 1) / p.stride, 1));
  let mean = sum / n;
  partial[lane] = (shift - x[c]) + mean;
  partial[p.lanes + lane] = max(fma(-sum, mean, squares), ${element}(0));`),
}));

/**
 * A workgroup merges the partial results of a few channels: 16 lanes a channel add every 16th partial result each, and
 * the first of them adds the 16 sums.
 */
function merging(
  element: Element,
  { before = '', each, finish }: { before?: string; each: string; finish: string },
): string {
  return `
var<workgroup> sums: array<array<${element}, 2>, ${LANES}>;

@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let c = (group.x + p.firstX) * ${COLUMNS} + lane % ${COLUMNS};
  var a = ${element}(0);
  var b = ${element}(0);
  if (c < p.channels) {${before}
    for (var k = lane / ${COLUMNS}; k < p.lanes / p.channels; k += ${SLICES}) {
      let i = k * p.channels + c;${each}
    }
  }
  sums[lane][0] = a;
  sums[lane][1] = b;
  workgroupBarrier();
  if (lane >= ${COLUMNS} || c >= p.channels) { return; }
  for (var slice = 1u; slice < ${SLICES}; slice++) {
    a += sums[slice * ${COLUMNS} + lane][0];
    b += sums[slice * ${COLUMNS} + lane][1];
  }${finish}
}`;
}

export const mergeGroups = (channels: number) => [Math.ceil(channels / COLUMNS), 1, 1] as const;

export const mergeProgram = family(
  ({ element }: { element: Element }): ProgramSpec => ({
    name: `batch-norm-merge-${element}`,
    bindings: {
      x: `read ${element}`,
      partial: `read ${element}`,
      weight: `read ${element}`,
      bias: `read ${element}`,
      runningMean: `write ${element}`,
      runningVar: `write ${element}`,
      coefficients: `write ${element}`,
    },
    params: { ...LANE_PARAMS, rows: 'f32', momentum: 'f32', eps: 'f32' },
    // Chan, Golub, LeVeque 1979, about the mean of the first lane, which always has elements.
    wgsl: merging(element, {
      // A lane has `whole` elements, in the last block fewer or none. No division for each: they cost a processor much.
      before: `
    let whole = p.block / p.stride;
    let last = p.lanes - p.stride;
    let lastStart = (p.lanes / p.stride - 1) * p.block;`,
      each: `
      var n = whole;
      if (i >= last) {
        let start = lastStart + i - last;
        n = select(0, (p.count - start + p.stride - 1) / p.stride, start < p.count);
      }
      if (n > 0) {
        let d = partial[i] - partial[c];
        a = fma(${element}(f32(n)), d, a);
        b += fma(f32(n) * d, d, partial[p.lanes + i]);
      }`,
      finish: `
  let mean = x[c] + (partial[c] + a / p.rows);
  let squares = max(b - a * a / p.rows, ${element}(0));
  let rstd = 1 / sqrt(squares / p.rows + p.eps);
  runningMean[c] = mix(runningMean[c], mean, ${element}(p.momentum));
  runningVar[c] = mix(runningVar[c], squares / (p.rows - 1), ${element}(p.momentum));
  coefficients[c] = mean;
  coefficients[p.channels + c] = weight[c] * rstd;
  coefficients[2 * p.channels + c] = bias[c];
  coefficients[3 * p.channels + c] = rstd;`,
    }),
  }),
);

export const runningProgram = family(
  ({ element }: { element: Element }): ProgramSpec =>
    elementwise({
      name: `batch-norm-running-${element}`,
      bindings: {
        weight: `read ${element}`,
        bias: `read ${element}`,
        runningMean: `read ${element}`,
        runningVar: `read ${element}`,
        coefficients: `write ${element}`,
      },
      params: { eps: 'f32' },
      wgsl: `
fn element(c: u32) {
  let rstd = 1 / sqrt(runningVar[c] + p.eps);
  coefficients[c] = runningMean[c];
  coefficients[p.count + c] = weight[c] * rstd;
  coefficients[2 * p.count + c] = bias[c];
  coefficients[3 * p.count + c] = rstd;
}`,
    }),
);

/** WGSL of the pre-activation z of element `i`. */
const preActivation = (residual: boolean): string => `
    let z = fma(x[i] - mean, scale, bias)${residual ? ' + residual[i]' : ''};`;

const READ_COEFFICIENTS = `
  let mean = coefficients[c];
  let scale = coefficients[p.channels + c];
  let bias = coefficients[2 * p.channels + c];
  let rstd = coefficients[3 * p.channels + c];`;

interface Normalise {
  element: Element;
  activation: Activation;
  residual: boolean;
}

export const normaliseProgram = family(
  ({ element, activation, residual }: Normalise): ProgramSpec => ({
    name: `batch-norm-${activation}${residual ? '-residual' : ''}-${element}`,
    bindings: {
      x: `read ${element}`,
      coefficients: `read ${element}`,
      ...(residual ? { residual: `read ${element}` as const } : {}),
      y: `write ${element}`,
    },
    params: LANE_PARAMS,
    wgsl:
      activateFunction(activation, element) +
      lanesKernel(`${READ_COEFFICIENTS}
  for (var i = first; i < end; i += p.stride) {${preActivation(residual)}
    y[i] = activate(z);
  }`),
  }),
);

// ---- backward ----

/** Where act′ comes from: y, or the pre-activation recomputed from x; and whether that takes the residual. */
export interface Slope {
  element: Element;
  activation: Activation;
  from: 'output' | 'input';
  residual: boolean;
}

/** The slope program's bindings, and WGSL that computes `g`, the gradient at the pre-activation of element `i`. */
function slope({ element, activation, from, residual }: Slope) {
  const reads = activation === 'none' ? null : from === 'output' ? 'y' : residual ? 'residual' : null;
  const value = from === 'output' ? 'y[i]' : 'z';
  return {
    bindings: reads ? { [reads]: `read ${element}` as const } : {},
    functions: slopeFunction(activation, element),
    gradient:
      activation === 'none'
        ? '\n    let g = dy[i];'
        : `${from === 'input' ? preActivation(residual) : ''}\n    let g = dy[i] * slope(${value});`,
  };
}

export const sumsProgram = family((spec: Slope & { writesG: boolean }): ProgramSpec => {
  const { element, activation, from, residual, writesG } = spec;
  const { bindings, functions, gradient } = slope(spec);
  return {
    name: `batch-norm-sums-${activation}-${from}${residual ? '-residual' : ''}${writesG ? '-g' : ''}-${element}`,
    bindings: {
      x: `read ${element}`,
      coefficients: `read ${element}`,
      dy: `read ${element}`,
      ...bindings,
      partial: `write ${element}`,
      ...(writesG ? { dresidual: `write ${element}` as const } : {}),
    },
    params: LANE_PARAMS,
    wgsl:
      functions +
      lanesKernel(`${READ_COEFFICIENTS}
  var sum = ${element}(0);
  var products = ${element}(0);
  for (var i = first; i < end; i += p.stride) {${gradient}
    sum += g;
    products = fma(g, x[i] - mean, products);${writesG ? '\n    dresidual[i] = g;' : ''}
  }
  partial[lane] = sum;
  partial[p.lanes + lane] = products * rstd;`),
  };
});

export const mergeSumsProgram = family(
  ({ element }: { element: Element }): ProgramSpec => ({
    name: `batch-norm-merge-sums-${element}`,
    bindings: { partial: `read ${element}`, dbias: `write ${element}`, dweight: `write ${element}` },
    params: { channels: 'u32', lanes: 'u32', firstX: 'u32' },
    wgsl: merging(element, {
      each: `
      a += partial[i];
      b += partial[p.lanes + i];`,
      finish: `
  dbias[c] = a;
  dweight[c] = b;`,
    }),
  }),
);

export const inputGradientProgram = family((spec: Slope & { training: boolean }): ProgramSpec => {
  const { element, activation, from, residual, training } = spec;
  const { bindings, functions, gradient } = slope(spec);
  const readsX = training || (activation !== 'none' && from === 'input');
  return {
    name: `batch-norm-input-gradient-${activation}-${from}${residual ? '-residual' : ''}${training ? '-training' : ''}-${element}`,
    bindings: {
      ...(readsX ? { x: `read ${element}` as const } : {}),
      coefficients: `read ${element}`,
      dy: `read ${element}`,
      ...bindings,
      ...(training ? { dbias: `read ${element}` as const, dweight: `read ${element}` as const } : {}),
      dx: `write ${element}`,
    },
    params: { ...LANE_PARAMS, rows: 'f32' },
    wgsl:
      functions +
      lanesKernel(`${READ_COEFFICIENTS}${
        training
          ? `
  let meanG = dbias[c] / p.rows;
  let meanGx = dweight[c] * rstd / p.rows;`
          : ''
      }
  for (var i = first; i < end; i += p.stride) {${gradient}
    dx[i] = scale * ${training ? '(g - meanG - (x[i] - mean) * meanGx)' : 'g'};
  }`),
  };
});
