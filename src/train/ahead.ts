/**
 * Compiling ahead: what a network will run is known from its name, before its weights are read and a picture is decoded. A
 * driver that computes on the processor compiles a program at its first dispatch, in a thread of its own, so each has one here,
 * of a single workgroup, while JavaScript is busy with files. On lavapipe the first answer of a ResNet-18 then takes 0.85 to
 * 0.95 of the time with nothing compiled, 0.95 to 1 where the driver finds its programs on the disk.
 */
import { heightWidth, type InputSize } from '../data/input-size.ts';
import { dryDevice } from '../gpu/dry.ts';
import type { Device, Program, Run } from '../gpu/index.ts';
import type { ModelOptions } from '../models/family.ts';
import { buildModel, type Network } from '../models/table.ts';
import { empty, noGrad, scope } from '../tensor/index.ts';

/**
 * Has `device` compile what `network` runs to answer for so many pictures of a size at a time. Resolves when all is handed to
 * the driver, which compiles on.
 * @throws what building the network throws, or the pass
 */
export async function compileAhead(
  device: Device,
  network: Network,
  options: Omit<ModelOptions, 'device' | 'initialise'>,
  { pictures, size }: { pictures: number; size: InputSize },
): Promise<void> {
  const { device: dry } = await dryDevice(device);
  const runs = new Map<Program, Run['params']>();
  dry.observe({
    dispatch({ program, params }) {
      if (!runs.has(program)) runs.set(program, params);
    },
  });
  const model = buildModel(network, { ...options, device: dry, initialise: false }).eval();
  // Programs are the same for all numbers of pictures beyond one.
  noGrad(() => scope(() => void model.forward(empty(dry, [Math.min(pictures, 2), ...heightWidth(size), 3]))));
  dry.close();
  await device.compile(runs);
}
