/**
 * Squeeze-and-excitation (Hu et al. 2018): each channel is scaled by what a small network makes of the averages of
 * all channels.
 *
 *   s = σ(fc2(silu(fc1(mean over H, W of x))))     [N, 1, 1, C]
 *   y = x · s
 *
 * torchvision: `ops.SqueezeExcitation` with SiLU; both layers are 1×1 convolutions with a bias.
 */
import { adaptiveAvgPool2d, mul } from '../kernels/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { convAct } from './conv-norm-act.ts';
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

  forward(x: Tensor): Tensor {
    return tapped(
      this,
      within(this, () => {
        const squeezed = adaptiveAvgPool2d(x, [1, 1]); // [N, 1, 1, C]
        const scale = convAct(convAct(squeezed, this.fc1, 'silu'), this.fc2, 'sigmoid');
        return mul(x, scale);
      }),
    );
  }
}
