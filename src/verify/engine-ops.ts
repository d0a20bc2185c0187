/** Every op of the engine under the name and parameters that the fixtures use, and one function that runs them. */
import type { Device } from '../gpu/index.ts';
import * as kernels from '../kernels/index.ts';
import { scope, type Tensor, tensor } from '../tensor/index.ts';
import type { OpInput, OpInputs, OpParameters, OpResult } from './parameters.ts';

type Tensors = Record<string, Tensor>;
type EngineOp = (inputs: Tensors, parameters: OpParameters, raw: OpInputs) => Tensor | Record<string, Tensor>;

const batchNorm: EngineOp = ({ x0, weight, bias, runningMean, runningVar, residual }, parameters) => {
  const { training = true, momentum, eps, activation } = parameters;
  const options = { weight, bias, runningMean, runningVar, residual, training, momentum, eps, activation };
  const y = kernels.batchNorm(x0, options);
  return training ? { y, runningMean, runningVar } : y;
};

const crossEntropy: EngineOp = ({ x0, labels, weight }, { labelSmoothing, ignoreIndex }, raw) => {
  const indices = raw.labels.shape.length === 1;
  return kernels.crossEntropy(x0, indices ? Int32Array.from(raw.labels.data) : labels, {
    weight,
    labelSmoothing,
    ignoreIndex,
  });
};

export const ENGINE_OPS: Record<string, EngineOp> = {
  conv2d: ({ x0, x1, bias }, parameters) => kernels.conv2d(x0, x1, { bias, ...windowOf(parameters) }),
  depthwiseConv2d: ({ x0, x1, bias }, parameters) =>
    kernels.depthwiseConv2d(x0, x1, { bias, ...windowOf(parameters) }),
  matmul: ({ x0, x1 }, { transposeA, transposeB }) => kernels.matmul(x0, x1, { transposeA, transposeB }),
  linear: ({ x0, x1, bias }) => kernels.linear(x0, x1, bias),
  batchNorm,
  maxPool2d: ({ x0 }, { kernelSize, ...rest }) =>
    kernels.maxPool2d(x0, { kernelSize: kernelSize!, ...windowOf(rest) }),
  avgPool2d: ({ x0 }, { kernelSize, ...rest }) =>
    kernels.avgPool2d(x0, { kernelSize: kernelSize!, ...windowOf(rest) }),
  adaptiveAvgPool2d: ({ x0 }, { outputSize }) => kernels.adaptiveAvgPool2d(x0, outputSize!),
  globalAvgPool: ({ x0 }) => kernels.globalAvgPool(x0),
  lrn: ({ x0 }, { size, alpha, beta, k }) => kernels.lrn(x0, { size: size as number, alpha, beta, k }),
  relu: ({ x0 }) => kernels.relu(x0),
  relu6: ({ x0 }) => kernels.relu6(x0),
  silu: ({ x0 }) => kernels.silu(x0),
  sigmoid: ({ x0 }) => kernels.sigmoid(x0),
  add: ({ x0, x1 }) => kernels.add(x0, x1),
  sub: ({ x0, x1 }) => kernels.sub(x0, x1),
  mul: ({ x0, x1 }) => kernels.mul(x0, x1),
  div: ({ x0, x1 }) => kernels.div(x0, x1),
  squeezeExcite: ({ x0, reduceWeight, reduceBias, expandWeight, expandBias }) => ({
    ...kernels.squeezeExcite(
      x0,
      { weight: reduceWeight, bias: reduceBias },
      { weight: expandWeight, bias: expandBias },
    ),
  }),
  sum: ({ x0 }, { axes, keepDims }) => kernels.sum(x0, axes, keepDims),
  mean: ({ x0 }, { axes, keepDims }) => kernels.mean(x0, axes, keepDims),
  reshape: ({ x0 }, { shape }) => kernels.reshape(x0, shape!),
  flatten: ({ x0 }, { startDim }) => kernels.flatten(x0, startDim),
  softmax: ({ x0 }) => kernels.softmax(x0),
  logSoftmax: ({ x0 }) => kernels.logSoftmax(x0),
  crossEntropy,
  binaryCrossEntropy: ({ x0, targets, weight }) =>
    kernels.binaryCrossEntropy(x0, targets, { posWeight: weight }),
  pad: ({ x0 }, { padding }) => kernels.pad(x0, padding as [number, number, number, number]),
  concat: (inputs, { axis }) => kernels.concat(Object.values(inputs), axis!),
  slice: ({ x0 }, { ranges }) => kernels.slice(x0, ranges!),
  resize: ({ x0 }, { size, interpolation }) =>
    kernels.resize(x0, size as [number, number], { interpolation: interpolation! }),
};

/** The parameters of windows, for convolutions and pools alike: each takes those that it knows. */
function windowOf({ stride, padding, dilation, groups, ceilMode, countIncludePad }: OpParameters) {
  const given = { stride, padding, dilation, groups, ceilMode, countIncludePad };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given;
}

const upload = (device: Device, { data, shape, grad }: OpInput): Tensor =>
  tensor(data.slice(), shape, { device, requiresGrad: grad });

/** Runs an op on `device`: outputs, and the gradients of Σ y·dy for the inputs that take one. */
export async function runOnDevice(
  device: Device,
  op: string,
  inputs: OpInputs,
  parameters: OpParameters,
  outputGradient: (count: number) => Float32Array,
): Promise<OpResult> {
  const results = scope(() => {
    const tensors: Tensors = {};
    for (const [name, input] of Object.entries(inputs)) tensors[name] = upload(device, input);
    const result = ENGINE_OPS[op](tensors, parameters, inputs);
    const outputs: Tensors = 'y' in result ? result : { y: result as Tensor };
    const { y } = outputs;
    const leaves = Object.entries(tensors).filter(([name]) => inputs[name].grad);
    if (leaves.length > 0)
      y.backward(tensor(outputGradient(y.size) as Float32Array<ArrayBuffer>, y.shape, { device }));
    return { outputs, leaves };
  });
  const read = async (entries: [string, Tensor | null][]): Promise<OpResult['outputs']> => {
    const values: OpResult['outputs'] = {};
    for (const [name, value] of entries) {
      if (value) values[name] = { shape: value.shape, data: await value.data() };
      value?.dispose();
    }
    return values;
  };
  const outputs = await read(Object.entries(results.outputs));
  const gradients = await read(results.leaves.map(([name, leaf]) => [name, leaf.grad]));
  for (const [, leaf] of results.leaves) leaf.dispose();
  return { outputs, gradients };
}

/** The limits of an op's errors: max|Δ| / max|reference|. */
export const KERNEL_LIMITS = { forward: 1e-5, gradients: 1e-4 };
