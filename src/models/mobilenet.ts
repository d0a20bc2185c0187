/**
 * MobileNetV2 (Sandler, Howard, Zhu, Zhmoginov, Chen: "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
 * https://arxiv.org/abs/1801.04381): the inverted residual, on which EfficientNet's base rests. Narrow maps carry the
 * information, wide ones filter it, and no activation follows the narrow ones (section 3.3).
 *
 * `mobilenet_v2` has torchvision's names, in which every block is a stage; `mobilenetv2_WIDTH` timm's, whose stages are
 * the rows of the table. mobilenet_v2 and mobilenetv2_100 are one network. timm's `d` variants are deeper, and keep stem
 * and head as they are.
 */
import type { Init } from '../nn/index.ts';
import { roundChannels, roundLayers } from './efficientnet.ts';
import { type Family, inSequence } from './family.ts';
import { NAMINGS, type NamePair, type Naming } from './mbconv-names.ts';
import { MBConvNet, namedAs, TIMM_STYLE, withoutFeatures } from './mbconv-net.ts';
import type { MBConvTable } from './mbconv-table.ts';

/** Table 2 of the paper. */
const STAGES = [
  // expandRatio, kernel, stride, channels, layers      output at 224²
  [1, 3, 1, 16, 1], //                                  [N, 112, 112, 16]
  [6, 3, 2, 24, 2], //                                  [N, 56, 56, 24]
  [6, 3, 2, 32, 3], //                                  [N, 28, 28, 32]
  [6, 3, 2, 64, 4], //                                  [N, 14, 14, 64]
  [6, 3, 1, 96, 3], //                                  [N, 14, 14, 96]
  [6, 3, 2, 160, 3], //                                 [N, 7, 7, 160]
  [6, 3, 1, 320, 1], //                                 [N, 7, 7, 320]
] as const;
const STEM_CHANNELS = 32; //                            [N, 112, 112, 32]
const HEAD_CHANNELS = 1280; //                          [N, 7, 7, 1280]

/** torchvision's names: blocks are counted through, convolution and norm of the projection lie bare in the block. */
const TORCHVISION: Naming = {
  stem: { stage: 'features.0', names: ['features.0.0', 'features.0.1'] },
  block: ({ flat }) => ({ stage: `features.${flat + 1}`, names: `features.${flat + 1}` }),
  parts: (expands) => {
    const pair = (position: number): NamePair => [`conv.${position}.0`, `conv.${position}.1`];
    const first = expands ? 1 : 0;
    return {
      expand: pair(0),
      depthwise: pair(first),
      excitation: '',
      excitationLayers: ['', ''],
      project: [`conv.${first + 1}`, `conv.${first + 2}`],
    };
  },
  head: (_stages, blocks) => ({
    stage: `features.${blocks + 1}`,
    names: [`features.${blocks + 1}.0`, `features.${blocks + 1}.1`],
  }),
  classifier: { stage: 'classifier', names: 'classifier.1' },
  dropout: 'classifier.0',
};

interface Variant {
  /** Factor on the channels (section 3.4: the width multiplier). */
  width: number;
  /** Factor on the layers of a stage, but the first and the last; timm's. */
  depth: number;
  naming: Naming;
}

const { timm } = NAMINGS;
const MOBILENETS: Readonly<Record<string, Variant>> = {
  mobilenet_v2: { width: 1, depth: 1, naming: TORCHVISION },
  mobilenetv2_050: { width: 0.5, depth: 1, naming: timm },
  mobilenetv2_100: { width: 1, depth: 1, naming: timm },
  mobilenetv2_110d: { width: 1.1, depth: 1.2, naming: timm },
  mobilenetv2_120d: { width: 1.2, depth: 1.4, naming: timm },
  mobilenetv2_140: { width: 1.4, depth: 1, naming: timm },
};

function tableOf(name: string): MBConvTable {
  const { width, depth } = MOBILENETS[name];
  const deeper = depth !== 1;
  return {
    name,
    rows: STAGES.map(([expandRatio, kernel, stride, channels, layers], stage) => {
      const keep = stage === 0 || stage === STAGES.length - 1;
      const repeats = roundLayers(layers, keep ? 1 : depth);
      return [expandRatio, kernel, stride, roundChannels(channels, width), repeats, 0];
    }),
    stem: deeper ? STEM_CHANNELS : roundChannels(STEM_CHANNELS, width),
    // The last layer does not become narrower (section 6.1), so that small ones are not short of features.
    head: deeper ? HEAD_CHANNELS : roundChannels(HEAD_CHANNELS, Math.max(1, width)),
    activation: 'relu6',
    inputSize: 224,
    dropout: 0.2,
    dropPath: 0,
  };
}

export class MobileNetV2 extends MBConvNet {
  /** torchvision's. */
  protected override headInit(): Init {
    return { normal: 0.01 };
  }
}

const TORCHVISION_STYLE = namedAs(TORCHVISION, {
  style: 'torchvision',
  signs: ['features.0.0.weight', 'features.1.conv.0.0.weight', 'features.18.0.weight'],
});

export const MOBILENET: Family = {
  networks: Object.keys(MOBILENETS),
  build: (name, options) => new MobileNetV2(tableOf(name), MOBILENETS[name].naming, options),
  takes: ['dropPath'],
  properties: () => ({}),
  architecture: (name) => (name === 'mobilenetv2_100' ? 'mobilenet_v2' : name),
  names: [
    TIMM_STYLE,
    TORCHVISION_STYLE,
    inSequence(TORCHVISION_STYLE, ['0.0.weight', '1.conv.0.0.weight', '18.0.weight'], withoutFeatures),
  ],
  table: tableOf,
};
