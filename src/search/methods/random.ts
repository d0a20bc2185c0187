/**
 * Random search: networks drawn at random, trained from scratch for equally many steps; the best is taken. It is what every
 * other method has to beat at equal budget: Bergstra & Bengio, "Random Search for Hyper-Parameter Optimization" (2012);
 * Li & Talwalkar, "Random Search and Reproducibility for Neural Architecture Search" (2019).
 *
 *     for i in 1 … n:  draw a network that keeps the target, train it for s steps, measure it
 *     the winner has the lowest objective
 *
 * How a budget is divided into n and s the papers leave open. Here k² times the time of 8 · 150 steps gives 8·k networks of
 * 150·k steps: more time means more networks and a longer look at each.
 */

import type { Found, Method, SearchContext, Trial } from '../method.ts';
import type { Choice } from '../space.ts';
import { drawSeveral } from './draw.ts';
import { equalSteps, plannedSeconds, tooShort } from './equal-steps.ts';

/** Networks and steps at k = 1; 150 steps are about 10,000 pictures in batches of 64. */
const NETWORKS = 8;
const STEPS = 150;
const MOST = 64;
/** With fewer steps each, fewer networks are drawn; two are the fewest that can be compared. */
const FEWEST_STEPS = 32;
const FEWEST = 2;

export const random: Method = {
  name: 'random',
  summary:
    'networks drawn at random, each trained from scratch for equally many steps (Bergstra & Bengio 2012; Li & Talwalkar 2019)',
  async *run(context: SearchContext): AsyncGenerator<Trial, Found, undefined> {
    const networks = drawWithin(context);
    const steps = equalSteps(context, networks, context.budget);
    if (steps < 1) throw tooShort('random search', context.budget, plannedSeconds(context, networks, 1));

    let best: { winner: Choice; objective: number } | null = null;
    for (const winner of networks) {
      const learner = context.learner(winner);
      await learner.advance(steps, steps);
      const trial = await context.trial(winner, learner);
      await learner.dispose();
      yield trial;
      const objective = context.objective(trial.loss, trial.cost);
      if (!best || objective < best.objective) best = { winner, objective };
    }
    return { winner: best!.winner };
  },
};

/** As many networks as the budget calls for. */
function drawWithin(context: SearchContext): Choice[] {
  const drawn = drawSeveral(context, 'random search', MOST);
  const stepSeconds = drawn.reduce((sum, one) => sum + context.stepSeconds(one), 0) / drawn.length;
  const k = Math.sqrt(context.budget / (NETWORKS * STEPS * stepSeconds));
  let count = Math.min(drawn.length, Math.max(FEWEST, Math.round(k * NETWORKS)));
  while (count > FEWEST && equalSteps(context, drawn.slice(0, count), context.budget) < FEWEST_STEPS) count--;
  return drawn.slice(0, count);
}
