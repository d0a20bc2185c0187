/**
 * What the page asks of its worker, and what it is answered. The device, networks and everything computed live in the
 * worker; the page holds pictures and what it was told, and never waits. A call has an argument, a result and, where it
 * takes long, events on the way. Pictures travel as blobs, results as plain data.
 */

import type { BenchResult } from '../../src/bench/result.ts';
import type { Decided } from '../../src/train/decided.ts';
import type { Certificate } from '../../src/verify/verify.ts';
import type {
  Base,
  Learnt,
  Lesson,
  LessonContent,
  LessonStep,
  Look,
  Taught,
  TaughtFormat,
} from './lesson.ts';
import type { StepAsked, StepSeen } from './step.ts';

/** A call: what it takes, what it gives, what it tells meanwhile. */
interface Call<Argument, Result, Event = never> {
  argument: Argument;
  result: Result;
  event: Event;
}

export interface Calls {
  /** Opens the device, once; again after it was lost. */
  open: Call<null, AdapterFacts>;
  /** Makes a network the one that answers. */
  load: Call<Weights, NetworkFacts, Fetched>;
  classify: Call<Photo, Answer>;
  /** The network of this name as a figure: its parts with their shapes and costs. Nothing is computed. */
  figure: Call<string, Figure>;
  /** What a part of a network makes of a picture. */
  inside: Call<{ model: string; path: string; photo: Photo }, Inside>;
  /** A forward pass, each of its dispatches timed, with the shaders that ran. */
  measure: Call<string, Measured>;
  /** Where in a picture the network found what speaks for a class; events say how much of it is done. */
  explain: Call<{ photo: Photo; index: number; method: 'grad-cam' | 'occlusion' }, Explained, Done>;
  /** What the adapter is and allows. */
  gpu: Call<null, GpuFacts>;
  /** The certificate of `npm run verify`: every op, and networks layer by layer, against their references. */
  verify: Call<{ ops: boolean; models: readonly string[] }, Certificate, Step>;
  /** What `npm run bench` measures: the ceilings, and the ladders rung by rung, or forward passes and how they start. */
  bench: Call<'ladders' | 'forward', BenchResult, Step>;
  /** What tells a picture from others: by its bytes, and by how it looks. */
  look: Call<Photo, Look>;
  /** Classes of the user's: a new head on a network, or the last stages along with one that was taught before. */
  teach: Call<Lesson, Taught, LessonStep>;
  /** The network that was taught, as a file. */
  taughtFile: Call<{ learnt: Learnt; format: TaughtFormat }, Uint8Array<ArrayBuffer>>;
  /** A lesson as one file, and out of one. */
  packLesson: Call<LessonContent, Blob>;
  openLesson: Call<Photo, LessonContent>;
  /** One training step of a copy of a network, with what every layer computes on the way. */
  step: Call<StepAsked, StepSeen, Step>;
}

export type CallName = keyof Calls;

/** A picture as the user gave it. */
export interface Photo {
  name: string;
  blob: Blob;
}

/** 8-bit colours with alpha, as a canvas takes them. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray<ArrayBuffer>;
}

export interface AdapterFacts {
  name: string;
  /** A processor that plays a GPU. */
  software: boolean;
}

/** Which weights: those that ship, or a file of the user's (.pth, .pt, .safetensors). */
export type Weights = 'pretrained' | Photo;

/** How much of the weights is there, in bytes; `total` is 0 where the server does not say. */
export interface Fetched {
  done: number;
  total: number;
}

export interface NetworkFacts {
  /** `efficientnet_lite0`. */
  model: string;
  /** Where its weights come from, in words. */
  weights: string;
  classes: readonly string[];
  /** Of its input, in words: `224×224`. */
  inputSize: string;
  parameters: number;
  /** What of its answers is called, as its checkpoint says it. */
  decided: Decided;
  /** What had to be assumed or was left of the file, and how its answers are called, as sentences. */
  notes: readonly string[];
  /** It, as what is taught on it remembers it. */
  base: Base;
}

export interface Answer {
  /** One for each class, before the softmax. */
  logits: Float32Array<ArrayBuffer>;
  /** A softmax of them; of labels, of which several may hold, the sigmoid of each. */
  probabilities: Float32Array<ArrayBuffer>;
  /** The likeliest classes, best first, and those that are called. */
  top: readonly number[];
  /** The class or the labels that are called by a threshold; null where the likeliest class is. */
  called: readonly number[] | null;
  /** What the network was given: resized, cropped, in its own colours. */
  view: Pixels;
  /** Size of the picture as it was decoded. */
  original: { width: number; height: number };
  milliseconds: { decode: number; prepare: number; network: number };
}

/** A layer, a block of layers or a stage. */
export interface Part {
  /** Path in the model, as in the names of its parameters. */
  path: string;
  /** In a few words, of a layer: `conv 3×3 / 2, 64 → 128`. */
  kind: string;
  /** Of one picture: [H, W, C] or [C]. */
  output: readonly number[];
  parameters: number;
  multiplyAdds: number;
}

export interface StageFigure extends Part {
  layers: readonly Part[];
}

export interface Figure {
  model: string;
  /** Of the picture that all figures are for: `224×224`, and its longer side. */
  size: string;
  side: number;
  stages: readonly StageFigure[];
  parameters: number;
  multiplyAdds: number;
  /** It has no weights here but random ones. */
  random: boolean;
}

/** What a channel of a part makes of a picture. */
export interface FeatureMap {
  channel: number;
  /** Black is the smallest value, white the largest. */
  pixels: Pixels;
  low: number;
  high: number;
}

export interface Inside {
  channels: number;
  /** The channels that vary most over the picture, those first; empty where the result is no map. */
  maps: readonly FeatureMap[];
  /** The values of a result that is no map, as pixels in rows; null where there are maps. */
  values: FeatureMap | null;
  /** The filters of the network's first convolution, where the part holds it; else empty. */
  filters: readonly Pixels[];
}

/** A dispatch of a forward pass. */
export interface Dispatch {
  /** Path of the layer; of an op between layers `layer1.0 (add)`. */
  layer: string;
  op: string;
  program: string;
  groups: readonly number[];
  ms: number;
}

export interface Measured {
  /** By what the times were taken, as a clause, and what is to be known of them. */
  how: string;
  dispatches: readonly Dispatch[];
  /** Each shader whole, by the name of its program. */
  shaders: Readonly<Record<string, string>>;
}

/** How many of how many are done. */
export interface Done {
  done: number;
  total: number;
}

/** The same, and what is done now or was last. */
export interface Step extends Done {
  name: string;
  /** Seconds until all is done, where that is known. */
  left?: number | null;
}

export interface GpuFacts extends AdapterFacts {
  vendor: string;
  architecture: string;
  /** Every limit of WebGPU's, by its name. */
  limits: Readonly<Record<string, number>>;
  features: readonly string[];
  /** What kernels ask of it: tuning numbers and abilities (src/gpu/traits.ts). */
  traits: Readonly<Record<string, string | number | boolean>>;
}

export interface Explained {
  index: number;
  probability: number;
  /** What the network was given, and the map over it. */
  view: Pixels;
  heat: Pixels;
  /** Rows and columns of the map before it was stretched over the picture. */
  size: readonly [rows: number, columns: number];
  /** Nothing in the picture speaks for the class. */
  empty: boolean;
  ms: number;
}

// --- messages -------------------------------------------------------------------------------------------------

/** From the page. `generation` counts the networks that were loaded: what was asked of an older one is not answered. */
export type Asked =
  | { kind: 'call'; id: number; generation: number; name: CallName; argument: unknown }
  | { kind: 'abort'; id: number };

/** To the page. */
export type Told =
  | { kind: 'event'; id: number; generation: number; event: unknown }
  | { kind: 'result'; id: number; generation: number; result: unknown }
  | { kind: 'error'; id: number; generation: number; error: Fault };

/** An error that crossed from the worker: its class by name, and its sentence. */
export interface Fault {
  name: string;
  message: string;
}
