/** The imports of src/, as a graph: which file imports which, types counted, and what each takes from outside. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A file of src/. Paths are as in `kernels/conv/conv2d.ts`. */
export interface SourceFile {
  /** Files of src/ that it imports. */
  imports: readonly string[];
  /** Packages and Node's modules that it imports at run time: `sharp`, `node:fs`. */
  outside: readonly string[];
}

const FROM =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Every file of src/ by its path. */
export function sourceFiles(): Map<string, SourceFile> {
  const paths = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => /\.(ts|mjs)$/.test(path));
  return new Map(paths.sort().map((path) => [path, read(path)]));
}

function read(path: string): SourceFile {
  const text = readFileSync(`${root}src/${path}`, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const imports = new Set<string>();
  const outside = new Set<string>();
  for (const [, , type, named, called] of text.matchAll(FROM)) {
    const target = named ?? called!;
    if (target.startsWith('.')) imports.add(posix.join(posix.dirname(path), target));
    else if (!type) outside.add(builtinModules.includes(target) ? `node:${target}` : target);
  }
  return { imports: [...imports], outside: [...outside] };
}

/** Everything that `entry` reaches, itself included, each with the file that first led to it. */
export function reach(files: Map<string, SourceFile>, entry: string): Map<string, string> {
  const found = new Map([[entry, '']]);
  for (const [path] of found)
    for (const next of files.get(path)?.imports ?? []) if (!found.has(next)) found.set(next, path);
  return found;
}

/** The groups of files that import each other in a circle, each sorted (Tarjan 1972). */
export function circles(files: Map<string, SourceFile>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const groups: string[][] = [];
  const visit = (path: string): number => {
    const index = order.size;
    order.set(path, index);
    low.set(path, index);
    stack.push(path);
    for (const next of files.get(path)?.imports ?? [])
      if (!order.has(next)) low.set(path, Math.min(low.get(path)!, visit(next)));
      else if (stack.includes(next)) low.set(path, Math.min(low.get(path)!, order.get(next)!));
    if (low.get(path) === index) {
      const group = stack.splice(stack.indexOf(path)).sort();
      if (group.length > 1) groups.push(group);
    }
    return low.get(path)!;
  };
  for (const path of files.keys()) if (!order.has(path)) visit(path);
  return groups;
}
