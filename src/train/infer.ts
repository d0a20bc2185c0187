/** Runs a network over batches without gradients and collects its logits. */
import type { Batch } from '../data/loader.ts';
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

/** The pictures of a batch as a tensor [N, H, W, 3]; to be called inside a scope. */
export function imagesOf(batch: Batch, device: Device): Tensor {
  const side = Math.sqrt(batch.images.length / batch.size / 3);
  return tensor(batch.images, [batch.size, side, side, 3], { device });
}

/**
 * Logits of every picture in `batches`, in evaluation mode; the model's mode is as before afterwards. Returns null
 * where `onBatch` ended it early.
 *
 * At any time one readback is under way, and the next batch is submitted before it is waited for, so that the GPU
 * does not idle and the number of staging buffers does not depend on timing.
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
  let pending = settle(Promise.resolve());
  let done = 0;
  let complete = true;
  const { training } = model;
  model.eval();
  try {
    for await (const batch of batches) {
      const output = noGrad(() => scope(() => model.forward(imagesOf(batch, device))));
      await device.pace();
      (await pending)();
      pending = settle(collect(output, logits));
      for (const sample of batch.samples) samples.push(sample);
      for (const label of batch.labels) labels.push(label);
      if (onBatch?.(++done) === false) {
        complete = false;
        break;
      }
    }
    (await pending)();
  } finally {
    model.train(training);
  }
  if (!complete) return null;
  return { logits: joined(logits), labels: Int32Array.from(labels), classes: model.numClasses, samples };
}

async function collect(output: Tensor, logits: Float32Array[]): Promise<void> {
  const values = output.data();
  output.dispose();
  logits.push(Float32Array.from(await values));
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
