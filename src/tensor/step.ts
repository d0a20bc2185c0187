/**
 * The number of the training step, as a small buffer on the device.
 *
 * Kernels that draw random numbers (dropout) read it, so that every step draws anew while their parameters stay the
 * same: whatever changes from step to step would otherwise make a new uniform buffer on devices without immediates.
 * A backward pass draws its masks again from the same number: set it before a forward pass and leave it until the
 * gradients are computed. Micro-batches whose gradients are summed need a number each.
 */
import type { Device, PooledBuffer } from '../gpu/index.ts';

const states = new WeakMap<Device, PooledBuffer>();

/** The buffer that holds the step as its first u32; 0 until `setStep` is called. */
export function stepState(device: Device): PooledBuffer {
  let state = states.get(device);
  if (!state) {
    state = device.take(4, 'constant');
    states.set(device, state);
    setStep(device, 0);
  }
  return state;
}

/** Sets the step (a whole number below 2³²), in order with what is recorded before and after. */
export function setStep(device: Device, step: number): void {
  if (!Number.isInteger(step) || step < 0 || step >= 2 ** 32)
    throw new RangeError(`setStep: a step is a whole number from 0 to 4294967295, not ${step}`);
  device.commands.write(stepState(device), Uint32Array.of(step));
}
