/** `train --find-lr` and `train --sanity`: what is tried before a run. They train, and write nothing. */
import type { Batch, BatchSource } from '../../data/loader.ts';
import { closeLoader, fromSamples } from '../../data/node/loader.ts';
import type { Device } from '../../gpu/index.ts';
import { findLearningRate, type LearningRateTest } from '../../train/find-lr.ts';
import { optimizerOf, phasesOf } from '../../train/from-settings.ts';
import { type Overfit, overfitOneBatch } from '../../train/overfit.ts';
import { openCommandDevice } from '../device.ts';
import {
  announceSoftware,
  counted,
  onStop,
  printJson,
  progressBar,
  type StopRequest,
  say,
  UserError,
} from '../ui.ts';
import { runCache } from './cache.ts';
import { trainCommand } from './command.ts';
import { curveText } from './curve-text.ts';
import { checkFit } from './preflight.ts';
import { batchSources, startingModel } from './run.ts';
import type { TrainOptions } from './settings.ts';
import { type Plan, plannedRun } from './setup.ts';
import { stepOn } from './step.ts';

/** Tries one of both. @returns the exit code: 1 where the network could not learn its batch */
export async function check(options: TrainOptions): Promise<number> {
  if (options.findLr && options.sanity)
    throw new UserError('--find-lr and --sanity are two questions; ask one after the other');
  if (options.sanity && options.teacher !== undefined)
    throw new UserError(
      '--sanity asks whether the labels of a batch can be learnt by heart, which a teacher contradicts; leave out --teacher',
    );
  if (options.resume !== undefined)
    throw new UserError(
      '--resume goes on with a run; --find-lr and --sanity try what a new one would begin with',
    );
  if ([options.seeds, options.folds, options.sweep, options.shard].some((many) => many !== undefined))
    throw new UserError(
      '--find-lr and --sanity try one setting; leave out --seeds, --folds, --sweep and --shard',
    );
  if (options.profile !== undefined)
    throw new UserError('--profile is of a run; leave it out of --find-lr and --sanity');
  const stop = onStop('Stopping after this step.');
  try {
    const plan = await plannedRun(options);
    if (options.sanity && plan.set.task === 'labels')
      throw new UserError(
        '--sanity learns one class a picture by heart, and these have several labels; leave it out, or try --find-lr',
      );
    const device = await openCommandDevice(options);
    announceSoftware(device);
    await checkFit(device, plan, options);
    const code = await (options.findLr ? tryRates : tryBatch)(device, plan, stop);
    device.close();
    return stop.requested ? stop.exitCode : code;
  } finally {
    await closeLoader();
    stop.dispose();
  }
}

const skipped = ({ message }: Error): void => say(`skipped: ${message}`);

async function tryRates(device: Device, plan: Plan, stop: StopRequest): Promise<number> {
  const { settings, options } = plan;
  const model = await startingModel(device, plan);
  const optimizer = optimizerOf(model, settings);
  const cache = await runCache(device, model, plan, { computing: () => undefined, note: say });
  // --lr is the rate of the first phase; what trains in it is tried.
  phasesOf(model, optimizer, settings)[0].begin?.();
  const steps = 100;
  const bar = progressBar('Trying rates', steps);
  const { train } = batchSources(plan, cache.views, skipped);
  const { step } = await stepOn(device, plan);
  const test = await findLearningRate({
    ...{ model, device, optimizer, steps, train: cache.of(train), step },
    onUpdate: (done, rate, loss) => {
      bar.update(done, `rate ${short(rate)}  loss ${loss.toFixed(3)}`, null);
      return !stop.requested;
    },
  });
  bar.stop();
  cache.close();
  say(...describeRates(test, options));
  if (options.json) printJson(test);
  return 0;
}

function describeRates({ rates, losses, proposal }: LearningRateTest, options: TrainOptions): string[] {
  if (losses.length < 2)
    return ['The loss was no number at the smallest rate already: the weights are of no use.'];
  const marked = proposal === null ? null : rates.indexOf(proposal);
  // What explodes is cut off, or nobody would see where the loss falls.
  const least = losses.reduce((a, b) => Math.min(a, b));
  const values = losses.map((loss) => Math.min(loss, 2 * losses[0] - least));
  const curve = curveText({ values, from: short(rates[0]), to: short(rates.at(-1)!), marked });
  const title = `Loss (smoothed) at each learning rate of ${counted(rates.length, 'update')}; nothing of it stays:`;
  if (proposal === null) return [title, ...curve, 'The loss nowhere falls for long, so no rate is proposed.'];
  return [
    title,
    ...curve,
    `Proposed: ${short(proposal)}, halfway down the longest valley. A run with it:`,
    `  ${trainCommand({ ...options, findLr: undefined, json: undefined, lr: Number(short(proposal)) })}`,
  ];
}

/** Two digits: a test of some steps knows no more. */
const short = (rate: number): string => `${Number(rate.toPrecision(2))}`;

async function tryBatch(device: Device, plan: Plan, stop: StopRequest): Promise<number> {
  const { settings, options } = plan;
  const model = await startingModel(device, plan);
  const optimizer = optimizerOf(model, settings);
  const batch = await firstBatch(plan);
  // What trains in the end, at the rate that it has then.
  phasesOf(model, optimizer, settings).at(-1)!.begin?.();
  const steps = 200;
  const bar = progressBar('Learning one batch', steps);
  const result = await overfitOneBatch({
    ...{ model, device, optimizer, batch, steps },
    onStep: (done, loss) => {
      bar.update(done, `loss ${loss.toFixed(3)}`, null);
      return !stop.requested;
    },
  });
  bar.stop();
  say(...describeOverfit(result, batch));
  if (options.json) printJson(result);
  return result.learnt ? 0 : 1;
}

/** Pictures of the training set in random order, as they are validated. */
async function firstBatch({ settings, set, preprocessing }: Plan): Promise<Batch> {
  const { batch: batchSize, seed } = settings;
  const source: BatchSource = fromSamples(set.train, {
    batchSize,
    preprocessing,
    seed,
    shuffle: true,
    onUnreadable: skipped,
  });
  for await (const batch of source.load(0)) return batch;
  throw new UserError('no picture of the training set could be read; the lines above name them');
}

function describeOverfit(
  { learnt, losses, accuracy, suspicions }: Overfit,
  { size, labels }: Batch,
): string[] {
  const [first, last] = [losses[0], losses.at(-1)];
  const loss = (value: number | null | undefined): string => value?.toFixed(3) ?? 'no number';
  const right = accuracy === null ? '' : `, ${Math.round(accuracy * size)} of ${size} pictures right`;
  const course = `${counted(losses.length, 'step')} on one batch: loss ${loss(first)} → ${loss(last)}${right}.`;
  const notes =
    new Set(labels).size < 2
      ? ['All pictures of the batch are of one class, which is easy: a larger --batch says more.']
      : [];
  if (learnt)
    return [
      course,
      ...notes,
      'The network can learn these pictures and labels. It says nothing of other pictures.',
    ];
  return [
    course,
    ...notes,
    'The network did not learn them by heart. What is suspicious:',
    ...suspicions.map((line) => `  ${line}`),
  ];
}
