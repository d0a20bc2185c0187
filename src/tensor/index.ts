/** Tensors, automatic differentiation, scopes and random numbers. */
export { copyOf } from './accumulate.ts';
export { type Backward, record, recordsGrad } from './autograd.ts';
export { checkTypes } from './dtype.ts';
export { HALVES, packHalves } from './halves.ts';
export {
  type ComputedOp,
  type Gradient,
  listenToOps,
  type Op,
  type OpListener,
  type OtherWork,
  watchingOps,
  working,
} from './ops.ts';
export { keep, noGrad, scope } from './recording.ts';
export { broadcastShapes, checkShape, normaliseAxis, type Shape, sameShape, show, sizeOf } from './shape.ts';
export { advanceStep, setStep, stepState } from './step.ts';
export {
  type DataType,
  empty,
  getDefaultDevice,
  setDefaultDevice,
  Tensor,
  type TensorOptions,
  type TypedArray,
  tensor,
  zeros,
} from './tensor.ts';
