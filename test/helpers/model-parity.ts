/**
 * Models against torchvision: fills a model with the fixture's pseudo-random weights and compares logits, loss,
 * gradients, running statistics and SGD steps. The fixtures are test/reference/model_<name>.json.
 */
import type { Device } from '../../src/gpu/index.ts';
import { buildModel } from '../../src/models/table.ts';
import {
  crossEntropy,
  fromTorch,
  type Layout,
  type Model,
  SGD,
  torchShape,
  toTorch,
} from '../../src/nn/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { type Worst, worse } from '../../src/verify/errors.ts';
import { pseudoPictures, pseudoState, type StateOptions } from '../../src/verify/pseudo.ts';
import { relativeError } from './check.ts';
import { decodeFloats, type Norms, normsError, normsOf } from './expected.ts';

/** One model's fixture, test/reference/model_<name>.json. */
export interface ModelFixture {
  model: string;
  numClasses: number;
  evaluation: EvaluationRow[];
  training: TrainingRow[];
}

export interface ModelRow {
  input: { name: string; shape: [number, number, number, number] };
  weights: StateOptions;
}

export interface EvaluationRow extends ModelRow {
  logits: { shape: number[]; values: string };
}

/** Norm and projections of tensors by name. */
export type NormTable = Record<string, Norms>;

export interface TrainingRow extends ModelRow {
  labels: number[];
  sgd: { lr: number; momentum: number };
  /** The loss before each step and after the last. */
  losses: number[];
  gradients: NormTable;
  running: NormTable;
  /** Parameter minus its first value, after each step. */
  changes: NormTable[];
}

/** What errors may be at most. */
export const LIMITS = { logits: 1e-4, losses: 1e-4, gradients: 1e-3, running: 1e-4, changes: 1e-3 };

/** A parameter or buffer with the layout that PyTorch keeps it in. */
interface State {
  value: Tensor;
  layout: Layout;
}

function stateOf(model: Model): Map<string, State> {
  const state = new Map<string, State>();
  for (const [name, value] of [...model.namedParameters(), ...model.namedBuffers()])
    state.set(name, { value, layout: model.parameterLayout(name) });
  return state;
}

/** The model of a fixture with the weights of a row; nothing is dropped at random. */
export function build(
  device: Device,
  { model: name, numClasses }: Pick<ModelFixture, 'model' | 'numClasses'>,
  row: ModelRow,
) {
  const model = buildModel(name, { device, numClasses, initialise: false, dropout: 0, dropPath: 0 });
  const state = stateOf(model);
  const shapes = new Map(
    [...state].map(([key, { value, layout }]) => [key, torchShape(value.shape, layout)]),
  );
  const initial = pseudoState(shapes, row.weights);
  for (const [key, { value, layout }] of state)
    value.write(fromTorch(initial.get(key)!, shapes.get(key)!, layout).data as Float32Array<ArrayBuffer>);
  const { name: stream, shape } = row.input;
  const pictures = pseudoPictures(stream, shape);
  return { model, state, initial, x: tensor(pictures, shape, { device }) };
}

/** Error of the logits in evaluation mode. */
export async function logitsError(
  device: Device,
  fixture: ModelFixture,
  row: EvaluationRow,
): Promise<number> {
  const { model, x } = build(device, fixture, row);
  model.eval();
  const logits = noGrad(() => scope(() => model.forward(x)));
  const error = relativeError(await logits.data(), decodeFloats(row.logits.values));
  for (const used of [model, x, logits]) used.dispose();
  return error;
}

/** The largest errors of a training run, and the tensor that each was found in. */
export type TrainingErrors = Record<'losses' | 'gradients' | 'running' | 'changes', Worst>;

/** Runs the SGD steps of a fixture in training mode and compares everything that it stores. */
export async function trainingErrors(
  device: Device,
  fixture: ModelFixture,
  row: TrainingRow,
): Promise<TrainingErrors> {
  const { model, state, initial, x } = build(device, fixture, row);
  const read = async (key: string, value: Tensor): Promise<Float32Array> =>
    toTorch((await value.data()) as Float32Array, value.shape, state.get(key)!.layout).data;
  const errors = new Errors();
  const optimizer = new SGD(
    [...model.namedParameters()].map(([, value]) => value),
    row.sgd,
  );
  model.train();
  for (const [step, expectedLoss] of row.losses.entries()) {
    optimizer.zeroGrad();
    const loss = scope(() => crossEntropy(model.forward(x), Int32Array.from(row.labels)));
    errors.add(
      'losses',
      `step ${step}`,
      Math.abs((await loss.item()) - expectedLoss) / Math.abs(expectedLoss),
    );
    if (step === 0)
      for (const [key, value] of model.namedBuffers())
        errors.compare('running', key, await read(key, value), row.running);
    if (step < row.changes.length) {
      loss.backward();
      if (step === 0)
        for (const [key, { grad }] of model.namedParameters())
          errors.compare('gradients', key, grad && (await read(key, grad)), row.gradients);
      optimizer.step();
      for (const [key, value] of model.namedParameters()) {
        const start = initial.get(key)!;
        const change = (await read(key, value)).map((after, i) => after - start[i]);
        // A float32 parameter keeps no change below its own rounding.
        errors.compare('changes', `${key}`, change, row.changes[step], normsOf(start)[0] / 1000);
      }
    }
    loss.dispose();
  }
  errors.complete(row);
  optimizer.zeroGrad();
  for (const used of [model, x]) used.dispose();
  return errors.largest;
}

class Errors {
  readonly largest: TrainingErrors = {
    losses: { error: 0, at: '' },
    gradients: { error: 0, at: '' },
    running: { error: 0, at: '' },
    changes: { error: 0, at: '' },
  };
  private readonly seen = {
    gradients: new Set<string>(),
    running: new Set<string>(),
    changes: new Set<string>(),
  };

  add(kind: keyof TrainingErrors, at: string, error: number): void {
    this.largest[kind] = worse(this.largest[kind], { error, at });
  }

  /**
   * Differences of norm and projections over the norm, plus `floor`; where the gradient is zero but for rounding
   * (a bias that the next norm subtracts), over the largest norm of the table.
   */
  compare(
    kind: keyof typeof this.seen,
    at: string,
    values: Float32Array | null,
    table: NormTable,
    floor = 0,
  ): void {
    this.seen[kind].add(at);
    const expected = table[at];
    const largest = Math.max(...Object.values(table).map(([norm]) => norm));
    const error =
      values && expected
        ? normsError(normsOf(values), expected, expected[0] + floor || largest)
        : Number.POSITIVE_INFINITY;
    this.add(kind, at, error);
  }

  /** Every stored tensor must have been met. */
  complete({ gradients, running, changes }: TrainingRow): void {
    for (const [kind, table] of [
      ['gradients', gradients],
      ['running', running],
      ['changes', changes[0]],
    ] as const)
      for (const name of Object.keys(table))
        if (!this.seen[kind].has(name)) this.add(kind, `${name}, which is missing`, Number.POSITIVE_INFINITY);
  }
}
