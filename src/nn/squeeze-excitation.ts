/**
 * Squeeze-and-excitation (Hu et al. 2018): each channel is scaled by what a small network makes of the averages of
 * all channels.
 *
 *   s = σ(fc2(silu(fc1(mean over H, W of x))))     [N, 1, 1, C]
 *   y = x · s
 *
 * torchvision: `ops.SqueezeExcitation` with SiLU; both layers are 1×1 convolutions with a bias, which one op computes with all
 * that is around them (kernels/excite).
 */
import { squeezeExcite } from '../kernels/index.ts';
import { scope, type Tensor } from '../tensor/index.ts';
import { Conv2d } from './layers.ts';
import { Module } from './module.ts';
import { tapped } from './tap.ts';
import { within } from './within.ts';

export class SqueezeExcitation extends Module {
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;

  /** `names`: what the two layers are called, `conv_reduce` and `conv_expand` in timm. */
  constructor(
    channels: number,
    squeezeChannels: number,
    private readonly names: readonly [string, string] = ['fc1', 'fc2'],
  ) {
    super();
    this.fc1 = new Conv2d(channels, squeezeChannels, 1);
    this.fc2 = new Conv2d(squeezeChannels, channels, 1);
  }

  override *namedChildren(): IterableIterator<[string, Module]> {
    yield [this.names[0], this.fc1];
    yield [this.names[1], this.fc2];
  }

  /** [N, H, W, C] → [N, H, W, C] */
  forward(x: Tensor): Tensor {
    return scope(() => {
      const layers = [layerOf(this.fc1), layerOf(this.fc2)] as const;
      const { y, hidden, scale } = within(this, () => squeezeExcite(x, ...layers));
      tapped(this.fc1, hidden);
      tapped(this.fc2, scale);
      return tapped(this, y);
    });
  }
}

const layerOf = ({ weight, bias }: Conv2d) => ({ weight, bias: bias! });
