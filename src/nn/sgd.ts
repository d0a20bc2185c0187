/**
 * Stochastic gradient descent. PyTorch: `optim.SGD` (with dampening 0).
 *
 *   g ← g + λ·x                       weight decay, as an L2 penalty
 *   m ← μ·m + g                       m = g at a parameter's first step
 *   x ← x − lr·m                      Nesterov: x − lr·(g + μ·m)
 */
import { Optimizer, type Parameters } from './optimizer.ts';
import type { UpdateRule } from './update-programs.ts';

export interface SGDOptions {
  lr: number;
  /** μ; 0 keeps no state. */
  momentum?: number;
  /** λ */
  weightDecay?: number;
  nesterov?: boolean;
}

const PREPARE = 'fn prepare(rates: vec4f, step: f32) -> vec3f { return rates.xyz; }';

/** c = (lr, λ, 0, step) */
function sgdRule({ momentum = 0, nesterov = false }: SGDOptions): UpdateRule {
  if (momentum === 0)
    return {
      name: 'sgd',
      state: [],
      constants: {},
      prepare: PREPARE,
      update: `fn update(x: vec4f, gradient: vec4f, c: vec4f, s: u32) -> vec4f {
  return x - c.x * (gradient + c.y * x);
}`,
    };
  return {
    name: nesterov ? 'sgd-nesterov' : 'sgd-momentum',
    state: ['momentum'],
    constants: { mu: momentum },
    prepare: PREPARE,
    update: `fn update(x: vec4f, gradient: vec4f, c: vec4f, s: u32) -> vec4f {
  let g = gradient + c.y * x;
  let m = select(p.mu * momentum[s] + g, g, c.w == 1);
  momentum[s] = m;
  return x - c.x * ${nesterov ? '(g + p.mu * m)' : 'm'};
}`,
  };
}

export class SGD extends Optimizer {
  /** @throws RangeError for Nesterov without momentum; and what every optimiser refuses (optimizer.ts) */
  constructor(params: Parameters, options: SGDOptions) {
    const { lr, momentum = 0, weightDecay = 0, nesterov = false } = options;
    if (!(momentum >= 0 && momentum < 1))
      throw new RangeError(`SGD: momentum ${momentum} must be at least 0 and below 1`);
    if (nesterov && momentum === 0) throw new RangeError('SGD: Nesterov needs a momentum above 0');
    super(params, sgdRule(options), lr, weightDecay);
  }

  protected ratesOf(lr: number, weightDecay: number): readonly [number, number] {
    return [lr, weightDecay];
  }
}
