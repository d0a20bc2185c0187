/**
 * ResNet (He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", 2015, https://arxiv.org/abs/1512.03385).
 *
 * A block learns what to add to its input: y = relu(F(x) + x). Where a stage halves the picture or widens the channels,
 * the shortcut is a 1×1 convolution with stride (option B of section 3.3). Attribute names are torchvision's, so its
 * weights load as they are; like torchvision, a bottleneck strides in its 3×3 convolution, not in the first 1×1.
 */
import { globalAvgPool, maxPool2d } from '../kernels/index.ts';
import type { InitRule } from '../nn/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  convNormAct,
  Dropout,
  kaimingNormal,
  Linear,
  Model,
  Module,
  Sequential,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { type Family, inSequence, modulesWithTensors, PLAIN } from './family.ts';

/** Table 1 of the paper: blocks in conv2_x … conv5_x. */
const RESNETS = {
  resnet18: { bottleneck: false, blocks: [2, 2, 2, 2] },
  resnet34: { bottleneck: false, blocks: [3, 4, 6, 3] },
  resnet50: { bottleneck: true, blocks: [3, 4, 6, 3] },
  resnet101: { bottleneck: true, blocks: [3, 4, 23, 3] },
  resnet152: { bottleneck: true, blocks: [3, 8, 36, 3] },
} as const;

type ResNetName = keyof typeof RESNETS;

/** Channels inside the blocks of conv2_x … conv5_x. */
const WIDTHS = [64, 128, 256, 512];

export interface ResNetOptions {
  numClasses?: number;
  /**
   * Start each block as the identity: the weight of its last norm is 0 (Goyal et al. 2017, section 5.1). torchvision's
   * `zero_init_residual`.
   */
  zeroInitResidual?: boolean;
  /** Probability of dropping a feature before the classifier; 0 in the paper. */
  dropout?: number;
}

/** The projection shortcut of a block that changes the shape; null where the input is added as it is. */
function projection(inChannels: number, outChannels: number, stride: number): Sequential | null {
  if (stride === 1 && inChannels === outChannels) return null;
  return new Sequential([
    new Conv2d(inChannels, outChannels, 1, { stride, bias: false }),
    new BatchNorm2d(outChannels),
  ]);
}

function shortcut(x: Tensor, downsample: Sequential | null): Tensor {
  if (!downsample) return x;
  const [conv, norm] = downsample.layers as [Conv2d, BatchNorm2d];
  return convNormAct(x, conv, norm, 'none');
}

/** Figure 5, left: two 3×3 convolutions. */
class BasicBlock extends Module {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Sequential | null;

  constructor(inChannels: number, width: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inChannels, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.downsample = projection(inChannels, width, stride);
  }

  forward(x: Tensor): Tensor {
    const y = convNormAct(x, this.conv1, this.bn1, 'relu');
    return convNormAct(y, this.conv2, this.bn2, 'relu', shortcut(x, this.downsample));
  }

  get lastNorm(): BatchNorm2d {
    return this.bn2;
  }
}

/** Figure 5, right: 1×1 down to a quarter of the channels, 3×3, 1×1 up again. */
class Bottleneck extends Module {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample: Sequential | null;

  constructor(inChannels: number, width: number, stride: number) {
    super();
    const outChannels = 4 * width;
    this.conv1 = new Conv2d(inChannels, width, 1, { bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { stride, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = new Conv2d(width, outChannels, 1, { bias: false });
    this.bn3 = new BatchNorm2d(outChannels);
    this.downsample = projection(inChannels, outChannels, stride);
  }

  forward(x: Tensor): Tensor {
    let y = convNormAct(x, this.conv1, this.bn1, 'relu');
    y = convNormAct(y, this.conv2, this.bn2, 'relu');
    return convNormAct(y, this.conv3, this.bn3, 'relu', shortcut(x, this.downsample));
  }

  get lastNorm(): BatchNorm2d {
    return this.bn3;
  }
}

export class ResNet extends Model {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly dropout: Dropout;
  fc: Linear;

  readonly classifier = 'fc';
  readonly inputSize = 224;
  protected readonly lastFeatureStage = 'layer4';
  override readonly pooling = globalAvgPool; //        [N, 512c]
  protected override readonly stagePrefixes = { conv1: ['conv1', 'bn1'], fc: ['dropout', 'fc'] };
  protected override readonly initRule: InitRule;

  /** Shapes for a 224² picture; c is 1 for basic blocks and 4 for bottlenecks. */
  protected readonly stageTable = {
    conv1: (x: Tensor) =>
      maxPool2d(convNormAct(x, this.conv1, this.bn1, 'relu'), { kernelSize: 3, stride: 2, padding: 1 }), // [N, 56, 56, 64]
    layer1: (x: Tensor) => this.layer1.forward(x), // conv2_x  [N, 56, 56, 64c]
    layer2: (x: Tensor) => this.layer2.forward(x), // conv3_x  [N, 28, 28, 128c]
    layer3: (x: Tensor) => this.layer3.forward(x), // conv4_x  [N, 14, 14, 256c]
    layer4: (x: Tensor) => this.layer4.forward(x), // conv5_x  [N, 7, 7, 512c]
    fc: (x: Tensor) => this.fc.forward(this.dropout.forward(x)), // behind the pooling [N, classes]
  };

  constructor(name: ResNetName, options: ResNetOptions = {}) {
    super();
    const { numClasses = 1000, zeroInitResidual = false, dropout = 0 } = options;
    const { bottleneck, blocks } = RESNETS[name];
    const Block = bottleneck ? Bottleneck : BasicBlock;
    let channels = 64;

    this.conv1 = new Conv2d(3, channels, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(channels);
    const layers = WIDTHS.map((width, index) => {
      const stage = Array.from({ length: blocks[index] }, (_, block) => {
        const built = new Block(channels, width, block === 0 && index > 0 ? 2 : 1);
        channels = Block.expansion * width;
        return built;
      });
      return new Sequential(stage);
    });
    [this.layer1, this.layer2, this.layer3, this.layer4] = layers;
    this.dropout = new Dropout(dropout);
    this.fc = new Linear(channels, numClasses);

    const lastNorms = new Set<Module>(
      layers.flatMap((layer) => layer.layers as (BasicBlock | Bottleneck)[]).map((block) => block.lastNorm),
    );
    this.initRule = (module, attribute) => {
      if (module instanceof Conv2d) {
        const [kh, kw, , outChannels] = module.weight.shape;
        return kaimingNormal(kh * kw * outChannels); // fan-out, as torchvision
      }
      const zero = zeroInitResidual && attribute === 'weight' && lastNorms.has(module);
      return zero ? { constant: 0 } : undefined;
    };
  }

  get numClasses(): number {
    return this.fc.outFeatures;
  }

  protected replaceClassifier(numClasses: number): void {
    this.fc = new Linear(this.fc.inFeatures, numClasses);
  }
}

const NAMES = {
  style: 'torchvision',
  signs: ['conv1.weight', 'layer1.0.conv1.weight', 'layer4.0.conv1.weight'],
  modules: modulesWithTensors,
};
/** The children of torchvision's network by their places: its ReLU is 2, its pooling 3. */
const CHILDREN: Readonly<Record<string, number>> = {
  conv1: 0,
  bn1: 1,
  layer1: 4,
  layer2: 5,
  layer3: 6,
  layer4: 7,
};

export const RESNET: Family = {
  ...PLAIN,
  networks: Object.keys(RESNETS),
  build: (name, options) => new ResNet(name as ResNetName, options),
  takes: ['zeroInitResidual'],
  names: [
    NAMES,
    inSequence(NAMES, ['0.weight', '1.running_mean', '4.0.conv1.weight', '7.0.conv1.weight'], (module) =>
      module.replace(/^\w+/, (child) => String(CHILDREN[child] ?? child)),
    ),
  ],
};
