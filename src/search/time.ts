/** Where the time of a search goes: what it took, for the report, and how far it is in planned seconds, for the user. */
import { demand, list, number, object, parseBounded, text } from '../text/rules.ts';
import type { SearchHooks, SearchProgress, SearchStore } from './options.ts';
import type { SearchResult } from './result.ts';

const NAME = 'time';
const SPENT = list(object({ what: text(100), seconds: number(0, Number.MAX_VALUE) }), 0, 100);

/** Seconds by what they were spent on, those of the stopped parts of a search included. */
export class TimeSpent {
  private phase = '';
  private readonly seconds = new Map<string, number>();
  /** What is under way, the innermost last: it alone is charged. */
  private readonly open: string[] = [];
  private since = performance.now();

  /** What was spent before a search was stopped. A record that is damaged is left: it is for reading only. */
  async load(store: SearchStore): Promise<void> {
    const bytes = await store.loadState(NAME);
    if (!bytes) return;
    try {
      const spent = parseBounded(new TextDecoder().decode(bytes), NAME);
      demand(SPENT, spent, NAME);
      for (const { what, seconds } of spent as SearchResult['time']) this.seconds.set(what, seconds);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  async save(store: SearchStore): Promise<void> {
    this.charge();
    await store.saveState(NAME, new TextEncoder().encode(JSON.stringify(this.list())));
  }

  /** Forgets what is kept. */
  drop(store: SearchStore): Promise<void> {
    return store.dropState(NAME);
  }

  /** Charges `work` to the phase, and within it to what is spent on training, measuring and so on. */
  async inPhase<Result>(phase: string, work: () => Promise<Result>): Promise<Result> {
    this.phase = phase;
    return this.spend('choosing', work);
  }

  /** Charges `work` less what is charged within it. */
  async spend<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    this.charge();
    this.open.push(`${this.phase}: ${what}`);
    try {
      return await work();
    } finally {
      this.charge();
      this.open.pop();
    }
  }

  list(): SearchResult['time'] {
    return [...this.seconds].map(([what, seconds]) => ({ what, seconds }));
  }

  private charge(): void {
    const now = performance.now();
    const what = this.open.at(-1);
    if (what !== undefined) this.seconds.set(what, (this.seconds.get(what) ?? 0) + (now - this.since) / 1000);
    this.since = now;
  }
}

/**
 * How far a search is. Each phase has its planned seconds; what a method leaves of them is passed over when it ends.
 */
export class PlannedTime {
  private phase: SearchProgress['phase'] = 'method';
  private what = '';
  private done = 0;
  private known = 0;
  private end = 0;

  constructor(
    private readonly total: number,
    private readonly hooks: SearchHooks,
  ) {}

  begin(phase: SearchProgress['phase'], seconds: number): void {
    this.pass();
    this.phase = phase;
    this.end += seconds;
  }

  /** So many seconds of the phase are done; `known`: they took no time now. */
  add(what: string, seconds: number, { known, loss = null }: { known: boolean; loss?: number | null }): void {
    this.what = what;
    const added = Math.min(seconds, this.end - this.done);
    this.done += added;
    if (known) this.known += added;
    this.tell(loss);
  }

  /** The phase is over. */
  pass(): void {
    if (this.done >= this.end) return;
    this.known += this.end - this.done;
    this.done = this.end;
    this.tell(null);
  }

  private tell(loss: number | null): void {
    const { phase, what, done, total, known } = this;
    this.hooks.onProgress?.({ phase, what, done, total, known, loss });
  }
}
