/**
 * The number of the random step, as a small buffer on the device.
 *
 * Kernels that draw random numbers (dropout) read it, so that every step draws anew while their parameters stay the
 * same: whatever changes from step to step would otherwise make a new uniform buffer on devices without immediates.
 * A backward pass draws its masks again from the same number, so it changes only between a backward pass and the next
 * forward pass: an optimiser's step advances it, and `setStep` sets it where a loop counts for itself (micro-batches
 * whose gradients are summed need a number each). The number is written when a kernel next asks for it, so that a
 * network without dropout pays nothing.
 */
import type { Device, PooledBuffer } from '../gpu/index.ts';

interface Step {
  number: number;
  /** Null until a kernel asks for it. */
  buffer: PooledBuffer | null;
  /** What the buffer holds. */
  written: number | null;
}

const steps = new WeakMap<Device, Step>();

function stepOf(device: Device): Step {
  let step = steps.get(device);
  if (!step) {
    step = { number: 0, buffer: null, written: null };
    steps.set(device, step);
  }
  return step;
}

/** The buffer that holds the step as its first u32, in order with what is recorded before and after. */
export function stepState(device: Device): PooledBuffer {
  const step = stepOf(device);
  step.buffer ??= device.take(4, 'constant');
  if (step.written !== step.number) device.commands.write(step.buffer, Uint32Array.of(step.number));
  step.written = step.number;
  return step.buffer;
}

/** Sets the step, a whole number below 2³²; 0 at first. */
export function setStep(device: Device, step: number): void {
  if (!Number.isInteger(step) || step < 0 || step >= 2 ** 32)
    throw new RangeError(`setStep: a step is a whole number from 0 to 4294967295, not ${step}`);
  stepOf(device).number = step;
}

/** Goes on to the next step; after the last one comes 0. */
export function advanceStep(device: Device): void {
  const step = stepOf(device);
  step.number = (step.number + 1) % 2 ** 32;
}
