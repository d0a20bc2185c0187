/** The GPU layer: the only code that touches GPUDevice. */
export { type BufferBinding, type BufferKind, PooledBuffer } from './buffer.ts';
export { adapterFacts, type Choices, choicesForFile, choicesFrom, listedChoices } from './choices.ts';
export { Device, type DeviceOptions, slices } from './device.ts';
export { DeviceError, DeviceLost, type Limit, NoAdapterError, TooLarge } from './errors.ts';
export { Generations } from './generations.ts';
export type { DispatchEvent, Made, Observer, Spent, SpentEvent } from './observers.ts';
export type { MemoryReport } from './pool.ts';
export {
  type BindingType,
  elementwise,
  FIRST_GROUP,
  family,
  foldGroups,
  MOST_GROUPS,
  type ParamType,
  type Program,
  type ProgramSpec,
  program,
  type Run,
} from './program.ts';
export type { DispatchTimer, TimesTold, TimingMethod } from './timer.ts';
export { clockOf, type GpuClock, type Round } from './timestamps.ts';
export { type LanesBy, SOFTWARE_DRIVER, type Traits } from './traits.ts';
