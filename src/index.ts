/// <reference types="@webgpu/types" />
/**
 * Tessera's public API.
 *
 *   const device = await openDevice();
 *   const model = await createModel('resnet18', { weights: 'resnet18.pth' });
 *   const logits = noGrad(() => model.eval().forward(x));       // x: [N, 224, 224, 3]
 */
export {
  type BufferKind,
  Device,
  DeviceError,
  type DeviceOptions,
  type MemoryReport,
  NoAdapterError,
} from './gpu/index.ts';
export * from './kernels/index.ts';
export { compoundScale, type Scale } from './models/efficientnet.ts';
export {
  buildModel,
  type MBConvRow,
  type MBConvTable,
  type ModelOptions,
  modelNames,
  type Network,
} from './models/table.ts';
export {
  AdamW,
  type AdamWOptions,
  BatchNorm2d,
  Conv2d,
  constant,
  convNormAct,
  cosine,
  DepthwiseConv2d,
  Dropout,
  type FreezeReport,
  type FreezeSpec,
  freeze,
  Linear,
  Model,
  Module,
  maskGradient,
  Optimizer,
  onDevice,
  type ParameterGroup,
  type Schedule,
  Sequential,
  SGD,
  type SGDOptions,
  SqueezeExcitation,
  StochasticDepth,
  step,
  unfreeze,
} from './nn/index.ts';
export { listAdapters, memoryBudget, type OpenOptions, openDevice } from './node/open-device.ts';
export {
  type DataType,
  getDefaultDevice,
  keep,
  noGrad,
  type Shape,
  scope,
  setDefaultDevice,
  setStep,
  Tensor,
  type TensorOptions,
  tensor,
  zeros,
} from './tensor/index.ts';
export { readCard, type WeightsCard } from './weights/card.ts';
export { CATALOG, defaultEntry, findEntry, type WeightsEntry } from './weights/catalog/catalog.ts';
export { IMAGENET_CLASSES } from './weights/catalog/imagenet-classes.ts';
export { type CreateOptions, type SaveOptions, specOf, weightsBytes } from './weights/create-model.ts';
export { factsOf, type KnownWeights, type WeightsFacts } from './weights/door.ts';
export type { LoadReport, LoadWeightsOptions } from './weights/load.ts';
export { describeReport } from './weights/load.ts';
export {
  createModel,
  loadWeights,
  openNamed,
  openWeights,
  saveWeights,
} from './weights/node/create-model.ts';
