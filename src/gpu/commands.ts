/**
 * The ordered command list. Dispatches, copies, writes, readbacks and destructions all go through it, in the order in
 * which they were called. Past it goes only what pipelines.ts writes into a new uniform buffer: no dispatch knows
 * the buffer yet, and it is never written again.
 *
 * Why: `queue.writeBuffer` takes effect before dispatches that are recorded but not yet submitted, so a write to a
 * buffer that a recorded dispatch reads would change what that dispatch sees. The list submits what is recorded first.
 */
import type { PooledBuffer } from './buffer.ts';
import type { Observers } from './observers.ts';
import { bucketSize } from './pool.ts';
import type { DispatchTimer, WorkQueue } from './timer.ts';
import type { Patience } from './turn.ts';

/** Larger buffers to read through are destroyed after one use. */
const LARGEST_KEPT = 32 * 2 ** 20;
const STAGING_USAGE = 0x01 | 0x08; // MAP_READ | COPY_DST

export interface Dispatch {
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  immediates: Uint8Array<ArrayBuffer> | null;
  groups: readonly [number, number, number];
  buffers: readonly PooledBuffer[];
  /** Whether the program writes to each of them. */
  writes: readonly boolean[];
  work: number;
}

export class CommandList {
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private pipeline: GPUComputePipeline | null = null;
  private work = 0;
  /** Buffers to read through that nobody reads through now, by size. */
  private readonly staging = new Map<number, GPUBuffer[]>();
  private doomed: GPUBuffer[] = [];
  /** Number of the recording in progress; buffers remember the last one that used them. */
  private recording = 0;
  /** Dispatches recorded since the device was opened. */
  dispatches = 0;
  /** Bytes of the buffers that values are read back through, in use and kept. */
  stagingBytes = 0;
  /** Who times dispatches, each in a pass of its own; null nearly always. */
  private timer: DispatchTimer | null = null;
  private readonly direct: WorkQueue;

  /** @param bound work after which a recording is submitted; see Traits.submittedWork */
  constructor(
    private readonly device: GPUDevice,
    private readonly bound: number,
    private readonly patience: Patience,
    private readonly observers: Observers,
  ) {
    const { queue } = device;
    this.direct = {
      submit: (recorded) => queue.submit([recorded]),
      write: (buffer, offset, data) =>
        queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, data.byteLength),
      destroy: (buffer) => buffer.destroy(),
      handedOver: () => null,
    };
  }

  /** Has `timer` time every dispatch from now on. Of the one before, all is to be handed over. */
  timeBy(timer: DispatchTimer | null): void {
    this.flush();
    this.timer = timer;
  }

  /** Resolves when the GPU's queue has all that was submitted; null where it has. */
  handedOver(): Promise<void> | null {
    return this.queue.handedOver();
  }

  private get queue(): WorkQueue {
    return this.timer?.queue ?? this.direct;
  }

  dispatch(command: Dispatch): void {
    const { timer } = this;
    if (timer?.alone) this.flush();
    else if (timer) this.endPass();
    const pass = this.openPass(timer?.pass());
    if (command.pipeline !== this.pipeline) pass.setPipeline(command.pipeline);
    this.pipeline = command.pipeline;
    pass.setBindGroup(0, command.bindGroup);
    if (command.immediates) pass.setImmediates(0, command.immediates);
    pass.dispatchWorkgroups(...command.groups);
    command.buffers.forEach((buffer, index) => {
      buffer.lastUse = this.recording;
      if (command.writes[index]) buffer.written();
    });
    this.dispatches++;
    this.work += command.work;
    if (this.work > this.bound || timer?.alone) this.flush();
  }

  copy(
    source: PooledBuffer,
    sourceOffset: number,
    target: PooledBuffer,
    targetOffset: number,
    bytes: number,
  ): void {
    this.openEncoder().copyBufferToBuffer(source.gpu, sourceOffset, target.gpu, targetOffset, bytes);
    source.lastUse = target.lastUse = this.recording;
    target.written();
    this.observers.write(target, source);
  }

  /** Writes `data` into `buffer`, after everything recorded so far and before everything recorded later. */
  write(buffer: PooledBuffer, data: ArrayBufferView<ArrayBuffer>, offset = 0): void {
    if (buffer.lastUse === this.recording) this.flush();
    buffer.written();
    this.observers.write(buffer, null);
    this.observers.spent('upload', data.byteLength, () => this.queue.write(buffer.gpu, offset, data));
  }

  /** Copies `bytes` bytes out of `buffer` as it is at this point of the list. */
  async read(buffer: PooledBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
    const staging = this.takeStaging(bytes);
    try {
      this.openEncoder().copyBufferToBuffer(buffer.gpu, offset, staging, 0, bytes);
      this.flush();
      await this.observers.waited('readback', this.mapped(staging, bytes));
      const data = staging.getMappedRange(0, bytes).slice(0);
      staging.unmap();
      this.keepStaging(staging);
      return data;
    } catch (error) {
      this.dropStaging(staging);
      throw error;
    }
  }

  /** Destroys the buffers to read through that nobody reads through now. */
  trim(): void {
    for (const staging of [...this.staging.values()].flat()) this.dropStaging(staging);
    this.staging.clear();
  }

  /** Destroys buffers once everything recorded so far is submitted. */
  destroy(buffers: readonly GPUBuffer[]): void {
    this.doomed.push(...buffers);
  }

  /** Submits what is recorded. Synchronous: it waits for nothing. */
  flush(): void {
    if (this.encoder) {
      this.endPass();
      this.submit(this.encoder);
      this.encoder = null;
      this.work = 0;
      this.recording++;
    }
    for (const buffer of this.doomed) this.queue.destroy(buffer);
    this.doomed = [];
  }

  private submit(encoder: GPUCommandEncoder): void {
    this.timer?.finish(encoder);
    this.observers.spent('submit', 0, () => this.queue.submit(encoder.finish()));
    this.timer?.submitted();
  }

  private async mapped(staging: GPUBuffer, bytes: number): Promise<void> {
    const handedOver = this.handedOver();
    if (handedOver) await handedOver;
    await this.patience(staging.mapAsync(0x01, 0, bytes));
  }

  private takeStaging(bytes: number): GPUBuffer {
    const size = bucketSize(bytes);
    const kept = this.staging.get(size)?.pop();
    if (kept) return kept;
    this.observers.make('staging');
    this.stagingBytes += size;
    return this.device.createBuffer({ size, usage: STAGING_USAGE });
  }

  private keepStaging(staging: GPUBuffer): void {
    const kept = this.staging.get(staging.size);
    if (staging.size > LARGEST_KEPT) this.dropStaging(staging);
    else if (kept) kept.push(staging);
    else this.staging.set(staging.size, [staging]);
  }

  private dropStaging(staging: GPUBuffer): void {
    this.stagingBytes -= staging.size;
    staging.destroy();
  }

  private openEncoder(): GPUCommandEncoder {
    this.endPass();
    this.encoder ??= this.device.createCommandEncoder();
    return this.encoder;
  }

  private openPass(descriptor?: GPUComputePassDescriptor): GPUComputePassEncoder {
    this.encoder ??= this.device.createCommandEncoder();
    this.pass ??= this.encoder.beginComputePass(descriptor);
    return this.pass;
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = this.pipeline = null;
  }
}
