/** Commands run in the process of a test: what they print is kept, and what is bold on a terminal is plain. */
import { main } from '../../src/cli/main.ts';
import { Device } from '../../src/gpu/index.ts';

process.env.NO_COLOR = '1';

/**
 * Gives the commands of this process one device, which keeps its compiled programs from command to command: a device of its own
 * compiles them all anew. What a command leaves on it, it frees as it would with `close`. Returns what closes it.
 */
export function shareDevice(): () => void {
  const open = Device.open;
  let shared: Device | null = null;
  let close: (() => void) | null = null;
  Device.open = async (gpu, options = {}) => {
    if (options.traits) return open.call(Device, gpu, options); // A dry one.
    if (!shared) {
      shared = await open.call(Device, gpu, options);
      close = shared.close.bind(shared);
      shared.close = shared.trim;
    }
    return shared;
  };
  return () => {
    Device.open = open;
    close?.();
  };
}

/** Commands that are not in src/cli. */
const ELSEWHERE: Readonly<Record<string, string>> = { lesson: 'lessons/parts/command.ts' };

/** What a command printed, and its exit code. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** A command in this process, as the launcher runs it. */
export async function tessera(name: string, ...argv: string[]): Promise<Outcome> {
  const outcome: Outcome = { code: -1, out: '', err: '' };
  const real = { stdout: process.stdout.write, stderr: process.stderr.write };
  const keep = (to: 'out' | 'err') => (text: string | Uint8Array) => {
    outcome[to] += String(text);
    return true;
  };
  process.stdout.write = keep('out') as typeof process.stdout.write;
  process.stderr.write = keep('err') as typeof process.stderr.write;
  try {
    const module = ELSEWHERE[name] ?? `src/cli/${name}.ts`;
    const entry = { name, summary: '', module, adapter: false };
    const launcher = { ensureAdapter: async () => undefined, adapterAdvice: () => '' };
    outcome.code = await main(entry, argv, launcher);
  } finally {
    process.stdout.write = real.stdout;
    process.stderr.write = real.stderr;
  }
  return outcome;
}
