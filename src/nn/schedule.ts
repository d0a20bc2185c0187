/**
 * Learning-rate schedules: pure functions of (step, total) that give the factor on every group's learning rate.
 *
 *   optimizer.lrFactor = schedule(step, total);      // step counts from 0
 */

export type Schedule = (step: number, total: number) => number;

/** Always 1. */
export const constant: Schedule = () => 1;

/** The factor in a linear warm-up of `warmup` steps: 1/(w+1), 2/(w+1), … (Goyal et al. 2017). */
const rising = (step: number, warmup: number): number => (step + 1) / (warmup + 1);

/** 1 after `warmup` steps of linear warm-up. */
export function warmUp(warmup: number): Schedule {
  return (step) => (step < warmup ? rising(step, warmup) : 1);
}

export interface CosineOptions {
  /** Steps of linear warm-up before the cosine starts at 1. */
  warmup?: number;
  /** The factor that the cosine ends at. */
  final?: number;
}

/**
 * Half a cosine from 1 to `final` (Loshchilov & Hutter 2016), after a linear warm-up. Without warm-up it equals PyTorch's
 * `CosineAnnealingLR(T_max = total)`.
 */
export function cosine({ warmup = 0, final = 0 }: CosineOptions = {}): Schedule {
  return (step, total) => {
    if (step < warmup) return rising(step, warmup);
    const progress = Math.min((step - warmup) / Math.max(total - warmup, 1), 1);
    return final + ((1 - final) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

/** Times `gamma` after every `every` steps. PyTorch: `StepLR`. */
export function stepDecay({ every, gamma = 0.1 }: { every: number; gamma?: number }): Schedule {
  if (!(every >= 1)) throw new RangeError(`stepDecay: every ${every} steps makes no schedule; at least 1`);
  return (at) => gamma ** Math.floor(at / every);
}

export interface OneCycleOptions {
  /** Share of the steps in which the rate rises. Default 0.3. */
  rise?: number;
  /** The rate begins at 1/`start` of the highest. Default 25. */
  start?: number;
  /** It ends at 1/`end` of where it began. Default 10,000. */
  end?: number;
}

/**
 * One cycle (Smith 2018, "super-convergence"): half a cosine up from 1/start to 1, then half a cosine down to
 * 1/(start·end). The values of PyTorch's `OneCycleLR` with `cycle_momentum=False`: the momentum stays as it is, since an
 * optimiser's is a constant of its kernels here.
 */
export function oneCycle({ rise = 0.3, start = 25, end = 1e4 }: OneCycleOptions = {}): Schedule {
  if (!(rise >= 0 && rise <= 1 && start > 0 && end > 0))
    throw new RangeError(
      `oneCycle: rise ${rise} must be from 0 to 1, and start ${start} and end ${end} above 0`,
    );
  const between = (from: number, to: number, share: number): number =>
    to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(share, 1)))) / 2;
  return (step, total) => {
    const top = rise * total - 1;
    if (step <= top) return between(1 / start, 1, step / Math.max(top, 1e-9));
    return between(1, 1 / start / end, (step - top) / Math.max(total - 1 - top, 1e-9));
  };
}

/**
 * A schedule that counts updates where the loop counts batches, of which `accumulate` make one and the last of an epoch
 * what is left: an accumulated run has the rates of the large batch's.
 * @param epochs that the schedule is for
 */
export function perUpdate(schedule: Schedule, accumulate: number, epochs: number): Schedule {
  return (step, total) => {
    const batches = total / epochs;
    const updates = Math.ceil(batches / accumulate);
    const [epoch, batch] = [Math.floor(step / batches), step % batches];
    return schedule(epoch * updates + Math.floor(batch / accumulate), epochs * updates);
  };
}
