/**
 * `Supernet`: one network that holds the weights of all networks of a space, so that a child is measured without being
 * trained by itself. It has the tensors of the largest, and a child computes with windows of them (`slice`):
 *
 *   channels   the first ones, of the input, the expansion, the squeeze and the output     Yu et al. 2019, "Slimmable Neural Networks"
 *   kernels    the inner k×k of the depthwise kernel                                       Stamoulis et al. 2019, "Single-Path NAS"
 *   depth      the first blocks of a stage                                                 Cai et al. 2020, "Once-for-All"
 *
 * What it computes for a choice is what `buildModel(tableOf(space, choice, …))` computes with these weights in training:
 * norms normalise by the batch, in evaluation too, since statistics that are gathered while all children train are those of
 * none of them. So a child is measured on batches in which the classes are mixed. The gradient of a child is 0 outside of its
 * windows, and tensors that it does not have get none.
 */
import type { Device } from '../../gpu/index.ts';
import { type Activation, batchNorm, conv2d, slice, squeezeExcite } from '../../kernels/index.ts';
import type { MBConv } from '../../models/mbconv.ts';
import { NAMINGS } from '../../models/mbconv-names.ts';
import { MBConvNet } from '../../models/mbconv-net.ts';
import {
  type BatchNorm2d,
  type Conv2d,
  chain,
  type Linear,
  onDevice,
  type SqueezeExcitation,
} from '../../nn/index.ts';
import { getDefaultDevice, noGrad, type Shape, scope, type Tensor } from '../../tensor/index.ts';
import { type Choice, isOf, keyOf, largest, type SearchSpace, type StageChoice, tableOf } from '../space.ts';

export interface SupernetOptions {
  /** Outputs of the last layer. */
  numClasses: number;
  /** Probability of dropping a feature before the classifier; the space's by default. */
  dropout?: number;
}

/** A supernet with initial values on `device` (the default device otherwise), as `buildModel` makes a network. */
export function buildSupernet(
  space: SearchSpace,
  { device = getDefaultDevice(), seed = 0, ...options }: SupernetOptions & { device?: Device; seed?: number },
): Supernet {
  return onDevice(device, () => new Supernet(space, options), { initialise: false })
    .seedDropout(seed)
    .initialise(seed);
}

export class Supernet extends MBConvNet {
  /** The blocks of each stage, the first that a child has and those that only deeper ones have. */
  private readonly stageBlocks: readonly (readonly MBConv[])[];
  private child: Choice;
  protected override readonly stageTable: Readonly<Record<string, (x: Tensor) => Tensor>>;

  /** The largest network of the space is the child at first. Its names are those of the supernet's tensors. */
  constructor(
    readonly space: SearchSpace,
    options: SupernetOptions,
  ) {
    const whole = largest(space);
    super(tableOf(space, whole, 'supernet'), NAMINGS.timm, options);
    this.child = whole;
    const names = whole.map((_, stage) => NAMINGS.timm.block({ stage, index: 0, flat: 0 }).stage);
    this.stageBlocks = names.map((name) =>
      this.blocks.filter(({ stage }) => stage === name).map(({ block }) => block),
    );
    const { stem, head, activation } = space;
    const [stemStage, headStage] = [NAMINGS.timm.stem.stage, NAMINGS.timm.head(0, 0).stage];
    this.stageTable = {
      [stemStage]: (x) => convNormAct(x, [this.stemConv, this.stemNorm], [3, stem], activation),
      ...Object.fromEntries(names.map((name, stage) => [name, (x: Tensor) => this.stageOfChild(x, stage)])),
      [headStage]: (x) => convNormAct(x, [this.headConv, this.headNorm], [1, head], activation),
      [NAMINGS.timm.classifier.stage]: (x) => this.head.forward(this.dropout.forward(x)),
    };
  }

  /** The child that `forward` computes. */
  get choice(): Choice {
    return this.child;
  }

  /** Sets the child that `forward` computes from now on. @throws RangeError where it is none of the space's */
  use(choice: Choice): this {
    if (!isOf(this.space, choice))
      throw new RangeError(`'${keyOf(choice).slice(0, 200)}' is no network of the space ${this.space.name}`);
    this.child = choice;
    return this;
  }

  /**
   * Copies into the parameters of a child of its own, as `buildModel(tableOf(space, choice, …))` makes it, the windows that it
   * shares, so that it starts from what the supernet has learned. Its running statistics are still to be gathered.
   * @throws RangeError where it is none of the space's, or has other classes
   */
  copyInto(child: MBConvNet): void {
    noGrad(() =>
      scope(() => {
        for (const [shared, own] of this.sharedWith(child))
          own.device.commands.copy(windowOf(shared, own.shape).buffer, 0, own.buffer, 0, 4 * own.size);
      }),
    );
  }

  /** Each parameter of a child of its own behind the tensor of which it is a window. @throws RangeError as `copyInto` */
  sharedWith(child: MBConvNet): [shared: Tensor, own: Tensor][] {
    const blocks = new Map(this.blocks.map(({ name, block }) => [name, block]));
    const { name: space } = this.space;
    if (child.numClasses !== this.numClasses)
      throw new RangeError(`the supernet has ${this.numClasses} classes, the network ${child.numClasses}`);
    return [
      ...pairsOf(endsOf(this), endsOf(child)),
      ...child.blocks.flatMap(({ name, block }) => {
        const own = blocks.get(name);
        if (!own) throw new RangeError(`no network of the space ${space} has a block ${name}`);
        return pairsOf(partsOf(own), partsOf(block));
      }),
    ];
  }

  /** The blocks of a stage that the child has. */
  private stageOfChild(x: Tensor, stage: number): Tensor {
    const choice = this.child[stage]!;
    const blocks = this.stageBlocks[stage]!.slice(0, choice.depth);
    return chain(
      x,
      blocks.map((block) => (y) => this.blockOfChild(y, block, choice)),
    );
  }

  /** What `MBConv.forward` computes, with windows of a block's weights. */
  private blockOfChild(
    x: Tensor,
    block: MBConv,
    { expandRatio, kernel, width, squeeze }: StageChoice,
  ): Tensor {
    const { activation } = this.space;
    const { expand, depthwise, excitation, project } = block;
    const inputs = x.shape[3]!;
    const channels = inputs * expandRatio;
    let y = x;
    if (expandRatio !== 1) y = convNormAct(y, expand!, [1, channels], activation);
    y = convNormAct(y, depthwise, [kernel, channels], activation);
    if (squeeze > 0) y = excited(y, excitation!, Math.max(1, Math.floor(inputs * squeeze)));
    const residual = depthwise[0].stride[0] === 1 && inputs === width ? x : null;
    return convNormAct(y, project, [1, width], 'none', residual);
  }
}

/** The window of a tensor of the largest network that a child's tensor of `shape` is: see above. */
function windowOf(shared: Tensor, shape: Shape): Tensor {
  const ofKernel = (axis: number): boolean => shape.length === 4 && axis < 2;
  return slice(
    shared,
    shape.map((size, axis) => {
      const start = ofKernel(axis) ? (shared.shape[axis]! - size) / 2 : 0;
      return [start, start + size];
    }),
  );
}

/** act(norm(conv(x)) + residual) with a kernel of another side and other numbers of channels; the padding keeps the size. */
function convNormAct(
  x: Tensor,
  [conv, norm]: readonly [Conv2d, BatchNorm2d],
  [kernel, channels]: readonly [number, number],
  activation: Activation,
  residual: Tensor | null = null,
): Tensor {
  const inputs = conv.depthwise ? 1 : x.shape[3]!;
  const y = conv2d(x, windowOf(conv.weight, [kernel, kernel, inputs, channels]), {
    stride: conv.stride,
    padding: (kernel - 1) / 2,
    groups: x.shape[3]! / inputs,
  });
  const { weight, bias, runningMean, runningVar, eps } = norm;
  const vector = (shared: Tensor): Tensor => windowOf(shared, [channels]);
  return batchNorm(y, {
    weight: vector(weight),
    bias: vector(bias),
    // Nobody reads running statistics here; with this momentum they stay as they are.
    runningMean: vector(runningMean),
    runningVar: vector(runningVar),
    momentum: 0,
    eps,
    training: true,
    activation,
    residual,
  });
}

/** What `SqueezeExcitation.forward` computes, with another number of channels in its middle. */
function excited(x: Tensor, { fc1, fc2 }: SqueezeExcitation, squeezed: number): Tensor {
  const channels = x.shape[3]!;
  const layer = ({ weight, bias }: Conv2d, from: number, to: number) => ({
    weight: windowOf(weight, [1, 1, from, to]),
    bias: windowOf(bias!, [to]),
  });
  return squeezeExcite(x, layer(fc1, channels, squeezed), layer(fc2, squeezed, channels)).y;
}

/** A layer, or the place of one that a block does not have. */
type Layer = Conv2d | BatchNorm2d | Linear | undefined;

/** The layers of a block, each at the same place whichever of them it has. */
function partsOf({ expand, depthwise, excitation, project }: MBConv): Layer[] {
  return [expand?.[0], expand?.[1], ...depthwise, excitation?.fc1, excitation?.fc2, ...project];
}

/** What surrounds the blocks. */
function endsOf({ stemConv, stemNorm, headConv, headNorm, head }: MBConvNet): Layer[] {
  return [stemConv, stemNorm, headConv, headNorm, head];
}

/** [shared, own] parameters of layers at the same places, where the second has one. */
function pairsOf(shared: readonly Layer[], own: readonly Layer[]): [Tensor, Tensor][] {
  return own.flatMap((layer, index) => {
    if (!layer) return [];
    const { weight, bias } = shared[index]!;
    const weights: [Tensor, Tensor] = [weight, layer.weight];
    return layer.bias ? [weights, [bias!, layer.bias]] : [weights];
  });
}
