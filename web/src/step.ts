/** What the page asks of a training step and is told of it: a part of the contract (contract.ts). */
import type { Photo } from './contract.ts';

export interface StepAsked {
  /** The network that answers, by its name; another one has random weights. */
  model: string;
  /** Classes of the reader's own; null for those of the network that answers. */
  classes: readonly string[] | null;
  pictures: readonly StepPicture[];
  /** The first stage that learns; null for the last one, the head. */
  from: string | null;
  /** Whether batch norms learn too, where their stage does. */
  norms: boolean;
  optimiser: OptimiserName;
  rate: number;
}

export interface StepPicture extends Photo {
  /** The class that it is to be taken for, by number. */
  label: number;
}

export type OptimiserName = 'SGD' | 'AdamW';

/** What an optimiser was told. */
export type OptimiserFacts =
  | { name: 'SGD'; rate: number; momentum: number; weightDecay: number }
  | { name: 'AdamW'; rate: number; beta1: number; beta2: number; eps: number; weightDecay: number };

/** One training step of a copy of a network, from its start to its end. */
export interface StepSeen {
  model: string;
  /** All weights are random, or those of the head are. */
  random: boolean;
  newHead: boolean;
  classes: readonly string[];
  /** Names of the pictures, and the class of each by number. */
  pictures: readonly string[];
  labels: readonly number[];
  stages: readonly string[];
  from: string;
  optimiser: OptimiserFacts;
  frozenParameters: number;
  trainedParameters: number;
  /** In the order in which the forward pass computes them. */
  layers: readonly LayerSeen[];
  norms: readonly NormSeen[];
  /** Of the step, in training mode: [pictures, classes], before the softmax. */
  logits: Float32Array<ArrayBuffer>;
  /** The mean cross-entropy that the step made smaller, or tried to. */
  loss: number;
  /** The same once more after the update: in training mode, the same units dropped. */
  lossAfter: number;
  /** In evaluation mode, as the network answers: losses, and each picture's probability of its class. */
  answering: { before: Answering; after: Answering };
}

export interface Answering {
  loss: number;
  probabilities: readonly number[];
}

export interface LayerSeen {
  path: string;
  stage: string;
  /** In a few words: `conv 3×3 / 2, 64 → 128`. */
  kind: string;
  /** Of one picture: [H, W, C] or [C]. */
  output: readonly number[];
  /** Some of its parameters learn. */
  learns: boolean;
  /** Of its results for all pictures: √ of the mean square, and the share of values that are exactly 0. */
  rms: number;
  zeros: number;
  /** √Σg², g = ∂loss/∂result; null where the backward pass does not come, or where one op computes it with others. */
  gradient: number | null;
  parameters: readonly ParameterSeen[];
}

export interface ParameterSeen {
  name: string;
  size: number;
  learns: boolean;
  /** √Σw² before the update. */
  norm: number;
  /** √Σg² and √Σ(w after − w before)²; null where it is frozen. */
  gradient: number | null;
  update: number | null;
  /** A few of its values: those of the largest gradients among its first 4,096. */
  samples: readonly Sample[];
}

export interface Sample {
  /** Its place in the parameter, in the engine's layout. */
  index: number;
  before: number;
  gradient: number;
  after: number;
}

/** Of each channel, what a batch norm got in this step and what it keeps. */
export interface NormSeen {
  path: string;
  /** It normalised by the batch's statistics and moved the running ones; else by the running ones, which stay. */
  batch: boolean;
  eps: number;
  momentum: number;
  /** Values of a channel in the batch: pictures × height × width. */
  rows: number;
  batchMean: Float32Array<ArrayBuffer>;
  /** Divided by the rows. */
  batchVar: Float32Array<ArrayBuffer>;
  runningMean: RunningSeen;
  runningVar: RunningSeen;
}

export interface RunningSeen {
  before: Float32Array<ArrayBuffer>;
  after: Float32Array<ArrayBuffer>;
}
