/**
 * What compiling took of a program's first dispatch: software drivers compile there, whatever was made before. It is told
 * by what a later dispatch takes: the median of those of the same problem, else those of the program's other problems, scaled
 * by their work. Where there is none of either, nobody can say.
 */
import type { Dispatched } from './recording.ts';

/** Milliseconds of first dispatches that went into compiling; null where it cannot be told from running. */
export function compilingOf(dispatches: readonly Dispatched[]): Map<Dispatched, number | null> {
  const later = new Map<string, number[]>();
  const paces = new Map<string, number[]>();
  for (const dispatched of dispatches) {
    const ms = dispatched.end - dispatched.start;
    if (dispatched.first || Number.isNaN(ms)) continue;
    add(later, problemOf(dispatched), ms);
    add(paces, dispatched.program, ms / workOf(dispatched));
  }
  const compiling = new Map<Dispatched, number | null>();
  for (const dispatched of dispatches) {
    if (!dispatched.first) continue;
    const same = later.get(problemOf(dispatched));
    const others = paces.get(dispatched.program);
    const expected = same ? median(same) : others && median(others) * workOf(dispatched);
    const ms = dispatched.end - dispatched.start;
    if (Number.isNaN(ms)) continue;
    compiling.set(dispatched, expected === undefined ? null : Math.max(ms - expected, 0));
  }
  return compiling;
}

const problemOf = ({ program, groups, flops, bytes }: Dispatched): string =>
  [program, ...groups, flops, bytes].join();

/** About one FLOP, or half a byte moved; a kernel that counts nothing works by its workgroups. */
const workOf = ({ flops, bytes, groups }: Dispatched): number =>
  flops + 2 * bytes || groups[0] * groups[1] * groups[2];

function add<Key>(map: Map<Key, number[]>, key: Key, value: number): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1]!;
}
