/** The GPU layer: the only code that touches GPUDevice. */
export { Device, type DeviceOptions, type Run, slices } from './device.ts';
export { DeviceError, NoAdapterError } from './errors.ts';
export type { BufferBinding } from './pipelines.ts';
export { type BufferKind, type MemoryReport, PooledBuffer } from './pool.ts';
export {
  type BindingType,
  elementwise,
  family,
  foldGroups,
  type ParamType,
  type Program,
  type ProgramSpec,
  program,
} from './program.ts';
export { SOFTWARE_DRIVER, type Traits } from './traits.ts';
