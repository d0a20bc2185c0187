/**
 * A page in headless Chromium, on SwiftShader's WebGPU: finds the browser, serves the page and the files of a folder (the
 * repository, unless another is named) to it from this machine, and gathers what the page tells. The browser ends with the page, and also with this process:
 * it is told to listen on a pipe, and leaves when that closes.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PageMessage } from './messages.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What brings the browser, for messages. */
export const REMEDY = 'install it: apt-get install chromium';

/** Headless, with WebGPU on the software adapter that comes with it, alone with itself: nothing leaves the machine. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--remote-debugging-pipe',
];

/** Chromium on the path, or null. */
export function findChromium(): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter))
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      const path = join(folder, name);
      if (isThere(path, constants.X_OK)) return path;
    }
  return null;
}

/** The description of Chromium's own SwiftShader for Vulkan's loader, so that Node runs on the same driver; or null. */
export function findSwiftShader(): string | null {
  const name = 'vk_swiftshader_icd.json';
  const folders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return folders.map((folder) => join(folder, name)).find((path) => isThere(path, constants.R_OK)) ?? null;
}

function isThere(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Seconds that a page may be silent: the longest test takes a few. */
const PATIENCE = 60;

/**
 * Opens a page that runs `script` and may load the files of `folder`, and resolves to everything that it told, 'done' at the end.
 * @throws Error where the browser does not start, or the page fails or falls silent; the message names the last test
 */
export async function runPage(
  chromium: string,
  script: string,
  folder: string = root,
): Promise<PageMessage[]> {
  const told: PageMessage[] = [];
  const { promise, resolve, reject } = withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const hear = (message: PageMessage): void => {
    told.push(message);
    if (message.kind === 'fault') reject(new Error(`the page failed: ${message.error}`));
    if (message.kind === 'done') resolve();
    clearTimeout(timer);
    timer = setTimeout(() => reject(new Error(silence(told))), PATIENCE * 1000);
  };
  const server = createServer((request, response) => {
    answer(request, response, { script, folder }, hear).catch((error: Error) => {
      response.writeHead(404).end(error.message);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), 'tessera-chromium-'));
  const browser = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  let complaints = '';
  browser.stderr!.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-2000);
  });
  const gone = new Promise<void>((ended) => browser.on('close', () => ended()));
  browser.on('error', (error) => reject(new Error(`${chromium} does not start: ${error.message}`)));
  void gone.then(() => reject(new Error(`Chromium ended before the page did: ${complaints}`)));
  timer = setTimeout(() => reject(new Error(silence(told))), PATIENCE * 1000);
  try {
    await promise;
    return told;
  } finally {
    clearTimeout(timer);
    browser.kill('SIGKILL');
    await gone;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<Value>((...given) => {
    [resolve, reject] = given;
  });
  return { promise, resolve, reject };
}

function silence(told: PageMessage[]): string {
  const last = told[told.length - 1];
  if (!last) return `the page told nothing within ${PATIENCE} s; does this Chromium have WebGPU?`;
  const where = last.kind === 'begin' ? `in the test '${last.test}'` : `after '${JSON.stringify(last)}'`;
  return `the page hangs: it fell silent for ${PATIENCE} s ${where}`;
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>Tessera's tests</title><script>
const fault = (error) => fetch('/told', { method: 'POST', body: JSON.stringify({ kind: 'fault', error: String(error) }) });
addEventListener('error', (event) => fault(event.message));
addEventListener('unhandledrejection', (event) => fault(event.reason?.stack ?? event.reason));
</script><script type="module" src="/script.js"></script>`;

/** What a browser has to be told of a file to run or show it. */
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { script, folder }: { script: string; folder: string },
  hear: (message: PageMessage) => void,
): Promise<void> {
  const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname);
  if (path === '/told') {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    response.end();
    hear(JSON.parse(Buffer.concat(parts).toString()));
  } else if (path === '/') response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
  else if (path === '/script.js') response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
  else {
    const content = await readFile(inside(folder, path));
    const type = TYPES[extname(path)];
    response.writeHead(200, type ? { 'Content-Type': type } : {}).end(content);
  }
}

/** A file of `folder`. @throws Error where the path leads out of it */
function inside(folder: string, path: string): string {
  const file = normalize(join(folder, path));
  if (!realpathSync(file).startsWith(realpathSync(folder) + sep)) throw new Error(`${path} is not served`);
  return file;
}
