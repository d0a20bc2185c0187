/**
 * The contract of a search: a method asks the context for costs, training and scores, and yields a trial for every network
 * that it measured. A method knows nothing of files, clocks or adapters: from the context's recorded figures it is a function
 * of the seed, so a search that was stopped goes on by running it again over the scores that are known already.
 */
import type { Random } from '../tensor/random.ts';
import { among, list, number, object, optional, type Rule, text, whole } from '../text/rules.ts';
import type { Choice, Column, SearchSpace } from './space.ts';

/** What a network says of the held pictures: those that are not trained on and that the search ranks by. */
export interface Score {
  /** Mean cross-entropy, without smoothing: what networks are ranked by. */
  loss: number;
  /** The same of each half of the held pictures, to see how far a ranking is noise. */
  halves: readonly [number, number];
  /** Share of pictures that are right; shown, and ranked by nowhere. */
  accuracy: number;
  /** The weights or the answers became NaN or infinite, so that the losses are `lossOfDiverged`, above all others. */
  diverged?: true;
}

/** A network that was measured. One line of trials.jsonl. */
export interface Trial extends Score {
  /** Place among all trials of the search, counted from 0. */
  index: number;
  /** Whose trial it is: the method's, or that of the random search beside it. */
  by: 'method' | 'random';
  /** `keyOf` the network. */
  network: string;
  /** Step of the method: the rung of successive halving; 0 elsewhere. */
  rung: number;
  /** Steps that the weights had been trained for; of the shared weights where it is a child of a supernet. */
  steps: number;
  /** In the unit of the target. */
  cost: number;
}

const figure = number(-Number.MAX_VALUE, Number.MAX_VALUE);
const count = whole(0, Number.MAX_SAFE_INTEGER);

/** `Trial` out of a file. Whether its network is one of the space is not looked at: `choiceOf` finds out. */
export const TRIAL: Rule = object({
  index: count,
  by: among(['method', 'random']),
  network: text(4096),
  rung: count,
  steps: count,
  cost: number(0, Number.MAX_VALUE),
  loss: figure,
  halves: list(figure, 2, 2),
  accuracy: number(0, 1),
  diverged: optional(among([true])),
} satisfies Record<keyof Trial, Rule>);

/** A network that learns from scratch. */
export interface Learner {
  /** Steps so far. */
  readonly steps: number;
  /** Trains until `steps` have been taken in all; `of`: the steps of its whole schedule, as far as it is known. */
  advance(steps: number, of?: number): Promise<void>;
  /** Measures it on the held pictures, with the running statistics of its norms: as it is used. */
  score(): Promise<Score>;
  /** Frees it, and what was kept of it for a resumed search. */
  dispose(): Promise<void>;
}

/** The network that holds the weights of all others. */
export interface SharedLearner {
  readonly steps: number;
  advance(steps: number, of?: number): Promise<void>;
  /**
   * Measures one of its children on the held pictures. Its norms take the statistics of these very batches, in which the classes
   * are mixed: running ones would be those of all children together.
   */
  score(child: Choice): Promise<Score>;
  dispose(): Promise<void>;
}

export interface SearchContext {
  readonly space: SearchSpace;
  /** Seconds that the method may plan with. */
  readonly budget: number;
  /** What a network costs, in the unit of the target: predicted, not measured anew. */
  cost(choice: Choice): number;
  /** Whether a network is within a hard target; always true where the target is soft. */
  fits(choice: Choice): boolean;
  /** What is minimised: the loss where the target is hard, the loss with the cost's share in it where it is soft. */
  objective(loss: number, cost: number): number;
  /** A cost with its unit, for sentences. */
  shownCost(cost: number): string;
  /** Multiply-adds of one picture: what a loss can be guessed from without any training. */
  multiplyAdds(choice: Choice): number;
  /** The network that a linear model of the loss makes the best under the target, exactly (optimum.ts); null: none fits. */
  optimum(surrogate: LinearLoss): { choice: Choice; objective: number } | null;
  /** Planned seconds of one training step, and of one measurement, of a network by itself. */
  stepSeconds(choice: Choice): number;
  scoreSeconds(choice: Choice): number;
  /** The same of the weight-shared network: of a step (all children of one fair draw), and of measuring a child. */
  readonly sharedStepSeconds: number;
  sharedScoreSeconds(choice: Choice): number;
  /** Random numbers for a purpose; the same for the same seed. */
  random(purpose: string, index: number): Random;
  /** A network of the space with weights of its own. */
  learner(choice: Choice): Learner;
  /** The weight-shared network; one for a search. */
  shared(): SharedLearner;
  /** Measures, or gives what is known already, and makes a trial of it. */
  trial(choice: Choice, learner: Learner | SharedLearner, rung?: number): Promise<Trial>;
}

/** What a method found. */
export interface Found {
  winner: Choice;
  /** Where a surrogate was fitted: see surrogate.ts. */
  surrogate?: SurrogateFigures;
}

/** A model of the loss: intercept + Σ effect over the stages and their columns. */
export interface LinearLoss {
  intercept: number;
  /** Of a value that is picked; 0 of the first of its list. */
  effect(stage: number, column: Column, value: number): number;
}

/** A linear model of the loss over the choices: loss ≈ intercept + Σ coefficient[stage][column = value]. */
export interface SurrogateFigures {
  /** Networks that it was fitted to. */
  count: number;
  /** Correlation of predicted and measured losses, cross-validated; and that of multiply-adds alone on the same folds. */
  r: number;
  rMultiplyAdds: number;
  /** Effects against the first value of the column, with their 95 % intervals. */
  coefficients: {
    stage: number;
    column: string;
    value: number;
    effect: number;
    interval: readonly [number, number];
  }[];
  /** Best predicted objective that evolution found, and the exact optimum (dynamic programming), with their networks. */
  evolved: { network: string; predicted: number };
  optimum: { network: string; predicted: number } | null;
}

export interface Method {
  name: string;
  /** A sentence with its paper, for what is said before a search and for the report. */
  summary: string;
  /** Minutes from which on it is taken where nobody names one. Default: never. */
  usualFrom?: number;
  /** Whether it trains the weight-shared network (`SearchContext.shared`), whose pace is measured and whose memory counts then. */
  shares?: true;
  run(context: SearchContext): AsyncGenerator<Trial, Found, undefined>;
}
