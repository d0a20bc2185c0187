/** What the catalog says of a set of weights. */
import type { Preprocessing } from '../data/transforms.ts';

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
  /** Properties of the weights: how convolutions pad, and batch norm's epsilon (null without batch norm). */
  padding: 'torch' | 'same';
  normEps: number | null;
  /** Published top-1 accuracy on ImageNet's validation set, percent. */
  top1: number;
}

type Normalisation = Pick<Preprocessing, 'mean' | 'std'>;

/** Mean and deviation of ImageNet's pixels. */
export const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** Pixels from −1 to 1. */
export const HALF: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
