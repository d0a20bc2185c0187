/** What the page and the worker say to each other of lessons. Plain data, as the browser can keep it. */
import type { Photo, Step } from './contract.ts';

/** How a picture looks (src/data/look.ts), and which bytes it has. */
export interface Look {
  /** SHA-256, in hexadecimal digits. */
  hash: string;
  /** 192 bits; null where it has no shape. */
  bits: Uint32Array<ArrayBuffer> | null;
}

/** A network that lessons are taught on. */
export interface Base {
  model: string;
  /** Where its weights come from, in words. */
  weights: string;
  /** Of the file of its weights. */
  sha256: string;
  /** The file, where it is not the one that ships. */
  file: Photo | null;
}

/** What a lesson asks for. */
export interface Plan {
  base: Base;
  /** The first stage that learns with those behind it; `head`: the last layer alone. */
  trainFrom: string;
  /** 0: nothing learns, and what was learnt before is measured. */
  epochs: number;
}

export interface Lesson extends Plan {
  classes: readonly string[];
  pictures: readonly LessonPicture[];
  /** What it begins from; null: a new head. */
  from: Learnt | null;
  /** What the pictures were taken for before it, in their order. */
  before: Answers | null;
  /** Goes on where a lesson of the same key was when it broke off. */
  goOn: boolean;
}

export interface LessonPicture extends Photo {
  id: number;
  /** Its class, by number. */
  label: number;
  /** The network is measured on it and does not learn it. */
  held: boolean;
}

/** What makes two lessons the same: a state of one is a state of the other. */
export const keyOf = ({ classes, pictures, base, trainFrom, epochs, from }: Omit<Lesson, 'goOn'>): string =>
  JSON.stringify({
    ...{ classes, base: base.sha256, trainFrom, epochs, from: from?.trainFrom ?? null },
    pictures: pictures.map(({ id, label, held }) => [id, label, held]),
  });

/** What a network has learnt: values of the parameters that did, in the engine's layout, by their names. */
export interface Learnt {
  base: Base;
  classes: readonly string[];
  trainFrom: string;
  parameters: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
}

/** An epoch as the curve draws it. */
export interface Epoch {
  trainLoss: number;
  /** Of the held-out pictures, where there are some. */
  valLoss: number | null;
  accuracy: number | null;
}

/** How far a lesson is; its epochs so far, where there is a new one. */
export interface LessonStep extends Step {
  course?: readonly Epoch[];
  /** Why a reload would lose what was learnt, a sentence; null where it is kept. */
  unkept?: string | null;
}

/** Of each picture, in the lesson's order: the class that it is taken for and how sure; null where it cannot be read. */
export type Answers = readonly ({ index: number; probability: number } | null)[];

export interface Taught {
  learnt: Learnt;
  answers: Answers;
  /** Of the held-out pictures: rows are what they are, columns what they are taken for. */
  confusion: readonly (readonly number[])[];
  right: number;
  held: number;
  /** Of the share of right answers, 95 %, in words; null where nothing was held out. */
  interval: string | null;
  gain: Gain | null;
  frozenParameters: number;
  trainedParameters: number;
  /** Stages in front of the head that could learn too, the last one first. */
  stages: readonly string[];
  /** Of a step of this lesson; null where nothing learnt. */
  step: StepCost | null;
  seconds: number;
  course: readonly Epoch[];
}

/** What a lesson changed on the held-out pictures, against the network before it. */
export interface Gain {
  /** Pictures that were right before it, and are after it. */
  before: number;
  after: number;
  /** Of the difference of the two shares, 95 %, in percentage points. */
  low: number;
  high: number;
}

/** What a step of training takes, measured on this GPU from features that were kept. */
export interface StepCost {
  pictures: number;
  /** The median of some, each waited for. */
  ms: number;
  /** Values that learn. */
  parameters: number;
  /** Bytes of their gradients, and of what the optimiser keeps of each. */
  gradientBytes: number;
  optimizerBytes: number;
}

export type TaughtFormat = 'safetensors' | 'onnx';

/** A lesson that broke off. */
export interface StudyFacts {
  key: string;
  /** Epochs that were done, of how many. */
  epoch: number;
  epochs: number;
}

/** A lesson as its file has it. */
export interface LessonContent {
  classes: readonly { name: string; pictures: readonly (Photo & Pick<LessonPicture, 'held'>)[] }[];
  epochs: number;
  learnt: Learnt | null;
  courses: readonly (readonly Epoch[])[];
}
