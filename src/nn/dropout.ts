/** Layers that drop something in training: Dropout, StochasticDepth, and the seed of what they drop. */
import { dropout, dropPath } from '../kernels/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { nextMade } from './init.ts';
import { Module, makingNow } from './module.ts';
import { within } from './within.ts';

/**
 * A layer that drops something in training. What it drops depends on (seed, its path in the model, step); alone, on the
 * seed (`manualSeed`), the number of its creation and the step.
 */
abstract class Dropping extends Module {
  seed: number;
  /** Two layers with one purpose would drop the same values; `seedDropout` gives each its path. */
  purpose: string;

  constructor(readonly p: number) {
    super();
    const { device, initialise } = makingNow();
    const { seed, name } = initialise ? nextMade(device) : { seed: 0, name: '' };
    this.seed = seed;
    this.purpose = name;
  }

  /** Whether anything may be dropped now. */
  get drops(): boolean {
    return this.active && this.p > 0;
  }
}

/** Drops single values in training, scales the rest by 1 / (1 − p). PyTorch: `nn.Dropout`. */
export class Dropout extends Dropping {
  forward(x: Tensor): Tensor {
    const { p, active: training, seed, purpose } = this;
    return within(this, () => dropout(x, p, { training, seed, purpose: `dropout:${purpose}` }));
  }
}

/** Drops whole samples of a residual branch (Huang et al. 2016). torchvision: `StochasticDepth(p, 'row')`. */
export class StochasticDepth extends Dropping {
  forward(x: Tensor): Tensor {
    const { p, active: training, seed, purpose } = this;
    return within(this, () => dropPath(x, p, { training, seed, purpose: `path:${purpose}` }));
  }
}

/** Gives every dropping layer of `model` the seed and a purpose of its own. */
export function seedDropout(model: Module, seed: number): void {
  for (const [path, module] of model.namedModules())
    if (module instanceof Dropping) {
      module.seed = seed;
      module.purpose = path;
    }
}
