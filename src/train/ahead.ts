/**
 * Compiling ahead: what a network will run is known from its name, before its weights are read and a picture is decoded. A
 * driver that computes on the processor compiles a program at its first dispatch, in a thread of its own, so each has one here,
 * of a single workgroup, while JavaScript is busy with files. On lavapipe the first answer of a ResNet-18 then takes 0.85 to
 * 0.95 of the time with nothing compiled, 0.95 to 1 where the driver finds its programs on the disk. `evaluate` of 32 pictures
 * takes 0.9 of the time with nothing compiled, `explain` of one 0.85 to 1.05, and a `train` of eight steps, whose rehearsal says
 * what will run, 0.76 to 0.84.
 */
import { heightWidth, type InputSize } from '../data/input-size.ts';
import { dryDevice } from '../gpu/dry.ts';
import type { Device } from '../gpu/index.ts';
import type { ModelOptions } from '../models/family.ts';
import { buildModel, type Network } from '../models/table.ts';
import { empty, noGrad, scope } from '../tensor/index.ts';

/**
 * Has `device` compile what `network` runs to answer for so many pictures of a size at a time. Resolves when all is handed to
 * the driver, which compiles on. What cannot be built, or fits no picture, compiles nothing: the model and the pass that are
 * meant refuse it a moment later, with the same RangeError, and those who run them know the sentence that belongs to it. Any
 * other error is a fault, and thrown.
 */
export async function compileAhead(
  device: Device,
  network: Network,
  options: Omit<ModelOptions, 'device' | 'initialise'>,
  { pictures, size }: { pictures: number; size: InputSize },
): Promise<void> {
  const { device: dry, tally } = await dryDevice(device);
  // Programs are the same for all numbers of pictures beyond one.
  const shape = [Math.min(pictures, 2), ...heightWidth(size), 3];
  try {
    const model = buildModel(network, { ...options, device: dry, initialise: false }).eval();
    noGrad(() => scope(() => void model.forward(empty(dry, shape))));
  } catch (error) {
    if (error instanceof RangeError) return;
    throw error;
  } finally {
    dry.close();
  }
  await device.compile(tally.programs);
}
