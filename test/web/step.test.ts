/** A step under the glass, as a user takes it, and its figures against a step of Node's engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { readImage } from '../../src/data/node/decode.ts';
import { evalTransform } from '../../src/data/transforms.ts';
import { AdamW, crossEntropy, freeze, type Model, type Module, tapping } from '../../src/nn/index.ts';
import { noGrad, setStep, type Tensor, tensor } from '../../src/tensor/index.ts';
import { softmaxRow } from '../../src/train/metrics.ts';
import { createModel, openStart } from '../../src/weights/node/create-model.ts';
import type { StepSeen } from '../../web/src/step.ts';
import { testDevice } from '../helpers/device.ts';
import { choose, withFiles } from './files.ts';
import { axeViolations, saved } from './page.ts';
import { pageSuite } from './suite.ts';

const test = pageSuite('web/step');

/** What figures may be off, relative to the largest of a kind: two adapters sum in other orders. */
const TOLERANCE = 1e-4;

/** What JSON makes of a step: its arrays are lists. */
type Listed<T> = T extends Float32Array
  ? number[]
  : T extends object
    ? { [Key in keyof T]: Listed<T[Key]> }
    : T;

/** A picture that any decoder reads alike, of a seed. */
async function noise(path: string, seed: number): Promise<string> {
  let state = seed;
  const raw = Uint8Array.from({ length: 40 * 36 * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  await sharp(raw, { raw: { width: 40, height: 36, channels: 3 } })
    .png()
    .toFile(path);
  return path;
}

const norm = (values: Iterable<number>): number => Math.hypot(...values);

/** Mean and variance of each channel. */
function statistics(values: ArrayLike<number>, channels: number): { mean: number[]; variance: number[] } {
  const of = (channel: number): number[] => Array.from(values).filter((_, i) => i % channels === channel);
  const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
  const means = Array.from({ length: channels }, (_, channel) => mean(of(channel)));
  const variance = means.map((centre, channel) => mean(of(channel).map((value) => (value - centre) ** 2)));
  return { mean: means, variance };
}

/** The stage that learns first, and the place behind it where the gradient is looked at. */
const [FROM, NEXT] = ['blocks.0', 'conv_head'] as const;

/** The same step by Node's engine, each figure computed in double from the values themselves. */
async function inNode(weights: string, pictures: readonly string[], labels: Int32Array<ArrayBuffer>) {
  const device = await testDevice();
  const { known, preprocessing } = await openStart({ weights });
  const transform = evalTransform(preprocessing);
  const values = await Promise.all(
    pictures.map(async (path) => [...transform(await readImage(path), Math.random)]),
  );
  const images = tensor(values.flat(), [pictures.length, 32, 32, 3], { device });
  const built = async (): Promise<Model> => {
    const model = await createModel('tiny', { device, weights: known!, use: 'train' });
    freeze(model, { before: FROM });
    setStep(device, 0);
    return model.train();
  };
  // The gradient of a stage's result: the network cut behind it.
  const cut = await built();
  const features = noGrad(() => cut.forwardStages(images, { through: FROM }));
  features.requiresGrad = true;
  crossEntropy(cut.forwardStages(features, { from: NEXT }), labels).backward();

  const model = await built();
  const paths = new Map<Module, string>([...model.namedModules()].map(([path, module]) => [module, path]));
  const taps = new Map<string, Tensor>();
  const logits = tapping(
    (module, result) => void taps.set(paths.get(module)!, result.alias(result.shape, true)),
    () => model.forward(images),
  );
  const loss = crossEntropy(logits, labels);
  loss.backward();
  new AdamW(model.parameters(), { lr: 1e-3 }).step(loss);
  const read = async (tensor: Tensor): Promise<number[]> => [...(await tensor.data())];
  const listed = async (tensors: Iterable<[string, Tensor]>): Promise<Map<string, number[]>> => {
    const entries = [...tensors].map(async ([name, tensor]) => [name, await read(tensor)] as const);
    return new Map(await Promise.all(entries));
  };
  const graded = [...model.namedParameters()].flatMap(([name, { grad }]): [string, Tensor][] =>
    grad ? [[name, grad]] : [],
  );
  const found = {
    ...{ loss: await loss.item(), logits: await read(logits), features: await read(features.grad!) },
    ...{ results: await listed(taps), gradients: await listed(graded) },
    ...{ parameters: await listed(model.namedParameters()), running: await listed(model.namedBuffers()) },
  };
  device.close();
  return found;
}

/** How far numbers are off, relative to the largest that is expected. */
const off = (found: readonly number[], expected: readonly number[]): number =>
  Math.max(...expected.map((value, i) => Math.abs(value - found[i]!))) / Math.max(...expected.map(Math.abs));

test("its figures are those of Node's engine, the network that answers stays as it is, and keys lead through it", async (built) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-step-'));
  const { page, complaints, close } = await built.open();
  await withFiles(async (files) => {
    const weights = join(files, 'sides.safetensors');
    await choose(page, weights);
    await page.getByText('tiny, sides.safetensors').waitFor();
    const pictures = [await noise(join(folder, 'a.png'), 1), await noise(join(folder, 'b.png'), 2)];
    await choose(page, pictures);
    await page.getByRole('link', { name: 'A step' }).click();
    await page.getByLabel('What a.png is to be taken for').selectOption('1');
    await page.getByLabel('What b.png is to be taken for').selectOption('0');
    await page.getByLabel('From stage').selectOption(FROM);
    await page.getByRole('button', { name: 'Take a step' }).click();
    await page.getByRole('heading', { name: 'One step of tiny' }).waitFor();
    const seen: Listed<StepSeen> = JSON.parse(await saved(page, 'Save the step'));
    const node = await inNode(weights, pictures, Int32Array.of(1, 0));

    const near = (
      what: string,
      found: number | readonly number[],
      expected: number | readonly number[],
    ): void => {
      const error = off([found].flat(), [expected].flat());
      assert.ok(error <= TOLERANCE, `${what}: ${found}, not ${expected}: off by ${error}`);
    };
    near('loss', seen.loss, node.loss);
    near('logits', seen.logits, node.logits);
    const layerAt = (path: string) => seen.layers.find((layer) => layer.path === path)!;
    for (const path of ['bn1', 'blocks.0.0.conv_dw', 'blocks.0.0.bn2', 'conv_head', 'bn2', 'classifier']) {
      const values = node.results.get(path)!;
      near(`the RMS of ${path}`, layerAt(path).rms, norm(values) / Math.sqrt(values.length));
    }
    near('the gradient behind the first block', layerAt('blocks.0.0.bn2').gradient!, norm(node.features));
    const slopes = [0, 1].flatMap((i) => {
      const [a, b] = softmaxRow(Float32Array.from(node.logits.slice(2 * i, 2 * i + 2)));
      return [(a! - Number(i === 1)) / 2, (b! - Number(i === 0)) / 2];
    });
    near('the gradient of the logits', layerAt('classifier').gradient!, norm(slopes));
    assert.equal([layerAt('bn1').gradient, layerAt('bn1').learns], [null, false]);
    // A bias before a norm has a gradient of rounding errors alone, which the norm behind it takes out again.
    const most = Math.max(...[...node.gradients.values()].map(norm));
    for (const { parameters } of seen.layers)
      for (const { name, gradient, samples } of parameters) {
        const expected = node.gradients.get(name);
        assert.is(gradient === null, expected === undefined, name);
        if (!expected) continue;
        const own = norm(expected);
        assert.ok(
          Math.abs(gradient! - own) <= TOLERANCE * most,
          `the gradient of ${name}: ${gradient}, not ${own}`,
        );
        if (own < TOLERANCE * most) continue;
        const after = samples.map(({ index }) => node.parameters.get(name)![index]!);
        near(
          `${name} after the step`,
          samples.map((sample) => sample.after),
          after,
        );
        assert.is.not(samples[0]!.after, samples[0]!.before, name);
      }
    const [frozen, learnt] = ['bn1', 'blocks.0.0.bn1'].map(
      (path) => seen.norms.find((one) => one.path === path)!,
    );
    const { mean, variance } = statistics(node.results.get('blocks.0.0.conv_dw')!, 8);
    near('means of the batch', learnt!.batchMean, mean);
    near('variances of the batch', learnt!.batchVar, variance);
    near('running means', learnt!.runningMean.after, node.running.get('blocks.0.0.bn1.running_mean')!);
    near('running variances', learnt!.runningVar.after, node.running.get('blocks.0.0.bn1.running_var')!);
    assert.equal([frozen!.batch, learnt!.batch], [false, true]);
    assert.equal(frozen!.runningMean.after, frozen!.runningMean.before);

    // The keys, and what the figure shows by then.
    const slider = page.getByRole('slider', { name: 'Where in the step' });
    const count = seen.layers.length;
    await page.locator('#main').press('ArrowRight');
    assert.is(await slider.inputValue(), '1');
    assert.is(await slider.getAttribute('aria-valuetext'), `Forward: ${seen.layers[1]!.path}`);
    assert.is(await page.locator('.forward .lit').count(), 2);
    await page.locator('#main').press('ArrowLeft');
    await page.locator('#main').press(' ');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll('.forward .lit').length > 1);
    await page.locator('#main').press(' ');
    await page.getByRole('button', { name: 'Loss', exact: true }).click();
    assert.is(await slider.inputValue(), String(count));
    await page.getByText('Gradient of the logits').waitFor();
    await page.getByRole('button', { name: 'Update', exact: true }).click();
    assert.is(
      await page.locator('.backward .lit').count(),
      seen.layers.filter((layer) => layer.gradient).length,
    );
    await page.getByRole('button', { name: 'Back', exact: true }).click();
    await page.getByText('Here the backward pass ends: blocks.0.0.conv_dw').waitFor();
    await page.getByText(`All figures as a table: ${count} layers`).click();
    await page.evaluate(() => {
      location.hash = '#step/tiny/bn1';
    });
    await page.getByText('This norm is frozen').waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const phase of ['Loss', 'Update', 'After']) {
        await page.getByRole('button', { name: phase, exact: true }).click();
        assert.equal(await axeViolations(page), []);
      }
    }
    await page.setViewportSize({ width: 360, height: 740 });
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide! <= inner!, `the page is ${wide} pixels wide on a phone of ${inner}`);

    // The network of the other places has its weights to the bit.
    await page.getByRole('link', { name: 'Classify' }).click();
    await choose(page, pictures[0]!);
    await page.getByRole('article', { name: 'a.png' }).nth(1).locator('.bars').waitFor();
    const answers = JSON.parse(await saved(page, 'Save the answers'));
    const [again, before] = answers.filter(({ file }: { file: string }) => file === 'a.png');
    assert.equal(again.topK, before.topK);
  });
  assert.equal(complaints, []);
  await close();
  rmSync(folder, { recursive: true });
});

test('pictures of Teach are a batch with a new head; another network has random weights, and the page says so', async (built) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-step-'));
  const { page, complaints, close } = await built.open();
  await withFiles(async (files) => {
    await choose(page, join(files, 'sides.safetensors'));
    await page.getByText('tiny, sides.safetensors').waitFor();
  });
  await page.getByRole('link', { name: 'Teach' }).click();
  for (const [seed, name] of ['this', 'that'].entries())
    await page
      .getByLabel(`Choose pictures of ${name}`)
      .setInputFiles([await noise(join(folder, `${name}.png`), seed)]);
  await page.getByRole('link', { name: 'A step' }).click();
  await page.getByRole('radio', { name: /this, that/ }).waitFor();
  await page.getByLabel('Optimiser').selectOption('SGD');
  await page.getByLabel('its batch norms too').uncheck();
  await page.getByRole('button', { name: 'Take a step' }).click();
  await page.getByText('A new head.').waitFor();
  const seen: Listed<StepSeen> = JSON.parse(await saved(page, 'Save the step'));
  assert.equal(
    [seen.classes, seen.labels],
    [
      ['this', 'that'],
      [0, 1],
    ],
  );
  assert.ok(seen.norms.every(({ batch }) => !batch));
  // By SGD's formula, from the step's own numbers.
  const { samples } = seen.layers.at(-1)!.parameters[0]!;
  for (const { before, gradient, after } of samples)
    assert.ok(Math.abs(before - 1e-3 * gradient - after) <= 1e-7, `${before}, ${gradient}, ${after}`);

  await page.getByRole('combobox', { name: 'Network' }).selectOption('resnet18');
  await page.getByLabel('From stage').selectOption('fc');
  await page.getByRole('button', { name: 'Take a step' }).click();
  await page.getByText('Random weights.').waitFor();
  await page.getByText('1,026 values learn, from fc on').waitFor();
  assert.equal(complaints, []);
  await close();
  rmSync(folder, { recursive: true });
});

test.run();
