/** TensorFlow.js on its WebGPU backend: layers in NHWC, bias and activation in its fused convolutions and products. */
import type { Activation } from '../graph.ts';
import { type Backend, type ConvSettings, type PoolSettings, walk } from '../interpret.ts';
import { floats, graphFiles, integers, versionOf } from './files.ts';
import { adapterGiven, believed, installNavigator } from './navigator.ts';
import { serve } from './serve.ts';

// Its packages are not the project's, so that their types are not known here.
const [TFJS, WEBGPU] = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu'];
await installNavigator();
const tf = await import(TFJS);
await import(WEBGPU);

// biome-ignore lint/suspicious/noExplicitAny: a tensor of tfjs, see above
type Tensor = any;

const explicit = ([top, left, bottom, right]: ConvSettings['pads']) => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
];

const activationName = (activation: Activation | null): string | undefined => {
  if (!activation) return undefined;
  return activation.kind === 'relu'
    ? 'relu'
    : activation.low === 0 && activation.high === 6
      ? 'relu6'
      : undefined;
};

function after(y: Tensor, activation: Activation | null): Tensor {
  return activation && !activationName(activation) ? backend.activate(y, activation) : y;
}

let training = false;

const backend: Backend<Tensor> = {
  weight(values, shape, role) {
    const tensor = tf.tensor(values, shape);
    const placed =
      role === 'conv'
        ? tf.transpose(tensor, [2, 3, 1, 0])
        : role === 'depthwise'
          ? tf.transpose(tensor, [2, 3, 0, 1])
          : role === 'matrix'
            ? tf.transpose(tensor, [1, 0])
            : tensor.clone();
    tensor.dispose();
    return placed;
  },
  again: (value) => value,
  conv(x, filter, bias, { strides, dilations, pads, groups }, activation) {
    const depthwise = groups > 1;
    if (depthwise && groups !== x.shape[3]) throw new Error(`tfjs has no convolution in ${groups} groups`);
    const pad = explicit(pads);
    if (training) {
      const y = depthwise
        ? tf.depthwiseConv2d(x, filter, strides, pad, 'NHWC', dilations)
        : tf.conv2d(x, filter, strides, pad, 'NHWC', dilations);
      return bias ? tf.add(y, bias) : y;
    }
    const settings = {
      x,
      filter,
      strides,
      pad,
      dilations,
      bias: bias ?? undefined,
      activation: activationName(activation),
    };
    return after(depthwise ? tf.fused.depthwiseConv2d(settings) : tf.fused.conv2d(settings), activation);
  },
  norm(x, scale, shift, mean, variance, settings) {
    const statistics = settings.training ? tf.moments(x, [0, 1, 2]) : { mean, variance };
    return tf.batchNorm(x, statistics.mean, statistics.variance, shift, scale, settings.epsilon);
  },
  activate: (x, { kind, low, high }) =>
    kind === 'relu' ? tf.relu(x) : low === 0 && high === 6 ? tf.relu6(x) : tf.clipByValue(x, low, high),
  sigmoid: (x) => tf.sigmoid(x),
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
  add: (a, b) => tf.add(a, b),
  multiply: (a, b) => tf.mul(a, b),
  maxPool: (x, { kernel, strides, pads }) => tf.maxPool(x, kernel, strides, poolPad(pads)),
  averagePool(x, { kernel, strides, pads, countsPadding }) {
    if (countsPadding && pads.some((pad) => pad > 0))
      throw new Error('tfjs does not count padding in a mean');
    return tf.avgPool(x, kernel, strides, poolPad(pads));
  },
  globalAverage: (x) => tf.mean(x, [1, 2], true),
  flatten(x) {
    const [batch, height, width] = x.shape;
    const ordered = height * width === 1 ? x : tf.transpose(x, [0, 3, 1, 2]);
    return tf.reshape(ordered, [batch, -1]);
  },
  product(x, weight, bias, activation) {
    if (training) {
      const y = tf.matMul(x, weight);
      return bias ? tf.add(y, bias) : y;
    }
    const settings = { a: x, b: weight, bias: bias ?? undefined, activation: activationName(activation) };
    return after(tf.fused.matMul(settings), activation);
  },
  localNorm: (x, { size, alpha, beta, k }) =>
    tf.localResponseNormalization(x, (size - 1) / 2, k, alpha / size, beta),
};

const poolPad = (pads: PoolSettings['pads']) => (pads.every((pad) => pad === 0) ? 'valid' : explicit(pads));

let call: (input: number) => Promise<ArrayLike<number>>;

await serve({
  async open() {
    await tf.setBackend('webgpu');
    await tf.ready();
    if (tf.getBackend() !== 'webgpu')
      throw new Error(`tfjs chose its backend ${tf.getBackend()}, not webgpu`);
    // Small tensors are computed on the processor unless this is off.
    tf.env().set('WEBGPU_CPU_FORWARD', false);
    return {
      adapter: adapterGiven(),
      kind: 'webgpu',
      versions: { tfjs: tf.version_core, webgpu: versionOf('webgpu') },
    };
  },
  async load(what) {
    const { graph, weights } = graphFiles(what);
    const { batch, size, classes, files } = what;
    training = what.pass === 'step';
    const shape = [batch, size, size, 3];
    const pictures = files.nhwc.map(floats);
    const { tensors, trained, run } = walk(graph, weights, backend, training);
    if (!training) {
      call = async (input) => {
        const y = tf.tidy(() => run(tf.tensor(pictures[input]!, shape)));
        const values = await believed(await y.data());
        y.dispose();
        return values;
      };
      return null;
    }
    const variables = new Map(
      [...tensors].map(([name, value]) => [name, trained.includes(name) ? tf.variable(value) : value]),
    );
    const list = trained.map((name) => variables.get(name));
    const labels = files.labels.map(integers);
    const optimizer = tf.train.momentum(what.rate, what.momentum);
    call = async (input) => {
      const loss = optimizer.minimize(
        () => {
          const logits = run(tf.tensor(pictures[input]!, shape), variables);
          const wanted = tf.oneHot(tf.tensor1d(labels[input]!, 'int32'), classes);
          return tf.losses.softmaxCrossEntropy(wanted, logits);
        },
        true,
        list,
      );
      const values = await believed(await loss.data());
      loss.dispose();
      return values;
    };
    return null;
  },
  call: (input) => call(input),
});
