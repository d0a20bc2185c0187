/** Every op, with its gradients. One op, one file. */
export { type Activation, relu, relu6, sigmoid, silu } from './activations.ts';
export { adaptiveAvgPool2d, globalAvgPool } from './adaptive-avg-pool.ts';
export { type AvgPoolOptions, avgPool2d } from './avg-pool.ts';
export { type BatchNormOptions, batchNorm } from './batch-norm.ts';
export { add, div, mul, sub } from './broadcast.ts';
export { concat } from './concat.ts';
export { type ConvOptions, conv2d, type NormEpilogue } from './conv2d.ts';
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.ts';
export { type DepthwiseOptions, depthwiseConv2d } from './depthwise-conv2d.ts';
export { type DropoutOptions, dropout, dropPath } from './dropout.ts';
export { linear } from './linear.ts';
export { type LrnOptions, lrn } from './lrn.ts';
export { type MatmulOptions, matmul } from './matmul.ts';
export { type MaxPoolOptions, maxPool2d } from './max-pool.ts';
export { type Margins, pad } from './pad.ts';
export { mean, sum } from './reduce.ts';
export { flatten, reshape } from './reshape.ts';
export { logSoftmax, softmax } from './softmax.ts';
