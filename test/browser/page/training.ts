/**
 * A training run of a few steps: the same program in the page and in Node (losses.ts), whose losses are compared.
 * A tiny network with everything that a step may hold: convolutions, norms, dropout, augmentation, AdamW, a schedule.
 */
import type { Device } from '../../../src/gpu/index.ts';
import { AdamW, cosine } from '../../../src/nn/index.ts';
import { fit } from '../../../src/train/trainer.ts';
import { stripeBatches, tinyNet } from '../../train/tiny.ts';

/** The mean loss of the epoch so far after each step (NaN before the first is known), then each epoch's two losses. */
export async function trainingLosses(device: Device): Promise<number[]> {
  const model = tinyNet(device);
  const optimizer = new AdamW(
    [...model.namedParameters()].map(([, parameter]) => parameter),
    { lr: 0.02 },
  );
  const losses: number[] = [];
  const { progress } = await fit({
    ...{ model, device, optimizer, ...stripeBatches(), epochs: 2, schedule: cosine({ warmup: 2 }) },
    onStep: ({ loss }) => losses.push(loss),
  });
  const epochs = progress.history.flatMap(({ trainLoss, val }) => [trainLoss, val.loss]);
  model.dispose();
  return [...losses.filter((loss) => !Number.isNaN(loss)), ...epochs];
}
