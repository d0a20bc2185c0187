/**
 * Goldens: hashes of logits and of the losses of twenty training steps, which must not move by a bit on this adapter
 * while the code around the kernels changes. A commit that changes one on purpose says why and writes them anew:
 *
 *   node --import tsx test/golden.ts        prints reference/goldens.json
 *
 * Another driver, or another width of its vectors, gives other bits; they are kept for the adapter they name.
 */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import {
  AdamW,
  createModel,
  crossEntropy,
  type Device,
  type Model,
  noGrad,
  openDevice,
  scope,
  tensor,
} from '../src/index.ts';

/** What is computed of each network, with random weights of seed 1. */
export const GOLDENS = {
  alexnet: { size: 96, batch: 4 },
  resnet18: { size: 64, batch: 8 },
  efficientnet_b0: { size: 64, batch: 8 },
  efficientnet_lite0: { size: 64, batch: 8 },
} as const;

export type GoldenName = keyof typeof GOLDENS;

export interface Golden {
  /** Of the logits of one picture, and of those of a batch. */
  one: string;
  batch: string;
  losses: string;
}

const STEPS = 20;
const CLASSES = 10;

/** The adapter that bits belong to. */
export const adapterOf = ({ info, traits }: Device): string =>
  `${info.device || info.architecture}, ${info.description}, ${traits.lanes} lanes`;

/** Pictures [N, size, size, 3] in −1 … 1 from a linear congruential generator. */
function pictures(count: number, size: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count * size * size * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const hash = (values: ArrayBufferView): string =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex')
    .slice(0, 16);

async function logits(model: Model, count: number, size: number): Promise<string> {
  const x = tensor(pictures(count, size, 7), [count, size, size, 3]);
  const y = noGrad(() => scope(() => model.eval().forward(x)));
  x.dispose();
  const values = await y.data();
  y.dispose();
  return hash(values);
}

async function losses(device: Device, model: Model, batch: number, size: number): Promise<string> {
  const optimizer = new AdamW(
    [...model.train().namedParameters()].map(([, parameter]) => parameter),
    { lr: 1e-3, weightDecay: 0.01 },
  );
  const values: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const loss = scope(() => {
      const x = tensor(pictures(batch, size, step), [batch, size, size, 3]);
      const labels = Int32Array.from({ length: batch }, (_, index) => (index + step) % CLASSES);
      const loss = crossEntropy(model.forward(x), labels);
      loss.backward();
      optimizer.step(loss);
      optimizer.zeroGrad();
      return loss;
    });
    await device.pace();
    values.push(await loss.item());
    loss.dispose();
  }
  optimizer.dispose();
  return hash(Float32Array.from(values));
}

/** Computes the goldens of a network. Dropout is off: what it draws without `setStep` is no promise. */
export async function goldenOf(device: Device, name: GoldenName): Promise<Golden> {
  const { size, batch } = GOLDENS[name];
  const options = {
    device,
    numClasses: CLASSES,
    seed: 1,
    dropout: 0,
    ...(name.startsWith('eff') && { dropPath: 0 }),
  };
  const model = await createModel(name, options);
  const golden = {
    one: await logits(model, 1, size),
    batch: await logits(model, batch, size),
    losses: await losses(device, model, batch, size),
  };
  model.dispose();
  return golden;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const device = await openDevice();
  const goldens: Record<string, Golden> = {};
  for (const name of Object.keys(GOLDENS) as GoldenName[]) goldens[name] = await goldenOf(device, name);
  process.stdout.write(`${JSON.stringify({ adapter: adapterOf(device), goldens }, null, 2)}\n`);
  device.close();
}
