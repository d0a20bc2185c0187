/**
 * Names as PyTorch's wrappers leave them: `module.` before every name (DataParallel, AveragedModel) and `_orig_mod.`
 * wherever a compiled module stands (torch.compile). An averaged model also counts its averages in `n_averaged`.
 */

import type { StateDict } from './state.ts';

const COUNTER = 'n_averaged';
const COMPILED = /(?<=^|\.)_orig_mod\./g;

/** The tensors under the names of the network that was wrapped, and a sentence on each thing that was taken off. */
export function withoutWrappers(tensors: StateDict): { tensors: StateDict; notes: string[] } {
  const notes: string[] = [];
  let current = tensors;
  const rename = (what: string, change: (name: string) => string): boolean => {
    const renamed = new Map([...current].map(([name, tensor]) => [change(name), tensor] as const));
    const changed = [...renamed.keys()].some((name) => !current.has(name));
    // Two names that become one would lose a tensor.
    if (!changed || renamed.size < current.size) return false;
    current = renamed;
    notes.push(what);
    return true;
  };
  rename("Took '_orig_mod.' (torch.compile) out of the names.", (name) => name.replace(COMPILED, ''));
  const within = [...current.keys()].filter((name) => name !== COUNTER);
  if (within.length === current.size - 1 && within.every((name) => name.startsWith('module.'))) {
    current = new Map(within.map((name) => [name, current.get(name)!]));
    notes.push(`Left out ${COUNTER}, which counts the averages of an averaged model.`);
  }
  while (current.size > 0 && [...current.keys()].every((name) => name.startsWith('module.')))
    rename("Took the prefix 'module.' off every name.", (name) => name.slice('module.'.length));
  return { tensors: current, notes };
}
