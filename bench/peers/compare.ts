/** Whether a peer answers what we do, and runs where we do: before that, no time of it counts. */
import type { Peer } from './peers.ts';
import { TOLERANCE } from './peers.ts';
import type { CaseFiles, Opened } from './protocol.ts';

export interface Difference {
  value: number;
  allowed: number;
}

/** Values as they come from a child: null is one that is not finite. */
type Values = readonly (number | null)[];

/**
 * The largest difference over the largest value of ours, for logits of several inputs. Losses: over how far ours fell, since
 * a wrong gradient changes that and little else.
 * @throws Error, a sentence, where the answers are no answers to the same question
 */
export function differenceOf(
  theirs: readonly Values[],
  ours: readonly Values[],
  { pass, precision }: { pass: CaseFiles['pass']; precision: Peer['precision'] },
): Difference {
  let largest = 0;
  let scale = 0;
  for (const [index, expected] of ours.entries()) {
    const values = theirs[index] ?? [];
    if (values.length !== expected.length)
      throw new Error(`it answered ${values.length} numbers in place of ${expected.length}`);
    for (const [at, value] of values.entries()) {
      if (value === null || !Number.isFinite(value))
        throw new Error('it answered with numbers that are not finite');
      largest = Math.max(largest, Math.abs(value - expected[at]!));
      scale = Math.max(scale, Math.abs(expected[at]!));
    }
  }
  if (pass === 'step') {
    const losses = ours.map(([loss]) => loss!);
    scale = Math.abs(losses[0]! - losses.at(-1)!);
  }
  return { value: largest / scale, allowed: pass === 'step' ? TOLERANCE.step : TOLERANCE[precision] };
}

/** @throws Error, a sentence, where a difference is more than is allowed */
export function demandEqual({ value, allowed }: Difference, what: string): void {
  if (!(value <= allowed))
    throw new Error(
      `${what}: it differs by ${value.toExponential(1)}, of at most ${allowed.toExponential(0)}; no time of it counts`,
    );
}

/**
 * That a peer runs on our adapter, as far as it tells; one that was asked for a GPU and took the processor is an error.
 * @throws Error, a sentence, where it does not
 */
export function demandSameAdapter(peer: Peer, opened: Opened, ours: Opened): void {
  if (opened.kind !== peer.on) throw new Error(`it runs on ${opened.kind}, not on ${peer.on}`);
  if (peer.on === 'cpu' || opened.adapter === '') return;
  if (plain(opened.adapter) !== plain(ours.adapter))
    throw new Error(`it runs on ${opened.adapter}, and we on ${ours.adapter}: times would say nothing`);
}

/** Newer versions of Dawn write names with hyphens only. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
