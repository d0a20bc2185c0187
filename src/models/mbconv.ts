/**
 * MBConv, the block of EfficientNet: the inverted residual of MobileNetV2 (Sandler et al. 2018) with
 * squeeze-and-excitation (Hu et al. 2018).
 *
 *   x ── 1×1 expand ── k×k depthwise ── squeeze-excite ── 1×1 project ──(+)── y
 *   └────────── where the shape stays the same ──────────────────────────┘
 *
 * The ends are narrow and the middle is wide, and no activation follows the projection.
 */
import type { Activation } from '../kernels/index.ts';
import { add } from '../kernels/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  convNormAct,
  DepthwiseConv2d,
  Module,
  type NormOptions,
  SqueezeExcitation,
  StochasticDepth,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { BlockNames } from './mbconv-names.ts';

export interface MBConvOptions {
  inChannels: number;
  outChannels: number;
  /** Channels of the depthwise convolution over those of the input; at 1 nothing is expanded. */
  expandRatio: number;
  kernel: number;
  stride: number;
  /** Share of the input's channels that squeeze-and-excitation leaves; 0 for a block without it. */
  squeeze: number;
  activation: Activation;
  /** TensorFlow's padding. */
  same: boolean;
  norm: NormOptions;
  /** What its parts are called. */
  names: BlockNames;
  /** Probability that the residual branch is dropped in training. */
  dropPath: number;
}

export class MBConv extends Module {
  readonly outChannels: number;
  readonly expand: readonly [Conv2d, BatchNorm2d] | null;
  readonly depthwise: readonly [Conv2d, BatchNorm2d];
  readonly excitation: SqueezeExcitation | null;
  readonly project: readonly [Conv2d, BatchNorm2d];
  readonly stochasticDepth: StochasticDepth;
  /** Whether the input is added to the output. */
  readonly residual: boolean;
  private readonly activation: Activation;
  private readonly names: BlockNames;

  constructor(options: MBConvOptions) {
    super();
    const { inChannels, outChannels, expandRatio, kernel, stride, squeeze, norm } = options;
    const expanded = inChannels * expandRatio;
    const expands = expandRatio !== 1;
    this.outChannels = outChannels;
    this.activation = options.activation;
    this.residual = stride === 1 && inChannels === outChannels;
    this.names = options.names;

    this.expand = expands
      ? [new Conv2d(inChannels, expanded, 1, { bias: false }), new BatchNorm2d(expanded, norm)]
      : null;
    const padding = options.same ? 'same' : (kernel - 1) / 2;
    this.depthwise = [
      new DepthwiseConv2d(expanded, kernel, { stride, padding, bias: false }),
      new BatchNorm2d(expanded, norm),
    ];
    this.excitation =
      squeeze > 0
        ? new SqueezeExcitation(
            expanded,
            Math.max(1, Math.floor(inChannels * squeeze)),
            this.names.excitationLayers,
          )
        : null;
    this.project = [
      new Conv2d(expanded, outChannels, 1, { bias: false }),
      new BatchNorm2d(outChannels, norm),
    ];
    this.stochasticDepth = new StochasticDepth(options.dropPath);
  }

  override *namedChildren(): IterableIterator<[string, Module]> {
    const { names } = this;
    if (this.expand) {
      yield [names.expand[0], this.expand[0]];
      yield [names.expand[1], this.expand[1]];
    }
    yield [names.depthwise[0], this.depthwise[0]];
    yield [names.depthwise[1], this.depthwise[1]];
    if (this.excitation) yield [names.excitation, this.excitation];
    yield [names.project[0], this.project[0]];
    yield [names.project[1], this.project[1]];
    yield ['stochastic_depth', this.stochasticDepth];
  }

  /** [N, H, W, in] → [N, H/stride, W/stride, out] */
  forward(x: Tensor): Tensor {
    let y = x;
    if (this.expand) y = convNormAct(y, ...this.expand, this.activation);
    y = convNormAct(y, ...this.depthwise, this.activation);
    if (this.excitation) y = this.excitation.forward(y);
    // The projection adds the input as it writes its result, unless the branch may be dropped in between.
    if (this.residual && !this.stochasticDepth.drops) return convNormAct(y, ...this.project, 'none', x);
    const branch = convNormAct(y, ...this.project, 'none');
    return this.residual ? add(this.stochasticDepth.forward(branch), x) : branch;
  }
}
