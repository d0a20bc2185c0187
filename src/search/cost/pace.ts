/**
 * How long a search's own work takes here: what turns minutes into steps. A few networks of the space are trained and measured
 * with the pictures that the search will get, and their seconds fitted by
 *
 *   seconds = a + b · multiply-adds + c · blocks,   a, b, c ≥ 0
 *
 * A clock is read, so another measurement gives other figures. They are recorded in the plan; from them and the seed the search
 * follows.
 */
import type { Batch, BatchSource } from '../../data/loader.ts';
import { settle } from '../../data/settle.ts';
import { adapterName } from '../../gpu/adapter-name.ts';
import type { Device } from '../../gpu/index.ts';
import { buildModel } from '../../models/table.ts';
import { AdamW, decayGroups, type Model } from '../../nn/index.ts';
import { scope, setStep } from '../../tensor/index.ts';
import { randomStream } from '../../tensor/random.ts';
import { infer } from '../../train/infer.ts';
import { plainStep, type Step } from '../../train/step.ts';
import { middle } from '../handmade.ts';
import type { LatencyTable, Plan } from '../result.ts';
import { fairCount, fairStep } from '../shared/fair.ts';
import { buildSupernet, type Supernet } from '../shared/supernet.ts';
import { type Choice, largest, randomChoice, type SearchSpace, smallest, tableOf } from '../space.ts';
import { costOf } from './cost.ts';
import { nonNegative } from './least-squares.ts';

export interface PlanOptions {
  /** Seconds of the whole search. */
  seconds: number;
  classes: number;
  /** Training batches as the search's networks get them, and the held pictures. */
  train: BatchSource;
  held: BatchSource;
  /** Pictures in a training batch. */
  batch: number;
  /** Milliseconds of the space's blocks, measured (`measureLatencies`) or kept; null where the target is not in milliseconds. */
  latency: LatencyTable | null;
  /** A step of one network's training: that of a teacher where one takes part. Default: `plainStep`. */
  step?: () => Step;
  /** A step of the weight-shared network; null where none will be trained: it is reckoned then. Default: `fairStep`. */
  sharedStep?: ((supernet: Supernet) => Step) | null;
  /** Seconds after which no more is measured than is needed. Default 30. */
  budget?: number;
  onProgress?: (done: number, of: number) => void;
  /** Ends it; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Steps of a visit to a network that are timed, behind one that compiles. Fewer, where so many seconds are over. */
const STEPS = 4;
const STEP_SECONDS = 5;
/** Seconds after which measuring held pictures is cut short, to reckon from the batches that were. */
const SCORE_SECONDS = 2;
/** The ends and the middle, so many random networks, and all of them so often. */
const RANDOM = 3;
const ROUNDS = 2;

type Seconds = Plan['step'];

/** What a visit to a network found: seconds of a training step, and of measuring all held pictures. */
export interface Visit {
  choice: Choice;
  step: number;
  score: number;
}

/**
 * Measures what a search plans with. The smallest, the middle and the largest network are visited in any case, random ones
 * and all of them again as `budget` allows.
 * @throws the signal's reason where it aborts
 */
export async function measurePlan(device: Device, space: SearchSpace, options: PlanOptions): Promise<Plan> {
  const { seconds, classes, batch, latency, budget = 30, signal, onProgress } = options;
  const { step = plainStep, sharedStep = (supernet: Supernet) => fairStep(supernet, 0) } = options;
  const sure = [smallest(space), middle(space), largest(space)];
  const random = Array.from({ length: RANDOM }, (_, index) =>
    randomChoice(space, randomStream(0, 'pace', 0, index)),
  );
  const choices = Array.from({ length: ROUNDS }, () => [...sure, ...random]).flat();
  const batches = endless(options.train);
  const stopwatch: Stopwatch = { device, batches, held: options.held, signal };
  const visits: Visit[] = [];
  const start = performance.now();
  try {
    for (const [index, choice] of choices.entries()) {
      if (index >= sure.length && performance.now() - start > 1000 * budget) break;
      onProgress?.(index, choices.length + 1);
      const model = buildModel(tableOf(space, choice, 'pace'), { device, numClasses: classes });
      visits.push({ choice, ...(await timesOf(stopwatch, model, step())) });
    }
    onProgress?.(choices.length, choices.length + 1);
    let shared: Visit | null = null;
    if (sharedStep) {
      const choice = middle(space);
      const supernet = buildSupernet(space, { device, numClasses: classes });
      const times = await timesOf(stopwatch, supernet, sharedStep(supernet), () => supernet.use(choice));
      shared = { choice, ...times };
    }
    onProgress?.(choices.length + 1, choices.length + 1);
    const { description } = device.info;
    return {
      adapter: adapterName(device.info),
      driver: description,
      seconds,
      batch,
      latency,
      ...paceOf(space, visits, shared),
    };
  } finally {
    await batches.return(undefined as never);
    device.trim();
  }
}

/**
 * The fitted seconds. Where the weight-shared network was not visited, its step is reckoned as those of as many networks as a
 * fair draw has children, and a child's score as that of a network.
 */
export function paceOf(
  space: SearchSpace,
  visits: readonly Visit[],
  shared: Visit | null,
): Pick<Plan, 'step' | 'score' | 'sharedStep' | 'sharedScore' | 'stepError'> {
  const step = fitted(space, visits, 'step');
  const score = fitted(space, visits, 'score');
  const mean = visits.reduce((sum, visit) => sum + visit.step, 0) / visits.length;
  const ratio = shared ? shared.score / secondsBy(score, space)(shared.choice) : 1;
  const fit = secondsBy(step, space);
  return {
    step,
    score,
    sharedStep: shared?.step ?? fairCount(space) * mean,
    sharedScore: { a: score.a * ratio, b: score.b * ratio, c: score.c * ratio },
    stepError:
      visits.reduce((sum, visit) => sum + Math.abs(fit(visit.choice) - visit.step) / visit.step, 0) /
      visits.length,
  };
}

/** What times are taken with. */
interface Stopwatch {
  device: Device;
  batches: AsyncGenerator<Batch, never, undefined>;
  held: BatchSource;
  signal: AbortSignal | undefined;
}

/** The seconds of a network, which is freed; `ready` is called between training and measuring. */
async function timesOf(
  stopwatch: Stopwatch,
  model: Model,
  step: Step,
  ready?: () => void,
): Promise<Omit<Visit, 'choice'>> {
  const optimizer = new AdamW(decayGroups(model.parameters(), 0.05), { lr: 1e-4 });
  try {
    const seconds = await secondsOfStep(stopwatch, model.train(), optimizer, step);
    ready?.();
    return { step: seconds, score: await secondsOfScore(stopwatch, model) };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

/** Mean seconds of a step in a loop as `fit` has it, loading and all: a loss is read while the next step runs. */
async function secondsOfStep(
  { device, batches, signal }: Stopwatch,
  model: Model,
  optimizer: AdamW,
  step: Step,
): Promise<number> {
  let start = 0;
  let before: Promise<() => number> | null = null;
  for (let taken = 0; ; taken++) {
    const { value: batch } = await batches.next();
    setStep(device, taken);
    const place = { epoch: 0, step: taken, index: taken, count: STEPS + 1, last: true, holdUpdate() {} };
    const loss = scope(() => step(batch, { model, device, optimizer, ...place }));
    await device.pace();
    signal?.throwIfAborted();
    if (before) (await before)();
    before = settle(loss.item());
    loss.dispose();
    if (taken > 0 && taken < STEPS && secondsSince(start) < STEP_SECONDS) continue;
    (await before)();
    if (taken > 0) return secondsSince(start) / taken;
    start = performance.now();
  }
}

/** Seconds of measuring all held pictures: those until the first batch is done, and the mean of the others for each other. */
async function secondsOfScore({ device, held, signal }: Stopwatch, model: Model): Promise<number> {
  await infer(model, device, held.load(0), { onBatch: () => false }); // compiles
  const start = performance.now();
  const done: number[] = [];
  await infer(model, device, held.load(0), {
    onBatch: () => done.push(secondsSince(start)) < 2 || done.at(-1)! < SCORE_SECONDS,
  });
  signal?.throwIfAborted();
  const [first, last] = [done[0]!, secondsSince(start)];
  return done.length === 1
    ? last * held.batches
    : first + ((last - first) / (done.length - 1)) * (held.batches - 1);
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

/** The batches of a source's epochs, one after the other. @throws RangeError where an epoch has none */
async function* endless(source: BatchSource): AsyncGenerator<Batch, never, undefined> {
  for (let epoch = 0; ; epoch++) {
    let any = false;
    for await (const batch of source.load(epoch)) {
      yield batch;
      any = true;
    }
    if (!any) throw new RangeError('there is no picture to train on, so no time can be planned');
  }
}

/** Planned seconds: see `SearchContext`. */
export interface Paces {
  stepSeconds(choice: Choice): number;
  scoreSeconds(choice: Choice): number;
  readonly sharedStepSeconds: number;
  sharedScoreSeconds(choice: Choice): number;
}

/** What a plan says of the networks of its space. */
export function pacesOf(
  plan: Pick<Plan, 'step' | 'score' | 'sharedStep' | 'sharedScore'>,
  space: SearchSpace,
): Paces {
  return {
    stepSeconds: secondsBy(plan.step, space),
    scoreSeconds: secondsBy(plan.score, space),
    sharedStepSeconds: plan.sharedStep,
    sharedScoreSeconds: secondsBy(plan.sharedScore, space),
  };
}

function secondsBy({ a, b, c }: Seconds, space: SearchSpace): (choice: Choice) => number {
  const sizeOf = sizesOf(space);
  return (choice) => {
    const [multiplyAdds, blocks] = sizeOf(choice);
    return a + b * multiplyAdds + c * blocks;
  };
}

/** Multiply-adds of the forward pass of a picture, the classifier's aside, and blocks. */
function sizesOf(space: SearchSpace): (choice: Choice) => readonly [multiplyAdds: number, blocks: number] {
  const multiplyAdds = costOf(space, 'multiply-adds', { latency: null }, { classes: 0 });
  return (choice) => [multiplyAdds(choice), choice.reduce((blocks, { depth }) => blocks + depth, 0)];
}

/** The fit of least squared relative errors. */
function fitted(space: SearchSpace, visits: readonly Visit[], what: 'step' | 'score'): Seconds {
  const sizeOf = sizesOf(space);
  const rows = visits.map((visit) => [1, ...sizeOf(visit.choice)].map((size) => size / visit[what]));
  const [a, b, c] = nonNegative(
    rows,
    rows.map(() => 1),
  );
  return { a: a!, b: b!, c: c! };
}
