/**
 * A network in training as bytes, with all that its next step depends on: weights, the norms' statistics, the optimiser's
 * state, and how many steps it has taken. A safetensors file in the engine's own layout, with a hash over itself.
 */
import type { Model, Optimizer } from '../nn/index.ts';
import { WeightsError } from '../weights/formats/error.ts';
import { readSafetensors, writeSafetensors } from '../weights/formats/safetensors.ts';
import { checkSeal, isSealed, seal, sealable } from '../weights/formats/seal.ts';
import { fromFloat32, type StateDict, toFloat32 } from '../weights/formats/state.ts';
import { OPTIMIZER } from '../weights/load.ts';

const NAME = 'tessera.learner';
const STEPS = 'tessera.steps';

/** @param name what the network is called in the search; the state goes back to it alone */
export async function learnerBytes(
  name: string,
  model: Model,
  optimizer: Optimizer,
  steps: number,
): Promise<Uint8Array> {
  const tensors: StateDict = new Map();
  const put = (key: string, values: ArrayLike<number>): unknown =>
    tensors.set(key, fromFloat32(Float32Array.from(values), [values.length]));
  for (const { name: key, tensor } of model.tensors()) put(key, (await tensor.data()) as Float32Array);
  for await (const [key, values] of optimizer.stateTensors()) put(`${OPTIMIZER}${key}`, values);
  return seal(writeSafetensors(tensors, sealable({ [NAME]: name, [STEPS]: String(steps) })));
}

/**
 * Puts a state back into a model and an optimiser that were just made.
 * @returns the steps that were taken
 * @throws WeightsError or RangeError, half done, where the bytes are damaged or another network's
 */
export async function restoreLearner(
  bytes: Uint8Array,
  name: string,
  model: Model,
  optimizer: Optimizer,
): Promise<number> {
  if (!isSealed(bytes)) throw new WeightsError('sniff', 'is no state of a search.');
  await checkSeal(bytes);
  const { tensors, metadata } = readSafetensors(bytes);
  const steps = Number(metadata[STEPS]);
  if (metadata[NAME] !== name || !Number.isSafeInteger(steps) || steps < 0)
    throw new WeightsError('header', 'is the state of another network.');
  for (const { name: key, tensor } of model.tensors()) {
    const stored = tensors.get(key);
    const values = stored && toFloat32(stored);
    if (values?.length !== tensor.size)
      throw new WeightsError('tensors', `lacks ${key}, or has it in another size.`);
    tensor.write(values as Float32Array<ArrayBuffer>);
  }
  optimizer.loadState(
    [...tensors]
      .filter(([key]) => key.startsWith(OPTIMIZER))
      .map(([key, stored]) => [key.slice(OPTIMIZER.length), toFloat32(stored)] as const),
  );
  return steps;
}
