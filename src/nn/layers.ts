/**
 * Layers with parameters: convolution, linear, batch normalisation. Shapes are NHWC; see module.ts for names. They start
 * as PyTorch's do: U(±1/√fanIn) for weights and biases, norms as the identity of normalised values.
 */
import { batchNorm, conv2d, linear } from '../kernels/index.ts';
import { type Padding, type Pair, pair } from '../kernels/parts/window.ts';
import type { Tensor } from '../tensor/index.ts';
import { torchDefault } from './init.ts';
import type { Layout } from './layout.ts';
import { buffer, Module, parameter } from './module.ts';
import { tapped } from './tap.ts';
import { within } from './within.ts';

export interface ConvOptions {
  stride?: Pair;
  /** Around the picture; 'same' is TensorFlow's: ⌈size / stride⌉ outputs, the odd pixel at the bottom and right. */
  padding?: Padding | 'same';
  dilation?: Pair;
  groups?: number;
  /** Default true, as in PyTorch. */
  bias?: boolean;
}

/** What a convolution may apply as it writes its result; see conv2d in src/kernels. */
type Epilogue = Pick<NonNullable<Parameters<typeof conv2d>[2]>, 'norm' | 'activation' | 'residual'>;

/**
 * [N, H, W, in] → [N, H', W', out]. PyTorch: `nn.Conv2d`. The weight is [kh, kw, in / groups, out]; with as many
 * groups as channels it is [kh, kw, 1, out], and conv2d runs the depthwise kernel.
 */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly padding: Padding | 'same';

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: Pair,
    options: ConvOptions = {},
  ) {
    super();
    const groups = options.groups ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new RangeError(
        `Conv2d: ${inChannels} → ${outChannels} channels do not split into ${groups} groups`,
      );
    this.groups = groups;
    this.stride = pair(options.stride ?? 1);
    this.dilation = pair(options.dilation ?? 1);
    this.padding = options.padding ?? 0;
    const [kh, kw] = pair(kernelSize);
    const start = torchDefault((kh * kw * inChannels) / groups);
    this.weight = parameter([kh, kw, inChannels / groups, outChannels], start);
    this.bias = options.bias === false ? null : parameter([outChannels], start);
  }

  /** Whether every channel is filtered alone. */
  get depthwise(): boolean {
    return this.groups > 1 && this.groups === this.inChannels && this.groups === this.outChannels;
  }

  forward(x: Tensor): Tensor {
    return this.apply(x);
  }

  /** The convolution, with what `epilogue` asks to be done as the result is written (inference only). */
  apply(x: Tensor, epilogue: Epilogue = {}): Tensor {
    const { stride, dilation, groups } = this;
    const options = {
      bias: this.bias ?? undefined,
      stride,
      dilation,
      padding: this.paddingOf(x),
      ...epilogue,
    };
    return tapped(
      this,
      within(this, () => conv2d(x, this.weight, { ...options, groups })),
    );
  }

  /** The padding for an input of this size. */
  paddingOf(x: Tensor): Padding {
    if (this.padding !== 'same') return this.padding;
    const [top, bottom] = this.samePadding(x, 0);
    const [left, right] = this.samePadding(x, 1);
    return [top, bottom, left, right];
  }

  private samePadding(x: Tensor, axis: 0 | 1): [before: number, after: number] {
    const size = x.shape[axis + 1];
    const stride = this.stride[axis];
    const span = this.dilation[axis] * (this.weight.shape[axis] - 1) + 1;
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + span - size, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }

  protected override layoutOf(attribute: string): Layout {
    return attribute === 'weight' ? 'conv' : 'plain';
  }
}

/** A convolution that filters each of `channels` channels alone. */
export class DepthwiseConv2d extends Conv2d {
  constructor(channels: number, kernelSize: Pair, options: Omit<ConvOptions, 'groups'> = {}) {
    super(channels, channels, kernelSize, { ...options, groups: channels });
  }
}

export interface LinearOptions {
  bias?: boolean;
  /** The [C, H, W] of the feature map whose flattening is the input: PyTorch flattens C first, the engine C last. */
  after?: readonly [channels: number, height: number, width: number];
}

/** [N, in] → [N, out]: x·W + b with W [in, out]. PyTorch: `nn.Linear` (its weight is the transpose). */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  private readonly after: LinearOptions['after'];

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: LinearOptions = {},
  ) {
    super();
    this.after = options.after;
    const start = torchDefault(inFeatures);
    this.weight = parameter([inFeatures, outFeatures], start);
    this.bias = options.bias === false ? null : parameter([outFeatures], start);
  }

  forward(x: Tensor): Tensor {
    return tapped(
      this,
      within(this, () => linear(x, this.weight, this.bias ?? undefined)),
    );
  }

  protected override layoutOf(attribute: string): Layout {
    if (attribute !== 'weight') return 'plain';
    return this.after ? { linearAfter: this.after } : 'linear';
  }
}

export interface NormOptions {
  /** Added to the variance; 1e-5 in PyTorch, 1e-3 in TensorFlow. */
  eps?: number;
  /** Weight of the newest batch in the running statistics. */
  momentum?: number;
}

/**
 * Batch normalisation of the last axis (Ioffe & Szegedy 2015). PyTorch: `nn.BatchNorm2d`. Batch statistics in
 * training, running ones in evaluation and where the module is frozen.
 */
export class BatchNorm2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  readonly eps: number;
  readonly momentum: number;
  protected override readonly bufferAttributes = ['runningMean', 'runningVar'];

  constructor(channels: number, options: NormOptions = {}) {
    super();
    this.eps = options.eps ?? 1e-5;
    this.momentum = options.momentum ?? 0.1;
    this.weight = parameter([channels], { constant: 1 });
    this.bias = parameter([channels], { constant: 0 });
    this.runningMean = buffer([channels], { constant: 0 });
    this.runningVar = buffer([channels], { constant: 1 });
  }

  forward(x: Tensor): Tensor {
    return this.apply(x);
  }

  /** act(norm(x) + residual), in one pass over the data. */
  apply(x: Tensor, epilogue: Pick<Parameters<typeof batchNorm>[1], 'activation' | 'residual'> = {}): Tensor {
    const { weight, bias, runningMean, runningVar, eps, momentum } = this;
    const statistics = { runningMean, runningVar, eps, momentum, training: this.active };
    return tapped(
      this,
      within(this, () => batchNorm(x, { weight, bias, ...statistics, ...epilogue })),
    );
  }
}
