/**
 * Networks of different sizes, each trained from scratch for as many steps and with a whole schedule, as Tan & Le compare
 * theirs; every one with pictures of its own size. How many steps there are follows from the plan.
 *
 * A line of the store is a network that is done. A run that was stopped goes on with those that are left.
 */
import type { MBConvTable } from '../../models/mbconv-table.ts';
import type { Model } from '../../nn/index.ts';
import { demand, object, rule } from '../../text/rules.ts';
import { learnerOf } from '../context.ts';
import { countOfTable } from '../cost/cost.ts';
import { stepsWithin } from '../finals.ts';
import { type CandidateLearner, Stopped, type Workshop } from '../learner.ts';
import type { SearchHooks, SearchOptions } from '../options.ts';
import { sourcesOf } from '../pictures.ts';
import { GRID_TRIAL, type GridNetwork, type GridPoint, type GridTrial, type Plan } from '../result.ts';
import { divergedScore, scoreOf } from '../score.ts';
import { PlannedTime, TimeSpent } from '../time.ts';

export interface EqualStepsOptions
  extends Pick<SearchOptions, 'device' | 'plan' | 'pictures' | 'store' | 'signal' | 'teacher'> {
  networks: readonly GridNetwork[];
  /** Default 0. */
  seed?: number;
  /** Highest learning rate of AdamW. Default 2e-3. */
  lr?: number;
  hooks?: Pick<SearchHooks, 'onProgress' | 'onNote'> & { onPoint?(point: GridPoint, known: boolean): void };
}

export interface EqualStepsOutcome {
  finished: boolean;
  /** Steps of each. */
  steps: number;
  /** In the order of the networks; of a run that was stopped, those that were done. */
  points: GridPoint[];
  time: { what: string; seconds: number }[];
  /** A trained network in evaluation mode, which the caller frees; null where it diverged. */
  model(index: number): Promise<Model | null>;
  /** Drops the states in the store: to be called once networks are written elsewhere. */
  dispose(): Promise<void>;
}

/**
 * @throws RangeError, a sentence, where the seconds are too few for a step, or the store holds what another run did
 */
export async function trainEqually(options: EqualStepsOptions): Promise<EqualStepsOutcome> {
  const { device, networks, plan, pictures, store, signal, teacher, hooks = {} } = options;
  const { seed = 0, lr = 2e-3 } = options;
  const known = checkLines(await store.trials(), networks);
  const time = new TimeSpent();
  await time.load(store);
  const planned = new PlannedTime(plan.seconds, hooks);
  planned.begin('finals', plan.seconds);
  const sets = 1 + pictures.fresh.length / pictures.held.length;
  const paces = networks.map(({ table }) => ({
    step: secondsOf(plan.step, table),
    scores: secondsOf(plan.score, table) * sets,
  }));
  const steps = stepsWithin(plan.seconds, paces);
  if (steps < 1)
    throw new RangeError(
      `${plan.seconds} seconds are too few for a step of each of ${networks.length} networks; give more --minutes`,
    );
  const learners: CandidateLearner[] = [];
  const points: GridPoint[] = [];

  async function done(index: number): Promise<GridPoint> {
    const network = networks[index]!;
    const sources = sourcesOf(pictures, network.table, { batch: plan.batch, seed });
    const workshop: Workshop = {
      ...{ device, store, lr, signal, time, train: sources.train, held: sources.held },
      classes: pictures.classes.length,
      note: (sentence) => hooks.onNote?.(sentence),
      resident: null,
    };
    const { name } = network.table;
    const pace = paces[index]!;
    const learner = learnerOf(
      { workshop, planned, seed, options: { teacher } },
      { name: `equal-${index}`, network: network.table, what: name, stepSeconds: pace.step },
    );
    learners.push(learner);
    await learner.advance(steps, steps);
    const before = known[index];
    if (before && before.steps !== steps)
      throw new RangeError(
        `line ${index + 1} of trials.jsonl is of ${before.steps} steps where this run takes ${steps}: it was begun with other settings`,
      );
    if (before) learner.pass();
    else if (signal?.aborted) throw new Stopped();
    const trial = before ?? (await measured(learner, index));
    planned.add(name, pace.scores, { known: before !== undefined });
    learner.leave();
    const { loss, halves, accuracy, fresh, diverged } = trial;
    return { ...network, held: diverged ? null : { loss, halves, accuracy }, fresh };

    async function measured(learner: CandidateLearner, index: number): Promise<GridTrial> {
      const held = await learner.score();
      const answers = held.diverged ? null : await learner.answers(sources.fresh);
      const { loss, accuracy, diverged } = answers ? scoreOf(answers) : divergedScore(workshop.classes);
      const fresh = diverged ? null : { loss, accuracy, pictures: pictures.fresh.length };
      const place = { index, by: 'method', network: name, rung: 0, steps } as const;
      const trial: GridTrial = { ...place, cost: network.multiplyAdds, ...held, fresh };
      await store.append(trial);
      return trial;
    }
  }

  const outcome = (finished: boolean): EqualStepsOutcome => ({
    ...{ finished, steps, points, time: time.list() },
    model: (index) => learners[index]!.handOver(),
    async dispose() {
      for (const learner of learners) await learner.dispose();
      await time.drop(store);
    },
  });
  try {
    await time.inPhase('equal steps', async () => {
      for (const index of networks.keys()) {
        const point = await done(index);
        points.push(point);
        hooks.onPoint?.(point, known[index] !== undefined);
      }
    });
    planned.pass();
    return outcome(true);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return outcome(false);
  } finally {
    for (const learner of learners) learner.leave();
    await time.save(store);
  }
}

/** Planned seconds of a network of any table; the classifier is left out, as where they were fitted. */
function secondsOf({ a, b, c }: Plan['step'], table: MBConvTable): number {
  const blocks = table.rows.reduce((sum, row) => sum + row[4], 0);
  return a + b * countOfTable(table, 'multiply-adds', 0) + c * blocks;
}

/** @throws RangeError, a sentence that names the line, where one is none of these networks in their order */
function checkLines(lines: readonly unknown[], networks: readonly GridNetwork[]): readonly GridTrial[] {
  for (const [index, line] of lines.entries()) {
    const place = `line ${index + 1} of trials.jsonl`;
    demand(GRID_TRIAL, line, place);
    const name = networks[index]?.table.name;
    const isIts = rule((value) => value === name, name ?? 'no more: there are no more networks');
    demand(object({ network: isIts, index: rule((value) => value === index, String(index)) }), line, place);
  }
  return lines as readonly GridTrial[];
}
