/** Explore, Why and Your GPU, as a user does it. The network is a tiny one of the user's own, where none of ours is asked for. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { summarise } from '../../src/models/summary.ts';
import { buildModel } from '../../src/models/table.ts';
import { choose, photo, withFiles } from './files.ts';
import type { BuiltPage } from './page.ts';
import { axeViolations, type Opened, saved } from './page.ts';
import { pageSuite } from './suite.ts';

const test = pageSuite('web/places');

/** The page with a photograph and the tiny network, at `hash`. */
async function withTiny(built: BuiltPage, hash: string): Promise<Opened> {
  const opened = await built.open();
  await withFiles(async (folder) => {
    await choose(opened.page, join(folder, 'sides.safetensors'));
    await opened.page.getByText('tiny, sides.safetensors').waitFor();
    await choose(opened.page, photo('cat.jpg'));
    await opened.page.getByText('left side').first().waitFor();
  });
  await opened.page.evaluate((to) => {
    location.hash = to;
  }, hash);
  return opened;
}

const fact = (page: Page, name: string) => page.locator('.facts div', { hasText: name }).locator('dd');

test('Explore: shapes, times, maps, filters, source and the WGSL that ran', async (built) => {
  const { page, complaints, close } = await withTiny(built, '#explore');
  await page.getByText('median of three passes').waitFor();
  assert.match(await fact(page, 'On this GPU').innerText(), /^\d+\.\d+ ms$/);
  assert.ok((await page.getByRole('img', { name: /^Filter \d+$/ }).count()) === 8, 'a stem of 8 filters');

  await page.getByRole('button', { name: 'Channel' }).first().click();
  await page.getByText('circles mark its strongest places').waitFor();
  await page.getByText('src/models/mbconv-net.ts').click();
  await page.getByRole('region', { name: 'src/models/mbconv-net.ts' }).getByText('extends Model').waitFor();
  const shader = page.locator('details', { hasText: 'workgroups' }).first();
  await shader.locator('summary').click();
  await shader.getByText('@compute').first().waitFor();
  assert.equal(await axeViolations(page), []);
  assert.equal(complaints, []);
  await close();
});

test('Explore: an address leads to a part of a network of random weights, and the page says that they are', async (built) => {
  const { page, close } = await built.open({ hash: '#explore/resnet18/layer1.0' });
  await page.getByText('Random weights.').waitFor();
  const { device } = await dryDevice(PLAIN_DEVICE);
  const { stages } = summarise(buildModel('resnet18', { device, initialise: false }), 224);
  const layers = stages[1]!.layers.filter(({ name }) => name.startsWith('layer1.0.'));
  assert.is(await fact(page, 'Output').innerText(), '56×56×64');
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  assert.is(
    await fact(page, 'Parameters').innerText(),
    `${(parameters / 1000).toPrecision(3).replace(/\.0$/, '')} k`,
  );
  await page.getByRole('link', { name: 'layer1.0.conv2' }).click();
  await page.getByRole('heading', { name: 'layer1.0.conv2 conv 3×3, 64 → 64' }).waitFor();
  await page.getByRole('button', { name: 'Channel' }).first().waitFor();

  // AlexNet is made when a reader says so.
  await page.getByRole('combobox', { name: 'Network' }).selectOption('alexnet');
  await page.getByText('244 MB').waitFor();
  await page.getByRole('button', { name: 'Make it' }).waitFor();
  await page.evaluate(() => {
    location.hash = '#explore/no-such-network';
  });
  await page.getByText('no-such-network').last().waitFor();
  await page.locator('main .fault').waitFor();
  await close();
});

test('Why: a map for any class, from the picture to the map, by either method', async (built) => {
  const { page, complaints, close } = await withTiny(built, '#why');
  const found = page.locator('.layers figcaption');
  await found.getByText(/(What|Nothing in the picture) speaks for/).waitFor();
  // The file calls 'right side' from 0.01 on, whatever is likeliest.
  await page.getByText("'right side' is called from a probability of 0.01, as was asked for.").waitFor();
  await found.getByText(/right side \(\d+\.\d %, called from 1\.0 %\)/).waitFor();
  await page.getByRole('radio', { name: 'left side' }).check();
  await found.getByText('left side').waitFor();
  await page.getByRole('radio', { name: /Occlusion/ }).check();
  await found.getByText('a map of 8×8').waitFor();
  await page.getByRole('slider').fill('25');
  assert.is(await page.locator('.over').evaluate((over) => getComputedStyle(over).opacity), '0.25');
  assert.equal(await axeViolations(page), []);
  assert.equal(complaints, []);
  await close();
});

test('Your GPU: limits, a certificate layer by layer to save, and a bench that can be stopped', async (built) => {
  const { page, complaints, close } = await withTiny(built, '#gpu');
  await page.getByText(/Its \d\d limits/).click();
  await page.getByText('maxStorageBufferBindingSize').waitFor();
  await page.getByRole('checkbox', { name: 'every op' }).uncheck();
  await page.getByRole('checkbox', { name: 'efficientnet_lite0' }).uncheck();
  await page.getByRole('button', { name: 'Compare on this GPU' }).click();
  const certificate = JSON.parse(await saved(page, 'Save the certificate'));
  assert.equal(
    [certificate.passed, certificate.complete, certificate.networks[0].model],
    [true, true, 'resnet18'],
  );
  assert.ok(certificate.networks[0].comparisons.length > 100);
  await page.getByText(/resnet18: \d+ layers/).click();
  await page
    .getByRole('row', { name: /layer4\.1\.bn2/ })
    .first()
    .waitFor();

  const climb = page.getByRole('button', { name: 'Climb on this GPU' });
  await climb.click();
  await page.getByText(/^\d+ of 100: what this GPU reaches at best/).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await climb.waitFor();
  assert.equal(await axeViolations(page), []);
  assert.equal(complaints, []);
  await close();
});

test.run();
