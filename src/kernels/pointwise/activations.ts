/**
 * Pointwise activations: ReLU, ReLU6, SiLU and the sigmoid.
 *
 *   relu(x)  = max(x, 0)          relu'  = [y > 0]
 *   relu6(x) = min(max(x, 0), 6)  relu6' = [0 < y < 6]
 *   silu(x)  = x·σ(x)             silu'  = σ(x)·(1 + x·(1 − σ(x)))
 *   σ(x)     = 1 / (1 + e^−x)     σ'     = y·(1 − y)
 *
 * One invocation computes four neighbouring elements. Limited by memory: 8 bytes an element forward, 12 backward.
 */
import { elementwise, family } from '../../gpu/index.ts';
import { checkTypes, empty, record, scope, type Tensor } from '../../tensor/index.ts';

/** The activations that other kernels can apply as they write their result. */
export type Activation = 'none' | 'relu' | 'relu6' | 'silu' | 'sigmoid';

/** WGSL of `fn activate(x: vec4f) -> vec4f`, for the last line of a fused kernel. */
const ACTIVATE: Record<Activation, string> = {
  none: 'fn activate(x: vec4f) -> vec4f { return x; }',
  relu: 'fn activate(x: vec4f) -> vec4f { return max(x, vec4f(0)); }',
  relu6: 'fn activate(x: vec4f) -> vec4f { return clamp(x, vec4f(0), vec4f(6)); }',
  silu: 'fn activate(x: vec4f) -> vec4f { return x / (1 + exp(-x)); }',
  sigmoid: 'fn activate(x: vec4f) -> vec4f { return 1 / (1 + exp(-x)); }',
};

/**
 * WGSL of `fn slope(v: vec4f) -> vec4f`, the derivative. `v` is the output where that is enough (`SLOPE_READS`), so
 * that the input need not be kept; PyTorch's convention of a zero derivative at the kinks.
 */
const SLOPE: Record<Activation, string> = {
  none: 'fn slope(y: vec4f) -> vec4f { return vec4f(1); }',
  relu: 'fn slope(y: vec4f) -> vec4f { return select(vec4f(0), vec4f(1), y > vec4f(0)); }',
  relu6:
    'fn slope(y: vec4f) -> vec4f { return select(vec4f(0), vec4f(1), (y > vec4f(0)) & (y < vec4f(6))); }',
  silu: 'fn slope(x: vec4f) -> vec4f { let s = 1 / (1 + exp(-x)); return s * (1 + x * (1 - s)); }',
  sigmoid: 'fn slope(y: vec4f) -> vec4f { return y * (1 - y); }',
};

/** Which tensor `slope` reads: an activation's output, or its input. */
export const SLOPE_READS: Record<Activation, 'input' | 'output'> = {
  none: 'output',
  relu: 'output',
  relu6: 'output',
  silu: 'input',
  sigmoid: 'output',
};

/** WGSL of `fn activate` for an element. */
export const activateFunction = (activation: Activation, element = 'vec4f'): string =>
  ACTIVATE[activation].replaceAll('vec4f', element);

/** WGSL of `fn slope` for an element. */
export const slopeFunction = (activation: Activation, element = 'vec4f'): string =>
  SLOPE[activation].replaceAll('vec4f', element);

const forwardProgram = family(({ activation }: { activation: Activation }) =>
  elementwise({
    name: activation,
    bindings: { x: 'read vec4f', y: 'write vec4f' },
    params: {},
    wgsl: `${activateFunction(activation)}
fn element(i: u32) { y[i] = activate(x[i]); }`,
  }),
);

const backwardProgram = family(({ activation }: { activation: Activation }) =>
  elementwise({
    name: `${activation}-backward`,
    bindings: { v: 'read vec4f', dy: 'read vec4f', dx: 'write vec4f' },
    params: {},
    wgsl: `${slopeFunction(activation)}
fn element(i: u32) { dx[i] = dy[i] * slope(v[i]); }`,
  }),
);

/** Applies an activation by name. */
export function activate(x: Tensor, activation: Activation): Tensor {
  if (activation === 'none') return x;
  checkTypes(activation, { x });
  return scope(() => {
    const y = empty(x.device, x.shape);
    const count = Math.ceil(x.size / 4);
    x.device.run(forwardProgram({ activation }), {
      bindings: { x: x.buffer, y: y.buffer },
      params: { count },
      flops: x.size,
      bytes: 8 * x.size,
    });
    const v = SLOPE_READS[activation] === 'input' ? x : y;
    return record(activation, y, [x], { v }, (saved, dy) => [activationBackward(saved.v, dy, activation)]);
  });
}

/** dx = dy · slope(v), where v is the activation's output or input as `SLOPE_READS` says. */
export function activationBackward(v: Tensor, dy: Tensor, activation: Activation): Tensor {
  const dx = empty(v.device, v.shape);
  const count = Math.ceil(v.size / 4);
  v.device.run(backwardProgram({ activation }), {
    bindings: { v: v.buffer, dy: dy.buffer, dx: dx.buffer },
    params: { count },
    flops: 2 * v.size,
    bytes: 12 * v.size,
  });
  return dx;
}

/** max(x, 0), any shape. PyTorch: `F.relu`. */
export const relu = (x: Tensor): Tensor => activate(x, 'relu');

/** min(max(x, 0), 6), any shape. PyTorch: `F.relu6`. */
export const relu6 = (x: Tensor): Tensor => activate(x, 'relu6');

/** x·σ(x), any shape. Elfwing et al. 2017; PyTorch: `F.silu`. */
export const silu = (x: Tensor): Tensor => activate(x, 'silu');

/** 1 / (1 + e^−x), any shape. PyTorch: `torch.sigmoid`. */
export const sigmoid = (x: Tensor): Tensor => activate(x, 'sigmoid');
