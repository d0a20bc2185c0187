/** Runs a network over batches without gradients and collects its logits. */
import { type Batch, pictureShape } from '../data/loader.ts';
import type { Sample } from '../data/sample.ts';
import { settle } from '../data/settle.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../tensor/index.ts';
import type { Answers } from './metrics.ts';

/** Logits and labels of all pictures, and the pictures themselves in the same order. */
export interface Inference extends Answers {
  samples: Sample[];
}

export interface InferOptions {
  /** Called after each batch with the number of batches so far; `false` ends the pass early. */
  onBatch?: (done: number) => boolean | undefined;
}

/**
 * The pictures of a batch as a tensor [N, H, W, 3]; to be called inside a scope.
 * @throws Error where the batch carries features in their place
 */
export function imagesOf(batch: Batch, device: Device): Tensor {
  if (batch.features)
    throw new Error(
      'this batch carries features of a FeatureCache in place of pictures; give logitsOf(model, batch, device), or load it without the cache',
    );
  return tensor(batch.images, pictureShape(batch), { device });
}

/** What a network is given of a batch: its pictures [N, H, W, 3], or the features that it carries; inside a scope. */
export function inputOf(batch: Batch, device: Device): Tensor {
  const { features, size } = batch;
  return features ? tensor(features.values, [size, ...features.shape], { device }) : imagesOf(batch, device);
}

/** What a network says to the input that `inputOf` made of a batch. */
export function answerTo(model: Model, input: Tensor, { features }: Batch): Tensor {
  return features ? model.forwardFrom(input, features.cut) : model.forward(input);
}

/** What a network says to a batch; to be called inside a scope. */
export function logitsOf(model: Model, batch: Batch, device: Device): Tensor {
  return answerTo(model, inputOf(batch, device), batch);
}

/**
 * What the network says to every picture in `batches`, batch by batch, in evaluation mode; the model's mode is as before
 * afterwards.
 *
 * At any time one readback is under way, and the next batch is submitted before it is waited for, so that the GPU
 * does not idle and the number of staging buffers does not depend on timing.
 */
export async function* inferBatches(
  model: Model,
  device: Device,
  batches: AsyncIterable<Batch>,
): AsyncGenerator<Inference, void, undefined> {
  let pending: Promise<() => Inference> | null = null;
  const { training } = model;
  model.eval();
  try {
    for await (const batch of batches) {
      const output = noGrad(() => scope(() => logitsOf(model, batch, device)));
      await device.pace();
      const before: (() => Inference) | null = pending && (await pending);
      pending = settle(answersOf(output, batch, model.numClasses));
      if (before) yield before();
    }
    if (pending) yield (await pending)();
  } finally {
    model.train(training);
  }
}

async function answersOf(output: Tensor, batch: Batch, classes: number): Promise<Inference> {
  const values = output.data();
  output.dispose();
  const logits = Float32Array.from(await values);
  return { logits, labels: batch.labels, samples: batch.samples, classes };
}

/**
 * Logits of every picture in `batches`, as `inferBatches` gives them, in one piece. Returns null where `onBatch` ended it
 * early.
 */
export async function infer(
  model: Model,
  device: Device,
  batches: AsyncIterable<Batch>,
  { onBatch }: InferOptions = {},
): Promise<Inference | null> {
  const logits: Float32Array[] = [];
  const samples: Sample[] = [];
  const labels: number[] = [];
  let complete = true;
  let done = 0;
  const watched = async function* (): AsyncGenerator<Batch> {
    for await (const batch of batches) {
      yield batch;
      if (onBatch?.(++done) !== false) continue;
      complete = false;
      return;
    }
  };
  for await (const answers of inferBatches(model, device, watched())) {
    logits.push(answers.logits);
    for (const sample of answers.samples) samples.push(sample);
    for (const label of answers.labels) labels.push(label);
  }
  if (!complete) return null;
  return { logits: joined(logits), labels: Int32Array.from(labels), classes: model.numClasses, samples };
}

/** What is said of a picture that is `unanswered`. */
export const NO_NUMBER =
  'the network answers NaN or infinity, so its weights are of no use with this picture; take other weights';

/**
 * The pictures to which a network answers something that is no number, for which there are no probabilities: finite
 * weights can be so large that their products are not.
 */
export function unanswered({ logits, samples, classes }: Inference): Sample[] {
  return samples.filter(
    (_, index) => !logits.subarray(index * classes, (index + 1) * classes).every(Number.isFinite),
  );
}

/** Fewer pictures may be copies of one. */
const FEW = 3;

/** Whether a network answers the same to every picture, to the bit, so that nobody can call it an answer. */
export function isOneAnswer({ logits, samples, classes }: Inference): boolean {
  return samples.length >= FEW && logits.every((value, index) => value === logits[index % classes]);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
