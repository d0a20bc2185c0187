/**
 * A search from its plan to its result: the method, a random search beside it, and the finals.
 *
 *   method               30 %   of the seconds of the plan
 *   random search        30 %   as many as the method has, so that it is fair; none where the method is random search (60 %)
 *   finals               40 %   the winner, a hand-made network of equal cost, and the random search's best, from scratch
 *
 * The seconds are planned ones, of measured paces that stand in the plan (measuring those comes before and is not among them);
 * they become steps before anything is trained, and no clock is asked from then on. A result is a function of the options, and
 * a search that was stopped goes on by being called again with the same ones and its store.
 */
import { formatSeconds } from '../text/figures.ts';
import { agreementsOf, comparisonOf, returnedOf } from './compare.ts';
import { Context, type Surroundings } from './context.ts';
import { Finals, stepsWithin } from './finals.ts';
import { handMade } from './handmade.ts';
import { Stopped, type Workshop } from './learner.ts';
import type { Found, Method, SearchContext, Trial } from './method.ts';
import { random } from './methods/random.ts';
import type { SearchOptions, SearchOutcome } from './options.ts';
import { type SearchSources, sourcesOf } from './pictures.ts';
import type { Comparison, SearchResult } from './result.ts';
import { type Choice, choiceOf, smallest } from './space.ts';
import { PlannedTime, TimeSpent } from './time.ts';
import { Trials } from './trials.ts';

/** Shares of the seconds; without a random search beside it the method has both. */
const SHARES = { method: 0.3, random: 0.3, finals: 0.4 };

/** Of AdamW, for networks from scratch. */
const LR = 2e-3;

/**
 * Searches, or goes on where a search with the same options and store was stopped.
 * @throws RangeError, a sentence, where the seconds are too few, or the store holds the trials of another search. Whatever
 * training throws, such as DeviceLost; the store then holds what a search goes on from
 */
export async function search(options: SearchOptions): Promise<SearchOutcome> {
  const { device, store, pictures, plan, signal, hooks = {}, seed = 0, lr = LR } = options;
  const sources = sourcesOf(pictures, options.space, { batch: plan.batch, seed });
  const time = new TimeSpent();
  await time.load(store);
  const workshop: Workshop = {
    device,
    store,
    ...{ train: sources.train, held: sources.held },
    lr,
    classes: pictures.classes.length,
    signal,
    time,
    note: (sentence) => hooks.onNote?.(sentence),
    resident: null,
  };
  const trials = new Trials(await store.trials(), options.space, (trial) => store.append(trial));
  const planned = new PlannedTime(plan.seconds, hooks);
  return new Search({ options, seed, workshop, trials, planned }, sources).run();
}

class Search {
  private found: Found | null = null;
  private readonly finals: Finals;
  /** What the method searches in. */
  private readonly context: Context;
  private readonly uniform: Choice | null;
  private readonly searchesRandomly: boolean;

  constructor(
    private readonly around: Surroundings,
    sources: SearchSources,
  ) {
    const { space, target, method, plan } = around.options;
    this.searchesRandomly = method.name !== random.name;
    const share = this.searchesRandomly ? SHARES.method : SHARES.method + SHARES.random;
    this.context = new Context(around, 'method', share * plan.seconds);
    this.uniform = handMade(space, this.context.cost, target);
    this.finals = new Finals(around, this.context, sources);
  }

  async run(): Promise<SearchOutcome> {
    const { workshop } = this.around;
    try {
      this.demandBudget();
      await this.phases();
      return this.outcome(true);
    } catch (error) {
      this.finals.free();
      if (!(error instanceof Stopped)) throw error;
      return this.outcome(false);
    } finally {
      workshop.resident?.leave();
      await workshop.time.save(workshop.store);
    }
  }

  private async phases(): Promise<void> {
    const { options, planned, workshop, trials } = this.around;
    const { method, plan } = options;
    this.found = await this.phase('method', method, this.context);
    if (this.searchesRandomly)
      await this.phase('random', random, new Context(this.around, 'random', SHARES.random * plan.seconds));
    trials.demandEnd();
    const seconds = SHARES.finals * plan.seconds;
    planned.begin('finals', seconds);
    const contenders = { winner: this.found.winner, 'hand-made': this.uniform, random: this.bestAtRandom() };
    await workshop.time.inPhase('finals', () => this.finals.run(contenders, seconds));
    planned.pass();
  }

  private async phase(by: 'method' | 'random', method: Method, context: Context): Promise<Found> {
    const { planned, workshop } = this.around;
    planned.begin(by, context.budget);
    const found = await workshop.time.inPhase(by === 'random' ? 'random search' : method.name, () =>
      foundBy(method, context),
    );
    await context.close();
    return found;
  }

  /** The network with the lowest objective of the random search beside the method. */
  private bestAtRandom(): Choice | null {
    const { space } = this.around.options;
    const worth = ({ loss, cost }: Trial): number => this.context.objective(loss, cost);
    const [best] = this.around.trials.list
      .filter(({ by, diverged }) => by === 'random' && !diverged)
      .sort((a, b) => worth(a) - worth(b));
    return best ? choiceOf(space, best.network) : null;
  }

  /** @throws RangeError where the finals would not get a step; a method refuses by itself what is too little for it */
  private demandBudget(): void {
    const { space, plan, teacher } = this.around.options;
    const pace = this.finals.paceOf(this.uniform ?? smallest(space));
    const count = (this.searchesRandomly ? 3 : 2) + Number(teacher !== undefined);
    if (stepsWithin(SHARES.finals * plan.seconds, Array(count).fill(pace)) >= 1) return;
    const least = (count * (pace.step + pace.scores)) / SHARES.finals;
    throw new RangeError(
      `${formatSeconds(plan.seconds)} are too short for a search: ${SHARES.finals * 100} % of them are for training ${count} networks at the end, of which each takes ${formatSeconds(pace.step)} a step here and ${formatSeconds(pace.scores)} to measure; ${formatSeconds(least)} would do for a single step, and minutes for more than noise`,
    );
  }

  private outcome(finished: boolean): SearchOutcome {
    const { finals } = this;
    return {
      finished,
      result: this.result(finished),
      model: (role) => finals.of(role)?.model ?? null,
      dispose: async () => {
        await finals.dispose();
        await this.around.workshop.time.drop(this.around.workshop.store);
      },
    };
  }

  private result(finished: boolean): SearchResult {
    const { options, seed, trials, workshop } = this.around;
    const { method, space, target, plan, teacher, folder = null, pictures } = options;
    const { classes, train, held, fresh, freshIs } = pictures;
    const comparisons = finished ? this.comparisons() : [];
    return {
      format: 1,
      finished,
      method: method.name,
      seed,
      space,
      target,
      plan,
      teacher: teacher?.name ?? null,
      data: {
        folder,
        classes: [...classes],
        train: train.length,
        held: held.length,
        fresh: fresh.length,
        freshIs,
      },
      trials: [...trials.list],
      surrogate: this.found?.surrogate ?? null,
      agreements: agreementsOf(trials.list, (network) => this.context.multiplyAdds(choiceOf(space, network))),
      finals: finished ? this.finals.list.map(({ final }) => final) : [],
      comparisons,
      returned: finished ? this.returned(comparisons) : NOT_YET,
      time: workshop.time.list(),
    };
  }

  /** The winner against its controls, where they are other networks and both were measured. */
  private comparisons(): Comparison[] {
    const winner = this.finals.of('winner')!;
    return (['hand-made', 'random'] as const).flatMap((role) => {
      const other = this.finals.of(role);
      if (!winner.answers || !other?.answers || other.final.network === winner.final.network) return [];
      return [comparisonOf(['winner', role], winner.answers, other.answers)];
    });
  }

  private returned(comparisons: readonly Comparison[]): SearchResult['returned'] {
    const comparison = comparisons.find(({ of }) => of[1] === 'hand-made') ?? null;
    const [winner, uniform] = [this.finals.of('winner')!, this.finals.of('hand-made')];
    return returnedOf(this.around.options.target, winner.final, uniform?.final ?? null, comparison);
  }
}

const NOT_YET: SearchResult['returned'] = {
  role: 'hand-made',
  reason: 'The search was stopped before its finals; it goes on with --resume.',
};

/** Runs a method to its end. Its trials are kept by the context. */
async function foundBy(method: Method, context: SearchContext): Promise<Found> {
  const run = method.run(context);
  for (;;) {
    const next = await run.next();
    if (next.done) return next.value;
  }
}
