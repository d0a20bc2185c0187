/** On what a run of the bench was measured: adapter, driver, Dawn, revision, processor. */
import { realpath } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { headerOf } from '../../bench/document.ts';
import type { BenchHeader } from '../../bench/result.ts';
import type { Device } from '../../gpu/index.ts';
import { versions } from '../../node/versions.ts';
import { git, isChanged } from './revision.ts';

/** The folder of the sources. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The header of a document. */
export async function benchHeader(device: Device): Promise<BenchHeader> {
  const { webgpu, node } = versions();
  const [cpu] = cpus();
  return headerOf(device, {
    commit: await revision(),
    dawn: `webgpu ${webgpu}`,
    runtime: `Node ${node}`,
    processor: cpu ? `${cpu.model.trim()}, ${cpus().length} threads` : null,
  });
}

/**
 * The commit of the sources, with a + where files differ from it; null where there is no git or the sources lie in no
 * repository of their own (a package inside somebody else's).
 */
async function revision(): Promise<string | null> {
  try {
    const top = await git(ROOT, 'rev-parse', '--show-toplevel');
    if ((await realpath(top)) !== (await realpath(ROOT))) return null;
    return `${await git(ROOT, 'rev-parse', '--short', 'HEAD')}${(await isChanged(ROOT)) ? '+' : ''}`;
  } catch {
    return null;
  }
}
