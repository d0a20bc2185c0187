/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019). PyTorch: `optim.AdamW`.
 *
 *   x ← x − lr·λ·x
 *   m ← β₁·m + (1 − β₁)·g             v ← β₂·v + (1 − β₂)·g²             both 0 before a parameter's first step
 *   x ← x − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
 *
 * t counts a parameter's own steps. It lives on the GPU, since only the GPU knows which steps were skipped for a loss
 * that is not finite; so the corrections are computed there, 1 − βᵗ as −expm1(t·ln β) with ln β from the CPU in
 * double: `1 - pow(β, t)` would be wrong in the fourth digit at the first steps.
 */
import { Optimizer, type Parameters } from './optimizer.ts';
import type { UpdateRule } from './update-programs.ts';

export interface AdamWOptions {
  lr: number;
  /** [β₁, β₂], (0.9, 0.999) by default. */
  betas?: readonly [number, number];
  /** ε, 1e-8 by default. */
  eps?: number;
  /** λ, 0.01 by default. */
  weightDecay?: number;
}

/** rates = (lr, lr·λ), c = (lr / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ), lr·λ, t) */
function adamwRule([beta1, beta2]: readonly [number, number], eps: number): UpdateRule {
  return {
    name: 'adamw',
    state: ['expAvg', 'expAvgSq'],
    constants: {
      beta1,
      rest1: 1 - beta1,
      beta2,
      rest2: 1 - beta2,
      logBeta1: Math.log(Math.max(beta1, 1e-30)),
      logBeta2: Math.log(Math.max(beta2, 1e-30)),
      eps,
    },
    prepare: `
// 1 − e^x for x ≤ 0: the series where the difference would lose digits.
fn oneMinusExp(x: f32) -> f32 {
  if (x < -0.5) { return 1 - exp(x); }
  return -x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6 * (1 + x / 7 * (1 + x / 8)))))));
}
fn prepare(rates: vec4f, step: f32) -> vec3f {
  return vec3f(rates.x / oneMinusExp(step * p.logBeta1), inverseSqrt(oneMinusExp(step * p.logBeta2)), rates.y);
}`,
    update: `fn update(x: vec4f, g: vec4f, c: vec4f, s: u32) -> vec4f {
  let first = c.w == 1;
  let m = p.rest1 * g + select(p.beta1 * expAvg[s], vec4f(0), first);
  let v = p.rest2 * g * g + select(p.beta2 * expAvgSq[s], vec4f(0), first);
  expAvg[s] = m;
  expAvgSq[s] = v;
  return x - c.z * x - c.x * m / (sqrt(v) * c.y + p.eps);
}`,
  };
}

export class AdamW extends Optimizer {
  /** @throws RangeError for a β outside [0, 1) and a negative ε; and what every optimiser refuses (optimizer.ts) */
  constructor(params: Parameters, options: AdamWOptions) {
    const { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options;
    if (!betas.every((beta) => beta >= 0 && beta < 1))
      throw new RangeError(`AdamW: betas ${betas.join(', ')} must be at least 0 and below 1`);
    if (!(eps >= 0)) throw new RangeError(`AdamW: eps ${eps} must be at least 0`);
    super(params, adamwRule(betas, eps), lr, weightDecay);
  }

  protected ratesOf(lr: number, weightDecay: number): readonly [number, number] {
    return [lr, lr * weightDecay];
  }
}
