/**
 * Algorithms to prefer to what the tables of kernels estimate (src/kernels/parts/table.ts): from a problem's key to the name of
 * a row. A Map is one; a tuning record (src/tune/record.ts) gives one.
 */
import { adapterName } from './adapter-name.ts';
import type { Traits } from './traits.ts';

export interface Choices {
  get(problem: string): string | undefined;
  /** All of them. Without it nobody can tell two choices apart, and nothing is kept of what was computed by them. */
  entries?(): Iterable<readonly [problem: string, row: string]>;
}

/** All choices in the order of their keys, none where there are none; null where they cannot be listed. */
export function listedChoices(choices: Choices | null): [problem: string, row: string][] | null {
  if (!choices) return [];
  if (!choices.entries) return null;
  const listed = Array.from(choices.entries(), ([problem, row]): [string, string] => [problem, row]);
  return listed.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Choices as a file holds them: none where there are none, or where they cannot be listed. */
export function choicesForFile(choices: Choices | null): Record<string, string> | undefined {
  const listed = listedChoices(choices) ?? [];
  return listed.length > 0 ? Object.fromEntries(listed) : undefined;
}

/** The same out of a file. */
export const choicesFrom = (kept: Readonly<Record<string, string>> | undefined): Choices | null =>
  kept ? new Map(Object.entries(kept)) : null;

/** What the speed of kernels depends on beside their source: in the names of measurements that are kept. */
export function adapterFacts({
  info,
  traits,
  features,
}: {
  info: GPUAdapterInfo;
  traits: Traits;
  features: ReadonlySet<string>;
}): { adapter: string[]; traits: Traits; abilities: string[] } {
  const { vendor, architecture, device, description } = info;
  return {
    adapter: [adapterName(info), vendor, architecture, device, description],
    traits,
    abilities: [...features].sort(),
  };
}
