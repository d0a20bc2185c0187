/**
 * Successive halving with η = 2: many networks are trained for a little, the better half for longer, and so on until one is
 * left. Jamieson & Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (2016), algorithm 1; it
 * is the inner loop of Hyperband (Li et al. 2018).
 *
 *     S₀ = n networks drawn at random, B = the budget
 *     for k = 0 … log₂ n − 1:
 *       train every network of S_k for r_k more steps, where the whole rung takes B / log₂ n seconds, and measure it
 *       S_{k+1} = the half of S_k with the lowest objectives
 *
 *     rung       0     1     2     3            of n = 16
 *     networks  16     8     4     2  → 1
 *     steps      r    3r    7r   15r            in all, where all networks are equally fast
 *
 * The papers count what a network may have in steps, as here, and the budget in the same; here it is in planned seconds, since
 * networks differ in how long a step takes: what a rung of fast networks leaves over, the later ones have.
 *
 * Which n is best is the open question of the first paper, and Hyperband tries several. Here n is the largest power of two
 * up to 64 whose first rung gives each network 150 steps; but 16 as long as that gives each 32.
 */

import type { Found, Learner, Method, SearchContext, Trial } from '../method.ts';
import type { Choice } from '../space.ts';
import { drawSeveral } from './draw.ts';
import { equalSteps, plannedSeconds, tooShort } from './equal-steps.ts';

const MOST = 64;
/** What a small budget begins with. */
const USUAL = 16;
/** Steps of the first rung: about 10,000 pictures in batches of 64, and the fewest after which losses say something. */
const STEPS = 150;
const FEWEST_STEPS = 32;

interface Candidate {
  choice: Choice;
  learner: Learner;
  objective: number;
}

export const halving: Method = {
  name: 'halving',
  summary:
    'successive halving: many networks trained from scratch for a little, the better half again and again for longer (Jamieson & Talwalkar 2016)',
  usualFrom: 0,
  async *run(context: SearchContext): AsyncGenerator<Trial, Found, undefined> {
    const drawn = drawWithin(context);
    const rungs = Math.log2(drawn.length);
    let left = context.budget;
    let steps = 0;
    const alive: Candidate[] = drawn.map((choice) => ({
      choice,
      learner: context.learner(choice),
      objective: 0,
    }));
    for (let rung = 0; rung < rungs; rung++) {
      const choices = alive.map(({ choice }) => choice);
      const added = equalSteps(context, choices, left / (rungs - rung));
      if (added < 1)
        throw tooShort('successive halving', context.budget, plannedSeconds(context, choices, 1) * rungs);
      left -= plannedSeconds(context, choices, added);
      steps += added;
      // Every rung is of half as many networks as the one before, and so of twice the steps.
      const whole = steps + added * (2 ** (rungs - rung) - 2);
      for (const candidate of alive) {
        await candidate.learner.advance(steps, whole);
        const trial = await context.trial(candidate.choice, candidate.learner, rung);
        candidate.objective = context.objective(trial.loss, trial.cost);
        yield trial;
      }
      alive.sort((a, b) => a.objective - b.objective);
      for (const { learner } of alive.splice(alive.length / 2)) await learner.dispose();
    }
    const [{ choice: winner, learner }] = alive as [Candidate];
    await learner.dispose();
    return { winner };
  },
};

/** The n networks of the head of this file; where hardly more keep the target, the largest power of two of them. */
function drawWithin(context: SearchContext): Choice[] {
  const drawn = drawSeveral(context, 'successive halving', MOST);
  const firstSteps = (n: number): number =>
    equalSteps(context, drawn.slice(0, n), context.budget / Math.log2(n));
  let n = 2 ** Math.floor(Math.log2(drawn.length));
  while (n > 2 && firstSteps(n) < (n > USUAL ? STEPS : FEWEST_STEPS)) n /= 2;
  return drawn.slice(0, n);
}
