/**
 * The buffer pool. A training step takes and returns the same buffers again and again, so buffers are not destroyed
 * when they are released: they go to a free list and come back, until `Device.trim` empties the lists.
 *
 * Sizes are rounded up to a few buckets (four to an octave), so that the last, smaller batch of an epoch finds
 * buffers as well. Each free list hands out its lowest id first: a step that allocates in the same order as the
 * step before then gets the same buffers, and every cached bind group fits again.
 */

/** What a buffer is used for; `Device.memory()` reports bytes by these kinds. */
export type BufferKind = 'activation' | 'parameter' | 'gradient' | 'optimizer' | 'constant';

/** A GPUBuffer with the bookkeeping of the pool. */
export class PooledBuffer {
  /** Number of the last recording that used this buffer; see CommandList.write. */
  lastUse = -1;
  kind: BufferKind = 'activation';

  constructor(
    readonly id: number,
    readonly gpu: GPUBuffer,
    /** Bytes of the whole buffer: the bucket's size, not what was asked for. */
    readonly size: number,
    /** The pool it belongs to, hence the device. */
    readonly pool: BufferPool,
  ) {}
}

/** Bytes in use, the most that ever were, and bytes waiting in the pool. */
export interface MemoryReport {
  live: number;
  peak: number;
  pooled: number;
  byKind: Record<BufferKind, number>;
}

const MIB = 2 ** 20;
const STORAGE_USAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST

/** The bucket for a request: powers of two up to 4 KiB, quarter octaves up to 32 MiB, whole MiB beyond. */
export function bucketSize(bytes: number): number {
  if (bytes <= 256) return 256;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  if (bytes <= 4096) return octave === bytes ? bytes : 2 * octave;
  if (bytes > 32 * MIB) return Math.ceil(bytes / MIB) * MIB;
  return Math.ceil(bytes / (octave / 4)) * (octave / 4);
}

export class BufferPool {
  private readonly free = new Map<number, PooledBuffer[]>(); // each list by descending id, so that pop() is the lowest
  private nextId = 0;
  private live = 0;
  private peak = 0;
  private pooled = 0;
  private readonly byKind: Record<BufferKind, number> = {
    activation: 0,
    parameter: 0,
    gradient: 0,
    optimizer: 0,
    constant: 0,
  };

  constructor(private readonly device: GPUDevice) {}

  /** A buffer of at least `bytes` bytes. Its contents are whatever the last user left. */
  take(bytes: number, kind: BufferKind): PooledBuffer {
    const size = bucketSize(bytes);
    const limit = this.device.limits.maxBufferSize;
    if (size > limit)
      throw new RangeError(
        `a buffer of ${bytes} bytes was asked for, but this adapter's largest buffer is ${limit} bytes; use a smaller batch or input`,
      );
    let buffer = this.free.get(size)?.pop();
    if (buffer) this.pooled -= size;
    else
      buffer = new PooledBuffer(
        this.nextId++,
        this.device.createBuffer({ size, usage: STORAGE_USAGE }),
        size,
        this,
      );
    buffer.kind = kind;
    this.live += size;
    this.byKind[kind] += size;
    this.peak = Math.max(this.peak, this.live);
    return buffer;
  }

  /** Gives a buffer back. Work already recorded may still use it: the next user is recorded later. */
  release(buffer: PooledBuffer): void {
    this.live -= buffer.size;
    this.byKind[buffer.kind] -= buffer.size;
    this.pooled += buffer.size;
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

  /** Accounts a live buffer under another kind (an activation that became a gradient). */
  changeKind(buffer: PooledBuffer, kind: BufferKind): void {
    this.byKind[buffer.kind] -= buffer.size;
    this.byKind[kind] += buffer.size;
    buffer.kind = kind;
  }

  report(): MemoryReport {
    return { live: this.live, peak: this.peak, pooled: this.pooled, byKind: { ...this.byKind } };
  }

  /** Takes every pooled buffer out of the lists and returns them; the caller destroys them through the command list. */
  drain(): PooledBuffer[] {
    const drained = [...this.free.values()].flat();
    this.free.clear();
    this.pooled = 0;
    return drained;
  }
}
