/** A training loop on one screen, for any network: what the lessons watch in it, they hand in. */
import {
  type Batch,
  crossEntropy,
  imagesOf,
  type Module,
  measure,
  noGrad,
  type Optimizer,
  type SampleSource,
  type Schedule,
  scope,
  setStep,
  type Tensor,
} from 'tessera';
import { median } from '../../src/train/evaluation/intervals.ts';
import type { Place, Point } from './lesson.ts';

export interface Teaching {
  batches: SampleSource;
  optimizer: Optimizer;
  schedule: Schedule;
  /** Updates. */
  steps: number;
  /** What is minimised. Default: cross entropy of what the network says. */
  lossOf?: (pictures: Tensor, labels: Int32Array) => Tensor;
  /** Called when a step's gradients are there, before they change anything; inside the step's scope. */
  onGradients?: (step: number) => void;
}

export interface Taught {
  /** Mean loss of the last tenth of the steps; null where the network diverged. */
  loss: number | null;
  /** Training loss over the steps: means of forty parts of them. */
  curve: readonly Point[];
  /** Median time of a step in milliseconds. */
  ms: number;
}

/** Points of a curve. */
const PARTS = 40;

export async function teach(
  net: Module,
  { device, progress, signal }: Place,
  how: Teaching,
): Promise<Taught> {
  const { optimizer, schedule, steps, onGradients } = how;
  const { lossOf = (x, labels) => crossEntropy(net.forward(x), labels) } = how;
  const losses: number[] = [];
  const times: number[] = [];
  let before: Promise<number> | null = null;
  let step = 0;
  net.train();
  for await (const batch of endless(how.batches, steps)) {
    const begun = performance.now();
    signal.throwIfAborted();
    setStep(device, step); // dropout's masks
    optimizer.lrFactor = schedule(step, steps);
    const loss = scope(() => {
      const loss = lossOf(imagesOf(batch, device), batch.labels);
      loss.backward();
      onGradients?.(step);
      optimizer.step(loss); // nothing happens where the loss is not finite
      optimizer.zeroGrad();
      return loss;
    });
    await device.pace();
    const now = loss.item();
    loss.dispose();
    if (before) losses.push(await before); // that of the step before, while this one is computed
    before = now;
    times.push(performance.now() - begun);
    if (!Number.isFinite(losses.at(-1) ?? 0)) break;
    progress(++step / steps, `loss ${(losses.at(-1) ?? 0).toFixed(2)}`);
  }
  losses.push(await before!);
  const last = meanOf(losses.slice(-Math.ceil(losses.length / 10)));
  const size = Math.max(1, Math.ceil(steps / PARTS));
  const parts = Array.from({ length: Math.ceil(losses.length / size) }, (_, i) =>
    losses.slice(i * size, (i + 1) * size),
  );
  const curve = parts.map((part, i): Point => [i * size + part.length, finite(meanOf(part))]);
  return { loss: finite(last), curve, ms: median(times) };
}

/** So many batches, epoch after epoch, without the smaller ones at the ends. */
async function* endless({ samples, options, load }: SampleSource, count: number): AsyncGenerator<Batch> {
  const full = Math.max(1, Math.floor(samples.length / options.batchSize));
  for (let at = 0; at < count; )
    for await (const batch of load(Math.floor(at / full))) {
      yield batch;
      if (++at === count || at % full === 0) break;
    }
}

export interface Examined {
  accuracy: number;
  loss: number | null;
}

export interface Examining {
  /** Whether norms take the statistics of the batch. Default: those that they kept. */
  training?: boolean;
  /** Default: what the network says. */
  ask?: (pictures: Tensor) => Tensor;
}

/** How many of the pictures a network is right about, and its mean loss. */
export async function examine(
  net: Module,
  { device, signal }: Place,
  batches: SampleSource,
  { training = false, ask = (x) => net.forward(x) }: Examining = {},
): Promise<Examined> {
  net.train(training);
  let [right, loss, count] = [0, 0, 0];
  for await (const batch of batches.load(0)) {
    signal.throwIfAborted();
    const { labels, size } = batch;
    const logits = noGrad(() => scope(() => ask(imagesOf(batch, device))));
    const values = Float32Array.from(await logits.data());
    logits.dispose();
    const of = measure({ logits: values, labels, classes: values.length / size });
    right += size * of.accuracy;
    loss += size * of.loss;
    count += size;
  }
  return { accuracy: right / count, loss: finite(loss / count) };
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** What JSON can hold. */
export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
