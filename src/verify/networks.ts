/**
 * Networks layer by layer against PyTorch: the weights and pictures of a fixture, then every layer's result in
 * evaluation mode, every layer's result, the loss and every gradient in training mode. What departs first, in the order
 * of computation, is where the fault is; what follows departs because of it.
 */
import type { Device } from '../gpu/index.ts';
import { buildModel } from '../models/registry.ts';
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
import { pseudoPictures, pseudoState } from './pseudo.ts';

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

/** Runs a fixture's model on `device` and compares all that is stored. `prepare` may change the model first. */
export async function checkNetwork(
  device: Device,
  fixture: NetworkFixture,
  prepare: (model: Model) => void = () => undefined,
): Promise<NetworkCheck> {
  const comparisons = [
    ...(await checkPass(device, fixture, 'evaluation', prepare)),
    ...(await checkPass(device, fixture, 'training', prepare)),
  ];
  const first = comparisons.find(({ passed }) => !passed) ?? null;
  return { model: fixture.model, comparisons, first, passed: first === null };
}

/** A forward pass of one mode and, in training, the backward pass. */
async function checkPass(
  device: Device,
  fixture: NetworkFixture,
  mode: Comparison['mode'],
  prepare: (model: Model) => void,
): Promise<Comparison[]> {
  const pass = fixture[mode];
  const { model, pictures } = load(device, fixture, pass);
  prepare(model);
  model.train(mode === 'training');
  const compare = (kind: Comparison['kind'], at: string, error: number): Comparison => ({
    mode,
    kind,
    at,
    error,
    passed: error <= NETWORK_LIMITS[kind],
  });
  const results: Comparison[] = [];
  const forward = (): { taps: Map<string, Tensor>; loss: Tensor | null } => {
    const { taps, logits } = tappedForward(model, pictures);
    return { taps, loss: 'labels' in pass ? crossEntropy(logits, Int32Array.from(pass.labels)) : null };
  };
  const { taps, loss } = scope(() => (mode === 'training' ? forward() : noGrad(forward)));
  for (const row of pass.layers) {
    const name = nameOf(row);
    const result = taps.get(name);
    results.push(compare('layer', name, result ? await layerError(result, row) : Number.POSITIVE_INFINITY));
  }
  for (const result of taps.values()) result.dispose();
  if (loss && 'labels' in pass) {
    const value = await loss.item();
    results.push(compare('loss', 'loss', Math.abs(value - pass.loss) / Math.abs(pass.loss)));
    loss.backward();
    loss.dispose();
    // A gradient that cancels nearly (a bias that the next norm subtracts) is rounding: it counts beside the largest.
    const floor = SMALL * Math.max(...Object.values(pass.gradients).map(([norm]) => norm));
    // The backward pass goes from the last layer to the first.
    for (const [name, parameter] of [...model.namedParameters()].reverse()) {
      const expected = pass.gradients[name];
      const found = parameter.grad && (await readTorch(parameter.grad, model.parameterLayout(name)));
      const error =
        found && expected
          ? normsError(normsOf(found), expected, expected[0] + floor)
          : Number.POSITIVE_INFINITY;
      results.push(compare('gradient', name, error));
    }
  }
  pictures.dispose();
  model.dispose();
  return results;
}

/** What a row of a fixture is about, as messages name it. */
const nameOf = ({ at, stage }: LayerRow): string => (stage ? `stage ${at}` : at);

/** The fixture's model with its weights and nothing dropped at random, and its pictures. */
function load(device: Device, fixture: NetworkFixture, pass: Pass): { model: Model; pictures: Tensor } {
  const { model: name, numClasses } = fixture;
  const model = buildModel(name, { device, numClasses, initialise: false, dropout: 0, ...noDropPath(name) });
  const state = new Map([...model.namedParameters(), ...model.namedBuffers()]);
  const shapes = new Map(
    [...state].map(([key, { shape }]) => [key, torchShape(shape, model.parameterLayout(key))]),
  );
  for (const [key, values] of pseudoState(shapes, pass.weights)) {
    const { data } = fromTorch(values, shapes.get(key)!, model.parameterLayout(key));
    state.get(key)!.write(data as Float32Array<ArrayBuffer>);
  }
  const { name: stream, shape } = pass.input;
  const pictures = pseudoPictures(stream, shape) as Float32Array<ArrayBuffer>;
  return { model, pictures: tensor(pictures, shape, { device, owned: true }) };
}

/** Only EfficientNets have stochastic depth. */
const noDropPath = (name: string): { dropPath?: number } =>
  name.includes('efficientnet') ? { dropPath: 0 } : {};

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
  const differences = positions.map((position, i) => Math.abs(values[position]! - samples[i]!));
  return Math.max(Math.max(...differences) / max, normsError(normsOf(values), norms as Norms));
}

/** A gradient in PyTorch's order. */
async function readTorch(value: Tensor, layout: Layout): Promise<Float32Array> {
  return toTorch((await value.data()) as Float32Array, value.shape, layout).data;
}
