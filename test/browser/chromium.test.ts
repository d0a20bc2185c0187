/**
 * The core in a real browser: Debian's Chromium, headless, on SwiftShader's WebGPU. Ops, kernels with their gradients,
 * layers, networks, `verify`, pictures, and a training run whose losses are those of Node on the same driver. What runs
 * is listed in page/main.ts; each of its tests counts here as one.
 *
 * Skipped where there is no Chromium, unless TESSERA_BROWSER is 'required'.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle } from './bundle.ts';
import { findChromium, findSwiftShader, REMEDY, runPage } from './chromium.ts';
import type { PageMessage } from './messages.ts';

const test = suite('browser/chromium');
const chromium = findChromium();

/** The largest difference of two losses of the same step. */
const LIMIT = 1e-6;

const kind = <Kind extends PageMessage['kind']>(told: PageMessage[], wanted: Kind) =>
  told.filter((message): message is Extract<PageMessage, { kind: Kind }> => message.kind === wanted);

/** The training run of the page in Node, on the driver that `icd` describes. */
async function lossesInNode(icd: string): Promise<{ adapter: string; losses: number[] }> {
  const program = fileURLToPath(new URL('./losses.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program], {
    env: { ...process.env, VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd },
  });
  return JSON.parse(stdout);
}

async function testInBrowser(browser: string): Promise<void> {
  const { text } = await bundle('test/browser/page/main.ts');
  const told = await runPage(browser, text);
  const ends = kind(told, 'end');
  const [{ adapter }] = kind(told, 'done');
  console.log(`${ends.length} tests in the page, on ${adapter}`);
  test('the page ran, on SwiftShader', () => {
    assert.match(adapter, /swiftshader/i);
    assert.ok(ends.length > 100, `only ${ends.length} tests`);
  });
  for (const { test: name, error } of ends) test(name, () => assert.is(error, undefined, error));

  const icd = findSwiftShader();
  test('training: the losses are those of Node on the same driver', async () => {
    assert.ok(icd, 'no vk_swiftshader_icd.json lies beside this Chromium');
    const node = await lossesInNode(icd);
    assert.match(node.adapter, /SwiftShader/);
    const [{ losses }] = kind(told, 'losses');
    assert.is(losses.length, node.losses.length);
    const difference = Math.max(...losses.map((loss, i) => Math.abs(loss - node.losses[i]!)));
    assert.ok(losses.length > 10 && difference <= LIMIT, `they differ by ${difference}`);
  });
}

if (chromium) await testInBrowser(chromium);
else if (process.env.TESSERA_BROWSER === 'required')
  test('there is a Chromium', () => assert.unreachable(`Chromium is not installed; ${REMEDY}`));
else test.skip(`in Chromium, which is not installed; ${REMEDY}`, () => undefined);

test.run();
