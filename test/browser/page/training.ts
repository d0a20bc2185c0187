/**
 * A training run of a few steps: the same program in the page and in Node (losses.ts), whose losses are compared.
 * A tiny network with everything that a step may hold: convolutions, norms, dropout, AdamW, a schedule, and pictures that are
 * jittered, erased, mixed, weighted and drawn by class; then its last layer alone, on features that are kept.
 */
import { fromSamples } from '../../../src/data/in-thread.ts';
import type { Device } from '../../../src/gpu/index.ts';
import { AdamW, cosine, freeze } from '../../../src/nn/index.ts';
import { FeatureCache } from '../../../src/train/feature-cache.ts';
import { fit } from '../../../src/train/fit.ts';
import { mixPictures } from '../../../src/train/mix.ts';
import { plainStep, type Step } from '../../../src/train/step.ts';
import { PREPROCESSING, stripeBatches, stripes, tinyNet } from '../../train/tiny.ts';

/** The loss of each step, then the training and validation loss of each epoch. */
export async function trainingLosses(device: Device): Promise<number[]> {
  const model = tinyNet(device);
  const optimizer = new AdamW(
    [...model.namedParameters()].map(([, parameter]) => parameter),
    { lr: 0.02 },
  );
  const train = fromSamples(stripes(44, 1).slice(5), {
    batchSize: 8,
    preprocessing: PREPROCESSING,
    seed: 1,
    train: true,
    sampler: 'balanced',
    views: (epoch) => (epoch < 2 ? 0 : 1),
    augmentation: {
      scale: [0.6, 1],
      verticalFlip: 0.5,
      colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
      erase: 0.25,
    },
  });
  const [mixing, plain] = [mixPictures({ mixup: 0.4, cutmix: 1, seed: 1 }), undefined].map((mix) =>
    plainStep({ mix, labelSmoothing: 0.1, classWeights: [1, 2] }),
  );
  const step: Step = (batch, context) => (batch.features ? plain : mixing)(batch, context);
  const steps: number[] = [];
  const cache = new FeatureCache({ model, device });
  const { val } = stripeBatches();
  const { progress } = await fit({
    ...{ model, device, optimizer, train: cache.of(train), val: cache.of(val), step },
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
