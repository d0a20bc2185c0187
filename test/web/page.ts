/**
 * The page in headless Chromium, on SwiftShader's WebGPU, driven as a user does it: built once for a test file, served from
 * this machine under a path of its own, as on a static host.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { type BrowserContext, chromium, type Page, type Request } from 'playwright-core';
import { buildPage } from '../../web/build.ts';
import { type Served, serveFolder } from '../../web/serve.ts';
import { findChromium } from '../browser/chromium.ts';

/** With WebGPU on the software adapter that comes with it, and a camera that shows a test picture. */
const FLAGS = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--disable-dev-shm-usage',
];

/** The path that the page lies under. */
const BASE = '/some/where/';
/** Milliseconds that an answer may take: the software adapter compiles a network's programs, and other tests run beside. */
const PATIENCE = 120_000;

export interface Opened {
  context: BrowserContext;
  page: Page;
  /** Where the page is served. */
  address: string;
  /** Every request that the browser made. */
  requests: Request[];
  /** What the page complained of: uncaught errors, and what a policy refused. */
  complaints: string[];
  close(): Promise<void>;
}

/** The page, built. */
export class BuiltPage {
  private readonly contexts = new Set<BrowserContext>();

  private constructor(
    readonly folder: string,
    public served: Served,
  ) {}

  static async build(): Promise<BuiltPage> {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-page-'));
    await buildPage(folder);
    return new BuiltPage(folder, await serveFolder(folder, 0, BASE));
  }

  /**
   * Opens it in a browser with an empty profile.
   * @param flags in place of those that give it a GPU and a camera
   */
  async open({ flags = FLAGS, address = this.served.address, hash = '', ...options } = {}): Promise<Opened> {
    const profile = mkdtempSync(join(tmpdir(), 'tessera-profile-'));
    const context = await chromium.launchPersistentContext(profile, {
      ...{ executablePath: findChromium()!, args: flags, acceptDownloads: true },
      ...{ viewport: { width: 1280, height: 900 }, ...options },
    });
    this.contexts.add(context);
    const requests: Request[] = [];
    const complaints: string[] = [];
    context.on('request', (request) => requests.push(request));
    const [page = await context.newPage()] = context.pages();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.setDefaultTimeout(PATIENCE);
    await page.goto(`${address}${hash}`);
    const close = async (): Promise<void> => {
      this.contexts.delete(context);
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    };
    return { context, page, address, requests, complaints, close };
  }

  /** Runs `body` while nobody answers at the page's address. */
  async withoutServer(body: () => Promise<void>): Promise<void> {
    const { port } = new URL(this.served.address);
    await this.served.close();
    try {
      await body();
    } finally {
      this.served = await serveFolder(this.folder, Number(port), BASE);
    }
  }

  /** Ends the page, and the browsers of tests that failed. */
  async close(): Promise<void> {
    for (const context of this.contexts) await context.close();
    await this.served.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bytes of text files that the page asked for itself, as a host that compresses by Brotli sends them. */
export function loadedBytes({ folder }: BuiltPage, requests: readonly Request[]): number {
  const asked = requests.filter((request) => !request.serviceWorker()).map((request) => request.url());
  const names = asked.map((url) => new URL(url).pathname.slice(BASE.length) || 'index.html');
  const texts = [...new Set(names)].filter((name) => /\.(html|js|css|svg)$/.test(name) && name !== 'sw.js');
  return texts.reduce((sum, name) => sum + brotliCompressSync(readFileSync(join(folder, name))).length, 0);
}

/** What a button hands over to be saved. */
export async function savedBytes(page: Page, button: string): Promise<Buffer> {
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  return readFileSync((await (await coming).path())!);
}

/** The same of text. */
export const saved = async (page: Page, button: string): Promise<string> =>
  (await savedBytes(page, button)).toString();

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds fault with, one line each. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof import('axe-core') }).axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    );
  });
}
