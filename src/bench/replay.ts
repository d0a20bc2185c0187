/**
 * A problem, computed: its inputs are made on the device and the public function of its op is called, or the formula of
 * its gradients, again and again.
 *
 * Inputs are random, never zeros, and rotate: as many sets of them as pass a cache lie beside each other, so that a run
 * does not find what the last one left there. What a run writes comes from the pool, as in a network.
 */
import type { Choices, Device } from '../gpu/index.ts';
import { conv2d } from '../kernels/index.ts';
import { fill } from '../nn/index.ts';
import { empty, keep, noGrad, type Shape, scope, sizeOf, type Tensor } from '../tensor/index.ts';
import { ENGINE_OPS } from '../verify/engine-ops.ts';
import type { OpInputs } from '../verify/parameters.ts';
import { pseudoFill } from '../verify/pseudo.ts';
import { differentiated, keepsWeight, type Posed, type Problem } from './problem.ts';

/** Bytes that the sets of inputs take together, where one takes less: twice what most caches hold. */
const ROTATED = 64 * 2 ** 20;
const MOST_SETS = 8;

export type Tensors = Record<string, Tensor>;

/** A problem whose inputs are there. */
export interface Replay {
  /** Records the pass once, on the inputs of set `index` modulo `sets`; by another row than its own where one is named. */
  run(index: number, by?: string | null): (Tensor | null)[];
  readonly sets: number;
  /** The inputs of the first set, with the gradient of the output (`dy`) where the pass has one. */
  readonly operands: Readonly<Tensors>;
  dispose(): void;
}

/** Statistics that a square root is taken of. */
const POSITIVE = ['runningVar', 'variance'];

/** Class indices, which go to the op as numbers. */
function labelsOf({ inputs }: Problem): OpInputs {
  const shape = inputs.labels;
  if (!shape) return {};
  const data = pseudoFill('labels', sizeOf(shape), { levels: inputs.x0!.at(-1)! });
  return { labels: { data, shape: [...shape], grad: false } };
}

/** The op of a problem, on these tensors. */
export function apply({ op, parameters, fused, inputs }: Problem, given: Tensors, raw: OpInputs): Tensor {
  const { x0, x1, bias } = given;
  if (!fused) {
    const result = ENGINE_OPS[op]!(given, parameters, raw);
    return 'y' in result ? result.y! : (result as Tensor);
  }
  const { stride = 1, padding = 0, dilation = 1 } = parameters;
  const { gamma, beta, mean, variance, residual } = given;
  return conv2d(x0!, x1!, {
    stride,
    padding,
    dilation,
    groups: inputs.x0!.at(-1)! / inputs.x1![2]!,
    bias,
    norm:
      fused.eps === null
        ? undefined
        : { weight: gamma!, bias: beta!, runningMean: mean!, runningVar: variance!, eps: fused.eps },
    residual,
    activation: fused.activation,
  });
}

/** Has the row `row` of the tables of kernels compute what it can meanwhile; null: whichever the device chooses. */
export function withRow<Result>(device: Device, row: string | null, body: () => Result): Result {
  return row === null ? body() : withChoices(device, { get: () => row }, body);
}

/** Has `choices` decide meanwhile; null: the estimates of the tables alone. */
export function withChoices<Result>(device: Device, choices: Choices | null, body: () => Result): Result {
  const before = device.choices;
  device.choices = choices;
  try {
    return body();
  } finally {
    device.choices = before;
  }
}

/** Bytes of one set of inputs, the gradient of the output included. */
const setBytes = ({ problem, pass }: Posed): number =>
  4 *
  Object.values(problem.inputs).reduce(
    (sum, shape) => sum + sizeOf(shape),
    pass === 'forward' ? 0 : 2 * sizeOf(problem.output),
  );

/**
 * Makes the inputs of a posed problem.
 * @param memory bytes that they may take: with less than two sets' there is one
 * @throws RangeError where the op refuses its shapes; TooLarge where a tensor does not fit this adapter
 */
export function replay(device: Device, posed: Posed, row: string | null, memory: number): Replay {
  const { problem, pass } = posed;
  const bytes = setBytes(posed);
  const wanted = Math.min(MOST_SETS, Math.ceil(ROTATED / bytes), Math.floor(memory / bytes));
  const sets = Math.max(1, wanted);
  const raw = labelsOf(problem);
  const forward = pass === 'forward';
  const gradients = problem.recorded || !forward ? differentiated(posed) : [];
  const owned: Tensor[] = [];
  const made = (name: string, shape: Shape, set: number): Tensor => {
    const kind = name === 'x1' && keepsWeight(posed) ? 'parameter' : 'activation';
    const options = { kind, owned: true, requiresGrad: gradients.includes(name) } as const;
    const tensor = empty(device, shape, options);
    owned.push(tensor);
    fill(tensor, POSITIVE.includes(name) ? { constant: 1 } : { uniform: 1 }, set, name);
    return tensor;
  };
  const dispose = (): void => {
    for (const tensor of owned) tensor.dispose();
  };
  try {
    const all = Array.from({ length: sets }, (_, set) => {
      const operands: Tensors = {};
      for (const [name, shape] of Object.entries(problem.inputs))
        if (name !== 'labels') operands[name] = made(name, shape, set);
      if (forward) return { operands, run: () => [apply(problem, operands, raw)] };
      // A gradient needs a forward pass to be recorded; it is kept, and its formula run again and again.
      const y = keep(scope(() => apply(problem, operands, raw)));
      owned.push(y);
      operands.dy = made('dy', y.shape, set);
      const { node } = y;
      if (!node) throw new Error(`bench: ${problem.title} has no gradient`);
      return { operands, run: () => node.run(operands.dy!) };
    });
    const records = problem.recorded && forward;
    return {
      sets,
      operands: all[0]!.operands,
      run: (index, by = row) =>
        withRow(device, by, () => {
          const { run } = all[index % sets]!;
          return records ? run() : noGrad(run);
        }),
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
