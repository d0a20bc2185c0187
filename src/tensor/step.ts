/**
 * The number of the random step, as a tensor of one u32 on the device.
 *
 * Kernels that draw random numbers (dropout) read it, so that every step draws anew while their parameters stay the
 * same: whatever changes from step to step would otherwise make a new uniform buffer on devices without immediates.
 * An optimiser's step advances it, and `setStep` sets it where a loop counts for itself (micro-batches whose gradients
 * are summed need a number each). A backward pass draws its masks again, from the tensor that its forward pass read and
 * saved: where the number changes before, the next forward pass reads another tensor. It is written when a kernel next
 * asks for it, so that a network without dropout pays nothing.
 */
import type { Device } from '../gpu/index.ts';
import { type Tensor, tensor } from './tensor.ts';

interface Step {
  number: number;
  /** Null until a kernel asks for it. */
  state: Tensor | null;
  /** What it holds. */
  written: number;
}

const steps = new WeakMap<Device, Step>();

function stepOf(device: Device): Step {
  let step = steps.get(device);
  if (!step) {
    step = { number: 0, state: null, written: 0 };
    steps.set(device, step);
  }
  return step;
}

/** The step as a tensor [1] of uint32. It belongs to the device; a gradient formula that reads it saves it. */
export function stepState(device: Device): Tensor {
  const step = stepOf(device);
  if (step.state && step.written !== step.number) {
    if (step.state.shared) {
      step.state.dispose(); // a graph still needs the number that it drew from
      step.state = null;
    } else step.state.write(Uint32Array.of(step.number));
  }
  step.state ??= tensor(Uint32Array.of(step.number), [1], { device, kind: 'constant', owned: true });
  step.written = step.number;
  return step.state;
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
