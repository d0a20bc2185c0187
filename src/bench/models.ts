/**
 * Whole networks: a forward pass of one picture and of eight, a training step of all of it, and one of its head with the
 * rest frozen. FLOPs and bytes are the sums over the problems that it is made of (problems.ts); the weights are random, as
 * the time does not depend on them.
 *
 * Each is held against the same network by the plain variants before it is timed, on small pictures: the logits of a forward
 * pass, the gradients of a step.
 */
import { heightWidth } from '../data/input-size.ts';
import type { Device } from '../gpu/index.ts';
import { crossEntropy } from '../kernels/index.ts';
import { buildModel } from '../models/table.ts';
import { AdamW, BatchNorm2d, fill, type Model, trainOnly } from '../nn/index.ts';
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

/** The networks that are timed where nobody names others. */
export const MODELS = ['resnet18', 'efficientnet_b0', 'mobilenet_v2', 'alexnet'] as const;

/** Side of the pictures of a training step: half of 224, and 224 where linear layers do most of the work at any size. */
const stepSize = (network: string): number => (network.startsWith('alexnet') ? 224 : 112);

/** How networks are timed: a row each. */
export const modelCases = (networks: readonly string[] = MODELS): ModelCase[] =>
  networks.flatMap((network) => {
    const size = stepSize(network);
    return [
      { network, form: { mode: 'evaluation', batch: 1, size: 224 } },
      { network, form: { mode: 'evaluation', batch: 8, size: 224 } },
      { network, form: { mode: 'training', batch: 4, size } },
      { network, form: { mode: 'head', batch: 4, size } },
    ] satisfies ModelCase[];
  });

const WHAT = { evaluation: 'forward', training: 'step', head: 'step of the head' } as const;

/** `resnet18 forward 1×224²`, `resnet18 step 4×112²`. */
export const modelName = ({ network, form: { mode, batch, size } }: ModelCase): string =>
  `${network} ${WHAT[mode]} ${batch}×${area(...heightWidth(size))}`;

/** A network that is ready: `run` records a forward pass, or a step with AdamW. */
export interface ReadyModel extends Work {
  readonly model: Model;
}

/** Builds a case's network on `device` with its pictures, which rotate. */
export function readyModel(device: Device, { network, form: { mode, batch, size } }: ModelCase): ReadyModel {
  const model = buildModel(network, { device });
  const owned: Tensor[] = [];
  const images = Array.from({ length: SETS }, (_, set) => {
    const pictures = empty(device, [batch, ...heightWidth(size), 3], { owned: true });
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
      settles: 2,
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
    settles: 2,
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

/** Side of the pictures by which a network is compared with itself by the plain variants, which are slow. */
const COMPARED = 64;
/** Pictures of a step that is compared, and those whose statistics the norms of a forward pass have. */
const PAIR = 2;
/**
 * Roundings add up over fifty layers, and a unit of a ReLU that is nearly 0 falls to one side or the other: 1e-6 to 1e-5. A
 * wrong kernel in one layer is off by a hundred times as much. Some networks amplify more: MobileNetV2's gradients move by
 * 3e-3 to 1e-2 when its pictures move by a rounding, so what such a movement does is allowed some times over.
 */
const ALLOWED = { logits: 1e-4, gradients: 1e-3, movements: 10 };
const ROUNDING = 2 ** -22;

/** A network against itself by the plain variants: the logits of a forward pass, the gradients of a step. */
async function checkModel(
  device: Device,
  { network, form }: ModelCase,
  by: string | null,
  { model }: ReadyModel,
): Promise<BenchEntry['error']> {
  const forward = form.mode === 'evaluation';
  const count = forward ? 1 : PAIR;
  const pictures = empty(device, [count, COMPARED, COMPARED, 3], { owned: true });
  fill(pictures, { uniform: 1 }, 0, network);
  try {
    if (forward) settle(device, model);
    const compute = (row: string | null): Promise<ArrayLike<number>[]> => {
      const record = (): Tensor[] => (forward ? logitsOf(model, pictures) : gradientsOf(model, pictures));
      return readAll(scope(() => withRow(device, row, record)));
    };
    const [found, plain] = [await compute(by), await compute('plain')];
    const amplified = async (): Promise<number> => {
      const values = Float32Array.from(await pictures.data());
      pictures.write(values.map((value, index) => value * (1 + ((index % 3) - 1) * ROUNDING)));
      return distance(await compute('plain'), plain);
    };
    const on = `plain, on ${count === 1 ? 'a picture' : 'two pictures'} of ${area(COMPARED, COMPARED)}`;
    return forward
      ? { value: relativeError(found[0]!, plain[0]!), allowed: ALLOWED.logits, against: on }
      : {
          value: distance(found, plain),
          allowed: Math.max(ALLOWED.gradients, ALLOWED.movements * (await amplified())),
          against: `${on}: norms of all gradients`,
        };
  } finally {
    pictures.dispose();
  }
}

const logitsOf = (model: Model, pictures: Tensor): Tensor[] => [noGrad(() => model.forward(pictures))];

/** The gradients of the parameters that train; they are taken off them. */
function gradientsOf(model: Model, pictures: Tensor): Tensor[] {
  crossEntropy(
    model.forward(pictures),
    Int32Array.from({ length: PAIR }, (_, index) => index),
  ).backward();
  return [...model.parameters()].flatMap((parameter) => {
    const { grad } = parameter;
    parameter.grad = null;
    return grad ? [grad] : [];
  });
}

async function readAll(tensors: readonly Tensor[]): Promise<ArrayLike<number>[]> {
  const values: ArrayLike<number>[] = [];
  for (const tensor of tensors) {
    values.push(await tensor.data());
    tensor.dispose();
  }
  return values;
}

/** ‖Δ‖ / ‖reference‖ over all gradients: some of them, of biases in front of a norm, are 0 but for roundings. */
function distance(found: readonly ArrayLike<number>[], reference: readonly ArrayLike<number>[]): number {
  let [difference, whole] = [0, 0];
  for (const [at, values] of reference.entries())
    for (let i = 0; i < values.length; i++) {
      difference += (found[at]![i]! - values[i]!) ** 2;
      whole += values[i]! ** 2;
    }
  return Math.sqrt(difference / whole);
}

/**
 * Gives the norms of a network with random weights the statistics of a batch, as training would: with those that it starts
 * with, values vanish on their way through fifty layers, and logits of 1e-14 compare nothing.
 */
function settle(device: Device, model: Model): void {
  const norms: { momentum: number }[] = [];
  for (const [, module] of model.namedModules()) if (module instanceof BatchNorm2d) norms.push(module);
  const before = norms.map(({ momentum }) => momentum);
  for (const norm of norms) norm.momentum = 1;
  model.train();
  scope(() => {
    const batch = empty(device, [PAIR, COMPARED, COMPARED, 3]);
    fill(batch, { uniform: 1 }, 0, 'settle');
    noGrad(() => void model.forward(batch));
  });
  model.eval();
  norms.forEach((norm, index) => {
    norm.momentum = before[index]!;
  });
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
    check: (ready) => checkModel(device, of, row, ready),
  };
}
