/**
 * EfficientNet (Tan & Le: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
 * https://arxiv.org/abs/1905.11946): one small network, found by search, and seven larger ones made from it by scaling
 * depth, width and resolution together. EfficientNet-Lite is the same without what phones do badly: no
 * squeeze-and-excitation, ReLU6 in place of SiLU; stem and head keep their channels, first and last stage their depth
 * (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
 *
 * Two things differ between weights, not architectures: padding (PyTorch's symmetric, or TensorFlow's 'same') and
 * batch norm's epsilon. The names `tf_…` stand for weights that were trained in TensorFlow.
 */
import { globalAvgPool } from '../kernels/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  chain,
  convNormAct,
  Dropout,
  type InitRule,
  kaimingNormal,
  Linear,
  Model,
  type Module,
  type NormOptions,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { MODEL_NAMES, type ModelNames, type Naming } from './efficientnet-names.ts';
import { MBConv } from './mbconv.ts';

/** Table 1 of the paper, stages 2 to 8: EfficientNet-B0. */
const STAGES = [
  // expandRatio, kernel, stride, channels, layers      output at 224²
  [1, 3, 1, 16, 1], //                                  [N, 112, 112, 16]
  [6, 3, 2, 24, 2], //                                  [N, 56, 56, 24]
  [6, 5, 2, 40, 2], //                                  [N, 28, 28, 40]
  [6, 3, 2, 80, 3], //                                  [N, 14, 14, 80]
  [6, 5, 1, 112, 3], //                                 [N, 14, 14, 112]
  [6, 5, 2, 192, 4], //                                 [N, 7, 7, 192]
  [6, 3, 1, 320, 1], //                                 [N, 7, 7, 320]
] as const;
const STEM_CHANNELS = 32; //                            [N, 112, 112, 32]
const HEAD_CHANNELS = 1280; //                          [N, 7, 7, 1280]

/** How far a network is scaled up from B0. */
export interface Scale {
  /** Factor on the channels. */
  width: number;
  /** Factor on the layers of a stage. */
  depth: number;
  /** Height and width of the pictures. */
  resolution: number;
  dropout: number;
}

const scales = (rows: readonly (readonly [number, number, number, number])[]): Scale[] =>
  rows.map(([width, depth, resolution, dropout]) => ({ width, depth, resolution, dropout }));

const B_SCALES = scales([
  // width depth resolution dropout
  [1.0, 1.0, 224, 0.2], // B0
  [1.0, 1.1, 240, 0.2],
  [1.1, 1.2, 260, 0.3],
  [1.2, 1.4, 300, 0.3],
  [1.4, 1.8, 380, 0.4],
  [1.6, 2.2, 456, 0.4],
  [1.8, 2.6, 528, 0.5],
  [2.0, 3.1, 600, 0.5], // B7
]);

const LITE_SCALES = scales([
  [1.0, 1.0, 224, 0.2], // Lite0
  [1.0, 1.1, 240, 0.2],
  [1.1, 1.2, 260, 0.3],
  [1.2, 1.4, 280, 0.3],
  [1.4, 1.8, 300, 0.3], // Lite4
]);

/**
 * Compound scaling (section 3.3): depth 1.2^φ, width 1.1^φ, resolution 224·1.15^φ, chosen so that the cost grows by
 * about 2^φ. The published B1 … B7 have rounded values, which the paper's formula does not give exactly; this returns
 * them, as the authors' code does.
 * @throws RangeError unless phi is a whole number from 0 (B0) to 7 (B7)
 */
export function compoundScale(phi: number): Scale {
  const scale = B_SCALES[phi];
  if (!scale) throw new RangeError(`compoundScale: phi is a whole number from 0 (B0) to 7 (B7), not ${phi}`);
  return { ...scale };
}

/** Channels are multiples of 8, rounded to the nearest but never down by more than a tenth. */
export function roundChannels(channels: number, width: number): number {
  const scaled = channels * width;
  const rounded = Math.max(8, Math.floor((scaled + 4) / 8) * 8);
  return rounded < 0.9 * scaled ? rounded + 8 : rounded;
}

/** Layers are rounded up. */
export function roundLayers(layers: number, depth: number): number {
  return Math.ceil(layers * depth);
}

interface Variant {
  scale: Scale;
  lite: boolean;
  naming: Naming;
  padding: 'torch' | 'same';
  norm: NormOptions & { eps: number };
}

function variants(): Record<string, Variant> {
  const table: Record<string, Variant> = {};
  const tensorflow = { naming: 'timm', padding: 'same', norm: { eps: 1e-3 } } as const;
  B_SCALES.forEach((scale, phi) => {
    // torchvision keeps the authors' norm settings for the large ones only.
    const norm = phi >= 5 ? { eps: 1e-3, momentum: 0.01 } : { eps: 1e-5 };
    table[`efficientnet_b${phi}`] = { scale, lite: false, naming: 'torchvision', padding: 'torch', norm };
    table[`tf_efficientnet_b${phi}`] = { scale, lite: false, ...tensorflow };
  });
  LITE_SCALES.forEach((scale, index) => {
    const norm = { eps: 1e-5 };
    table[`efficientnet_lite${index}`] = { scale, lite: true, naming: 'timm', padding: 'torch', norm };
    table[`tf_efficientnet_lite${index}`] = { scale, lite: true, ...tensorflow };
  });
  return table;
}

/** Every EfficientNet by name. */
export const EFFICIENTNETS: Readonly<Record<string, Variant>> = variants();

export interface EfficientNetOptions {
  numClasses?: number;
  dropout?: number;
  /** Probability of dropping the last residual branch; earlier ones are dropped less, in proportion. 0.2 by default. */
  dropPath?: number;
  /** A property of the weights: 'torch' pads symmetrically, 'same' as TensorFlow does. By the model's name. */
  padding?: 'torch' | 'same';
  /** Batch norm's epsilon, a property of the weights as well. */
  normEps?: number;
}

export class EfficientNet extends Model {
  readonly stemConv: Conv2d;
  readonly stemNorm: BatchNorm2d;
  /** Blocks by stage. */
  readonly blocks: readonly (readonly MBConv[])[];
  readonly headConv: Conv2d;
  readonly headNorm: BatchNorm2d;
  readonly dropout: Dropout;
  head: Linear;

  readonly inputSize: number;
  readonly classifier: string;
  protected readonly lastFeatureStage: string;
  protected override readonly stagePrefixes: Readonly<Record<string, readonly string[]>>;
  protected readonly stageTable: Readonly<Record<string, (x: Tensor) => Tensor>>;
  private readonly names: ModelNames;

  /** @param name a key of `EFFICIENTNETS` */
  constructor(name: string, options: EfficientNetOptions = {}) {
    super();
    const { scale, lite, naming, ...variant } = EFFICIENTNETS[name];
    const { numClasses = 1000, dropout = scale.dropout, dropPath = 0.2, padding = variant.padding } = options;
    const norm = { ...variant.norm, ...(options.normEps === undefined ? {} : { eps: options.normEps }) };
    const activation = lite ? 'relu6' : 'silu';
    const same = padding === 'same';
    const fixed = (channels: number): number => (lite ? channels : roundChannels(channels, scale.width));

    let channels = fixed(STEM_CHANNELS);
    this.stemConv = new Conv2d(3, channels, 3, { stride: 2, padding: same ? 'same' : 1, bias: false });
    this.stemNorm = new BatchNorm2d(channels, norm);

    const layersOf = (stage: number): number => {
      const keep = lite && (stage === 0 || stage === STAGES.length - 1);
      return roundLayers(STAGES[stage][4], keep ? 1 : scale.depth);
    };
    const total = STAGES.reduce((sum, _, stage) => sum + layersOf(stage), 0);
    let built = 0;
    this.blocks = STAGES.map(([expandRatio, kernel, stride, outChannels], stage) =>
      Array.from({ length: layersOf(stage) }, (_, layer) => {
        const block = new MBConv({
          inChannels: channels,
          outChannels: roundChannels(outChannels, scale.width),
          expandRatio,
          kernel,
          stride: layer === 0 ? stride : 1,
          excite: !lite,
          activation,
          same,
          norm,
          naming,
          dropPath: (dropPath * built++) / total,
        });
        channels = block.outChannels;
        return block;
      }),
    );

    const headChannels = fixed(HEAD_CHANNELS);
    this.headConv = new Conv2d(channels, headChannels, 1, { bias: false });
    this.headNorm = new BatchNorm2d(headChannels, norm);
    this.dropout = new Dropout(dropout);
    this.head = new Linear(headChannels, numClasses);

    this.inputSize = scale.resolution;
    this.names = MODEL_NAMES[naming];
    this.classifier = this.names.classifier;
    this.stagePrefixes = this.names.stagePrefixes;
    const [stem, ...rest] = this.names.stages;
    this.lastFeatureStage = rest[7];
    this.stageTable = {
      [stem]: (x) => convNormAct(x, this.stemConv, this.stemNorm, activation),
      ...Object.fromEntries(
        this.blocks.map((blocks, stage) => [
          rest[stage],
          (x: Tensor) =>
            chain(
              x,
              blocks.map((block) => (y: Tensor) => block.forward(y)),
            ),
        ]),
      ),
      [rest[7]]: (x) => convNormAct(x, this.headConv, this.headNorm, activation),
      [rest[8]]: (x) => this.head.forward(this.dropout.forward(globalAvgPool(x))), // [N, classes]
    };
  }

  get numClasses(): number {
    return this.head.outFeatures;
  }

  override *namedChildren(): IterableIterator<[string, Module]> {
    const { stem, block, head, dropout, classifier } = this.names;
    yield [stem[0], this.stemConv];
    yield [stem[1], this.stemNorm];
    for (const [stage, blocks] of this.blocks.entries())
      for (const [index, module] of blocks.entries()) yield [block(stage, index), module];
    yield [head[0], this.headConv];
    yield [head[1], this.headNorm];
    yield [dropout, this.dropout];
    yield [classifier, this.head];
  }

  /**
   * Kaiming by fan-out, U(±1/√classes) in the classifier, biases 0. The fan-out of a depthwise convolution is k² in
   * TensorFlow and timm; torchvision counts k²·channels, which makes the signal vanish until the norms have seen data.
   */
  protected override readonly initRule: InitRule = (module, attribute) => {
    if (attribute === 'bias') return { constant: 0 };
    if (module instanceof Linear) return { uniform: 1 / Math.sqrt(module.outFeatures) };
    if (!(module instanceof Conv2d)) return undefined;
    const [kh, kw, , outChannels] = module.weight.shape;
    const groups = this.names === MODEL_NAMES.timm ? module.groups : 1;
    return kaimingNormal((kh * kw * outChannels) / groups);
  };

  protected replaceClassifier(numClasses: number): void {
    this.head = new Linear(this.head.inFeatures, numClasses);
  }
}
