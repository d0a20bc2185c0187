/** A search so small that all of it takes a second: 8×8 pictures, two stages of a few channels, a store in memory. */
import { fromSamples } from '../../src/data/in-thread.ts';
import type { Device } from '../../src/gpu/index.ts';
import type { Found, Method, SearchContext, Trial } from '../../src/search/method.ts';
import type { SearchOptions, SearchPictures, SearchStore } from '../../src/search/options.ts';
import { picturesOf } from '../../src/search/pictures.ts';
import type { Plan, Target } from '../../src/search/result.ts';
import { randomChoice, type SearchSpace } from '../../src/search/space.ts';
import { stripes } from '../train/tiny.ts';

export const TINY_SPACE: SearchSpace = {
  name: 'tiny',
  stages: [
    { stride: 1, kernels: [3], expandRatios: [1, 2], widths: [4, 6], depths: [1], squeezes: [0] },
    { stride: 2, kernels: [3], expandRatios: [1, 2], widths: [4, 8], depths: [1, 2], squeezes: [0] },
  ],
  stem: 4,
  head: 8,
  activation: 'silu',
  inputSize: 8,
  dropout: 0.1,
};

export const TARGET: Target = { unit: 'multiply-adds', value: 1e9, exponent: null, batch: 1 };

/** A step takes a second, a measurement half of one. */
export function tinyPlan(seconds: number): Plan {
  const [step, score] = [1, 0.5].map((a) => ({ a, b: 0, c: 0 })) as [Plan['step'], Plan['score']];
  return {
    adapter: 'test',
    driver: 'test',
    seconds,
    batch: 4,
    step,
    score,
    sharedStep: 1,
    sharedScore: score,
    latency: null,
  };
}

export function tinyPictures(): SearchPictures {
  const classes = ['across', 'down'];
  const [train, val, test] = [stripes(22, 1, 8), stripes(8, 2, 8), stripes(6, 3, 8)];
  return {
    ...picturesOf({ classes, train, val, test, split: null, notes: [] }, 0),
    source: fromSamples,
  };
}

/** A store that forgets nothing, and passes what it is given through JSON and bytes as files would. */
export class MemoryStore implements SearchStore {
  readonly lines: string[] = [];
  readonly states = new Map<string, Uint8Array>();

  async trials(): Promise<unknown[]> {
    return this.lines.map((line) => JSON.parse(line));
  }

  async append(trial: Trial): Promise<void> {
    this.lines.push(JSON.stringify(trial));
  }

  async loadState(name: string): Promise<Uint8Array | null> {
    return this.states.get(name) ?? null;
  }

  async saveState(name: string, bytes: Uint8Array): Promise<void> {
    this.states.set(name, bytes.slice());
  }

  async dropState(name: string): Promise<void> {
    this.states.delete(name);
  }
}

/** Three networks, the better two of them for longer, then children of a weight-shared network: 20.5 planned seconds. */
export const TINY_METHOD: Method = {
  name: 'tiny',
  summary: 'a bit of everything',
  async *run(context: SearchContext): AsyncGenerator<Trial, Found, undefined> {
    const choices = [0, 1, 2].map((i) => randomChoice(context.space, context.random('first', i)));
    const learners = choices.map((choice) => context.learner(choice));
    const losses: number[] = [];
    for (const [i, choice] of choices.entries()) {
      await learners[i]!.advance(3);
      const trial = await context.trial(choice, learners[i]!);
      losses.push(trial.loss);
      yield trial;
    }
    const [first, second, last] = [0, 1, 2].sort((a, b) => losses[a]! - losses[b]!);
    await learners[last!]!.dispose();
    for (const i of [first!, second!]) {
      await learners[i]!.advance(6, 6);
      yield await context.trial(choices[i]!, learners[i]!, 1);
    }
    const shared = context.shared();
    await shared.advance(2);
    for (const choice of choices.slice(0, 2)) yield await context.trial(choice, shared, 2);
    return { winner: choices[first!]! };
  },
};

export const tinyOptions = (device: Device, store: SearchStore, seconds = 70): SearchOptions => ({
  device,
  store,
  space: TINY_SPACE,
  method: TINY_METHOD,
  target: TARGET,
  plan: tinyPlan(seconds),
  pictures: tinyPictures(),
});
