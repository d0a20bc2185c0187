/**
 * A profile of a course of steps: `fit`'s, as a callback, or a loop's over batches. It begins before the first one and ends
 * after `PROFILED`, or where the course ends before, so that a long run has the size and the speed of any other.
 */
import type { Batch, BatchSource } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import type { Module } from '../nn/index.ts';
import type { Callback, EndEvent, RunEvent } from '../train/callback.ts';
import { filesOf, type ProfileFiles } from './document.ts';
import { Profiler } from './profiler.ts';
import type { Recording } from './recording.ts';

/** Steps of a course that are profiled: the first, the second, and ten more. */
export const PROFILED = 12;

export class ProfiledCourse implements Callback {
  readonly name = 'profile';
  private profiler: Profiler | null = null;
  private steps = 0;
  private recording: Promise<Recording> | null = null;

  /** @param write keeps what was found; called once, when the loop waits for it */
  constructor(private readonly write: (files: ProfileFiles) => Promise<void>) {}

  async onStart({ device, model }: Pick<RunEvent, 'device' | 'model'>): Promise<void> {
    await this.start(device, model);
  }

  onStep(): void {
    this.mark();
  }

  async onEpoch(): Promise<void> {
    if (this.recording) await this.finish();
  }

  async onEnd(_event?: EndEvent): Promise<void> {
    await this.finish();
  }

  async start(device: Device, model: Module): Promise<void> {
    this.profiler = await Profiler.start(device, { model });
  }

  /** A step has ended. */
  mark(): void {
    if (!this.profiler || this.recording) return;
    this.profiler.mark();
    if (++this.steps === PROFILED) this.recording = this.profiler.stop();
  }

  /** Ends it, if it goes on, and has it written, once. */
  async finish(): Promise<void> {
    const { profiler } = this;
    if (!profiler) return;
    this.profiler = null;
    await this.write(filesOf(await (this.recording ?? profiler.stop())));
  }

  /** `source`, of which it is noted how long each batch is waited for. */
  watching(source: BatchSource): BatchSource {
    return {
      batches: source.batches,
      load: (epoch, startBatch) => this.watched(source.load(epoch, startBatch), () => undefined),
    };
  }

  /** The same of batches of which each is a step: it ends where the next one is asked for. */
  marking(batches: AsyncIterable<Batch>): AsyncGenerator<Batch, void, undefined> {
    return this.watched(batches, () => this.mark());
  }

  private async *watched(
    batches: AsyncIterable<Batch>,
    onNext: () => void,
  ): AsyncGenerator<Batch, void, undefined> {
    let asked = performance.now();
    for await (const batch of batches) {
      if (!this.recording) this.profiler?.note('decoding', asked, performance.now());
      yield batch;
      onNext();
      asked = performance.now();
    }
  }
}
