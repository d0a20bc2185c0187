/**
 * Local response normalisation across neighbouring channels of x [..., C] (Krizhevsky et al. 2012, section 3.3).
 *
 *   S[c] = k + α/size · Σ x[j]²,  j from c − ⌊size/2⌋ to c + ⌊(size − 1)/2⌋ inside the channels
 *   y[c] = x[c] · S[c]^−β
 *   dx[c] = dy[c] · S[c]^−β − 2αβ/size · x[c] · Σ dy[j] · x[j] · S[j]^(−β−1),  over the j in whose windows c lies
 *
 * Conventions: PyTorch and Caffe (`local_size`) divide α by the size, and so does this op. TensorFlow does not, and
 * says `depth_radius` = (size − 1)/2 and `bias` = k: its α is α/size here. The paper does not divide either: its
 * n = 5, α = 1e-4, k = 2, β = 0.75 are { size: 5, alpha: 5e-4, beta: 0.75, k: 2 } here, while Caffe's AlexNet has
 * { size: 5, alpha: 1e-4, beta: 0.75, k: 1 }.
 *
 * One invocation owns four neighbouring channels, whose windows overlap: size + 3 loads and, backward, powers for four
 * results. S is kept for the backward pass. Limited by loads: (size + 3)/4 an element forward, three times as
 * many backward.
 */
import { elementwise, family, program } from '../../gpu/index.ts';
import { checkTypes, empty, record, recordsGrad, scope, type Tensor } from '../../tensor/index.ts';

export interface LrnOptions {
  /** Channels in a window, at least 1. */
  size: number;
  /** α, divided by the size; 1e-4 by default. */
  alpha?: number;
  /** 0.75 by default. */
  beta?: number;
  /** 1 by default. */
  k?: number;
}

const PARAMS = {
  channels: 'i32',
  before: 'i32', // channels of a window before and after its own
  after: 'i32',
  alpha: 'f32', // α/size
  beta: 'f32',
  k: 'f32',
} as const;

const PLACE = `
  let quads = (p.channels + 3) / 4;
  let start = i32(i) / quads * p.channels; // channel 0 of this pixel
  let c = i32(i) % quads * 4;              // the first of four channels
  let own = vec4i(c) + vec4i(0, 1, 2, 3);
  let lanes = min(4, p.channels - c);`;

const forwardProgram = family(({ keepsS }: { keepsS: boolean }) =>
  elementwise({
    name: `lrn${keepsS ? '-keeping-s' : ''}`,
    bindings: { x: 'read f32', y: 'write f32', ...(keepsS ? { s: 'write f32' as const } : {}) },
    params: PARAMS,
    wgsl: `
fn element(i: u32) {${PLACE}
  var squares = vec4f(0);
  for (var j = max(c - p.before, 0); j <= min(c + 3 + p.after, p.channels - 1); j++) {
    let v = x[start + j];
    let inWindow = (vec4i(j) >= own - p.before) & (vec4i(j) <= own + p.after);
    squares += select(vec4f(0), vec4f(v * v), inWindow);
  }
  let total = p.k + p.alpha * squares;
  let factor = pow(total, vec4f(-p.beta));
  for (var lane = 0; lane < lanes; lane++) {
    let at = start + c + lane;
    y[at] = x[at] * factor[lane];
    ${keepsS ? 's[at] = total[lane];' : ''}
  }
}`,
  }),
);

const backwardProgram = program(
  elementwise({
    name: 'lrn-backward',
    bindings: { x: 'read f32', s: 'read f32', dy: 'read f32', dx: 'write f32' },
    params: PARAMS,
    wgsl: `
fn element(i: u32) {${PLACE}
  var sums = vec4f(0);
  for (var j = max(c - p.after, 0); j <= min(c + 3 + p.before, p.channels - 1); j++) {
    let at = start + j;
    let v = dy[at] * x[at] * pow(s[at], -p.beta - 1);
    let inItsWindow = (vec4i(j) >= own - p.after) & (vec4i(j) <= own + p.before);
    sums += select(vec4f(0), vec4f(v), inItsWindow);
  }
  for (var lane = 0; lane < lanes; lane++) {
    let at = start + c + lane;
    dx[at] = dy[at] * pow(s[at], -p.beta) - 2 * p.alpha * p.beta * x[at] * sums[lane];
  }
}`,
  }),
);

/**
 * x / (k + α/size · Σ x²)^β over a window of `size` channels, for x [..., C]. PyTorch: `F.local_response_norm`.
 * Throws where the size is no positive whole number.
 */
export function lrn(x: Tensor, { size, alpha = 1e-4, beta = 0.75, k = 1 }: LrnOptions): Tensor {
  checkTypes('lrn', { x });
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`lrn: the size is a whole number of at least 1, not ${size}`);
  const channels = x.shape.at(-1) ?? 1;
  const count = (x.size / channels) * Math.ceil(channels / 4);
  const params = {
    count,
    channels,
    before: Math.floor(size / 2),
    after: Math.floor((size - 1) / 2),
    alpha: alpha / size,
    beta,
    k,
  };
  return scope(() => {
    const y = empty(x.device, x.shape);
    const s = recordsGrad(x) ? empty(x.device, x.shape) : null;
    x.device.run(forwardProgram({ keepsS: s !== null }), {
      bindings: { x: x.buffer, y: y.buffer, ...(s ? { s: s.buffer } : {}) },
      params,
      flops: (2 * size + 4) * x.size,
      bytes: (s ? 12 : 8) * x.size,
    });
    return record({ op: 'lrn', size, alpha, beta, k }, y, [x], { x, s }, ({ x, s }, dy) => {
      const dx = empty(x.device, x.shape);
      x.device.run(backwardProgram, {
        bindings: { x: x.buffer, s: s!.buffer, dy: dy.buffer, dx: dx.buffer },
        params,
        flops: (5 * size + 8) * x.size,
        bytes: 16 * x.size,
      });
      return [dx];
    });
  });
}
