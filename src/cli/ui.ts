/**
 * What the commands share on a terminal: numbers as people read them, a progress bar that does not flood a log
 * file, the loud line for a software adapter, a graceful stop, and the error that is a sentence.
 *
 * Everything here goes to stderr; stdout is for a command's result (with `--json`: one JSON document, and
 * nothing else).
 */
import cliProgress from 'cli-progress';
import { adapterName } from '../gpu/adapter-name.ts';
import { formatSeconds } from '../text/figures.ts';
import { InputError } from '../text/input-error.ts';
import { shown, shownJson } from '../text/shown.ts';
import { ignoresHangUp } from './nohup.ts';
import { watchNpm } from './orphan.ts';

export { adapterName } from '../gpu/adapter-name.ts';
export { counted, formatBytes, formatCount, formatNumber, formatSeconds } from '../text/figures.ts';
export { cut, table } from '../text/table.ts';

/** What was typed, or what it names, is bad: the top level prints the sentence without a stack and exits with 64. */
export class UserError extends InputError {
  override name = 'UserError';
}

const [BOLD, PLAIN] = ['\u001b[1m', '\u001b[0m'];

/** A line as a terminal may see it, whatever the names in it hold; as a whole it may be bold. */
export function harmless(line: string): string {
  if (!line.startsWith(BOLD) || !line.endsWith(PLAIN)) return shown(line);
  return BOLD + shown(line.slice(BOLD.length, -PLAIN.length)) + PLAIN;
}

/** Writes lines to stderr. A break within one is shown, not made: it comes from a name. */
export function say(...lines: string[]): void {
  process.stderr.write(`${lines.map(harmless).join('\n')}\n`);
}

/** Writes the one JSON document of `--json` to stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${shownJson(value)}\n`);
}

/** `text` in bold where `stream` is a terminal, plain elsewhere (and with NO_COLOR). */
export function bold(text: string, stream: { isTTY?: boolean } = process.stderr): string {
  return stream.isTTY && !process.env.NO_COLOR ? `${BOLD}${text}${PLAIN}` : text;
}

/** Lines of `name  value` with the values aligned. */
export function formatRows(given: [name: string, value: string][], indent = '  '): string {
  const rows = given.map((row) => row.map(shown));
  const width = rows.reduce((widest, [name]) => Math.max(widest, name.length), 0);
  return rows.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}`.trimEnd()).join('\n');
}

/** One loud line when the adapter is the CPU in disguise; returns whether it was. */
export function announceSoftware(device: { software: boolean; info: GPUAdapterInfo }): boolean {
  if (!device.software) return false;
  say(
    bold(
      `SOFTWARE ADAPTER: ${adapterName(device.info)} runs on the processor, many times slower than a GPU.`,
    ),
  );
  return true;
}

/** A running count towards `total`. */
export interface ProgressBar {
  /**
   * Sets how many of `total` are done, and what to say beside it (loss, images/s).
   * @param left seconds until all is done, null where nobody knows; by default at the average pace so far
   */
  update(done: number, status?: string, left?: number | null): void;
  /** Counts something else from now on, in the same place. */
  turnTo(label: string, total: number): void;
  /** Prints a line above the bar without breaking it. */
  note(line: string): void;
  /** Lets `print` write to the terminal as if there were no bar. */
  aside(print: () => void): void;
  /** Ends the bar, leaving its last state on the screen. */
  stop(): void;
}

/** What a `progressBar` writes to; a test passes its own. */
export interface ProgressOutput {
  stream: { write(text: string): unknown; isTTY?: boolean };
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
}

/** On a log file or pipe one line is written at most this often, in milliseconds. */
const PLAIN_INTERVAL = 10_000;

/**
 * Shows how far a loop has come, on stderr: a bar with the time left on a terminal, elsewhere one plain line
 * about every ten seconds and one at the end.
 *
 * @param total null where nobody knows: then the count stands alone
 * @param show a count as people read it
 */
export function progressBar(
  label: string,
  total: number | null,
  output: ProgressOutput = { stream: process.stderr, now: () => performance.now() },
  show: (count: number) => string = String,
): ProgressBar {
  const counted = new Counted(label, total, output.now, show);
  return (output.stream.isTTY ? terminalBar : plainLines)(counted, output);
}

/** What is counted, and how far it has come. */
class Counted {
  done = 0;
  private status = '';
  private left: number | null = null;
  private readonly started: number;

  constructor(
    public label: string,
    public total: number | null,
    private readonly now: () => number,
    private readonly show: (count: number) => string,
  ) {
    this.started = now();
  }

  update(done: number, status = this.status, left = this.atAverage(done)): void {
    Object.assign(this, { done, status, left });
  }

  turnTo(label: string, total: number): void {
    Object.assign(this, { label, total, done: 0 });
  }

  get count(): string {
    return this.total === null ? this.show(this.done) : `${this.show(this.done)}/${this.show(this.total)}`;
  }

  /** What stands beside the count. */
  get words(): string {
    const left = this.left === null ? '' : `${formatSeconds(this.left)} left`;
    return [this.status, left].filter(Boolean).join('  ');
  }

  private atAverage(done: number): number | null {
    if (this.total === null || done <= 0 || done >= this.total) return null;
    return ((this.now() - this.started) / 1000 / done) * (this.total - done);
  }
}

function terminalBar(counted: Counted, { stream }: ProgressOutput): ProgressBar {
  const bar = new cliProgress.SingleBar({
    stream: stream as NodeJS.WriteStream,
    format: `{label} ${counted.total === null ? '' : '{bar} '}{count}  {words}`,
    barCompleteChar: '━',
    barIncompleteChar: '─',
    barsize: 24,
    hideCursor: true,
    // The command decides what a signal means (see onStop); the bar must not exit on its own.
    gracefulExit: false,
  });
  const payload = () => ({ label: counted.label, count: counted.count, words: counted.words });
  const start = () => bar.start(counted.total ?? 0, counted.done, payload());
  const aside = (print: () => void) => {
    bar.stop();
    stream.write('\r\u001b[2K');
    print();
    start();
  };
  start();
  return {
    update(...how) {
      counted.update(...how);
      bar.update(counted.done, payload());
    },
    turnTo(label, total) {
      counted.turnTo(label, total);
      bar.setTotal(total);
      bar.update(0, payload());
    },
    note(line) {
      aside(() => stream.write(`${harmless(line)}\n`));
    },
    aside,
    stop() {
      bar.stop();
    },
  };
}

function plainLines(counted: Counted, { stream, now }: ProgressOutput): ProgressBar {
  let lastWrite = now();
  let pending = false;
  const write = () => {
    const { label, total, done, count, words } = counted;
    const share = total === null ? '' : ` (${total > 0 ? Math.floor((100 * done) / total) : 100} %)`;
    stream.write(`${[`${label} ${count}${share}`, words].filter(Boolean).join('  ')}\n`);
    lastWrite = now();
    pending = false;
  };
  return {
    update(done, status = '', left) {
      counted.update(done, status, left);
      if (now() - lastWrite >= PLAIN_INTERVAL) write();
      else pending = true;
    },
    turnTo(label, total) {
      counted.turnTo(label, total);
      pending = false;
    },
    note(line) {
      stream.write(`${harmless(line)}\n`);
    },
    aside: (print) => print(),
    stop() {
      if (pending) write();
    },
  };
}

/** A request to stop, made by Ctrl-C, SIGTERM or a terminal that hangs up. */
export interface StopRequest {
  /** Whether someone asked; a loop looks at it once a step. */
  readonly requested: boolean;
  /** Aborts when someone asks, for what can be cut short (a download, a wait). */
  readonly signal: AbortSignal;
  /** What a command that stopped early returns: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. */
  readonly exitCode: number;
  /** Gives the signals back to whoever had them. */
  dispose(): void;
}

/** A second signal this soon (ms) is the same key press, delivered once by the terminal and once by a parent. */
const SAME_KEY_PRESS = 300;

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/**
 * Listens for SIGINT, SIGTERM and, unless nohup keeps it away (nohup.ts), SIGHUP: the first asks the running step to finish
 * (`requested` turns true). Then the first two are given back to the system, so that the second one ends the process at
 * once, even one that waits for a disk that does not answer (`process.exit` would wait with it). A terminal that closes may
 * send SIGHUP twice, and not at once, so more of them are nothing. An npm that ends before its command (orphan.ts) is taken
 * for SIGTERM.
 *
 * @param advice what to say at the first signal
 * @param onRequest called at the first signal
 */
export function onStop(
  advice = 'Stopping after this step; once more stops at once.',
  onRequest: () => void = () => undefined,
): StopRequest {
  const controller = new AbortController();
  let exitCode = 0;
  const giveBack = (): void => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, listener);
  };
  const listener = (signal: NodeJS.Signals): void => {
    if (exitCode !== 0) return;
    exitCode = EXIT_CODES[signal as StopSignal];
    onRequest();
    // A bar hides the cursor, which would stay hidden after a sudden end.
    if (process.stderr.isTTY) process.stderr.write('\u001b[?25h');
    say('', advice);
    controller.abort();
    setTimeout(giveBack, SAME_KEY_PRESS).unref();
  };
  const signals = (Object.keys(EXIT_CODES) as StopSignal[]).filter(
    (signal) => signal !== 'SIGHUP' || !ignoresHangUp(),
  );
  for (const signal of signals) process.on(signal, listener);
  const unwatch = watchNpm(() => listener('SIGTERM'));
  return {
    get requested() {
      return exitCode !== 0;
    },
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    dispose() {
      unwatch();
      for (const signal of signals) process.off(signal, listener);
    },
  };
}
