/**
 * One case with all its peers. Each is loaded, asked for its first answer and held against ours while the others wait; then
 * rounds go over all that passed, a few calls of each in turn, so that a minute in which the machine was busy falls on all
 * alike; at the end each is asked once more whether it still answers the same.
 */
import { Child, type ChildOptions } from './child.ts';
import { demandEqual, demandSameAdapter, differenceOf } from './compare.ts';
import type { Peer } from './peers.ts';
import type { Answered, CaseFiles, Loaded, Opened, Timed } from './protocol.ts';
import { type PeerRow, timed } from './result.ts';

export interface RoundOptions extends ChildOptions {
  /** Timed calls of each peer. */
  samples: number;
  /** Says what is done next. */
  progress(what: string): void;
  /** Ends the children. */
  signal: AbortSignal;
}

/** Calls of a round, the one that warms the caches of the processor not counted. */
const IN_ROUND = 3;
/** A peer that takes longer for its calls of a round makes fewer of them, in milliseconds. */
const BUDGET = 4000;

interface Running {
  peer: Peer;
  row: PeerRow;
  child: Child;
  answers: Answered['values'][];
  rounds: number[][];
}

/** Rows in the order of `peers`, whose first is ours; null where it was stopped. */
export async function runCase(
  peers: readonly Peer[],
  what: CaseFiles,
  { samples, progress, signal, ...options }: RoundOptions,
): Promise<PeerRow[] | null> {
  const all: Running[] = [];
  let ours: Running | null = null;
  let opened: Opened | null = null;
  const end = (): void => {
    for (const { child } of all) void child.kill();
  };
  signal.addEventListener('abort', end);
  try {
    for (const peer of peers) {
      if (signal.aborted) return null;
      progress(`${peer.label}: loads and answers`);
      const child = new Child(peer, options);
      const one: Running = { peer, row: emptyRow(peer), child, answers: [], rounds: [] };
      all.push(one);
      await attempt(one, async () => {
        const place = await child.ask<Opened>({ do: 'open' });
        Object.assign(one.row, { adapter: place.adapter, versions: place.versions });
        opened ??= place;
        demandSameAdapter(peer, place, opened);
        const { ms, note } = await child.ask<Loaded>({ do: 'load', case: what });
        Object.assign(one.row, { loadMs: ms, note });
        await answerAll(one, what);
        one.row.error = differenceOf(one.answers, (ours ?? one).answers, {
          pass: what.pass,
          precision: peer.precision,
        });
        demandEqual(one.row.error, 'its answers');
      });
      if (signal.aborted) return null;
      ours ??= one;
      if (ours.row.failed !== null) return all.map(({ row }) => row);
    }
    for (let round = 0; round * IN_ROUND < samples; round++) {
      for (const one of all.filter(({ row }) => row.failed === null)) {
        if (signal.aborted) return null;
        progress(`round ${round + 1} of ${Math.ceil(samples / IN_ROUND)}, ${one.peer.label}`);
        await attempt(one, async () => {
          await one.child.ask<Timed>({ do: 'time', count: 1, budgetMs: BUDGET });
          const { ms } = await one.child.ask<Timed>({ do: 'time', count: IN_ROUND, budgetMs: BUDGET });
          one.rounds.push(ms);
        });
      }
    }
    for (const one of all.filter(({ row }) => row.failed === null))
      await attempt(one, () => stillRight(one, what));
    if (signal.aborted) return null;
    return all.map(({ row, rounds }) => (row.failed === null ? timed(row, rounds, ours!.rounds) : row));
  } finally {
    signal.removeEventListener('abort', end);
    await Promise.all(all.map(({ child }) => child.kill()));
  }
}

/** Forward: logits of each input. A step: the losses of three steps on the same batch. */
async function answerAll(one: Running, { pass, inputs }: CaseFiles): Promise<void> {
  for (let index = 0; index < inputs; index++) {
    const request = index === 0 ? 'first' : 'answer';
    const { ms, values } = await one.child.ask<Answered>({ do: request, input: pass === 'step' ? 0 : index });
    if (index === 0) one.row.firstMs = ms;
    one.answers.push(values);
  }
}

/** What was timed was right to the end: pictures give the logits that they gave, and losses are numbers still. */
async function stillRight(one: Running, { pass }: CaseFiles): Promise<void> {
  const { values } = await one.child.ask<Answered>({ do: 'answer', input: 0 });
  const { precision } = one.peer;
  const again = differenceOf([values], pass === 'step' ? [values] : [one.answers[0]!], {
    pass: 'forward',
    precision,
  });
  demandEqual(again, 'its answer after the rounds');
}

/** Notes why a peer failed, and ends it. */
async function attempt(one: Running, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    one.row.failed = error instanceof Error ? error.message : String(error);
    await one.child.kill();
  }
}

export function emptyRow({ id, label, on, precision }: Peer): PeerRow {
  return {
    id,
    label,
    on,
    precision,
    adapter: null,
    versions: {},
    note: null,
    loadMs: null,
    firstMs: null,
    error: null,
    timing: null,
    ratio: null,
    failed: null,
  };
}
