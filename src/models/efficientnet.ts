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
import type { Family } from './family.ts';
import { NAMINGS, type Naming } from './mbconv-names.ts';
import { MBCONV_STYLES, MBConvNet, propertiesOf } from './mbconv-net.ts';
import type { MBConvTable } from './mbconv-table.ts';

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
/** A quarter of a block's input channels are left after squeezing. */
const SQUEEZE = 0.25;
/** Probability of dropping the last residual branch; earlier ones are dropped less, in proportion. */
const DROP_PATH = 0.2;

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

/** What a name stands for beside the architecture. */
type WeightsFacts = Pick<MBConvTable, 'padding' | 'normEps' | 'normMomentum'>;

interface Variant {
  table: MBConvTable;
  naming: Naming;
}

/** A scale of B0 or, without squeeze-and-excitation, of Lite0 as a table. */
function scaledTable(
  name: string,
  { width, depth, resolution, dropout }: Scale,
  lite: boolean,
  weights: WeightsFacts,
): MBConvTable {
  const fixed = (channels: number): number => (lite ? channels : roundChannels(channels, width));
  return {
    name,
    rows: STAGES.map(([expandRatio, kernel, stride, channels, layers], stage) => {
      const keep = lite && (stage === 0 || stage === STAGES.length - 1);
      const repeats = roundLayers(layers, keep ? 1 : depth);
      return [expandRatio, kernel, stride, roundChannels(channels, width), repeats, lite ? 0 : SQUEEZE];
    }),
    stem: fixed(STEM_CHANNELS),
    head: fixed(HEAD_CHANNELS),
    activation: lite ? 'relu6' : 'silu',
    inputSize: resolution,
    dropout,
    dropPath: DROP_PATH,
    ...weights,
  };
}

function variants(): Record<string, Variant> {
  const variants: Record<string, Variant> = {};
  const add = (name: string, naming: Naming, scale: Scale, lite: boolean, weights: WeightsFacts): void => {
    variants[name] = { table: scaledTable(name, scale, lite, weights), naming };
  };
  const { torchvision, timm } = NAMINGS;
  const tensorflow = { padding: 'same', normEps: 1e-3 } as const;
  B_SCALES.forEach((scale, phi) => {
    // torchvision keeps the authors' norm settings for the large ones only.
    const norm = phi >= 5 ? { normEps: 1e-3, normMomentum: 0.01 } : { normEps: 1e-5 };
    add(`efficientnet_b${phi}`, torchvision, scale, false, norm);
    add(`tf_efficientnet_b${phi}`, timm, scale, false, tensorflow);
  });
  LITE_SCALES.forEach((scale, index) => {
    add(`efficientnet_lite${index}`, timm, scale, true, { normEps: 1e-5 });
    add(`tf_efficientnet_lite${index}`, timm, scale, true, tensorflow);
  });
  return variants;
}

const EFFICIENTNETS = variants();

export const EFFICIENTNET: Family = {
  networks: Object.keys(EFFICIENTNETS),
  build: (name, options) => new MBConvNet(EFFICIENTNETS[name].table, EFFICIENTNETS[name].naming, options),
  takes: ['dropPath', 'padding', 'normEps'],
  properties: (name) => propertiesOf(EFFICIENTNETS[name].table),
  // A network and its twin with TensorFlow's padding have the same tensors.
  architecture: (name) => name.replace(/^tf_/, ''),
  names: MBCONV_STYLES,
  table: (name) => EFFICIENTNETS[name].table,
};
