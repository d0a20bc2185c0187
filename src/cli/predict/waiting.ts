/** How long a loop waits for its pictures. */

/** Batches on their way, with a clock that runs while the next one is not there yet. */
export class Waited {
  /** Milliseconds in which the loop asked for a batch and had none. The GPU may still have worked: it is a bound. */
  waited = 0;
  private readonly started = performance.now();

  async *watch<T>(batches: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const iterator = batches[Symbol.asyncIterator]();
    try {
      for (;;) {
        const asked = performance.now();
        const next = await iterator.next();
        this.waited += performance.now() - asked;
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  /** Milliseconds since it began. */
  get elapsed(): number {
    return performance.now() - this.started;
  }
}
