/** Networks: modules, layers, initialisation, optimisers, schedules, freezing. */
export { binaryCrossEntropy, crossEntropy } from '../kernels/index.ts';
export { AdamW, type AdamWOptions } from './adamw.ts';
export { chain } from './chain.ts';
export { clipGradNorm } from './clip.ts';
export { convAct, convNormAct } from './conv-norm-act.ts';
export { Dropout, StochasticDepth } from './dropout.ts';
export { type FreezeReport, type FreezeSpec, freeze, normNames, trainOnly, unfreeze } from './freeze.ts';
export {
  type Draw,
  type Fan,
  fill,
  type Init,
  kaimingNormal,
  kaimingUniform,
  manualSeed,
  torchDefault,
  xavierNormal,
  xavierUniform,
} from './init.ts';
export {
  BatchNorm2d,
  Conv2d,
  type ConvOptions,
  DepthwiseConv2d,
  Linear,
  type LinearOptions,
  type NormOptions,
} from './layers.ts';
export { fromTorch, type Layout, torchShape, toTorch } from './layout.ts';
export { maskGradient, maskOf } from './mask.ts';
export { type Cut, Model, type ModelSpec, type Stages } from './model.ts';
export {
  buffer,
  forwardOf,
  type InitRule,
  type Layer,
  Module,
  onDevice,
  parameter,
  Sequential,
} from './module.ts';
export { decayGroups, Optimizer, type ParameterGroup, type Parameters } from './optimizer.ts';
export {
  type CosineOptions,
  constant,
  cosine,
  type OneCycleOptions,
  oneCycle,
  perUpdate,
  type Schedule,
  stepDecay,
  warmUp,
} from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
export { SqueezeExcitation } from './squeeze-excitation.ts';
export { type Tap, tapped, tapping } from './tap.ts';
export { listenToModules, type ModuleListener } from './within.ts';
