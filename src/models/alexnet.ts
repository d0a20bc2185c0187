/**
 * AlexNet, in the two forms that carry the name:
 *
 *   alexnet_2012  Krizhevsky, Sutskever, Hinton: "ImageNet Classification with Deep Convolutional Neural Networks",
 *                 NIPS 2012. Convolutions 2, 4 and 5 are split over two GPUs (two groups); local response
 *                 normalisation after the first two.
 *   alexnet       Krizhevsky: "One weird trick for parallelizing convolutional neural networks", 2014,
 *                 https://arxiv.org/abs/1404.5997: one tower, no normalisation. This is torchvision's, whose names it
 *                 has; the other one has Caffe's (conv1 … fc8).
 *
 * The first linear layer holds 38 of the 61 million parameters: 151 MB, more than WebGPU binds at once by default.
 */
import { adaptiveAvgPool2d, flatten, lrn, maxPool2d, relu } from '../kernels/index.ts';
import { Conv2d, convAct, Dropout, type InitRule, Linear, Model, type Module } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { type Family, PLAIN } from './family.ts';

interface Variant {
  /** One row a convolution. */
  convolutions: readonly (readonly [
    channels: number,
    kernel: number,
    stride: number,
    padding: number,
    groups: number,
    after: 'norm pool' | 'pool' | '',
  ])[];
  /** Names of conv1 … conv5, fc6 … fc8 and of the two dropouts. */
  names: readonly string[];
  /** Dropout stands before the first two linear layers, or after them. */
  dropout: 'before' | 'after';
}

const ALEXNETS = {
  // figure 2 of the paper of 2012
  alexnet_2012: {
    convolutions: [
      // channels kernel stride padding groups after
      [96, 11, 4, 2, 1, 'norm pool'], // [N, 27, 27, 96]
      [256, 5, 1, 2, 2, 'norm pool'], // [N, 13, 13, 256]
      [384, 3, 1, 1, 1, ''], //          [N, 13, 13, 384]
      [384, 3, 1, 1, 2, ''], //          [N, 13, 13, 384]
      [256, 3, 1, 1, 2, 'pool'], //      [N, 6, 6, 256]
    ],
    names: ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8', 'drop6', 'drop7'],
    dropout: 'after',
  },
  alexnet: {
    convolutions: [
      [64, 11, 4, 2, 1, 'pool'], //  [N, 27, 27, 64]
      [192, 5, 1, 2, 1, 'pool'], //  [N, 13, 13, 192]
      [384, 3, 1, 1, 1, ''], //      [N, 13, 13, 384]
      [256, 3, 1, 1, 1, ''], //      [N, 13, 13, 256]
      [256, 3, 1, 1, 1, 'pool'], //  [N, 6, 6, 256]
    ],
    names: [
      ...['features.0', 'features.3', 'features.6', 'features.8', 'features.10'],
      ...['classifier.1', 'classifier.4', 'classifier.6', 'classifier.0', 'classifier.3'],
    ],
    dropout: 'before',
  },
} as const satisfies Record<string, Variant>;

type AlexNetName = keyof typeof ALEXNETS;

export interface AlexNetOptions {
  numClasses?: number;
  /** Probability of dropping an input or output of the first two linear layers; 0.5 in both papers. */
  dropout?: number;
}

/** Section 3.3: n = 5, α = 1e-4, β = 0.75, k = 2. The paper does not divide α by n, `lrn` does. */
const RESPONSE_NORM = { size: 5, alpha: 5e-4, beta: 0.75, k: 2 };
/** Section 3.4: overlapping pooling. */
const POOL = { kernelSize: 3, stride: 2 };

export class AlexNet extends Model {
  readonly convolutions: readonly Conv2d[];
  readonly fc6: Linear;
  readonly fc7: Linear;
  fc8: Linear;
  readonly drop6: Dropout;
  readonly drop7: Dropout;

  readonly inputSize = 224;
  readonly classifier: string;
  protected readonly lastFeatureStage: string;
  protected override readonly stagePrefixes: Readonly<Record<string, readonly string[]>>;
  protected override readonly initRule: InitRule;
  protected readonly stageTable: Readonly<Record<string, (x: Tensor) => Tensor>>;
  private readonly variant: Variant;

  constructor(name: AlexNetName, { numClasses = 1000, dropout = 0.5 }: AlexNetOptions = {}) {
    super();
    this.variant = ALEXNETS[name];
    let channels = 3;
    this.convolutions = this.variant.convolutions.map(([outChannels, kernel, stride, padding, groups]) => {
      const conv = new Conv2d(channels, outChannels, kernel, { stride, padding, groups });
      channels = outChannels;
      return conv;
    });
    this.fc6 = new Linear(channels * 6 * 6, 4096, { after: [channels, 6, 6] });
    this.fc7 = new Linear(4096, 4096);
    this.fc8 = new Linear(4096, numClasses);
    this.drop6 = new Dropout(dropout);
    this.drop7 = new Dropout(dropout);

    const [conv1, conv2, conv3, conv4, conv5, fc6, fc7, fc8, drop6, drop7] = this.variant.names;
    this.stageTable = {
      [conv1]: (x) => this.convolve(x, 0),
      [conv2]: (x) => this.convolve(x, 1),
      [conv3]: (x) => this.convolve(x, 2),
      [conv4]: (x) => this.convolve(x, 3),
      [conv5]: (x) => this.convolve(x, 4), //                               [N, 6, 6, 256]
      [fc6]: (x) => this.hidden(flatten(toSixBySix(x)), this.fc6, this.drop6), // [N, 4096]
      [fc7]: (x) => this.hidden(x, this.fc7, this.drop7), //                [N, 4096]
      [fc8]: (x) => this.fc8.forward(x), //                                 [N, classes]
    };
    this.stagePrefixes = { [fc6]: [fc6, drop6], [fc7]: [fc7, drop7] };
    this.lastFeatureStage = conv5;
    this.classifier = fc8;
    this.initRule =
      name === 'alexnet_2012' ? (module, attribute) => this.paperInit(module, attribute) : () => undefined;
  }

  get numClasses(): number {
    return this.fc8.outFeatures;
  }

  override *namedChildren(): IterableIterator<[string, Module]> {
    const { convolutions, fc6, fc7, fc8, drop6, drop7 } = this;
    for (const [index, module] of [...convolutions, fc6, fc7, fc8, drop6, drop7].entries())
      yield [this.variant.names[index], module];
  }

  protected replaceClassifier(numClasses: number): void {
    this.fc8 = new Linear(4096, numClasses);
  }

  private convolve(x: Tensor, index: number): Tensor {
    const after = this.variant.convolutions[index][5];
    let y = convAct(x, this.convolutions[index], 'relu');
    if (after.includes('norm')) y = lrn(y, RESPONSE_NORM);
    return after.includes('pool') ? maxPool2d(y, POOL) : y;
  }

  private hidden(x: Tensor, linear: Linear, dropout: Dropout): Tensor {
    if (this.variant.dropout === 'before') return relu(linear.forward(dropout.forward(x)));
    return dropout.forward(relu(linear.forward(x)));
  }

  /** Section 5: N(0, 0.01²); biases 1 in convolutions 2, 4, 5 and the hidden linear layers, else 0. */
  private paperInit(module: Module, attribute: string): { normal: number } | { constant: number } {
    if (attribute === 'weight') return { normal: 0.01 };
    const { convolutions, fc6, fc7 } = this;
    const ones: readonly Module[] = [convolutions[1], convolutions[3], convolutions[4], fc6, fc7];
    return { constant: ones.includes(module) ? 1 : 0 };
  }
}

/** torchvision's answer to pictures that are not 224²: average to the size that fc6 expects. */
function toSixBySix(x: Tensor): Tensor {
  return x.shape[1] === 6 && x.shape[2] === 6 ? x : adaptiveAvgPool2d(x, [6, 6]);
}

export const ALEXNET: Family = {
  ...PLAIN,
  networks: ['alexnet', 'alexnet_2012'] satisfies AlexNetName[],
  build: (name, options) => new AlexNet(name as AlexNetName, options),
  takes: [],
  names: [
    { style: 'torchvision', signs: ['features.0.weight', 'features.10.weight', 'classifier.1.weight'] },
    { style: 'caffe', signs: ['conv1.weight', 'conv5.weight', 'fc6.weight'] },
  ],
};
