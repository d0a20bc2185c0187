/**
 * Learning-rate schedules: pure functions of (step, total) that give the factor on every group's learning rate.
 *
 *   optimizer.lrFactor = schedule(step, total);      // step counts from 0
 */

export type Schedule = (step: number, total: number) => number;

/** Always 1. */
export const constant: Schedule = () => 1;

export interface CosineOptions {
  /** Steps of linear warm-up: the factors 1/(w+1), 2/(w+1), … before the cosine starts at 1. */
  warmup?: number;
  /** The factor that the cosine ends at. */
  final?: number;
}

/**
 * Half a cosine from 1 to `final` (Loshchilov & Hutter 2016), after a linear warm-up (Goyal et al. 2017). Without
 * warm-up it equals PyTorch's `CosineAnnealingLR(T_max = total)`.
 */
export function cosine({ warmup = 0, final = 0 }: CosineOptions = {}): Schedule {
  return (step, total) => {
    if (step < warmup) return (step + 1) / (warmup + 1);
    const progress = Math.min((step - warmup) / Math.max(total - warmup, 1), 1);
    return final + ((1 - final) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

/** Times `gamma` after every `every` steps. PyTorch: `StepLR`. */
export function stepDecay({ every, gamma = 0.1 }: { every: number; gamma?: number }): Schedule {
  if (!(every >= 1)) throw new RangeError(`stepDecay: every ${every} steps makes no schedule; at least 1`);
  return (at) => gamma ** Math.floor(at / every);
}
