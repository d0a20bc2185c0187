/** The key of features: a hash of all that they depend on, beside the picture itself. */
import type { SourceOptions } from '../data/loader.ts';
import { type Device, listedChoices } from '../gpu/index.ts';
import type { Cut, Model } from '../nn/index.ts';
import { murmur128 } from './murmur.ts';

/** Changes where the engine computes other bits than before, or where what lies under a key has another form. */
const FORMAT = 1;

/** Choices of kernels that cannot be listed, a function by hand, make features that are this process's own. */
const processMark = crypto.randomUUID();

/**
 * SHA-256, in hexadecimal digits, of the part of a model in front of a cut (its form and the values of its parameters and
 * running statistics), of what computes it (adapter, its driver's words for itself, the traits that kernels choose by), and
 * of how pictures become input. Reads the weights back from the GPU.
 */
export async function featuresKey(
  model: Model,
  cut: Cut,
  device: Device,
  options: SourceOptions,
): Promise<string> {
  const { vendor, architecture, device: adapter, description } = device.info;
  const tuned = listedChoices(device.choices);
  const facts = {
    format: FORMAT,
    network: model.spec ?? [model.constructor.name, model.stages],
    cut,
    weights: await weightsInFront(model, cut),
    adapter: [vendor, architecture, adapter, description],
    traits: device.traits,
    abilities: [...device.features].sort(),
    tuned: tuned?.length === 0 ? null : (tuned ?? processMark),
    pictures: picturesOf(options),
  };
  return sha256(new TextEncoder().encode(JSON.stringify(facts)));
}

/** What decides the pixels of a picture in a view. Options that are added to the loader's count until they stand here. */
function picturesOf(options: SourceOptions): Partial<SourceOptions> {
  const {
    batchSize: _,
    shuffle,
    prefetch,
    views,
    sampler,
    onUnreadable,
    train = false,
    seed = 0,
    augmentation = {},
    ...rest
  } = options;
  return train ? { ...rest, seed, augmentation } : rest;
}

/** [name, shape, hash] of each tensor in front of a cut. */
async function weightsInFront(model: Model, { from }: Cut): Promise<[string, readonly number[], string][]> {
  const end = model.stageIndex(from);
  const hashes: [string, readonly number[], string][] = [];
  for (const { name, tensor } of model.tensors()) {
    const stage = model.findStage(name);
    if (stage !== undefined && model.stageIndex(stage) >= end) continue;
    hashes.push([name, tensor.shape, murmur128(new Uint32Array((await tensor.data()).buffer))]);
  }
  return hashes;
}

async function sha256(bytes: ArrayBufferView<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
