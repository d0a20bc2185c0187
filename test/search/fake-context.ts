/** A search without networks: a loss that is known, seconds that are counted. */
import type { AdditiveCost } from '../../src/search/cost/cost.ts';
import { optimum } from '../../src/search/cost/optimum.ts';
import type { Learner, Score, SearchContext, SharedLearner, Trial } from '../../src/search/method.ts';
import { type Choice, COLUMNS, keyOf, type SearchSpace, SMALL_SPACE } from '../../src/search/space.ts';
import { randomStream, randomUniform } from '../../src/tensor/random.ts';

/** Multiply-adds of nobody's network, but larger in every value. */
export const size = (choice: Choice): number =>
  choice.reduce(
    (sum, { kernel, expandRatio, width, depth, squeeze }) =>
      sum + depth * expandRatio * width * (width + kernel ** 2) * (1 + squeeze),
    0,
  );

/** The same, as what `optimum` takes. */
const ADDITIVE: AdditiveCost = {
  unit: 'multiply-adds',
  before: 0,
  stage: (_index, _entering, picked) => size([picked]),
  after: () => 0,
};

/** Effects of the values, made up: half of them do harm. */
export const effectOf = (stage: number, column: string, value: number): number =>
  randomUniform(7, `${column} ${value}`, 0, stage) - 0.5;

export const trueLoss = (choice: Choice): number =>
  2 +
  0.3 *
    choice.reduce(
      (sum, stage, index) =>
        sum + COLUMNS.reduce((part, column) => part + effectOf(index, column, stage[column]), 0),
      0,
    );

export interface Fake {
  context: SearchContext;
  /** Planned seconds of all that was trained and measured. */
  spent(): number;
  /** Learners that were not freed. */
  open(): number;
  trials: Trial[];
}

export interface FakeOptions {
  budget: number;
  space?: SearchSpace;
  seed?: number;
  /** Highest cost, which is `size` here. */
  most?: number;
  /** How far a measured loss may be from the true one, on either side. */
  noise?: number;
  loss?: (choice: Choice, steps: number) => number;
}

export function fakeSearch(options: FakeOptions): Fake {
  const { budget, space = SMALL_SPACE, seed = 0, most = Number.POSITIVE_INFINITY, noise = 0 } = options;
  const loss = options.loss ?? ((choice, steps) => trueLoss(choice) + 20 / (20 + steps));
  let [spent, open] = [0, 0];
  const trials: Trial[] = [];
  const stepSeconds = (choice: Choice): number => 0.05 + size(choice) * 1e-7;
  const scoreSeconds = (choice: Choice): number => 0.2 + size(choice) * 1e-8;
  const sharedStepSeconds = 1;
  const measured = (choice: Choice, steps: number): Score => {
    const off = noise * (2 * randomUniform(seed, 'noise', steps, 0, Math.round(size(choice))) - 1);
    const value = loss(choice, steps) + off;
    return { loss: value, halves: [value, value], accuracy: 0.1 };
  };
  const learning = (advanceSeconds: number, score: SharedLearner['score']): SharedLearner => {
    let steps = 0;
    open++;
    return {
      get steps() {
        return steps;
      },
      async advance(to) {
        spent += (to - steps) * advanceSeconds;
        steps = to;
      },
      score,
      async dispose() {
        open--;
      },
    };
  };
  const context: SearchContext = {
    space,
    budget,
    cost: size,
    fits: (choice) => size(choice) <= most,
    objective: (value) => value,
    shownCost: (cost) => `${Math.round(cost)} multiply-adds`,
    multiplyAdds: size,
    optimum: (surrogate) =>
      optimum(space, surrogate, ADDITIVE, {
        unit: 'multiply-adds',
        value: Math.min(most, 1e12),
        exponent: null,
        batch: 1,
      }),
    stepSeconds,
    scoreSeconds,
    sharedStepSeconds,
    sharedScoreSeconds: scoreSeconds,
    random: (purpose, index) => randomStream(seed, purpose, 0, index),
    learner(choice): Learner {
      const learner = learning(stepSeconds(choice), async () => measured(choice, learner.steps));
      return learner as Learner;
    },
    shared(): SharedLearner {
      const learner = learning(sharedStepSeconds, async (child) => measured(child, learner.steps));
      return learner;
    },
    async trial(choice, learner, rung = 0) {
      spent += scoreSeconds(choice);
      const score = await learner.score(choice);
      const { steps } = learner;
      const cost = size(choice);
      const trial: Trial = {
        ...score,
        index: trials.length,
        by: 'method',
        network: keyOf(choice),
        rung,
        steps,
        cost,
      };
      trials.push(trial);
      return trial;
    },
  };
  return { context, spent: () => spent, open: () => open, trials };
}

/** All that a method yields, and what it returns. */
export async function collect<T, R>(generator: AsyncGenerator<T, R>): Promise<{ yielded: T[]; found: R }> {
  const yielded: T[] = [];
  for (;;) {
    const next = await generator.next();
    if (next.done) return { yielded, found: next.value };
    yielded.push(next.value);
  }
}
