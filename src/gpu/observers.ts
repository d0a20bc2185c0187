/**
 * Observers: who wants to know what a device does is told, and nobody overwrites a method of the device.
 *
 *   const stop = device.observe({ dispatch: ({ program, flops }) => console.log(program.name, flops) });
 *   …
 *   stop();
 *
 * The dry run counts this way, the figures name layers, tests look for what a steady loop still creates. Several may
 * watch at once. An observer is called where it happens and must not use the device. Without one, a dispatch costs a
 * comparison more.
 */
import type { BufferBinding, PooledBuffer } from './buffer.ts';
import type { Program } from './program.ts';

/** A dispatch that was recorded. */
export interface DispatchEvent {
  readonly program: Program;
  readonly bindings: Readonly<Record<string, BufferBinding>>;
  readonly params: Readonly<Record<string, number>>;
  readonly groups: readonly [number, number, number];
  /** As the kernel counts them: see `Run`. */
  readonly flops: number;
  readonly bytes: number;
  /** Whether the device runs the program for the first time, which may compile it. */
  readonly first: boolean;
}

/** What a device makes of WebGPU's objects and keeps, to use it again. */
export type Made = 'buffer' | 'uniform' | 'staging' | 'bind group' | 'pipeline' | 'query set';

/**
 * What time went into, apart from dispatches: copying values to the GPU, handing recorded work over, making a pipeline;
 * and what was waited for: values on their way back, or steps in flight.
 */
export type Spent = 'upload' | 'submit' | 'pipeline' | 'readback' | 'pace';

/** A stretch of time, in milliseconds of `performance.now()`. */
export interface SpentEvent {
  readonly what: Spent;
  readonly start: number;
  readonly end: number;
  /** Bytes that were copied; of a pipeline, the program's name. */
  readonly about: number | string;
}

/** What an observer is told; each is optional. */
export interface Observer {
  dispatch?(event: DispatchEvent): void;
  /** A buffer was taken from the pool, for `bytes` bytes that were asked for. */
  allocate?(buffer: PooledBuffer, bytes: number): void;
  /** A buffer went back to the pool. */
  release?(buffer: PooledBuffer): void;
  /** Values came into a buffer by no dispatch: from outside (null), or copied from another one. */
  write?(buffer: PooledBuffer, source: PooledBuffer | null): void;
  /** An object of WebGPU was made, where none of those that are kept fitted. */
  make?(what: Made): void;
  /** Time passed. A wait is told of when it is over, and others may lie in it. */
  spend?(event: SpentEvent): void;
}

type Calls = { [Event in keyof Observer]-?: Set<NonNullable<Observer[Event]>> };

/** The observers of one device, by what they want to know. */
export class Observers {
  readonly calls: Calls = {
    dispatch: new Set(),
    allocate: new Set(),
    release: new Set(),
    write: new Set(),
    make: new Set(),
    spend: new Set(),
  };

  /** Adds an observer; the result removes it. */
  add(observer: Observer): () => void {
    const parts = (Object.keys(this.calls) as (keyof Observer)[]).flatMap((event) => {
      const call = observer[event]?.bind(observer) as never;
      return call ? [{ set: this.calls[event] as Set<never>, call }] : [];
    });
    for (const { set, call } of parts) set.add(call);
    return () => {
      for (const { set, call } of parts) set.delete(call);
    };
  }

  dispatch(event: DispatchEvent): void {
    for (const call of this.calls.dispatch) call(event);
  }

  allocate(buffer: PooledBuffer, bytes: number): void {
    for (const call of this.calls.allocate) call(buffer, bytes);
  }

  release(buffer: PooledBuffer): void {
    for (const call of this.calls.release) call(buffer);
  }

  write(buffer: PooledBuffer, source: PooledBuffer | null): void {
    for (const call of this.calls.write) call(buffer, source);
  }

  make(what: Made): void {
    for (const call of this.calls.make) call(what);
  }

  /** Runs `work`, and tells how long it took where anybody wants to know. */
  spent<Result>(what: Spent, about: number | string, work: () => Result): Result {
    if (this.calls.spend.size === 0) return work();
    const start = performance.now();
    const result = work();
    this.spend(what, about, start);
    return result;
  }

  /** The same of what is waited for. */
  waited<Result>(what: Spent, work: Promise<Result>, about: number | string = 0): Promise<Result> {
    if (this.calls.spend.size === 0) return work;
    const start = performance.now();
    return work.finally(() => this.spend(what, about, start));
  }

  private spend(what: Spent, about: number | string, start: number): void {
    const event = { what, about, start, end: performance.now() };
    for (const call of this.calls.spend) call(event);
  }
}
