/** What a search is asked for, where it keeps what it must not forget, and who is told how it goes. */

import type { SampleSource, SourceOptions } from '../data/loader.ts';
import type { Sample } from '../data/sample.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import type { Criterion } from '../train/criterion.ts';
import type { Step } from '../train/step.ts';
import type { Method, Trial } from './method.ts';
import type { Final, FinalRole, Plan, SearchResult, Target } from './result.ts';
import type { SearchSpace } from './space.ts';

/**
 * Where a search keeps what it goes on from. Names of states are of letters, digits and dashes (`method-12`, `supernet`).
 */
export interface SearchStore {
  /** The lines of trials.jsonl in their order, parsed and not looked at. */
  trials(): Promise<readonly unknown[]>;
  /** Adds a line. It outlives the process once this resolves: the search goes on only then. */
  append(trial: Trial): Promise<void>;
  /** Null where there is none. */
  loadState(name: string): Promise<Uint8Array | null>;
  /** Writes it whole or not at all, over the one before. */
  saveState(name: string, bytes: Uint8Array): Promise<void>;
  /** Does nothing where there is none. */
  dropState(name: string): Promise<void>;
}

/** The pictures of a search: see `picturesOf` in pictures.ts. */
export interface SearchPictures {
  classes: readonly string[];
  train: readonly Sample[];
  /** What networks are ranked by. */
  held: readonly Sample[];
  /** What the search never sees, for the last word. */
  fresh: readonly Sample[];
  /** What the fresh pictures are, for the report: a few words. */
  freshIs: string;
  /** Makes batches: the loader's `fromSamples`, that of Node or of the browser. */
  source(samples: readonly Sample[], options: SourceOptions): SampleSource;
}

/** A network that teaches the candidates and the finals: see taught.ts. */
export interface SearchTeacher {
  /** For the result. */
  name: string;
  /** What networks learn by in place of their labels alone: of several that learn from the same batch (fair.ts) too. */
  criterion: Criterion;
  /** A step of one network's training by it, in place of `plainStep()`; the plan was measured with it. */
  step(): Step;
}

/** How far a search has come, in the planned seconds of its parts; the clock is the business of whoever shows it. */
export interface SearchProgress {
  phase: 'method' | 'random' | 'finals';
  /** What is being trained or measured: `keyOf` a network, 'supernet', a final's role. */
  what: string;
  done: number;
  total: number;
  /** Of `done`, what was known already or came from a saved state, and took no time now. */
  known: number;
  /** Mean training loss lately; null where nothing is trained at the moment. */
  loss: number | null;
}

/** All optional, all synchronous. */
export interface SearchHooks {
  /** After each step and each measurement. */
  onProgress?(progress: SearchProgress): void;
  /** A trial is in the store; `known`: it was there when the search began. */
  onTrial?(trial: Trial, known: boolean): void;
  /** A network was trained to its end and rescored. */
  onFinal?(final: Final): void;
  /** A sentence for the user, such as that a saved state was damaged and is made again. */
  onNote?(sentence: string): void;
}

export interface SearchOptions {
  device: Device;
  space: SearchSpace;
  method: Method;
  target: Target;
  /** As it was measured before, and recorded: what the search plans with. */
  plan: Plan;
  pictures: SearchPictures;
  store: SearchStore;
  /** Default 0. */
  seed?: number;
  /** Highest learning rate of AdamW. Default 2e-3. */
  lr?: number;
  /** Whether EfficientNet-B0 and MobileNetV2 are trained beside the finals for as many steps. Default: only what they cost. */
  references?: boolean;
  teacher?: SearchTeacher;
  /** Measured milliseconds of a batch of `target.batch` pictures, for each of the finals. Default: not measured. */
  latencies?: (models: readonly Model[]) => Promise<readonly number[]>;
  hooks?: SearchHooks;
  /** Once it aborts, the search finishes its step, keeps its state and resolves; it goes on by being called again. */
  signal?: AbortSignal;
  /** Of the pictures, for the result. */
  folder?: string | null;
}

export interface SearchOutcome {
  /** False where it was stopped; the result then holds the trials so far, and no finals. */
  finished: boolean;
  result: SearchResult;
  /** A trained final in evaluation mode; null where there is none. It lives until `dispose`. */
  model(role: FinalRole): Model | null;
  /** Frees the finals, and drops their states in the store: to be called once they are written elsewhere. */
  dispose(): Promise<void>;
}
