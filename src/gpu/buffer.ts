/**
 * A buffer as the rooms above see it: what it is for, who owns it, and how a dispatch binds it. Apart from the pool, so
 * that those who watch or bind buffers need not know how they are handed out.
 */

/** What a buffer is used for; `Device.memory()` reports bytes by these kinds. */
export type BufferKind = 'activation' | 'parameter' | 'gradient' | 'optimizer' | 'constant' | 'derived';

/** A GPUBuffer with the bookkeeping of the pool. */
export class PooledBuffer {
  /** Number of the last recording that used this buffer; see CommandList.write. */
  lastUse = -1;
  /** How often it was written to; see GradNode.run in src/tensor/autograd.ts. */
  version = 0;
  /** When it was last given back, counted in releases; the pool lets go of the oldest first. */
  released = 0;
  kind: BufferKind = 'activation';

  constructor(
    readonly id: number,
    readonly gpu: GPUBuffer,
    /** Bytes of the whole buffer: the bucket's size, not what was asked for. */
    readonly size: number,
    /** The pool it belongs to, hence the device. */
    readonly pool: { changed(buffer: PooledBuffer): void },
  ) {}

  /** Its values change: whatever writes to it says so. */
  written(): void {
    this.version++;
    this.pool.changed(this);
  }

  /** Its values will change soon: what is kept that was computed from them is given back already. */
  changing(): void {
    this.pool.changed(this);
  }
}

/** What one dispatch binds: a whole buffer, or a slice of it (offset a multiple of 256). */
export type BufferBinding = PooledBuffer | { buffer: PooledBuffer; offset: number; size: number };
