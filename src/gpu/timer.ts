/**
 * What a command list asks of whoever times its dispatches (`Device.timeDispatches`). Two do: timestamps.ts, where the
 * adapter has them, and by-waiting.ts, everywhere. While one does, every dispatch gets a compute pass of its own.
 */

/** Where recorded work goes, in order: the GPU's queue, or one that waits in between. */
export interface WorkQueue {
  submit(recorded: GPUCommandBuffer): void;
  write(buffer: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void;
  destroy(buffer: GPUBuffer): void;
  /** Resolves when the GPU's queue has all of it; null where it has. */
  handedOver(): Promise<void> | null;
}

/**
 * Told when a dispatch began and ended, in milliseconds of `performance.now()`; dispatches are counted from 0 from where the
 * timing began. Both are NaN where nobody can say.
 */
export type TimesTold = (dispatch: number, start: number, end: number) => void;

export interface DispatchTimer {
  /** Whether each dispatch is submitted alone. */
  readonly alone: boolean;
  /** Takes the place of the GPU's queue; null where nothing does. */
  readonly queue: WorkQueue | null;
  /** The pass of the next dispatch. */
  pass(): GPUComputePassDescriptor | undefined;
  /** Called before an encoder with dispatches is finished. */
  finish(encoder: GPUCommandEncoder): void;
  /** Called after it was submitted. */
  submitted(): void;
  /** Resolves when all that was submitted has been told of. */
  settled(): Promise<void>;
  /** Frees what it holds. */
  dispose(): void;
}

/** How dispatches are timed. */
export type TimingMethod = 'timestamps' | 'waiting';
