/**
 * What was computed from the values of a buffer and is kept while they stay: a weight's transform, which every forward pass
 * reads and only a step of the optimiser outdates.
 *
 *   source ── compute ──▶ derived, by name          source written to, or given back ──▶ derived given back
 *
 * Nothing is ever compared or looked up by a number that may come again: a buffer itself is the key, and whatever changes
 * its values (a dispatch, a copy, values from outside) or gives it back to the pool, where another tensor may take it, ends
 * what was derived from it before anything else happens.
 */
import type { PooledBuffer } from './buffer.ts';

export class Derived {
  private readonly bySource = new Map<PooledBuffer, Map<string, PooledBuffer>>();

  /** @param release gives a buffer back to the pool */
  constructor(private readonly release: (buffer: PooledBuffer) => void) {}

  get(source: PooledBuffer, name: string): PooledBuffer | undefined {
    return this.bySource.get(source)?.get(name);
  }

  set(source: PooledBuffer, name: string, derived: PooledBuffer): void {
    const known = this.bySource.get(source);
    if (known) known.set(name, derived);
    else this.bySource.set(source, new Map([[name, derived]]));
  }

  /** Ends what was derived from `source`. */
  drop(source: PooledBuffer): void {
    const known = this.bySource.get(source);
    if (!known) return;
    this.bySource.delete(source);
    for (const derived of known.values()) this.release(derived);
  }

  /** Ends all. */
  clear(): void {
    for (const source of [...this.bySource.keys()]) this.drop(source);
  }
}
