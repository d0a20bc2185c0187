/**
 * A training run of a few steps: the same program in the page and in Node (losses.ts), whose losses are compared.
 * A tiny network with everything that a step may hold: convolutions, norms, dropout, AdamW, a schedule, and pictures that are
 * jittered, erased, mixed, weighted and drawn by class.
 */
import { fromSamples } from '../../../src/data/in-thread.ts';
import type { Device } from '../../../src/gpu/index.ts';
import { AdamW, cosine } from '../../../src/nn/index.ts';
import { fit } from '../../../src/train/fit.ts';
import { mixPictures } from '../../../src/train/mix.ts';
import { plainStep } from '../../../src/train/step.ts';
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
    augmentation: {
      scale: [0.6, 1],
      verticalFlip: 0.5,
      colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
      erase: 0.25,
    },
  });
  const mix = mixPictures({ mixup: 0.4, cutmix: 1, seed: 1 });
  const step = plainStep({ mix, labelSmoothing: 0.1, classWeights: [1, 2] });
  const steps: number[] = [];
  const { progress } = await fit({
    ...{ model, device, optimizer, train, val: stripeBatches().val, step },
    ...{ epochs: 2, schedule: cosine({ warmup: 2 }) },
    callbacks: [{ name: 'losses', onLoss: ({ value }) => steps.push(value) }],
  });
  const epochs = progress.history.flatMap(({ trainLoss, val }) => [trainLoss, val?.loss ?? Number.NaN]);
  model.dispose();
  return [...steps, ...epochs];
}
