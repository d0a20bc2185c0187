/**
 * The worker's end of the contract. Calls run one after the other, in the order in which they came: they share a device and
 * its networks. One that takes long lets others through where it breathes, and ends there when it is aborted.
 */
import type { Asked, CallName, Calls, Told } from '../contract.ts';

/** What a call is given beside its argument. */
export interface Context<Name extends CallName = CallName> {
  signal: AbortSignal;
  tell(event: Calls[Name]['event']): void;
  /** Lets waiting calls run, then goes on. @throws AbortError where this call is not wanted any more */
  breathe(): Promise<void>;
}

export type Handlers = {
  [Name in CallName]: (
    argument: Calls[Name]['argument'],
    context: Context<Name>,
  ) => Promise<Calls[Name]['result']>;
};

/** A queue of one: who waits runs when all before it are done. */
class Turns {
  private last: Promise<void> = Promise.resolve();

  take(): Promise<() => void> {
    const before = this.last;
    let done!: () => void;
    this.last = new Promise((resolve) => {
      done = resolve;
    });
    return before.then(() => done);
  }
}

export function serve(handlers: Handlers): void {
  const turns = new Turns();
  const running = new Map<number, AbortController>();
  const tell = (message: Told, transfer: Transferable[] = []): void => postMessage(message, { transfer });

  const run = async ({ id, generation, name, argument }: Extract<Asked, { kind: 'call' }>): Promise<void> => {
    const { signal } = running.get(id)!;
    let release = await turns.take();
    try {
      signal.throwIfAborted();
      const handler = handlers[name] as (argument: unknown, context: Context) => Promise<unknown>;
      const result = await handler(argument, {
        signal,
        tell: (event) => tell({ kind: 'event', id, generation, event }),
        async breathe() {
          release();
          release = await turns.take();
          signal.throwIfAborted();
        },
      });
      tell({ kind: 'result', id, generation, result }, buffersIn(result));
    } catch (error) {
      if (!signal.aborted) tell({ kind: 'error', id, generation, error: faultOf(error) });
    } finally {
      release();
      running.delete(id);
    }
  };

  addEventListener('message', ({ data }: MessageEvent<Asked>) => {
    if (data.kind === 'abort') return running.get(data.id)?.abort();
    running.set(data.id, new AbortController());
    void run(data);
  });
}

const faultOf = (error: unknown): { name: string; message: string } =>
  error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) };

/** The memory of the arrays in a result, which changes hands in place of being copied. */
function buffersIn(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') buffersIn(item, found);
  } else if (value && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) buffersIn(item, found);
  }
  return [...found];
}
