/** Classify, and where the page cannot run, as a user does it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { readImage } from '../../src/data/node/decode.ts';
import { evalTransform } from '../../src/data/transforms.ts';
import { noGrad, scope, tensor } from '../../src/tensor/index.ts';
import { largest } from '../../src/train/metrics.ts';
import { createModel, openStart } from '../../src/weights/node/create-model.ts';
import { testDevice } from '../helpers/device.ts';
import { choose, photo, withFiles } from './files.ts';
import { axeViolations, loadedBytes, saved } from './page.ts';
import { pageSuite } from './suite.ts';

const test = pageSuite('web/classify');

/** Bytes of the first load, without weights and photographs. */
const FIRST_LOAD = 150_000;

/** The likeliest classes of a photograph with the weights that ship, in Node. */
async function answeredInNode(name: string): Promise<{ index: number; logit: number }[]> {
  const device = await testDevice();
  const { known, preprocessing } = await openStart({});
  const model = (await createModel('efficientnet_lite0', { device, weights: known! })).eval();
  const image = await readImage(photo(name));
  const values = evalTransform(preprocessing)(image, Math.random) as Float32Array<ArrayBuffer>;
  const logits = await scope(() =>
    noGrad(() => model.forward(tensor(values, [1, 224, 224, 3], { device }))),
  ).data();
  device.close();
  return largest(logits, 5).map((index) => ({ index, logit: logits[index]! }));
}

const bars = (page: Page, name: string) =>
  page.getByRole('article', { name, exact: true }).locator('.bars li');

test('a photograph that ships: the answers are those of Node, and no request leaves the origin', async (built) => {
  const { page, address, requests, complaints, close } = await built.open();
  await page.getByRole('button', { name: 'Add the photograph of a cat' }).click();
  await bars(page, 'cat.jpg').first().waitFor();
  const [{ topK }] = JSON.parse(await saved(page, 'Save the answers'));
  const node = await answeredInNode('cat.jpg');
  assert.equal(
    topK.map(({ index }: { index: number }) => index),
    node.map(({ index }) => index),
  );
  const off = node.map(({ logit }, i) => Math.abs(logit - topK[i].logit) / Math.abs(node[0]!.logit));
  assert.ok(Math.max(...off) <= 1e-5, `off by ${off}`);
  assert.match(await page.locator('.network').innerText(), /efficientnet_lite0.*4\.7 M parameters/);

  const { origin } = new URL(address);
  const urls = requests.map((request) => request.url());
  assert.equal(
    urls.filter((url) => !url.startsWith(`${origin}/some/where/`) && !url.startsWith(`blob:${origin}`)),
    [],
  );
  assert.is(urls.filter((url) => url.endsWith('.safetensors')).length, 1);
  const bytes = loadedBytes(built, requests);
  console.log(`first load without weights and photographs: ${bytes} bytes by Brotli`);
  assert.ok(bytes <= FIRST_LOAD, `${bytes} bytes`);
  assert.equal(complaints, []);

  // After the first visit there need be no server: the page, the weights and the photographs are kept.
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await built.withoutServer(async () => {
    await page.reload();
    await page.getByRole('button', { name: 'Add the photograph of a cat' }).click();
    await bars(page, 'cat.jpg').first().waitFor();
  });
  await close();
});

test('several files at once, a checkpoint with its own classes, and files that are refused', async (built) =>
  withFiles(async (folder) => {
    const { page, complaints, close } = await built.open();
    await choose(page, join(folder, 'sides.safetensors'));
    await page.getByText('tiny, sides.safetensors').waitFor();
    await choose(page, [photo('cat.jpg'), join(folder, 'not.jpg'), photo('rocket.jpg')]);
    for (const name of ['cat.jpg', 'rocket.jpg']) {
      await bars(page, name).first().waitFor();
      const words = (await bars(page, name).locator('.class').allInnerTexts()).sort();
      assert.equal(words, ['left side', 'right side']);
    }
    await page.getByText('not.jpg is no picture that this browser can decode').waitFor();

    for (const [file, sentence] of [
      ['cut.safetensors', 'cut.safetensors'],
      ['evil.pth', 'evil.pth'],
    ] as const) {
      await choose(page, join(folder, file));
      await page.locator('.network .fault', { hasText: sentence }).waitFor();
      await bars(page, 'cat.jpg').first().waitFor();
    }

    // Dropped and pasted, as the browser hands them over.
    for (const [kind, name] of [
      ['drop', 'dropped.jpg'],
      ['paste', 'pasted.jpg'],
    ] as const) {
      await page.evaluate(
        async ([kind, name, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/jpeg' }));
          const event =
            kind === 'drop'
              ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
              : new ClipboardEvent('paste', { clipboardData: data, bubbles: true });
          document.body.dispatchEvent(event);
        },
        [kind, name, [...readFileSync(photo('cat.jpg'))]] as const,
      );
      await bars(page, name).first().waitFor();
    }

    await page.getByRole('button', { name: 'Camera' }).click();
    await page.getByRole('button', { name: 'Take the picture' }).click();
    await bars(page, 'camera-1.png').first().waitFor();
    await page.getByRole('button', { name: 'Close the camera' }).click();
    await page.getByRole('button', { name: 'Remove camera-1.png' }).click();
    assert.is(await page.getByRole('article', { name: 'camera-1.png' }).count(), 0);

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.equal(await axeViolations(page), []);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide! <= inner!, `the page is ${wide} pixels wide on a phone of ${inner}`);

    // By keyboard alone: the first stop leads past the places, and a photograph is added by Enter.
    await page.keyboard.press('Home');
    await page.getByRole('button', { name: 'Add the photograph of a rocket' }).focus();
    const before = await page.getByRole('article').count();
    await page.keyboard.press('Enter');
    await page.waitForFunction((count) => document.querySelectorAll('article').length > count, before);
    assert.equal(complaints, []);
    await close();
  }));

test('a GPU that is lost is opened again, and the work goes on', async (built) =>
  withFiles(async (folder) => {
    const { context, page, close } = await built.open();
    await choose(page, join(folder, 'sides.safetensors'));
    await choose(page, photo('cat.jpg'));
    await bars(page, 'cat.jpg').first().waitFor();
    // The browser's own way to end its GPU process; the page that asks for it never comes.
    const crash = await context.newPage();
    await crash.goto('chrome://gpucrash').catch(() => undefined);
    await page.bringToFront();
    await choose(page, photo('rocket.jpg'));
    await bars(page, 'rocket.jpg').first().waitFor();
    assert.is(await bars(page, 'cat.jpg').count(), 2);
    await close();
  }));

test('where it cannot run it says why, and what to do', async (built) => {
  const { page, close } = await built.open({ flags: ['--disable-features=WebGPU', '--disable-gpu'] });
  await page.getByRole('heading', { name: 'This page cannot compute here' }).waitFor();
  await page.getByText('enable-unsafe-webgpu').first().waitFor();
  assert.equal(await axeViolations(page), []);
  await close();

  const port = new URL(built.served.address).port;
  const plain = await built.open({
    flags: ['--host-resolver-rules=MAP lan.example 127.0.0.1'],
    address: `http://lan.example:${port}/some/where/`,
  });
  await plain.page.getByText('WebGPU is there on secure pages only').waitFor();
  await plain.page.getByText(`ssh -L ${port}:localhost:${port} lan.example`).waitFor();
  await plain.close();
});

test.run();
