/** Teach, as a user does it: classes, a lesson, more of the network thawed, all of it undone, saved, handed on, gone on with. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { readImage } from '../../src/data/node/decode.ts';
import { evalTransform } from '../../src/data/transforms.ts';
import { openStart } from '../../src/weights/node/create-model.ts';
import { tessera } from '../cli/in-process.ts';
import { evaluateOnnx } from '../export/evaluate-onnx.ts';
import { readOnnx } from '../export/read-onnx.ts';
import { choose, photo, withFiles } from './files.ts';
import { axeViolations, type BuiltPage, type Opened, savedBytes } from './page.ts';
import { pageSuite } from './suite.ts';

const test = pageSuite('web/teach');

/** Milliseconds that the page's thread may be busy at a stretch: 50 on a quiet machine, and other tests run beside this one. */
const LONGEST_TASK = 500;

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

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });

/** The page at Teach, with a tiny network, eight red and five blue pictures. */
async function withClasses(built: BuiltPage, folder: string): Promise<Opened> {
  const opened = await built.open();
  const { page } = opened;
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
  return opened;
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-teach-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the browser keeps of lessons, by key. */
const kept = (page: Page): Promise<Record<string, unknown>> =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const opening = indexedDB.open('tessera');
        opening.onsuccess = () => {
          const values: Record<string, unknown> = {};
          const cursor = opening.result.transaction('teach').objectStore('teach').openCursor();
          cursor.onsuccess = () => {
            if (!cursor.result) return resolve(JSON.parse(JSON.stringify(values)));
            values[String(cursor.result.key)] = cursor.result.value;
            cursor.result.continue();
          };
        };
      }),
  );

test('two classes are taught, more of the network is thawed, undone and saved; Node answers alike', async (built) =>
  inFolder(async (folder) => {
    const { page, complaints, close } = await withClasses(built, folder);
    await page.getByText('Few pictures: blue (5).').waitFor();
    // One photograph in both classes, in one of them twice, saved anew: all of it is on one side.
    const cats = ['small-cat.png', 'pale-cat.jpg'].map((name) => join(folder, name));
    await sharp(photo('cat.jpg')).resize(120).toFile(cats[0]!);
    await sharp(photo('cat.jpg')).modulate({ brightness: 1.1 }).jpeg({ quality: 50 }).toFile(cats[1]!);
    await page.getByLabel('Choose pictures of red').setInputFiles(cats);
    await page.getByText('red: 10 pictures that are 9 to the eye').waitFor();
    await page.getByLabel('Choose pictures of blue').setInputFiles(photo('cat.jpg'));
    await page
      .getByText('small-cat.png (red) and cat.jpg (blue) look the same and are in 2 classes')
      .waitFor();
    const alike = await page
      .locator('.examples .alike')
      .evaluateAll((all) => all.map((one) => one.classList.contains('held')));
    assert.ok([...Array(3).keys()].every((at) => alike[at] === alike[0]) && alike.length === 3, alike.join());
    await page.locator('h1').click(); // In a field of text the keys undo letters.
    await page.keyboard.press('Control+z');
    await page.getByText('Undone: adding 1 picture to blue.').waitFor();
    await button(page, 'Undo adding 2 pictures to red').click();
    assert.is(await page.getByText('look the same and are').count(), 0);

    await page.evaluate(() => {
      Object.assign(globalThis, { longest: 0 });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries())
          Object.assign(globalThis, { longest: Math.max(Reflect.get(globalThis, 'longest'), duration) });
      }).observe({ type: 'longtask' });
    });
    await button(page, 'Teach').click();
    await page.getByText('3 of 3 held-out pictures are right, 100.0 %').waitFor();
    await page.getByRole('img', { name: 'Loss after 30 epochs' }).waitFor();
    assert.equal(await page.locator('.confusion tbody tr').allInnerTexts(), ['red\t2\t0', 'blue\t0\t1']);
    const answered = () =>
      page.locator('.examples img').evaluateAll((all) => all.map((one) => one.getAttribute('alt')));
    const ofHead = await answered();

    await page.getByRole('combobox', { name: 'Let more of it learn' }).selectOption('blocks.0');
    await button(page, 'Thaw it').click();
    await page.getByText('Before, 3 were: +0.0 points').waitFor();
    await page.getByRole('img', { name: 'Loss after 40 epochs' }).waitFor();
    const [learns, , gradients, memory] = await page.locator('.costs tbody tr').allInnerTexts();
    // The head has 16 × 2 + 2 values; with blocks.0 and conv_head, norms apart, it is the trainer's count.
    assert.is(learns, 'Values that learn\t34\t340');
    for (const row of [gradients!, memory!]) assert.match(row, /\t[\d.]+ kB\t[\d.]+ kB$/);
    const longest = await page.evaluate(() => Reflect.get(globalThis, 'longest') as number);
    console.log(`longest task of the page's thread while training: ${longest} ms`);
    assert.ok(longest <= LONGEST_TASK, `${longest} ms`);
    assert.equal(await axeViolations(page), []);
    const ofAll = await answered();
    assert.not.equal(ofAll, ofHead);
    await page.keyboard.press('Control+z');
    await page.getByText('Undone: letting blocks.0 learn.').waitFor();
    assert.equal(await answered(), ofHead);
    await button(page, 'Thaw it').click();
    await page.getByText('Before, 3 were').waitFor();

    const path = join(folder, 'taught.safetensors');
    writeFileSync(path, await savedBytes(page, 'Save the network'));
    const { out } = await tessera('predict', '--weights', path, join(folder, 'red-0.png'), '--json');
    const [{ topK }] = JSON.parse(out);
    assert.is(topK[0].label, 'red');
    await page
      .getByRole('img', {
        name: `red-0.png, held out, taken for red, ${(100 * topK[0].probability).toFixed(1)} %`,
      })
      .waitFor();
    const graph = readOnnx(await savedBytes(page, 'Save as ONNX'));
    const { preprocessing } = await openStart({ weights: path });
    const pixels = evalTransform(preprocessing)(await readImage(join(folder, 'red-0.png')), Math.random);
    const input = Array.from({ length: 3 }, (_, c) =>
      Array.from(pixels.filter((_, i) => i % 3 === c)),
    ).flat();
    const { data } = evaluateOnnx(graph, { shape: [1, 3, 32, 32], data: input });
    for (const { index, logit } of topK)
      assert.ok(Math.abs(data[index]! - logit) <= 1e-5 * Math.abs(topK[0].logit));

    // The lesson on another machine, with the network that was taught, which that machine has never seen.
    const lesson = await savedBytes(page, 'Save the lesson');
    const ofThaw = await answered();
    await button(page, 'Let it answer').click();
    await page.getByText('tiny, taught.safetensors').waitFor();
    await page.getByRole('button', { name: 'Camera' }).first().click();
    await page.getByRole('button', { name: 'Take 8 pictures' }).click();
    await page.getByText('16 pictures,').waitFor();
    await page.getByText(/red: 16 pictures that are \d+ to the eye/).waitFor();
    await button(page, 'Delete all pictures').click();
    await page.getByText('Deleted, here and in what the browser keeps.').waitFor();
    assert.is(await page.locator('.examples img').count(), 0);
    await page.waitForTimeout(1000);
    const { lesson: left, ...rest } = await kept(page);
    assert.equal(
      [(left as { taught: unknown }).taught, JSON.stringify(left).includes('.png')],
      [null, false],
    );
    assert.equal(
      Object.values(rest).filter((value) => value),
      [],
    );
    assert.equal(complaints, []);
    await close();

    const other = await built.open({ hash: '#teach' });
    await openFiles(other.page, folder, lesson);
    assert.equal(
      await other.page
        .locator('.examples img')
        .evaluateAll((all) => all.map((one) => one.getAttribute('alt'))),
      ofThaw,
    );
    assert.equal(await savedBytes(other.page, 'Save the network'), readFileSync(path));
    await other.page.setViewportSize({ width: 360, height: 740 });
    const [wide, inner] = await other.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide! <= inner!, `the page is ${wide} pixels wide on a phone of ${inner}`);
    assert.equal(other.complaints, []);
    await other.close();
  }));

/** Opens files that are no lessons, each of which is refused with a sentence, then the lesson. */
async function openFiles(page: Page, folder: string, lesson: Buffer): Promise<void> {
  const end = 8 + Number(lesson.readBigUInt64LE(0));
  const changed = (from: string, to: string): Buffer => {
    assert.is(from.length, to.length);
    const text = lesson.toString('latin1');
    assert.ok(text.includes(from), from);
    return Buffer.from(text.replace(from, to), 'latin1');
  };
  const huge = Buffer.from(lesson);
  huge.writeBigUInt64LE(2n ** 60n, 0);
  for (const [name, bytes, sentence] of [
    ['empty.lesson', Buffer.alloc(0), /empty\.lesson is truncated: 0 bytes/],
    [
      'cut.lesson',
      lesson.subarray(0, lesson.length - 9),
      /cut\.lesson is truncated: its tensors take \d+ bytes/,
    ],
    ['header.lesson', lesson.subarray(0, end - 9), /header\.lesson is truncated: its header takes/],
    ['huge.lesson', huge, /huge\.lesson claims a header of \d+ bytes/],
    ['text.lesson', Buffer.from('no lesson at all'), /text\.lesson claims a header/],
    [
      'newer.lesson',
      changed('\\"format\\":1', '\\"format\\":9'),
      /newer\.lesson was written by a newer page/,
    ],
    [
      'epochs.lesson',
      changed('\\"epochs\\":30', '\\"epochs\\":-3'),
      /epochs is a whole number from 1 to 1,000, not -3/,
    ],
    ['weights.lesson', changed('tessera.lesson', 'tessera.lessoN'), /weights\.lesson holds no lesson/],
    ['name.lesson', changed('"picture.0"', '"picture.x"'), /picture\.0 is to be a tensor of uint8/],
  ] as const) {
    writeFileSync(join(folder, name), bytes);
    await page.getByText('Open a lesson').locator('input').setInputFiles(join(folder, name));
    await page.locator('.fault', { hasText: sentence }).waitFor();
  }
  writeFileSync(join(folder, 'red-blue.lesson'), lesson);
  await page.getByText('Open a lesson').locator('input').setInputFiles(join(folder, 'red-blue.lesson'));
  await page.getByText('3 of 3 held-out pictures are right').waitFor();
}

test('a lesson that a reload breaks off goes on, a second of it lost at most, and ends as one that was not', async (built) =>
  inFolder(async (folder) => {
    const { context, page, complaints, close } = await withClasses(built, folder);
    const epochs = page.getByRole('spinbutton', { name: /Epochs/ });
    const thawed = async (): Promise<Buffer> => {
      await page.getByText('Before, 3 were').waitFor();
      return savedBytes(page, 'Save the network');
    };
    await epochs.fill('3');
    await button(page, 'Teach').click();
    await page.getByText('3 of 3 held-out pictures are right').waitFor();
    // A third of them for the thaw: enough that it is not over before the page is reloaded.
    await epochs.fill('180');
    await button(page, 'Thaw it').click();
    const undisturbed = await thawed();
    await button(page, 'Undo letting conv_head learn').click();

    await button(page, 'Thaw it').click();
    const seen: { time: number; epoch: number }[] = [];
    for (let epoch = 0; epoch < 6; ) {
      const text = await page.locator('.progress').innerText();
      epoch = Number(/epoch (\d+)/.exec(text)?.[1] ?? 0);
      seen.push({ time: performance.now(), epoch });
    }
    const gone = performance.now();
    await page.reload();
    const note = await page.getByText(/The lesson was at epoch \d+ of 60 when it broke off/).innerText();
    const at = Number(/epoch (\d+)/.exec(note)![1]);
    const before = seen.findLast(({ time }) => time <= gone - 1000)?.epoch ?? 0;
    console.log(
      `at epoch ${seen.at(-1)!.epoch} when it was reloaded, ${before} a second before; kept: ${at}`,
    );
    assert.ok(at >= before && at < 60, `${at}, ${before}`);
    await button(page, 'Go on').click();
    // The GPU is lost as well, by the browser's own way to end its process.
    await page.locator('.progress', { hasText: /epoch (1[4-9]|[2-5]\d)/ }).waitFor();
    const crash = await context.newPage();
    await crash.goto('chrome://gpucrash').catch(() => undefined);
    await page.bringToFront();
    assert.equal(await thawed(), undisturbed);
    await page.getByRole('img', { name: 'Loss after 63 epochs' }).waitFor();
    await page.waitForTimeout(1000);
    const { lesson, ...rest } = await kept(page);
    assert.is((lesson as { begun: unknown }).begun, null);
    assert.equal([rest.state, rest.facts, rest.begun], [undefined, undefined, undefined]);
    // Finished, it is there after a reload.
    await page.reload();
    await page.getByText('Before, 3 were').waitFor();
    assert.equal(complaints, []);
    await close();
  }));

test.run();
