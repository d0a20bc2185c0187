/** `explain` as people run it, with the weights that ship: what it writes, what it says, and what it refuses. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExplainedPicture } from '../../src/cli/explain/maps.ts';
import { decodeImage } from '../../src/data/node/decode.ts';
import { tessera } from './in-process.ts';

const test = suite('cli/explain');
const CAT = 'data/photos/cat.jpg';
/** Small pictures: the answers are worse, and what is drawn is the same. */
const QUICK = ['--weights', 'pretrained', '--size', '64'];
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-explain-'));
});
test.after(() => rm(folder, { recursive: true }));

const explain = (...args: string[]) => tessera('explain', ...args);

/** A picture that was written. */
const written = async (path: string) => decodeImage(await readFile(path), path);

test('one sheet for several pictures, an entry of JSON for each, and what cannot be read is said', async () => {
  const broken = join(folder, 'broken.jpg');
  await writeFile(broken, 'no picture');
  const out = join(folder, 'sheet.png');
  const {
    code,
    out: text,
    err,
  } = await explain(CAT, broken, 'data/photos/coffee.jpg', ...QUICK, '--out', out, '--json');
  assert.is(code, 1);
  assert.match(err, /error: .*broken\.jpg/);
  const found: ExplainedPicture[] = JSON.parse(text);
  assert.equal(
    found.map(({ file, written }) => [file, written]),
    [
      [CAT, out],
      ['data/photos/coffee.jpg', out],
    ],
  );
  for (const { map, strongest, topK, index, probability, borderShare } of found) {
    assert.equal(map, { height: 2, width: 2 });
    assert.ok(strongest.row < 2 && strongest.column < 2);
    assert.is(topK.length, 5);
    assert.equal([topK[0]!.index, topK[0]!.probability], [index, probability]);
    assert.ok(borderShare === null || (borderShare > 0 && borderShare < 1));
  }
  const { width, height } = await written(out);
  assert.equal([width, height], [1280, 24 + 2 * 424]);
});

test('a folder gets a file for each picture, of a class and a stage by name', async () => {
  const out = join(folder, 'each');
  const args = ['--class', 'lynx', '--stage', 'blocks.3', '--out', out];
  const { code, out: text, err } = await explain(CAT, 'data/photos/coffee.jpg', ...QUICK, ...args);
  assert.is(code, 0, err);
  assert.match(
    text,
    /^data\/photos\/cat\.jpg\n {2}lynx {2}\d+\.\d % {2}(strongest .* \d+\.\d % of the map|nothing)/,
  );
  assert.equal((await readdir(out)).sort(), ['cat.explain.png', 'coffee.explain.png']);
});

test('--features draws the filters of the first layer and the maps of each stage', async () => {
  const out = join(folder, 'features.png');
  const { code, out: text, err } = await explain(CAT, ...QUICK, '--features', '--out', out);
  assert.is(code, 0, err);
  assert.match(text, /32 filters of conv_stem, feature maps of conv_stem, blocks\.0, .* conv_head\n/);
  assert.is((await written(out)).width, 1226);
});

const REFUSED: [args: string[], sentence: RegExp][] = [
  [['gone.png'], /there is no picture gone\.png/],
  [[CAT, ...QUICK, '--class', 'lynxx'], /there is no class 'lynxx'; did you mean lynx\?/],
  [[CAT, ...QUICK, '--stage', 'blocks.33'], /there is no stage 'blocks\.33'; did you mean blocks\.3\?/],
  [[CAT, ...QUICK, '--method', 'occlusion', '--stage', 'conv_stem'], /occlusion reads none, so leave it out/],
  [[CAT, ...QUICK, '--features', '--class', 'lynx'], /leave out --class and --method/],
  [[CAT, CAT, ...QUICK, '--features', '--out', 'two.png'], /at most 1 .* give --out a folder/],
  [
    [CAT, ...QUICK, '--out', CAT],
    /cat\.jpg is one of the pictures and would be written over; name another place/,
  ],
  [
    [CAT, '--checkpoint', 'x', '--weights', 'pretrained'],
    /--checkpoint names its model, weights and size itself; leave out --weights$/m,
  ],
  [[CAT, '--checkpoint', 'x', '--size', '64', '--model', 'resnet18'], /leave out --model and --size$/m],
  [[CAT, '--method', 'guess'], /Allowed choices are grad-cam, occlusion/],
];
for (const [args, sentence] of REFUSED)
  test(`refused: ${args.slice(1).join(' ') || args[0]}`, async () => {
    const { code, out, err } = await explain(...args);
    assert.is(code, 64);
    assert.match(err, sentence);
    assert.is(out, '');
  });

test.run();
