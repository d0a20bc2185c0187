/**
 * Networks layer by layer against PyTorch: the weights and pictures of a fixture, then every layer's result in
 * evaluation mode, every layer's result, the loss and every gradient in training mode. What departs first, in the order
 * of computation, is where the fault is; what follows departs because of it.
 */
import type { Device } from '../gpu/index.ts';
import { buildModel } from '../models/table.ts';
import {
  crossEntropy,
  fromTorch,
  type Layout,
  type Model,
  tapping,
  torchShape,
  toTorch,
} from '../nn/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../tensor/index.ts';
import { type Norms, normsError, normsOf, samplePositions } from './errors.ts';
import type { LayerRow, NetworkFixture, Pass } from './fixtures.ts';
import { pseudoPictures, pseudoState, type StateOptions } from './pseudo.ts';

/** How far a result may be from PyTorch's float64, by what it is. */
export const NETWORK_LIMITS = { layer: 1e-4, loss: 1e-4, gradient: 1e-3 };

/** Share of the largest gradient below which a gradient's own norm is no measure of its error. */
const SMALL = 1e-3;

/** One comparison, in the order of computation. */
export interface Comparison {
  mode: 'evaluation' | 'training';
  kind: keyof typeof NETWORK_LIMITS;
  /** The layer or parameter; `stage layer1` for what a stage hands over. */
  at: string;
  error: number;
  passed: boolean;
}

export interface NetworkCheck {
  model: string;
  comparisons: Comparison[];
  /** The first that is beyond its limit, null where all are within. */
  first: Comparison | null;
  passed: boolean;
}

export interface NetworkOptions {
  /** Both, in this order, by default. */
  modes?: readonly Comparison['mode'][];
  /** May change the model before it runs. */
  prepare?: (model: Model) => void;
}

/** Runs a fixture's model on `device` and compares all that is stored. */
export async function checkNetwork(
  device: Device,
  fixture: NetworkFixture,
  { modes = ['evaluation', 'training'], prepare = () => undefined }: NetworkOptions = {},
): Promise<NetworkCheck> {
  const { model: name, numClasses } = fixture;
  const model = buildModel(name, { device, numClasses, initialise: false, dropout: 0, dropPath: 0 });
  const comparisons: Comparison[] = [];
  let weights = '';
  for (const mode of modes) {
    const wanted = JSON.stringify(fixture[mode].weights);
    if (wanted !== weights) setWeights(model, fixture[mode].weights);
    prepare(model);
    comparisons.push(...(await (mode === 'training' ? checkTraining : checkEvaluation)(model, fixture)));
    // Training moves the running statistics.
    weights = mode === 'training' ? '' : wanted;
  }
  model.dispose();
  const first = comparisons.find(({ passed }) => !passed) ?? null;
  return { model: name, comparisons, first, passed: first === null };
}

async function checkEvaluation(model: Model, { evaluation }: NetworkFixture): Promise<Comparison[]> {
  model.eval();
  const taps = scope(() => noGrad(() => tappedForward(model, picturesOf(model, evaluation)).taps));
  return compareLayers('evaluation', evaluation, taps);
}

/** The forward pass, the loss and the gradients; these from the last layer to the first, as they are computed. */
async function checkTraining(model: Model, { training }: NetworkFixture): Promise<Comparison[]> {
  model.train();
  const { taps, loss } = scope(() => {
    const { taps, logits } = tappedForward(model, picturesOf(model, training));
    return { taps, loss: crossEntropy(logits, Int32Array.from(training.labels)) };
  });
  const results = await compareLayers('training', training, taps);
  const difference = Math.abs((await loss.item()) - training.loss);
  results.push(compare('training', 'loss', 'loss', difference / Math.abs(training.loss)));
  loss.backward();
  loss.dispose();
  // A gradient that cancels nearly (a bias that the next norm subtracts) is rounding: it counts beside the largest.
  const norms = Object.values(training.gradients).map(([norm]) => norm);
  const floor = SMALL * norms.reduce((most, norm) => Math.max(most, norm), 0);
  for (const [name, { grad }] of [...model.namedParameters()].reverse()) {
    const expected = training.gradients[name];
    const found = grad && (await readTorch(grad, model.parameterLayout(name)));
    const error =
      found && expected
        ? normsError(normsOf(found), expected, expected[0] + floor)
        : Number.POSITIVE_INFINITY;
    results.push(compare('training', 'gradient', name, error));
  }
  return results;
}

function compare(mode: Comparison['mode'], kind: Comparison['kind'], at: string, error: number): Comparison {
  return { mode, kind, at, error, passed: error <= NETWORK_LIMITS[kind] };
}

/** Every layer that is stored, in the order of computation. Frees the taps. */
async function compareLayers(
  mode: Comparison['mode'],
  { layers }: Pass,
  taps: Map<string, Tensor>,
): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const row of layers) {
    const name = nameOf(row);
    const result = taps.get(name);
    const error = result ? await layerError(result, row) : Number.POSITIVE_INFINITY;
    results.push(compare(mode, 'layer', name, error));
  }
  for (const result of taps.values()) result.dispose();
  return results;
}

/** What a row of a fixture is about, as messages name it. */
const nameOf = ({ at, stage }: LayerRow): string => (stage ? `stage ${at}` : at);

/** Gives every parameter and running statistic its pseudo-random values. */
function setWeights(model: Model, weights: StateOptions): void {
  const state = new Map([...model.namedParameters(), ...model.namedBuffers()]);
  const shapes = new Map(
    [...state].map(([key, { shape }]) => [key, torchShape(shape, model.parameterLayout(key))]),
  );
  for (const [key, values] of pseudoState(shapes, weights)) {
    const { data } = fromTorch(values, shapes.get(key)!, model.parameterLayout(key));
    state.get(key)!.write(data as Float32Array<ArrayBuffer>);
  }
}

function picturesOf(model: Model, { input: { name, shape } }: Pass): Tensor {
  const [[, { device }]] = model.namedParameters();
  return tensor(pseudoPictures(name, shape), shape, { device });
}

/** Runs the model; handles of what each layer and stage computed, by name, last what the layer handed over last. */
function tappedForward(model: Model, pictures: Tensor): { taps: Map<string, Tensor>; logits: Tensor } {
  const paths = new Map([...model.namedModules()].map(([path, module]) => [module, path]));
  const taps = new Map<string, Tensor>();
  const hold = (name: string, result: Tensor): void => {
    taps.get(name)?.dispose();
    // Owned: the scope of the layer ends long before the result is read.
    taps.set(name, result.alias(result.shape, true));
  };
  const logits = tapping(
    (module, result) => hold(paths.get(module)!, result),
    () =>
      model.stages.reduce((x, stage) => {
        const y = model.forwardStages(x, { from: stage, through: stage });
        hold(`stage ${stage}`, y);
        return y;
      }, pictures),
  );
  return { taps, logits };
}

/** Shape, norm, projections and samples; infinity where the shape is another. */
async function layerError(result: Tensor, { shape, max, norms, samples }: LayerRow): Promise<number> {
  if (`${result.shape}` !== `${shape}`) return Number.POSITIVE_INFINITY;
  const values = await result.data();
  const positions = samplePositions(values.length, samples.length);
  const difference = positions.reduce(
    (most, position, i) => Math.max(most, Math.abs(values[position]! - samples[i]!)),
    0,
  );
  return Math.max(difference / max, normsError(normsOf(values), norms as Norms));
}

/** A gradient in PyTorch's order. */
async function readTorch(value: Tensor, layout: Layout): Promise<Float32Array> {
  return toTorch((await value.data()) as Float32Array, value.shape, layout).data;
}
