/**
 * What a training step costs, found before the first one by taking it on a dry device (src/gpu/dry.ts): kernels record
 * their work and buffers are counted, but nothing is computed. So a run that does not fit into memory ends with a
 * sentence before it begins, and what freezing saves can be said in numbers.
 */
import { type DeviceTraits, dryDevice } from '../gpu/dry.ts';
import { buildModel } from '../models/registry.ts';
import { crossEntropy } from '../nn/index.ts';
import { scope, tensor } from '../tensor/index.ts';
import { freezeBefore, optimizerOf, type TrainSettings } from './settings.ts';

export interface StepCost {
  /** Floating-point operations of forward pass, backward pass and update. */
  flops: number;
  /** Most bytes in use at a time: parameters, gradients, optimiser state, activations. */
  peakBytes: number;
}

/** The cost of one step on a device like `like`. */
export async function stepCost(
  like: DeviceTraits,
  settings: TrainSettings,
  numClasses: number,
): Promise<StepCost> {
  const { model: name, trainFrom, batch, size } = settings;
  const { device, work } = await dryDevice(like);
  const model = buildModel(name, { device, numClasses, initialise: false }).train();
  freezeBefore(model, trainFrom);
  const optimizer = optimizerOf(model, settings);
  const images = new Float32Array(batch * size * size * 3);
  const labels = new Int32Array(batch);
  // The second step has the optimiser's state from the beginning.
  for (let step = 0; step < 2; step++) {
    work.flops = 0;
    scope(() => {
      const loss = crossEntropy(model.forward(tensor(images, [batch, size, size, 3], { device })), labels);
      loss.backward();
      optimizer.step(loss);
      optimizer.zeroGrad();
    });
  }
  const { peak } = device.memory();
  device.close();
  return { flops: work.flops, peakBytes: peak };
}

/** The largest batch, a power of two or the one asked for, whose step takes at most `bytes`; 0 where none does. */
export async function largestBatch(
  like: DeviceTraits,
  settings: TrainSettings,
  numClasses: number,
  bytes: number,
): Promise<number> {
  for (let batch = 2 ** Math.floor(Math.log2(settings.batch)); batch >= 1; batch /= 2) {
    const { peakBytes } = await stepCost(like, { ...settings, batch }, numClasses).catch(tooLarge);
    if (peakBytes <= bytes) return batch;
  }
  return 0;
}

/** A tensor that no buffer of the adapter can hold. */
function tooLarge(error: unknown): { peakBytes: number } {
  if (error instanceof RangeError) return { peakBytes: Number.POSITIVE_INFINITY };
  throw error;
}
