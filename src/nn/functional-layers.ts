/** Layers without parameters, for use in a Sequential: activations, pools, dropout, LRN, flatten. */
import { type Activation, activate } from '../kernels/activations.ts';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  dropout,
  dropPath,
  flatten,
  lrn,
  maxPool2d,
} from '../kernels/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { Module } from './module.ts';

export class Activate extends Module {
  constructor(readonly activation: Activation) {
    super();
  }

  forward(x: Tensor): Tensor {
    return activate(x, this.activation);
  }
}

/** PyTorch: `nn.MaxPool2d`. */
export class MaxPool2d extends Module {
  constructor(readonly options: Parameters<typeof maxPool2d>[1]) {
    super();
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.options);
  }
}

/** PyTorch: `nn.AvgPool2d`. */
export class AvgPool2d extends Module {
  constructor(readonly options: Parameters<typeof avgPool2d>[1]) {
    super();
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.options);
  }
}

/** PyTorch: `nn.AdaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly size: readonly [number, number]) {
    super();
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.size);
  }
}

/** [N, H, W, C] → [N, H·W·C]. PyTorch: `nn.Flatten` (which counts C first; see LinearOptions.after). */
export class Flatten extends Module {
  forward(x: Tensor): Tensor {
    return flatten(x);
  }
}

/** A layer that drops something in training. What it drops depends on (seed, its path in the model, step). */
abstract class Dropping extends Module {
  seed = 0;
  /** Two layers with one purpose would drop the same values; `seedDropout` gives each its path. */
  purpose = '';

  constructor(readonly p: number) {
    super();
  }

  /** Whether anything may be dropped now. */
  get drops(): boolean {
    return this.active && this.p > 0;
  }
}

/** Drops single values in training, scales the rest by 1 / (1 − p). PyTorch: `nn.Dropout`. */
export class Dropout extends Dropping {
  forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.active, seed: this.seed, purpose: `dropout:${this.purpose}` });
  }
}

/** Drops whole samples of a residual branch (Huang et al. 2016). torchvision: `StochasticDepth(p, 'row')`. */
export class StochasticDepth extends Dropping {
  forward(x: Tensor): Tensor {
    return dropPath(x, this.p, { training: this.active, seed: this.seed, purpose: `path:${this.purpose}` });
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

/** Normalisation across neighbouring channels (Krizhevsky et al. 2012, section 3.3). PyTorch: `nn.LocalResponseNorm`. */
export class LocalResponseNorm extends Module {
  constructor(readonly options: Parameters<typeof lrn>[1]) {
    super();
  }

  forward(x: Tensor): Tensor {
    return lrn(x, this.options);
  }
}
