/** jax-js on its WebGPU backend: layers in NCHW, the whole network or training step in one `jit`. */
import type { PeerGraph } from '../graph.ts';
import { type Backend, type ConvSettings, type PoolSettings, walk } from '../interpret.ts';
import { floats, graphFiles, integers, versionOf } from './files.ts';
import { adapterGiven, believed, installNavigator } from './navigator.ts';
import { serve } from './serve.ts';

// Its package is not the project's, so that its types are not known here.
const JAX = '@jax-js/jax';
await installNavigator();
const { init, defaultDevice, jit, lax, nn, numpy: np, tree, valueAndGrad } = await import(JAX);

// biome-ignore lint/suspicious/noExplicitAny: an array of jax-js, see above
type Array = any;

const sides = ([top, left, bottom, right]: ConvSettings['pads']) => [
  [top, bottom],
  [left, right],
];

/** Pictures with zeros around them. */
const padded = (x: Array, pads: ConvSettings['pads']): Array =>
  pads.some((pad) => pad > 0) ? np.pad(x, [[0, 0], [0, 0], ...sides(pads)]) : x;

const perChannel = (vector: Array): Array => vector.reshape([1, -1, 1, 1]);

const backend: Backend<Array> = {
  weight: (values, shape) => np.array(values.slice()).reshape([...shape]),
  // An array is used up by the op that reads it, unless it is asked for once more.
  again: (value) => value.ref,
  conv(x, weight, bias, { strides, dilations, pads, groups }, activation) {
    const settings = { rhsDilation: [...dilations], featureGroupCount: groups };
    const y = lax.convGeneralDilated(x, weight, [...strides], sides(pads), settings);
    return finished(bias ? y.add(perChannel(bias)) : y, activation);
  },
  norm(x, scale, shift, mean, variance, { epsilon, training }) {
    if (!training) {
      const factor = scale.div(np.sqrt(variance.add(epsilon)));
      return x.mul(perChannel(factor.ref)).add(perChannel(shift.sub(mean.mul(factor))));
    }
    mean.dispose();
    variance.dispose();
    const axes = [0, 2, 3];
    const centred = x.ref.sub(np.mean(x, axes, { keepdims: true }));
    const spread = np.mean(np.square(centred.ref), axes, { keepdims: true });
    const unit = centred.div(np.sqrt(spread.add(epsilon)));
    return unit.mul(perChannel(scale)).add(perChannel(shift));
  },
  activate: (x, { kind, low, high }) => (kind === 'relu' ? nn.relu(x) : np.clip(x, low, high)),
  sigmoid: (x) => nn.sigmoid(x),
  swish: (x) => nn.silu(x),
  add: (a, b) => a.add(b),
  multiply: (a, b) => a.mul(b),
  // Zeros around a picture are least there too: networks pool behind a ReLU. The check of the answers would tell.
  maxPool: (x, settings) => windows(padded(x, settings.pads), settings, (window) => np.max(window)),
  averagePool(x, settings) {
    if (settings.pads.some((pad) => pad > 0))
      throw new Error('jax-js is not told how to average over padding');
    return windows(x, settings, (window) => np.mean(window));
  },
  globalAverage: (x) => np.mean(x, [2, 3], { keepdims: true }),
  flatten: (x) => x.reshape([x.shape[0], -1]),
  product(x, weight, bias, activation) {
    const y = np.matmul(x, np.transpose(weight));
    return finished(bias ? y.add(bias) : y, activation);
  },
  localNorm(x, { size, alpha, beta, k }) {
    const channels = x.shape[1];
    const half = (size - 1) / 2;
    const squares = np.pad(np.square(x.ref), [
      [0, 0],
      [half, half],
      [0, 0],
      [0, 0],
    ]);
    const shifted = Array.from({ length: size }, (_, at) => squares.ref.slice([], [at, at + channels]));
    squares.dispose();
    const sum = shifted.reduce((a, b) => a.add(b));
    return x.div(np.power(sum.mul(alpha / size).add(k), beta));
  },
};

function finished(y: Array, activation: Parameters<Backend<Array>['activate']>[1] | null): Array {
  return activation ? backend.activate(y, activation) : y;
}

function windows(x: Array, { kernel, strides }: PoolSettings, of: (window: Array) => Array): Array {
  return lax.reduceWindow(x, of, [1, 1, ...kernel].slice(-2), [...strides]);
}

/** A network as a function of a plain object of its tensors, which `jit` takes. */
function functionOf(graph: PeerGraph, weights: Float32Array, training: boolean) {
  const { tensors, trained, run } = walk(graph, weights, backend, training);
  const [moved, kept]: [Record<string, Array>, Record<string, Array>] = [{}, {}];
  for (const [name, value] of tensors) (training && trained.includes(name) ? moved : kept)[name] = value;
  const forward = (given: Record<string, Array>, x: Array): Array => run(x, new Map(Object.entries(given)));
  return { moved, kept, forward };
}

let call: (input: number) => Promise<ArrayLike<number>>;

await serve({
  async open() {
    const devices = await init('webgpu');
    if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU device');
    defaultDevice('webgpu');
    return {
      adapter: adapterGiven(),
      kind: 'webgpu',
      versions: { 'jax-js': versionOf(JAX), webgpu: versionOf('webgpu') },
    };
  },
  async load({ pass, batch, size, classes, rate, momentum, files, ...what }) {
    const { graph, weights } = graphFiles({ pass, batch, size, classes, rate, momentum, files, ...what });
    const { moved, kept, forward } = functionOf(graph, weights, pass === 'step');
    const pictures = files.nchw.map(floats);
    const shape = [batch, 3, size, size];
    const picture = (input: number): Array => np.array(pictures[input]!.slice()).reshape(shape);
    if (pass === 'forward') {
      const compiled = jit(forward);
      call = async (input) => believed(await compiled(tree.ref(kept), picture(input)).data());
      return null;
    }
    const labels = files.labels.map((path) => {
      const wanted = new Float32Array(batch * classes);
      for (const [row, label] of integers(path).entries()) wanted[row * classes + label] = 1;
      return wanted;
    });
    const lossOf = (
      given: Record<string, Array>,
      rest: Record<string, Array>,
      x: Array,
      wanted: Array,
    ): Array => {
      const logits = forward({ ...given, ...rest }, x);
      return np.sum(nn.logSoftmax(logits).mul(wanted)).mul(-1 / batch);
    };
    const step = jit(
      (
        given: Record<string, Array>,
        velocity: Record<string, Array>,
        rest: unknown,
        x: Array,
        wanted: Array,
      ) => {
        const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(given), rest, x, wanted);
        const next: Record<string, Array> = {};
        const faster: Record<string, Array> = {};
        for (const name of Object.keys(given)) {
          const speed = velocity[name].mul(momentum).add(gradients[name]);
          faster[name] = speed.ref;
          next[name] = given[name].sub(speed.mul(rate));
        }
        return [loss, next, faster];
      },
    );
    let state = moved;
    let velocity: Record<string, Array> = Object.fromEntries(
      Object.entries(moved).map(([name, value]) => [name, np.zeros(value.shape)]),
    );
    call = async (input) => {
      const wanted = np.array(labels[input]!.slice()).reshape([batch, classes]);
      const [loss, next, faster] = step(state, velocity, tree.ref(kept), picture(input), wanted);
      [state, velocity] = [next, faster];
      return believed(await loss.data());
    };
    return null;
  },
  call: (input) => call(input),
});
