/** `npm run page`: builds the page and serves it on this machine; `npm run build:page` leaves the folder for any static host. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { wholeNumber } from '../src/cli/command-line.ts';
import { onStop, say, UserError } from '../src/cli/ui.ts';
import { serveFolder } from './serve.ts';

export const description =
  'Builds the page (docs/page.md), in which one sees a network think, and serves it on this machine alone. ' +
  'It computes in the browser, and nothing leaves the machine.';

const web = fileURLToPath(new URL('.', import.meta.url));

export function options(command: Command): void {
  command
    .option('--port <n>', 'the port to serve it on; 0 takes any that is free', wholeNumber(0, 65_535), 8080)
    .option('--build', 'build the folder for a static host, and serve nothing')
    .option('--out <dir>', 'where the folder goes', join(web, 'dist'));
}

interface PageOptions {
  port: number;
  build?: boolean;
  out: string;
}

export async function run(_: string[], { port, build, out }: PageOptions): Promise<number> {
  demandNode();
  const folder = resolve(out);
  demandOwn(folder);
  say('Building the page …');
  // Vite comes with the packages for development, which a clone has and an installed package has not.
  const { buildPage } = await import('./build.ts').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UserError('the page is built in a clone of the project: the packages for that are not here');
  });
  await buildPage(folder);
  if (build) {
    say(`The page is in ${relative('.', folder) || '.'}: serve that folder by https, from any path.`);
    return 0;
  }
  const server = await serveFolder(folder, port);
  say(`The page: ${server.address}   (Ctrl-C ends it)`);
  const stop = onStop('Ending.');
  await new Promise<void>((ended) => stop.signal.addEventListener('abort', () => ended(), { once: true }));
  await server.close();
  stop.dispose();
  return 0;
}

/** Vite's own bound; the engine's is lower. */
function demandNode(): void {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  if (major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)) return;
  throw new UserError(
    `the page is built by Vite, which needs Node 20.19, 22.12 or newer; this is ${process.versions.node}`,
  );
}

/** The folder is emptied first: only one that is new, empty or a page of before is taken. */
function demandOwn(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0 || isPage(folder)) return;
  throw new UserError(
    `${folder} holds something else than a page, and building would empty it; name another --out`,
  );
}

/** Whether a folder is what this command built: its service worker says so. */
function isPage(folder: string): boolean {
  const worker = join(folder, 'sw.js');
  return existsSync(worker) && readFileSync(worker, 'utf8').includes('tessera-page-');
}
