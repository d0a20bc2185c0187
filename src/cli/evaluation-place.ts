/** Where `evaluate` writes its report: what a user names, else beside the checkpoint under a name that says what was measured. */
import { basename, dirname, join, resolve } from 'node:path';
import { statOrNull } from '../node/files.ts';
import { BEST } from '../train/node/run-folder.ts';

export interface Measured {
  /** File of the checkpoint. */
  checkpoint: string;
  /** As they were typed. */
  data?: string | undefined;
  split?: string | undefined;
}

/**
 * `runs/faces/evaluation.html`; of another file of the folder, other pictures or a named split
 * `runs/faces/evaluation-last-holiday-test.html`.
 * @param report a file, or a folder that is there: what `--report` says
 */
export async function evaluationPlace(report: string | undefined, measured: Measured): Promise<string> {
  const name = nameOf(measured);
  if (report === undefined) return join(dirname(measured.checkpoint), name);
  return (await statOrNull(report))?.isDirectory() ? join(report, name) : report;
}

/** A folder may be called anything; of its name stays what every system takes. */
function nameOf({ checkpoint, data, split }: Measured): string {
  const file = basename(checkpoint);
  const parts = [
    file === BEST ? undefined : file.replace(/\.safetensors$/, ''),
    data === undefined ? undefined : basename(resolve(data)),
    split,
  ].filter((part) => part !== undefined);
  const safe = parts.map((part) => part.replace(/[^\w.-]+/g, '_').slice(0, 60));
  return `${['evaluation', ...safe].join('-')}.html`;
}
