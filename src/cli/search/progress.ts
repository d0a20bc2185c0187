/** What `search` says while it runs: a bar with the time left, a line for each network that was measured. */

import { formatCost } from '../../search/cost/target.ts';
import { roleName } from '../../search/headline.ts';
import type { Trial } from '../../search/method.ts';
import type { SearchHooks, SearchProgress } from '../../search/options.ts';
import type { Final, Target } from '../../search/result.ts';
import { counted, formatSeconds, type ProgressBar, type ProgressOutput, progressBar, say } from '../ui.ts';
import { briefly } from './text.ts';

const LABELS: Record<SearchProgress['phase'], string> = {
  method: 'Searching',
  random: 'Random search beside it',
  finals: 'Training finals',
};

const CLOCK: ProgressOutput = { stream: process.stderr, now: () => performance.now() };

export class SearchLines {
  private bar: ProgressBar | null = null;
  private label = '';
  /** When the first step was taken that was not known before, and how far the search was. */
  private begun: { at: number; done: number } | null = null;
  private known = 0;

  constructor(
    private readonly target: Target,
    private readonly output: ProgressOutput = CLOCK,
  ) {}

  readonly hooks: SearchHooks = {
    onProgress: (progress) => this.progress(progress),
    onTrial: (trial, known) => this.trial(trial, known),
    onFinal: (final) => this.final(final),
    onNote: (sentence) => this.note(sentence),
  };

  stop(): void {
    this.bar?.stop();
    this.bar = null;
  }

  private progress({ phase, what, done, total, known, loss }: SearchProgress): void {
    const worked = done - known;
    const now = this.output.now();
    this.begun ??= { at: now, done: worked };
    const planned = worked - this.begun.done;
    const pace = planned > 0 ? (now - this.begun.at) / 1000 / planned : null;
    const label = LABELS[phase];
    if (!this.bar) this.bar = progressBar(label, total, this.output, clock);
    else if (label !== this.label) this.bar.turnTo(label, total);
    this.label = label;
    const status = [
      isNetwork(what) ? briefly(what) : roleName(what),
      loss === null || !Number.isFinite(loss) ? '' : `loss ${loss.toFixed(3)}`,
    ]
      .filter(Boolean)
      .join('  ');
    this.bar.update(done, status, pace === null || done >= total ? null : pace * (total - done));
  }

  private trial({ index, by, network, rung, steps, cost, loss, diverged }: Trial, known: boolean): void {
    if (known) {
      this.known++;
      return;
    }
    if (this.known > 0)
      this.note(
        `${counted(this.known, 'measurement')} ${this.known === 1 ? 'is' : 'are'} known from before.`,
      );
    this.known = 0;
    const where = by === 'random' ? 'random search' : `rung ${rung}`;
    const worth = diverged ? 'diverged' : `held loss ${loss.toFixed(3)}`;
    this.note(
      `${index + 1}. ${where}, ${steps} steps: ${worth}, ${formatCost(cost, this.target.unit)}  ${briefly(network)}`,
    );
  }

  private final({ role, steps, held, fresh }: Final): void {
    const words = [
      ...(held ? [`held loss ${held.loss.toFixed(3)}`] : []),
      ...(fresh ? [`on fresh pictures ${fresh.loss.toFixed(3)}`] : []),
    ];
    this.note(`Trained for ${steps} steps: ${roleName(role)}, ${words.join(', ') || 'diverged'}`);
  }

  /** Prints a line without breaking the bar. */
  private note(line: string): void {
    if (this.bar) this.bar.note(line);
    else say(line);
  }
}

/** Whether it is the key of a network, and no role. */
const isNetwork = (what: string): boolean => /^k\d/.test(what);

/** Planned seconds, which begin at 0. */
const clock = (seconds: number): string => (seconds < 0.1 ? '0 s' : formatSeconds(seconds));
