/** Finds a Python that has the packages of peers, and says what to type where one is missing. */
import { spawnSync } from 'node:child_process';
import { shellWord } from '../../src/text/shell.ts';
import type { Peer } from './peers.ts';

/** Prints the names of distributions that are not installed, a line each. */
const ASK = `
import sys
from importlib.metadata import PackageNotFoundError, version
for name in sys.argv[1:]:
    try:
        version(name)
    except PackageNotFoundError:
        print(name)
`;

export interface FoundPython {
  python: string;
  /** Packages that it lacks; null where there is no such interpreter. */
  missing: readonly string[] | null;
}

/** What `python` lacks of what `peers` need. */
export function askPython(python: string, peers: readonly Peer[]): FoundPython {
  const names = [...new Set(peers.flatMap(({ packages }) => packages))];
  const { status, stdout } = spawnSync(python, ['-c', ASK, ...names], { encoding: 'utf8', timeout: 60_000 });
  return { python, missing: status === 0 ? stdout.split(/\s+/).filter(Boolean) : null };
}

/** Why a peer cannot run by what was found, with what to type; null where it can. */
export function lacking({ packages }: Peer, { python, missing }: FoundPython): string | null {
  if (missing === null)
    return `${shellWord(python)} is no Python that runs; name one with --python, in a folder made by python3 -m venv`;
  const lacks = packages.filter((name) => missing.includes(name));
  if (lacks.length === 0) return null;
  return `Python lacks ${lacks.join(' and ')}: ${shellWord(python)} -m pip install ${lacks.join(' ')}`;
}
