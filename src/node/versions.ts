/** What this process is made of: versions of Tessera, of Dawn's package and of Node, and the system. */
import { readFileSync } from 'node:fs';

/** Versions of what computes, and the system. */
export function versions(): Record<string, string> {
  const manifest = (path: string): string => {
    const text = readFileSync(new URL(path, import.meta.url), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  };
  return {
    tessera: manifest('../../package.json'),
    webgpu: manifest(packageManifest('webgpu')),
    node: process.versions.node,
    system: `${process.platform} ${process.arch}`,
  };
}

/** The package.json of an installed package, beside or above its entry file. */
function packageManifest(name: string): string {
  const entry = import.meta.resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`/${name}/`) + name.length + 2);
  return `${folder}package.json`;
}
