/** What a report was computed on. */
import { cpus, totalmem } from 'node:os';
import { versions } from '../node/versions.ts';
import { formatBytes } from '../text/figures.ts';

/** [name, value] for the configuration of a report. */
export function environmentRows({
  description,
  software,
}: {
  description: string;
  software: boolean;
}): [name: string, value: string][] {
  const [cpu] = cpus();
  return [
    ['adapter', `${description}${software ? ' (software: it runs on the processor)' : ''}`],
    ['processor', cpu ? `${cpu.model.trim()}, ${cpus().length} threads` : 'not told'],
    ['memory', formatBytes(totalmem())],
    ...Object.entries(versions()),
    ['written', `${new Date().toISOString().slice(0, 19).replace('T', ' ')} UTC`],
  ];
}
