/** What children in Node read of a case. */
import { readFileSync } from 'node:fs';
import type { PeerGraph } from '../graph.ts';
import type { CaseFiles } from '../protocol.ts';

const bytesOf = (path: string): ArrayBuffer => {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength);
};

export const floats = (path: string): Float32Array<ArrayBuffer> => new Float32Array(bytesOf(path));
export const integers = (path: string): Int32Array<ArrayBuffer> => new Int32Array(bytesOf(path));

export function graphFiles({ files }: CaseFiles): { graph: PeerGraph; weights: Float32Array } {
  return {
    graph: JSON.parse(readFileSync(files.graph, 'utf8')) as PeerGraph,
    weights: floats(files.weights),
  };
}

/** The version of a package that is installed. */
export function versionOf(name: string): string {
  const entry = import.meta.resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`/${name}/`) + name.length + 2);
  return (JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string }).version;
}
