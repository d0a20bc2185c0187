/** A peer's process, from the bench's side: requests one after the other, each with a time by which it has to be answered. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { formatSeconds } from '../../src/text/figures.ts';
import type { Peer } from './peers.ts';
import { answerOf, linesOf, MARK, type Request } from './protocol.ts';

const FOLDER = fileURLToPath(new URL('children/', import.meta.url));
const TSX = import.meta.resolve('tsx');

export interface ChildOptions {
  /** Python's interpreter. */
  python: string;
  /** Milliseconds that an answer may take. */
  timeout: number;
  /** Drivers compile anew, whatever they have on the disk. */
  cold: boolean;
}

/** What turns the shader caches of drivers off: Mesa's and NVIDIA's; and tinygrad's own. */
const NO_CACHE = { MESA_SHADER_CACHE_DISABLE: 'true', __GL_SHADER_DISK_CACHE: '0', CACHELEVEL: '0' };

/** The end of what a child printed besides: engines say there why they failed. */
const KEPT = 2000;

export class Child {
  private readonly process: ChildProcessWithoutNullStreams;
  private chatter = '';
  private rest = '';
  private readonly answers: string[] = [];
  private ended: string | null = null;
  private wake: () => void = () => undefined;

  constructor(
    private readonly peer: Peer,
    private readonly options: ChildOptions,
  ) {
    const [file, ...args] = peer.child as [string, ...string[]];
    const [command, before] =
      peer.runtime === 'python' ? [options.python, ['-u']] : [process.execPath, ['--import', TSX]];
    this.process = spawn(command, [...before, FOLDER + file, ...args], {
      env: { ...process.env, ...(options.cold && NO_CACHE) },
      stdio: 'pipe',
    });
    this.process.on('error', (error) => this.end(error.message));
    this.process.on('close', (code, signal) =>
      this.end(signal ? `was ended by ${signal}` : `ended with code ${code}`),
    );
    this.process.stdin.on('error', () => undefined);
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => this.keep(text));
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => this.read(text));
  }

  /** @throws Error, a sentence, where the peer fails, ends or does not answer in time */
  async ask<Answer>(request: Request): Promise<Answer> {
    this.process.stdin.write(`${JSON.stringify(request)}\n`);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.wake();
    }, this.options.timeout);
    while (this.answers.length === 0 && this.ended === null && !late)
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    clearTimeout(timer);
    const answer = this.answers.shift();
    if (answer !== undefined) return answerOf<Answer>(answer, request.do, this.peer.label);
    const last = this.lastWords();
    if (this.ended !== null) throw new Error(`its process ${this.ended}${last}`);
    await this.kill();
    throw new Error(
      `no answer to '${request.do}' within ${formatSeconds(this.options.timeout / 1000)}${last}`,
    );
  }

  /** Ends the process, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null || this.process.pid === undefined)
      return;
    const gone = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await gone;
  }

  private read(text: string): void {
    const { lines, rest } = linesOf(this.rest + text);
    this.rest = rest;
    for (const line of lines) {
      if (line.startsWith(MARK)) this.answers.push(line.slice(MARK.length));
      else this.keep(`${line}\n`);
    }
    if (this.answers.length > 0) this.wake();
  }

  private keep(text: string): void {
    this.chatter = (this.chatter + text).slice(-KEPT);
  }

  private end(how: string): void {
    this.ended ??= how;
    this.wake();
  }

  /** The line that says most of what was printed: an error's, else the last one. */
  private lastWords(): string {
    const lines = this.chatter.split('\n').filter((line) => line.trim() !== '');
    const line = lines.findLast((one) => /error/i.test(one)) ?? lines.at(-1);
    return line ? `: ${line.trim().slice(0, 400)}` : '';
  }
}
