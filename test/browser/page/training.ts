/**
 * A training run of a few steps: the same program in the page and in Node (losses.ts), whose losses are compared.
 * A tiny network with everything that a step may hold: convolutions, norms, dropout, augmentation, AdamW, a schedule; then
 * its last layer alone, on features that are kept.
 */
import type { Device } from '../../../src/gpu/index.ts';
import { AdamW, cosine, freeze } from '../../../src/nn/index.ts';
import { FeatureCache } from '../../../src/train/feature-cache.ts';
import { fit } from '../../../src/train/fit.ts';
import { stripeBatches, tinyNet } from '../../train/tiny.ts';

/** The loss of each step, then the training and validation loss of each epoch. */
export async function trainingLosses(device: Device): Promise<number[]> {
  const model = tinyNet(device);
  const optimizer = new AdamW(
    [...model.namedParameters()].map(([, parameter]) => parameter),
    { lr: 0.02 },
  );
  const steps: number[] = [];
  const cache = new FeatureCache({ model, device });
  const { train, val } = stripeBatches(1, 1);
  const { progress } = await fit({
    ...{ model, device, optimizer, train: cache.of(train), val: cache.of(val) },
    phases: [
      { epochs: 2, schedule: cosine({ warmup: 2 }) },
      { epochs: 2, begin: () => void freeze(model, { except: ['fc'] }) },
    ],
    callbacks: [{ name: 'losses', onLoss: ({ value }) => steps.push(value) }],
  });
  const epochs = progress.history.flatMap(({ trainLoss, val }) => [trainLoss, val?.loss ?? Number.NaN]);
  if (cache.counts.reused === 0) throw new Error('no features were kept');
  model.dispose();
  return [...steps, ...epochs];
}
