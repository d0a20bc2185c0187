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
 * One invocation owns four neighbouring channels, whose windows overlap. Where channels come in fours and windows reach no
 * further than the four before and after, it loads three vec4s (2.4 times as fast on lavapipe); else value by value. S is kept for the
 * backward pass. Limited by loads and, on a CPU, by powers: four an element forward, twelve backward for four results.
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

/** How far a window reaches before and after its channel, in the programs of vec4s. */
interface Reach {
  before: number;
  after: number;
}
const FARTHEST = 4;

const QUAD_PARAMS = { quads: 'u32', alpha: 'f32', beta: 'f32', k: 'f32' } as const;

/** WGSL of the sums over the windows of four channels; `before`, `own` and `after` hold the values of twelve. */
function windowSums({ before, after }: Reach): string {
  const values = ['before', 'own', 'after'].flatMap((quad) =>
    ['x', 'y', 'z', 'w'].map((part) => `${quad}.${part}`),
  );
  const sums = [4, 5, 6, 7].map((place) => values.slice(place - before, place + after + 1).join(' + '));
  return `vec4f(${sums.join(', ')})`;
}

/** WGSL of `name` of the four channels, of those before and of those after; 0 where there are none. */
const NEIGHBOURS = `
  let quad = i % p.quads;
  let first = quad == 0;
  let last = quad == p.quads - 1;
  let own = valueOf(i);
  let before = select(valueOf(i - select(1u, 0u, first)), vec4f(0), first);
  let after = select(valueOf(i + select(1u, 0u, last)), vec4f(0), last);`;

const quadsForward = family(({ before, after, keepsS }: Reach & { keepsS: boolean }) =>
  elementwise({
    name: `lrn-quads-${before}-${after}${keepsS ? '-keeping-s' : ''}`,
    bindings: { x: 'read vec4f', y: 'write vec4f', ...(keepsS ? { s: 'write vec4f' as const } : {}) },
    params: QUAD_PARAMS,
    wgsl: `
fn valueOf(i: u32) -> vec4f { return x[i] * x[i]; }
fn element(i: u32) {${NEIGHBOURS}
  let total = p.k + p.alpha * ${windowSums({ before, after })};
  y[i] = x[i] * pow(total, vec4f(-p.beta));${keepsS ? '\n  s[i] = total;' : ''}
}`,
  }),
);

const quadsBackward = family(({ before, after }: Reach) =>
  elementwise({
    name: `lrn-quads-backward-${before}-${after}`,
    bindings: { x: 'read vec4f', s: 'read vec4f', dy: 'read vec4f', dx: 'write vec4f' },
    params: QUAD_PARAMS,
    wgsl: `
fn valueOf(i: u32) -> vec4f { return dy[i] * x[i] * pow(s[i], vec4f(-p.beta - 1)); }
fn element(i: u32) {${NEIGHBOURS}
  let sums = ${windowSums({ before: after, after: before })};
  dx[i] = dy[i] * pow(s[i], vec4f(-p.beta)) - 2 * p.alpha * p.beta * x[i] * sums;
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
  const reach: Reach = { before: params.before, after: params.after };
  const quads = channels % 4 === 0 && size <= 2 * FARTHEST + 1;
  const given = quads ? { count, quads: channels / 4, alpha: alpha / size, beta, k } : params;
  return scope(() => {
    const y = empty(x.device, x.shape);
    const s = recordsGrad(x) ? empty(x.device, x.shape) : null;
    const keepsS = s !== null;
    x.device.run(quads ? quadsForward({ ...reach, keepsS }) : forwardProgram({ keepsS }), {
      bindings: { x: x.buffer, y: y.buffer, ...(s ? { s: s.buffer } : {}) },
      params: given,
      flops: (2 * size + 4) * x.size,
      bytes: (s ? 12 : 8) * x.size,
    });
    return record({ op: 'lrn', size, alpha, beta, k }, y, [x], { x, s }, ({ x, s }, dy) => {
      const dx = empty(x.device, x.shape);
      x.device.run(quads ? quadsBackward(reach) : backwardProgram, {
        bindings: { x: x.buffer, s: s!.buffer, dy: dy.buffer, dx: dx.buffer },
        params: given,
        flops: (5 * size + 8) * x.size,
        bytes: 16 * x.size,
      });
      return [dx];
    });
  });
}
