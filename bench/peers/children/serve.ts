/**
 * The peer's side of the protocol in Node: an engine is three functions. children/peer.py is the same in Python.
 */
import { createInterface } from 'node:readline';
import { type CaseFiles, MARK, type Opened, type Request } from '../protocol.ts';

export interface Engine {
  open(): Promise<Opened>;
  /** Brings a network to the device. @returns what there is to tell of how it will run, or null */
  load(what: CaseFiles): Promise<string | null>;
  /** Logits of the input of that number, or the loss of a training step on it. */
  call(input: number): Promise<ArrayLike<number>>;
}

/** Answers requests until stdin ends. */
export async function serve(engine: Engine): Promise<void> {
  process.on('SIGINT', () => undefined);
  let inputs = 1;
  let calls = 0;
  const timed = async (input: number): Promise<{ ms: number; values: number[] }> => {
    const start = performance.now();
    const values = await engine.call(input);
    return { ms: performance.now() - start, values: Array.from(values) };
  };
  const answer = async (request: Request): Promise<unknown> => {
    switch (request.do) {
      case 'open':
        return engine.open();
      case 'load': {
        ({ inputs } = request.case);
        const start = performance.now();
        const note = await engine.load(request.case);
        return { ms: performance.now() - start, note };
      }
      case 'first':
      case 'answer':
        return timed(request.input);
      case 'time': {
        const ms: number[] = [];
        const end = performance.now() + request.budgetMs;
        while (ms.length < request.count && (ms.length === 0 || performance.now() < end))
          ms.push((await timed(calls++ % inputs)).ms);
        return { ms };
      }
    }
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const result = await answer(JSON.parse(line) as Request).catch((error: unknown) => ({
      error: error instanceof Error ? error.message : String(error),
    }));
    process.stdout.write(`${MARK}${JSON.stringify(result)}\n`);
  }
  process.exit(0);
}
