/**
 * Whole networks: a forward pass of one picture and of eight, a training step of all of it, and one of its head with the
 * rest frozen. FLOPs and bytes are the sums over the problems that it is made of (problems.ts); the weights are random, as
 * the time does not depend on them.
 *
 * A forward pass is held against the same network by the plain variants, before it is timed: the logits of one small picture.
 */
import type { Device } from '../gpu/index.ts';
import { crossEntropy } from '../kernels/index.ts';
import { buildModel } from '../models/table.ts';
import { AdamW, fill, type Model, trainOnly } from '../nn/index.ts';
import { empty, noGrad, scope, type Tensor } from '../tensor/index.ts';
import { relativeError } from '../verify/errors.ts';
import { costOfNetwork, type Form } from './problems.ts';
import { withRow } from './replay.ts';
import type { BenchEntry } from './result.ts';
import type { Task, Work } from './tasks.ts';
import { area } from './titles.ts';

/** A network, and how it is run. */
export interface ModelCase {
  network: string;
  form: Form;
}

/** Side of the pictures of a training step; AlexNet's layers leave nothing of 112. */
const STEP_SIZE = { alexnet: 224 } as const;

/** The networks that are timed. */
export const MODELS = ['resnet18', 'efficientnet_b0', 'mobilenet_v2', 'alexnet'] as const;

export const MODEL_CASES: readonly ModelCase[] = MODELS.flatMap((network) => {
  const size = network in STEP_SIZE ? STEP_SIZE[network as keyof typeof STEP_SIZE] : 112;
  return [
    { network, form: { mode: 'evaluation', batch: 1, size: 224 } },
    { network, form: { mode: 'evaluation', batch: 8, size: 224 } },
    { network, form: { mode: 'training', batch: 4, size } },
    { network, form: { mode: 'head', batch: 4, size } },
  ] as const;
});

const WHAT = { evaluation: 'forward', training: 'step', head: 'step of the head' } as const;

/** `resnet18 forward 1×224²`, `resnet18 step 4×112²`. */
export const modelName = ({ network, form: { mode, batch, size } }: ModelCase): string =>
  `${network} ${WHAT[mode]} ${batch}×${area(size, size)}`;

/** A network that is ready: `run` records a forward pass, or a step with AdamW. */
export interface ReadyModel extends Work {
  readonly model: Model;
}

/** Builds a case's network on `device` with its pictures, which rotate. */
export function readyModel(device: Device, { network, form: { mode, batch, size } }: ModelCase): ReadyModel {
  const model = buildModel(network, { device });
  const owned: Tensor[] = [];
  const images = Array.from({ length: SETS }, (_, set) => {
    const pictures = empty(device, [batch, size, size, 3], { owned: true });
    owned.push(pictures);
    fill(pictures, { uniform: 1 }, set, 'pictures');
    return pictures;
  });
  const at = (index: number): Tensor => images[index % SETS]!;
  const free = (): void => {
    model.dispose();
    for (const tensor of owned) tensor.dispose();
  };
  if (mode === 'evaluation') {
    model.eval();
    return {
      model,
      sets: SETS,
      run: (index) => noGrad(() => model.forward(at(index))),
      dispose: free,
    };
  }
  model.train();
  if (mode === 'head') trainOnly(model, (name) => model.isHead(name));
  const labels = Int32Array.from({ length: batch }, (_, index) => index);
  const trained = [...model.parameters()].filter(({ requiresGrad }) => requiresGrad);
  const optimizer = new AdamW(trained, { lr: 1e-5 });
  return {
    model,
    sets: SETS,
    run: (index) => {
      crossEntropy(model.forward(at(index)), labels).backward();
      optimizer.step();
      optimizer.zeroGrad();
    },
    dispose: () => {
      optimizer.dispose();
      free();
    },
  };
}

/** Batches of pictures that rotate; a network's own tensors pass any cache. */
const SETS = 2;

/** Side of the picture by which a network is compared with itself by the plain variants, which are slow. */
const COMPARED = 64;
/** Roundings add up over fifty layers; a wrong kernel in one of them is off by a hundred times as much. */
const ALLOWED = 1e-4;

async function checkModel(
  device: Device,
  { network, form }: ModelCase,
  { model }: ReadyModel,
): Promise<BenchEntry['error']> {
  if (form.mode !== 'evaluation') return null;
  const pictures = empty(device, [1, COMPARED, COMPARED, 3], { owned: true });
  try {
    fill(pictures, { uniform: 1 }, 0, network);
    const logits = async (row: string | null): Promise<ArrayLike<number>> => {
      const result = scope(() => withRow(device, row, () => noGrad(() => model.forward(pictures))));
      const values = await result.data();
      result.dispose();
      return values;
    };
    const value = relativeError(await logits(null), await logits('plain'));
    return { value, allowed: ALLOWED, against: `plain, on a picture of ${area(COMPARED, COMPARED)}` };
  } finally {
    pictures.dispose();
  }
}

/** A case as a task. */
export async function modelTask(
  device: Device,
  of: ModelCase,
  row: string | null,
): Promise<Task<ReadyModel>> {
  const { network, form } = of;
  const { flops, bytes } = await costOfNetwork(device, network, form);
  return {
    facts: {
      name: modelName(of),
      group: 'models',
      op: network,
      pass: form.mode === 'evaluation' ? 'forward' : 'step',
      variant: row,
      networks: [{ name: network, times: 1 }],
      flops,
      bytes,
    },
    prepare: () => {
      const ready = readyModel(device, of);
      return { ...ready, run: (index) => withRow(device, row, () => ready.run(index)) };
    },
    check: (ready) => checkModel(device, of, ready),
  };
}
