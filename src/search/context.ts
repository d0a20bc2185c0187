/**
 * The context that a method searches in (method.ts): costs and paces from the plan, random numbers from the seed, learners
 * from the workshop, and trials, which are measured or known already.
 */
import { buildModel, type Network } from '../models/table.ts';
import { inTurn } from '../runner/in-turn.ts';
import { type Random, randomStream } from '../tensor/random.ts';
import { plainStep, type Step } from '../train/step.ts';
import { type AdditiveCost, additiveCost, costOf, sumOf } from './cost/cost.ts';
import { optimum } from './cost/optimum.ts';
import { type Paces, pacesOf } from './cost/pace.ts';
import { aimOf, formatCost } from './cost/target.ts';
import {
  CandidateLearner,
  Stopped,
  SupernetLearner,
  type Trainee,
  Training,
  type Workshop,
} from './learner.ts';
import type { Learner, LinearLoss, SearchContext, SharedLearner, Trial } from './method.ts';
import type { SearchOptions } from './options.ts';
import { fairStep } from './shared/fair.ts';
import { buildSupernet, type Supernet } from './shared/supernet.ts';
import { type Choice, keyOf, type SearchSpace, tableOf } from './space.ts';
import type { PlannedTime } from './time.ts';
import type { Trials } from './trials.ts';

/** What all phases of a search share. */
export interface Surroundings {
  readonly options: SearchOptions;
  readonly seed: number;
  readonly workshop: Workshop;
  readonly trials: Trials;
  readonly planned: PlannedTime;
}

/** Of it, what a network that learns by itself needs. */
type Beside = Pick<Surroundings, 'workshop' | 'seed' | 'planned'> & {
  readonly options: Pick<SearchOptions, 'teacher'>;
};

/** What a network that learns by itself is. */
export interface Candidate {
  /** Of its state in the store. */
  name: string;
  network: Network;
  /** What progress calls it. */
  what: string;
  stepSeconds: number;
  /** Default: a step of the teacher's where there is one, else the plain one. */
  step?: () => Step;
}

/** A learner with weights of its own; initial weights and dropout's masks are of the search's seed. */
export function learnerOf(around: Beside, candidate: Candidate): CandidateLearner {
  const { workshop, options, seed } = around;
  const { name, network, what, stepSeconds, step = () => options.teacher?.step() ?? plainStep() } = candidate;
  return new CandidateLearner(workshop, {
    name,
    build: () => buildModel(network, { device: workshop.device, numClasses: workshop.classes, seed }),
    step,
    reached: creditor(around, what, stepSeconds),
  });
}

function supernetOf(around: Surroundings, name: string, stepSeconds: number): SupernetLearner {
  const { workshop, options, seed } = around;
  const { device, classes: numClasses } = workshop;
  return new SupernetLearner(workshop, {
    name,
    build: () => buildSupernet(options.space, { device, numClasses, seed }),
    step: (model) => fairStep(model as Supernet, seed, { criterion: options.teacher?.criterion }),
    reached: creditor(around, 'supernet', stepSeconds),
  });
}

/** Books steps as planned seconds, each once, however often a network is loaded again. */
function creditor(
  { planned }: Pick<Surroundings, 'planned'>,
  what: string,
  stepSeconds: number,
): Trainee['reached'] {
  let credited = 0;
  return (steps, loss) => {
    planned.add(what, Math.max(steps - credited, 0) * stepSeconds, { known: loss === null, loss });
    credited = Math.max(steps, credited);
  };
}

export class Context implements SearchContext {
  readonly space: SearchSpace;
  // Functions of their own, not methods: whoever draws networks takes them out of the context.
  readonly cost: (choice: Choice) => number;
  readonly fits: (choice: Choice) => boolean;
  readonly stepSeconds: (choice: Choice) => number;
  readonly scoreSeconds: (choice: Choice) => number;
  readonly sharedStepSeconds: number;
  readonly sharedScoreSeconds: (choice: Choice) => number;
  readonly multiplyAdds: (choice: Choice) => number;
  readonly random: (purpose: string, index: number) => Random;
  readonly shownCost: (cost: number) => string;
  readonly objective: (loss: number, cost: number) => number;
  private readonly parts: AdditiveCost;
  private readonly learners: Training[] = [];
  private supernet: SupernetLearner | null = null;

  /**
   * @param by whose trials these are: the random search draws other numbers than the method
   * @param budget planned seconds
   */
  constructor(
    private readonly around: Surroundings,
    private readonly by: Trial['by'],
    readonly budget: number,
  ) {
    const { options, workshop } = around;
    const { space, target, plan } = options;
    const paces: Paces = pacesOf(plan, space);
    this.space = space;
    const { classes } = workshop;
    this.parts = additiveCost(space, target.unit, plan.latency, { classes });
    this.cost = sumOf(space, this.parts);
    this.multiplyAdds = costOf(space, 'multiply-adds', plan, { classes });
    const { fits, objective } = aimOf(target);
    this.fits = (choice) => fits(this.cost(choice));
    this.objective = objective;
    this.shownCost = (cost) => formatCost(cost, target.unit);
    this.random = (purpose, index) => randomStream(around.seed, `search ${by} ${purpose}`, 0, index);
    this.stepSeconds = paces.stepSeconds;
    this.scoreSeconds = paces.scoreSeconds;
    this.sharedStepSeconds = paces.sharedStepSeconds;
    this.sharedScoreSeconds = paces.sharedScoreSeconds;
  }

  optimum(surrogate: LinearLoss): { choice: Choice; objective: number } | null {
    return optimum(this.space, surrogate, this.parts, this.around.options.target);
  }

  learner(choice: Choice): Learner {
    const learner = learnerOf(this.around, {
      name: `${this.by}-${this.learners.length}`,
      network: tableOf(this.space, choice, 'candidate'),
      what: keyOf(choice),
      stepSeconds: this.stepSeconds(choice),
    });
    this.learners.push(learner);
    return learner;
  }

  shared(): SharedLearner {
    this.supernet ??= supernetOf(this.around, `${this.by}-supernet`, this.sharedStepSeconds);
    return this.supernet;
  }

  /** Frees whatever the method left, in the store as well. */
  async close(): Promise<void> {
    for (const learner of this.learners) await learner.dispose();
    await this.supernet?.dispose();
  }

  async trial(choice: Choice, learner: Learner | SharedLearner, rung = 0): Promise<Trial> {
    const { trials, planned, options, workshop } = this.around;
    if (!(learner instanceof Training))
      throw new TypeError('trial: the learner is none of this context; take one of learner() or shared()');
    const network = keyOf(choice);
    const asked = { by: this.by, network, rung, steps: learner.steps };
    // The method says which trial comes next, so that the list is of one at a time.
    const turns = inTurn([asked], {
      known: (trial) => trials.next(trial),
      stopped: () => workshop.signal?.aborted ?? false,
      work: async (trial) =>
        trials.add({ ...trial, cost: this.cost(choice), ...(await learner.score(choice)) }),
    });
    for await (const { done, known } of turns) {
      if (known) learner.pass();
      const seconds = learner === this.supernet ? this.sharedScoreSeconds(choice) : this.scoreSeconds(choice);
      planned.add(network, seconds, { known });
      options.hooks?.onTrial?.(done, known);
      return done;
    }
    throw new Stopped();
  }
}
