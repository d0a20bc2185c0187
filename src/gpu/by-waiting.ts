/**
 * Times dispatches where the adapter has no timestamps: each is submitted alone and waited for, and the next one is
 * submitted then. An op returns before its work is submitted, as ever; what is recorded queues up here in order, writes and
 * destructions included, and `Device.pace` and `Device.read` wait until the GPU has it.
 *
 * A time holds the submission and the way back to JavaScript, most of a millisecond in Node: what an empty dispatch takes is
 * taken off by whoever prints it. The GPU idles in between, so a step is slow, and its bits are those of any other.
 */
import type { DispatchTimer, TimesTold, WorkQueue } from './timer.ts';
import type { Patience } from './turn.ts';

type Work = { submit: GPUCommandBuffer; dispatch: number | null } | { run: () => void };

export class ByWaiting implements DispatchTimer, WorkQueue {
  readonly alone = true;
  readonly queue = this;
  private readonly waiting: Work[] = [];
  private working: Promise<void> | null = null;
  private count = 0;
  /** The dispatch in the recording in progress. */
  private recorded: number | null = null;

  constructor(
    private readonly gpu: GPUDevice,
    private readonly patience: Patience,
    private readonly told: TimesTold,
  ) {}

  pass(): undefined {
    this.recorded = this.count++;
  }

  submit(recorded: GPUCommandBuffer): void {
    this.add({ submit: recorded, dispatch: this.recorded });
    this.recorded = null;
  }

  write(buffer: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    const { byteOffset, byteLength } = data;
    if (!this.working) {
      this.gpu.queue.writeBuffer(buffer, offset, data.buffer, byteOffset, byteLength);
      return;
    }
    const bytes = data.buffer.slice(byteOffset, byteOffset + byteLength);
    this.add({ run: () => this.gpu.queue.writeBuffer(buffer, offset, bytes) });
  }

  destroy(buffer: GPUBuffer): void {
    if (this.working) this.add({ run: () => buffer.destroy() });
    else buffer.destroy();
  }

  handedOver(): Promise<void> | null {
    return this.working;
  }

  finish(): void {}

  submitted(): void {}

  async settled(): Promise<void> {
    while (this.working) await this.working;
  }

  dispose(): void {}

  private add(work: Work): void {
    this.waiting.push(work);
    this.working ??= this.work();
  }

  private async work(): Promise<void> {
    await null; // `working` is set by then
    for (let work = this.waiting.shift(); work; work = this.waiting.shift()) {
      if ('run' in work) {
        work.run();
        continue;
      }
      const start = performance.now();
      this.gpu.queue.submit([work.submit]);
      if (work.dispatch === null) continue;
      await this.patience(this.gpu.queue.onSubmittedWorkDone());
      this.told(work.dispatch, start, performance.now());
    }
    this.working = null;
  }
}
