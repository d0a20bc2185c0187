/** Every op, with its gradients. One op, one file. */

export { type Conv2dOptions, conv2d } from './conv/conv2d.ts';
export { type DepthwiseOptions, depthwiseConv2d } from './conv/depthwise-conv2d.ts';
export {
  type SqueezedExcited,
  type SqueezeExciteLayer,
  squeezeExcite,
} from './excite/squeeze-excite.ts';
export { type Margins, pad } from './image/pad.ts';
export { type ResizeOptions, resize } from './image/resize.ts';
export { type BinaryCrossEntropyOptions, binaryCrossEntropy } from './loss/binary-cross-entropy.ts';
export { type CrossEntropyOptions, crossEntropy } from './loss/cross-entropy.ts';
export { linear } from './matmul/linear.ts';
export { type MatmulOptions, matmul } from './matmul/matmul.ts';
export { type BatchNormOptions, batchNorm } from './norm/batch-norm.ts';
export { type LrnOptions, lrn } from './norm/lrn.ts';
export { type Activation, relu, relu6, sigmoid, silu } from './pointwise/activations.ts';
export { add, div, mul, sub } from './pointwise/broadcast.ts';
export { type DropoutOptions, dropout, dropPath } from './pointwise/dropout.ts';
export { adaptiveAvgPool2d, globalAvgPool } from './pool/adaptive-avg-pool.ts';
export { type AvgPoolOptions, avgPool2d } from './pool/avg-pool.ts';
export { type MaxPoolOptions, maxPool2d } from './pool/max-pool.ts';
export { mean, sum } from './reduce/reduce.ts';
export { logSoftmax, softmax } from './reduce/softmax.ts';
export { concat } from './shape/concat.ts';
export { permute } from './shape/permute.ts';
export { flatten, reshape } from './shape/reshape.ts';
export { type SliceRange, slice } from './shape/slice.ts';
