/** Teach, as a user does it: two classes, a lesson, the network saved, and the same answers from Node. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { readImage } from '../../src/data/node/decode.ts';
import { evalTransform } from '../../src/data/transforms.ts';
import { noGrad, scope, tensor } from '../../src/tensor/index.ts';
import { softmaxRow } from '../../src/train/metrics.ts';
import { createModel, openStart } from '../../src/weights/node/create-model.ts';
import { testDevice } from '../helpers/device.ts';
import { choose, withFiles } from './files.ts';
import { axeViolations, savedBytes } from './page.ts';
import { pageSuite } from './suite.ts';

const test = pageSuite('web/teach');

/** Pictures of a colour each, which a head learns from any body. */
async function drawn(folder: string, name: string, colour: string, count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const path = join(folder, `${name}-${i}.png`);
      const background = { r: 0, g: 0, b: 0, [colour]: 150 + 10 * i };
      await sharp({ create: { width: 48, height: 40, channels: 3, background } })
        .png()
        .toFile(path);
      return path;
    }),
  );
}

test('two classes are taught, measured on what was held out, saved, and answered alike in Node', async (built) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-teach-'));
  const { page, complaints, close } = await built.open();
  await withFiles(async (files) => {
    await choose(page, join(files, 'sides.safetensors'));
    await page.getByText('tiny, sides.safetensors').waitFor();
  });
  await page.getByRole('link', { name: 'Teach' }).click();
  await page.getByText('this needs two pictures or more.').waitFor();
  await page.getByRole('textbox', { name: 'Name' }).nth(0).fill('red');
  await page.getByRole('textbox', { name: 'Name' }).nth(1).fill('blue');
  await page.getByLabel('Choose pictures of red').setInputFiles(await drawn(folder, 'red', 'r', 8));
  await page.getByLabel('Choose pictures of blue').setInputFiles(await drawn(folder, 'blue', 'b', 5));
  await page.getByText('Few pictures: blue (5).').waitFor();
  await page.getByRole('button', { name: 'Teach', exact: true }).click();
  await page.getByText('3 of 3 held-out pictures are right, 100.0 %').waitFor();
  await page.getByRole('img', { name: 'Loss after 30 epochs' }).waitFor();
  assert.equal(await page.locator('.confusion tbody tr').allInnerTexts(), ['red\t2\t0', 'blue\t0\t1']);
  assert.equal(await axeViolations(page), []);

  // A reload loses no picture.
  await page.waitForTimeout(1000);
  await page.reload();
  await page.getByText('8 pictures, 2 held out').waitFor();
  await page.getByText('5 pictures, 1 held out').waitFor();
  assert.is(await page.getByRole('textbox', { name: 'Name' }).nth(1).inputValue(), 'blue');
  await withFiles(async (files) => {
    await page.getByRole('link', { name: 'Classify' }).click();
    await choose(page, join(files, 'sides.safetensors'));
    await page.getByText('tiny, sides.safetensors').waitFor();
    await page.getByRole('link', { name: 'Teach' }).click();
  });
  await page.getByRole('button', { name: 'Teach', exact: true }).click();
  await page.getByText('3 of 3 held-out pictures are right').waitFor();

  const path = join(folder, 'taught.safetensors');
  writeFileSync(path, await savedBytes(page, 'Save the network'));
  const device = await testDevice();
  const { known, preprocessing } = await openStart({ weights: path });
  assert.equal(known!.card.classes, ['red', 'blue']);
  const model = (await createModel('tiny', { device, weights: known! })).eval();
  const values = evalTransform(preprocessing)(await readImage(join(folder, 'red-0.png')), Math.random);
  const logits = scope(() =>
    noGrad(() => model.forward(tensor(values as Float32Array<ArrayBuffer>, [1, 32, 32, 3], { device }))),
  );
  const [red] = softmaxRow((await logits.data()) as Float32Array);
  device.close();
  await page.getByRole('img', { name: `red-0.png, taken for red, ${(100 * red!).toFixed(1)} %` }).waitFor();

  await page.getByRole('button', { name: 'Let it answer' }).click();
  await page.getByText('tiny, taught.safetensors').waitFor();
  await page.getByRole('button', { name: 'Camera' }).first().click();
  await page.getByRole('button', { name: 'Take 8 pictures' }).click();
  await page.getByText('16 pictures, 4 held out').waitFor();
  await page.getByRole('button', { name: 'Delete all pictures' }).click();
  assert.is(await page.locator('.examples img').count(), 0);
  assert.equal(complaints, []);
  await close();
  rmSync(folder, { recursive: true });
});

test.run();
