/**
 * A weight-shared network: one network holds the weights of all others and is trained once; what a network is worth is measured
 * with the weights that it shares. Pham et al., "Efficient Neural Architecture Search via Parameter Sharing" (2018); Guo et al.,
 * "Single Path One-Shot Neural Architecture Search with Uniform Sampling" (2020), whose two halves these are; trained fairly as
 * in Chu et al., "FairNAS" (2021; fair.ts).
 *
 *     train the shared weights                                     60 % of the budget
 *     measure some hundred networks, drawn at random               the rest
 *     fit a linear surrogate of the loss to them                   surrogate.ts; Wen et al., "Neural Predictor" (2020)
 *     let networks evolve on the surrogate's objective             evolution.ts, no training, no pictures
 *     measure the best few of them, and the surrogate's optimum
 *     the winner has the lowest objective of all that were measured: the surrogate proposes, the pictures decide
 *
 * Every other one of the surrogate's networks is drawn from the whole space, whatever the target: it is a model of the whole
 * space, and what it learns beyond the target helps within (small space, 3 ms: it predicts the 71 networks within the target
 * with r 0.75 with 29 from beyond beside them, with 0.70 without). The target bounds what is proposed, and what may win.
 *
 * A surrogate needs half as many networks again as it has coefficients. Where the time for measuring is not enough for them,
 * none is fitted: then those that are measured are drawn within the target, and the winner is the best of them.
 */

import type { Found, Method, SearchContext, SurrogateFigures, Trial } from '../method.ts';
import { type Choice, keyOf } from '../space.ts';
import { drawOne, drawSeveral, mutated, withoutTarget } from './draw.ts';
import { tooShort } from './equal-steps.ts';
import { evolve } from './evolution.ts';
import { fewestMeasured, fitSurrogate, type Measured, type Surrogate } from './surrogate.ts';

/** Of the budget, at most, for measuring. */
const MEASURING = 0.4;
/** Networks that the surrogate is fitted to, where there is time, and those that are measured once it was. */
const MEASURED = 100;
const PROPOSED = 5;
/** The published P and S; on a surrogate a generation costs nothing. */
const EVOLUTION = { population: 100, sample: 25, cycles: 5000 };

export const supernet: Method = {
  name: 'supernet',
  summary:
    'one network that shares its weights with all others, a linear surrogate of their losses, regularised evolution (Guo et al. 2020; Real et al. 2019)',
  // Its shared weights rank nothing in less (docs/search.md).
  usualFrom: 60,
  shares: true,
  async *run(context: SearchContext): AsyncGenerator<Trial, Found, undefined> {
    const { networks, steps } = planOf(context);
    const shared = context.shared();
    await shared.advance(steps, steps);

    const all: { choice: Choice; trial: Trial; objective: number }[] = [];
    const measure = async (choice: Choice): Promise<Trial> => {
      const trial = await context.trial(choice, shared);
      all.push({ choice, trial, objective: context.objective(trial.loss, trial.cost) });
      return trial;
    };
    for (const choice of networks) yield await measure(choice);

    const measured: Measured[] = all
      .filter(({ trial }) => !trial.diverged)
      .map(({ choice, trial: { loss } }) => ({ choice, loss, multiplyAdds: context.multiplyAdds(choice) }));
    let surrogate: SurrogateFigures | undefined;
    if (measured.length >= fewestMeasured(context.space)) {
      const fitted = fitSurrogate(context.space, measured, context.random('folds', 0));
      const { proposed, evolved, optimum } = propose(context, fitted);
      surrogate = { ...fitted.figures, evolved, optimum };
      const known = new Set(all.map(({ choice }) => keyOf(choice)));
      const unknown = proposed.filter((choice) => !known.has(keyOf(choice)));
      for (const choice of unknown.slice(0, PROPOSED)) yield await measure(choice);
    }
    await shared.dispose();
    const best = all
      .filter(({ choice }) => context.fits(choice))
      .reduce((least, one) => (one.objective < least.objective ? one : least));
    return { winner: best.choice, surrogate };
  },
};

/** The networks that are measured before anything is proposed, and the steps that the shared weights have for them. */
function planOf(context: SearchContext): { networks: Choice[]; steps: number } {
  const { budget, sharedStepSeconds } = context;
  const enough = fewestMeasured(context.space);
  const wanted = Math.max(MEASURED, enough);
  const within = drawSeveral(context, 'supernet', wanted);
  const anywhere = drawSeveral(withoutTarget(context), 'supernet, anywhere', Math.ceil(wanted / 2));
  let plan = affordable(context, inTurn(within, anywhere).slice(0, wanted));
  if (plan.networks.length < enough) plan = affordable(context, within);
  const steps = Math.floor((budget - plan.measuring) / sharedStepSeconds);
  if (plan.networks.length < 2 || steps < 1)
    throw tooShort(
      'a weight-shared network',
      budget,
      Math.max(plan.least / MEASURING, plan.least + sharedStepSeconds),
    );
  return { networks: plan.networks, steps };
}

/** One of each in turn, then the rest of the longer list, without doubles. */
function inTurn(longer: readonly Choice[], shorter: readonly Choice[]): Choice[] {
  const both = longer.flatMap((one, index) => [one, ...shorter.slice(index, index + 1)]);
  return [...new Map(both.map((one) => [keyOf(one), one])).values()];
}

/**
 * As many of `drawn` as can be measured in their share of the budget, the seconds of measuring in all, and the least that
 * two of them need.
 */
function affordable(
  context: SearchContext,
  drawn: readonly Choice[],
): { networks: Choice[]; measuring: number; least: number } {
  const seconds = drawn.map((choice) => context.sharedScoreSeconds(choice));
  const most = Math.max(...seconds);
  // Which networks will be proposed is not known yet.
  let measuring = PROPOSED * most;
  let count = 0;
  while (count < drawn.length && measuring + seconds[count] <= MEASURING * context.budget)
    measuring += seconds[count++];
  return { networks: drawn.slice(0, count), measuring, least: (PROPOSED + 2) * most };
}

/** What the surrogate holds to be the best: its exact optimum, then what evolved, best first. */
function propose(
  context: SearchContext,
  { predict, intercept, effect }: Surrogate,
): { proposed: Choice[] } & Pick<SurrogateFigures, 'evolved' | 'optimum'> {
  const lived = evolve<Choice>({
    ...EVOLUTION,
    draw: (random) => drawOne(context, random),
    mutate: (parent, random) => mutated(context, parent, random),
    value: (choice) => context.objective(predict(choice), context.cost(choice)),
    random: (index) => context.random('evolution', index),
  });
  lived.sort((a, b) => a.value - b.value);
  const optimum = context.optimum({ intercept, effect });
  const byKey = new Map(
    [...(optimum ? [optimum.choice] : []), ...lived.map(({ one }) => one)].map((choice) => [
      keyOf(choice),
      choice,
    ]),
  );
  const [best] = lived;
  return {
    proposed: [...byKey.values()],
    evolved: { network: keyOf(best.one), predicted: best.value },
    optimum: optimum && { network: keyOf(optimum.choice), predicted: optimum.objective },
  };
}
