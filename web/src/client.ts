/**
 * The page's end of the contract: a call becomes a promise. Whatever comes late is harmless: an answer to an aborted call,
 * or to one of an older generation, finds nobody waiting.
 */
import type { Asked, CallName, Calls, Fault, Told } from './contract.ts';

export interface AskOptions<Name extends CallName> {
  signal?: AbortSignal;
  onEvent?: (event: Calls[Name]['event']) => void;
}

/** What the worker threw. */
export class WorkerError extends Error {
  override name = 'WorkerError';

  constructor(readonly fault: Fault) {
    super(fault.message);
  }
}

/** Calls that are about no network: they go on where another one is loaded. */
const ABOUT_NONE: ReadonlySet<CallName> = new Set([
  ...(['open', 'gpu', 'verify', 'bench', 'look', 'packLesson', 'openLesson'] as const),
]);

interface Waiting {
  name: CallName;
  resolve(result: unknown): void;
  reject(error: unknown): void;
  onEvent(event: unknown): void;
}

/** What a promise rejects with where its answer is not wanted any more. */
const superseded = (): DOMException => new DOMException('The answer is not wanted any more.', 'AbortError');

/** Whether an error only says that nobody wants the answer. */
export const isAbort = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'AbortError';

export class Client {
  private readonly waiting = new Map<number, Waiting>();
  private generation = 0;
  private last = 0;

  constructor(private readonly worker: Worker) {
    worker.addEventListener('message', ({ data }: MessageEvent<Told>) => this.hear(data));
    // The program of the worker did not load, or threw where nobody listens.
    worker.addEventListener('error', ({ message }) => {
      const fault = { name: 'Error', message: `the worker failed: ${message || 'it could not be loaded'}` };
      for (const { reject } of this.waiting.values()) reject(new WorkerError(fault));
      this.waiting.clear();
    });
  }

  /** Calls the worker. @throws WorkerError with its sentence; an AbortError where the answer is not wanted any more */
  ask<Name extends CallName>(
    name: Name,
    argument: Calls[Name]['argument'],
    { signal, onEvent }: AskOptions<Name> = {},
  ): Promise<Calls[Name]['result']> {
    const id = ++this.last;
    const { generation } = this;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(superseded());
      this.waiting.set(id, {
        name,
        resolve: resolve as Waiting['resolve'],
        reject,
        onEvent: (event) => onEvent?.(event as Calls[Name]['event']),
      });
      signal?.addEventListener('abort', () => this.drop(id), { once: true });
      this.post({ kind: 'call', id, generation, name, argument });
    });
  }

  /** Another network comes: from now on what was asked of the one before is late. */
  renew(): void {
    this.generation++;
    for (const [id, { name }] of [...this.waiting]) if (!ABOUT_NONE.has(name)) this.drop(id);
  }

  private drop(id: number): void {
    const call = this.waiting.get(id);
    if (!call) return;
    this.waiting.delete(id);
    this.post({ kind: 'abort', id });
    call.reject(superseded());
  }

  private hear(told: Told): void {
    const call = this.waiting.get(told.id);
    if (!call || (told.generation !== this.generation && !ABOUT_NONE.has(call.name))) return;
    if (told.kind === 'event') {
      call.onEvent(told.event);
      return;
    }
    this.waiting.delete(told.id);
    if (told.kind === 'result') call.resolve(told.result);
    else call.reject(new WorkerError(told.error));
  }

  private post(message: Asked): void {
    this.worker.postMessage(message);
  }
}
