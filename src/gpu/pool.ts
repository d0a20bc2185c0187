/**
 * The buffer pool. A training step takes and returns the same buffers again and again, so buffers are not destroyed
 * when they are released: they go to a free list and come back.
 *
 * Sizes are rounded up to a few buckets (four to an octave), so that the last, smaller batch of an epoch finds
 * buffers as well; a large request takes a free buffer that is a little larger. Each free list hands out its lowest id
 * first: a step that allocates in the same order as the step before then gets the same buffers, and every cached bind
 * group fits again.
 *
 * What waits is bounded, so that steps whose shapes grow do not pile up what no one will ask for again: before a buffer
 * is made, those given back longest ago are destroyed until all fit into twice the peak. A loop that repeats itself
 * makes no buffer, and therefore loses none.
 */
import { type BufferKind, PooledBuffer } from './buffer.ts';
import { Derived } from './derived.ts';
import { TooLarge } from './errors.ts';
import type { Observers } from './observers.ts';

/** What a device keeps for itself: parameters of dispatches, and buffers through which values are read back. */
export type OwnKind = 'uniform' | 'staging';

/** Bytes in use, the most that ever were, and bytes that wait to be used again (`Device.trim` frees those). */
export interface MemoryReport {
  live: number;
  peak: number;
  /** Released buffers, and what the device keeps for itself. */
  pooled: number;
  /** Bytes in use, and what the device keeps for itself. */
  byKind: Record<BufferKind | OwnKind, number>;
}

const MIB = 2 ** 20;
const STORAGE_USAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST
/** Above this, buckets are whole MiB, and a free buffer may be larger than what was asked for. */
const LARGE = 32 * MIB;
/** How much larger. */
const LARGER = 1.25;
/** All buffers together may take this many times the peak, and the bytes of `SPARE` more. */
const KEPT = 2;
const SPARE = 64 * MIB;

/** The bucket for a request: powers of two up to 4 KiB, quarter octaves up to 32 MiB, whole MiB beyond. */
export function bucketSize(bytes: number): number {
  if (bytes <= 256) return 256;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  if (bytes <= 4096) return octave === bytes ? bytes : 2 * octave;
  if (bytes > LARGE) return Math.ceil(bytes / MIB) * MIB;
  return Math.ceil(bytes / (octave / 4)) * (octave / 4);
}

export class BufferPool {
  private readonly free = new Map<number, PooledBuffer[]>(); // each list by descending id, so that pop() is the lowest
  private nextId = 0;
  private releases = 0;
  private live = 0;
  private peak = 0;
  /** The most in use since the lists were last emptied: what keeping is measured by. */
  private crest = 0;
  private pooled = 0;
  private readonly byKind: Record<BufferKind, number> = {
    activation: 0,
    parameter: 0,
    gradient: 0,
    optimizer: 0,
    constant: 0,
    derived: 0,
  };
  /** What is kept that was computed from buffers of this pool. */
  readonly derived = new Derived((buffer) => this.release(buffer));

  /** @param destroy destroys buffers in order with what is recorded */
  constructor(
    private readonly device: GPUDevice,
    private readonly observers: Observers,
    private readonly destroy: (buffers: readonly PooledBuffer[]) => void,
  ) {}

  /**
   * A buffer of at least `bytes` bytes. Its contents are whatever the last user left.
   * @throws TooLarge where the adapter makes no buffer of that size
   */
  take(bytes: number, kind: BufferKind): PooledBuffer {
    const size = this.sizeFor(bytes, kind);
    const buffer = this.reused(size) ?? this.made(size);
    buffer.kind = kind;
    this.live += buffer.size;
    this.byKind[kind] += buffer.size;
    this.crest = Math.max(this.crest, this.live);
    this.peak = Math.max(this.peak, this.live);
    this.observers.allocate(buffer, bytes);
    return buffer;
  }

  /** Gives a buffer back. Work already recorded may still use it: the next user is recorded later. */
  release(buffer: PooledBuffer): void {
    this.left(buffer);
    this.pooled += buffer.size;
    buffer.released = this.releases++;
    const list = this.free.get(buffer.size);
    if (!list) {
      this.free.set(buffer.size, [buffer]);
      return;
    }
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle]!.id > buffer.id) low = middle + 1;
      else high = middle;
    }
    list.splice(low, 0, buffer);
  }

  /** Destroys a buffer that nobody will ask for again. */
  discard(buffer: PooledBuffer): void {
    this.left(buffer);
    this.destroy([buffer]);
  }

  private left(buffer: PooledBuffer): void {
    this.derived.drop(buffer);
    this.live -= buffer.size;
    this.byKind[buffer.kind] -= buffer.size;
    this.observers.release(buffer);
  }

  /** The values of `buffer` are about to be others. */
  changed(buffer: PooledBuffer): void {
    this.derived.drop(buffer);
  }

  /** Accounts a live buffer under another kind (an activation that became a gradient). */
  changeKind(buffer: PooledBuffer, kind: BufferKind): void {
    this.byKind[buffer.kind] -= buffer.size;
    this.byKind[kind] += buffer.size;
    buffer.kind = kind;
  }

  /** What is in use and what waits, without what the device keeps for itself. */
  report(): Omit<MemoryReport, 'byKind'> & { byKind: Record<BufferKind, number> } {
    return { live: this.live, peak: this.peak, pooled: this.pooled, byKind: { ...this.byKind } };
  }

  /** Destroys every buffer that waits, and what is kept that was derived from others. */
  drain(): void {
    this.derived.clear();
    this.destroy([...this.free.values()].flat());
    this.free.clear();
    this.pooled = 0;
    this.crest = this.live;
  }

  /** The bucket, kept within the limits that the request itself is within. */
  private sizeFor(bytes: number, kind: BufferKind): number {
    const { maxBufferSize: most, maxStorageBufferBindingSize: bound } = this.device.limits;
    if (bytes > most) throw new TooLarge('buffer', kind, bytes, most);
    const roof = Math.floor((bytes <= bound ? Math.min(bound, most) : most) / 16) * 16;
    return Math.min(bucketSize(bytes), Math.max(roof, Math.ceil(bytes / 4) * 4));
  }

  /** The free buffer that fits best, if one does. */
  private reused(size: number): PooledBuffer | undefined {
    const largest = size > LARGE ? LARGER * size : size;
    for (let fits = size; fits <= largest; fits += MIB) {
      const buffer = this.free.get(fits)?.pop();
      if (!buffer) continue;
      this.pooled -= buffer.size;
      return buffer;
    }
    return undefined;
  }

  private made(size: number): PooledBuffer {
    this.makeRoom(size);
    this.observers.make('buffer');
    const gpu = this.device.createBuffer({ size, usage: STORAGE_USAGE });
    return new PooledBuffer(this.nextId++, gpu, size, this);
  }

  /** Destroys those that were given back longest ago, where another `size` bytes would be more than is kept. */
  private makeRoom(size: number): void {
    const kept = KEPT * Math.max(this.crest, this.live + size) + SPARE;
    let excess = this.live + this.pooled + size - kept;
    if (excess <= 0) return;
    const waiting = [...this.free.values()].flat().sort((a, b) => a.released - b.released);
    const doomed = new Set<PooledBuffer>();
    for (const buffer of waiting) {
      if (excess <= 0) break;
      doomed.add(buffer);
      excess -= buffer.size;
      this.pooled -= buffer.size;
    }
    for (const size of new Set([...doomed].map((buffer) => buffer.size)))
      this.free.set(
        size,
        this.free.get(size)!.filter((buffer) => !doomed.has(buffer)),
      );
    this.destroy([...doomed]);
  }
}
