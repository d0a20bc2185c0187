/** What the catalog says of a set of weights. */
import type { Preprocessing } from '../../data/transforms.ts';
import type { WeightProperties } from '../../models/family.ts';
import { architectureOf } from '../../models/table.ts';

/** An address of a file of weights. */
export interface Download {
  url: string;
  /** Hexadecimal digits of the file's SHA-256, all 64 or the first 8 or more; null where nobody states them. */
  sha256: string | null;
}

/** A file that comes with the project. */
export interface Shipped {
  file: string;
  sha256: string;
  /** SHA-256 of the publisher's file that it was converted from. */
  original: string;
}

export interface WeightsEntry {
  /** MODEL.TAG, as timm names weights: resnet18.imagenet1k_v1, resnet18.a1_in1k. */
  name: string;
  /** The architecture, as `buildModel` knows it. */
  model: string;
  /** The file in weights/ that comes with the project; null for what has to be fetched. */
  shipped: Shipped | null;
  /** Trainable numbers. */
  parameters: number;
  /** Where the weights can be had, best first. */
  downloads: readonly Download[];
  /** Size of the first download in MB, where its publisher states it. */
  megabytes: number | null;
  /** SPDX identifier. */
  licence: string;
  /** A page that describes the weights. */
  source: string;
  /** How the pictures were prepared for `top1`. */
  preprocessing: Preprocessing;
  /** What the outputs stand for. */
  classes: 'imagenet-1k';
  /** What has to be known of them beside the architecture: padding and epsilon where the network leaves them open. */
  properties: WeightProperties;
  /** Published top-1 accuracy on ImageNet's validation set, percent. */
  top1: number;
}

type Normalisation = Pick<Preprocessing, 'mean' | 'std'>;

/**
 * Bytes that a file of the entry's weights has at most: twice what its parameters take as float32, for statistics and
 * all that stands around them.
 */
export function mostBytes({ parameters }: Pick<WeightsEntry, 'parameters'>): number {
  return 2 * 4 * parameters + 2 ** 20;
}

/** Mean and deviation of ImageNet's pixels. */
export const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** Pixels from −1 to 1. */
export const HALF: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const PARAMETERS: Readonly<Record<string, number>> = {
  alexnet: 61_100_840,
  resnet18: 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  resnet101: 44_549_160,
  resnet152: 60_192_808,
  efficientnet_b0: 5_288_548,
  efficientnet_b1: 7_794_184,
  efficientnet_b2: 9_109_994,
  efficientnet_b3: 12_233_232,
  efficientnet_b4: 19_341_616,
  efficientnet_b5: 30_389_784,
  efficientnet_b6: 43_040_704,
  efficientnet_b7: 66_347_960,
  efficientnet_lite0: 4_652_008,
  efficientnet_lite1: 5_416_680,
  efficientnet_lite2: 6_092_072,
  efficientnet_lite3: 8_197_096,
  efficientnet_lite4: 13_006_568,
  mobilenet_v2: 3_504_872,
  mobilenetv2_050: 1_968_680,
  mobilenetv2_110d: 4_516_520,
  mobilenetv2_120d: 5_831_144,
  mobilenetv2_140: 6_108_776,
};

/** The parameters of an architecture with 1000 classes, as torchvision and timm state them. */
export function parametersOf(model: string): number {
  return PARAMETERS[architectureOf(model)];
}
