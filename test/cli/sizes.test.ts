/**
 * `--size HEIGHTxWIDTH` and `--fit` from the pictures to the answers: photos with a mark in one corner, which alone tells the
 * classes apart, go through train, evaluate, predict, explain and export, wide and high ones, and the mark stays where it is.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExplainedPicture } from '../../src/cli/explain/maps.ts';
import { newImage, type RgbImage } from '../../src/data/image.ts';
import { decodeImage } from '../../src/data/node/decode.ts';
import { writeImage } from '../../src/data/node/encode.ts';
import type { Fit } from '../../src/data/placing.ts';
import { readCheckpoint } from '../../src/train/node/checkpoint.ts';
import { readOnnx } from '../export/read-onnx.ts';
import { shareDevice, tessera } from './in-process.ts';
import { saveTinyCheckpoint } from './tiny-checkpoint.ts';

const test = suite('cli/sizes');
const CLASSES = ['blue', 'red'];
const SIDES = [
  [90, 60],
  [60, 90],
] as const;
type Corner = readonly [bottom: 0 | 1, right: 0 | 1];
const CORNERS: readonly Corner[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];

/** Grey, with a mark of a third of either side in a corner, or a little inside of it where a crop may cut. */
function marked(
  width: number,
  height: number,
  [bottom, right]: Corner,
  red: boolean,
  seed: number,
): RgbImage {
  const image = newImage(width, height);
  image.pixels.fill(96 + 8 * (seed % 5));
  const inside = (at: number, side: number, far: 0 | 1): boolean => {
    const place = far ? side - 1 - at : at;
    return place >= side / 12 && place < side / 3;
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (inside(y, height, bottom) && inside(x, width, right))
        image.pixels.set(red ? [250, 20, 20] : [20, 20, 250], 3 * (y * width + x));
  return image;
}

let folder: string;
let closeDevice: () => void;
const at = (name: string): string => join(folder, name);
test.before(async () => {
  closeDevice = shareDevice();
  folder = await mkdtemp(join(tmpdir(), 'tessera-sizes-'));
  for (const side of ['train', 'val'])
    for (const [label, name] of CLASSES.entries()) {
      await mkdir(at(`data/${side}/${name}`), { recursive: true });
      for (const [i, [width, height]] of SIDES.entries())
        for (const [c, corner] of CORNERS.entries()) {
          const image = marked(width, height, corner, label === 1, i + c + (side === 'val' ? 1 : 0));
          await writeImage(at(`data/${side}/${name}/${width}x${height}-${corner.join('')}.png`), image);
        }
    }
  await saveTinyCheckpoint(at('start.safetensors'), CLASSES);
});
test.after(async () => {
  closeDevice();
  await rm(folder, { recursive: true });
});

async function done(name: string, ...args: string[]): Promise<{ out: string; err: string }> {
  const { code, ...said } = await tessera(name, ...args);
  assert.is(code, 0, said.err);
  return said;
}

const RUNS: [fit: Fit, size: string, said: RegExp][] = [
  ['pad', '64x96', /input 64×96 \(64 high, 96 wide\), pictures whole in a border \(--fit pad\)/],
  ['crop', '72x64', /input 72×64 \(72 high, 64 wide\), 14 epochs/],
];
for (const [fit, size, banner] of RUNS)
  test(`--size ${size} --fit ${fit}: what is learnt from a corner is found in that corner`, async () => {
    const run = at(`run-${fit}-${size}`);
    const [height, width = height] = size.split('x').map(Number) as [number, number?];
    const trained = await done(
      'train',
      ...['--data', at('data'), '--weights', at('start.safetensors'), '--train-from', 'all', '--train-norms'],
      ...['--size', size, '--fit', fit, '--epochs', '14', '--batch', '8', '--lr', '0.02', '--crop', '0.9'],
      ...['--out', run],
    );
    assert.match(trained.err, banner);
    const { info } = await readCheckpoint(run);
    const inputSize = height === width ? height : [height, width];
    assert.equal(
      [info.preprocessing.inputSize, info.preprocessing.fit],
      [inputSize, fit === 'pad' ? fit : undefined],
    );
    assert.equal([info.settings.size, info.settings.fit], [inputSize, fit]);

    const measured = JSON.parse((await done('evaluate', '--checkpoint', run, '--json')).out);
    assert.is(measured.accuracy, 1, 'every validation picture is right');

    const pictures = SIDES.flatMap(([w, h]) =>
      CORNERS.slice(w > h ? 0 : 2, w > h ? 2 : 4).map((corner) => ({
        w,
        h,
        corner,
        file: at(`data/val/red/${w}x${h}-${corner.join('')}.png`),
      })),
    );
    const files = pictures.map(({ file }) => file);
    const predicted = await done('predict', ...files, '--checkpoint', run, '--json');
    for (const { label } of JSON.parse(predicted.out).map(
      ({ topK }: { topK: { label: string }[] }) => topK[0],
    ) as { label: string }[])
      assert.is(label, 'red');

    const sheets = at(`sheets-${fit}-${size}`);
    await mkdir(sheets);
    const args = ['--checkpoint', run, '--class', 'red', '--method', 'occlusion', '--out', sheets, '--json'];
    const explained: ExplainedPicture[] = JSON.parse((await done('explain', ...files, ...args)).out);
    for (const [i, { map, strongest, written }] of explained.entries()) {
      const { corner, w, h } = pictures[i]!;
      const found = [(strongest.row + 0.5) / map.height > 0.5, (strongest.column + 0.5) / map.width > 0.5];
      assert.equal(
        found.map(Number),
        corner,
        `${w}×${h}: strongest at ${strongest.row}, ${strongest.column} of ${map.height}×${map.width}`,
      );
      const aspect = fit === 'pad' ? w / h : width / height;
      assert.ok(
        Math.abs(map.width / map.height / aspect - 1) < 0.35,
        `map ${map.width}×${map.height} for ${aspect}`,
      );
      assertRedIn(await decodeImage(await readFile(written), written), corner, aspect);
    }

    const onnx = at(`${fit}-${size}.onnx`);
    await done('export', run, '--to', 'onnx', '--out', onnx);
    const { graph, metadata_props } = readOnnx(new Uint8Array(await readFile(onnx)));
    const dims = graph.input[0]!.type.tensor_type.shape.dim.map((dim) => dim.dim_param ?? dim.dim_value);
    assert.equal(dims, ['N', 3, height, width]);
    const { value } = metadata_props.find(({ key }) => key === 'preprocessing')!;
    assert.equal(JSON.parse(value), info.preprocessing);
  });

/** In the picture on a sheet, left of the map: the mark in its corner, in a box of 400 pixels. */
function assertRedIn({ width, pixels }: RgbImage, [bottom, right]: Corner, aspect: number): void {
  const [w, h] = aspect >= 1 ? [400, 400 / aspect] : [400 * aspect, 400];
  const red = (row: number, column: number): boolean => {
    const x = Math.round(24 + (400 - w) / 2 + w * column);
    const y = Math.round(24 + (400 - h) / 2 + h * row);
    const i = 3 * (y * width + x);
    return pixels[i]! > 180 && pixels[i + 2]! < 90;
  };
  for (const row of [0, 1])
    for (const column of [0, 1]) {
      const place = [row ? 0.88 : 0.12, column ? 0.88 : 0.12] as const;
      assert.is(red(...place), row === bottom && column === right, `red at ${place}`);
    }
}

test('the settings of a run are typed again as they were, and a run that goes on takes no others', async () => {
  const { code, err } = await tessera(
    'train',
    '--resume',
    at('run-pad-64x96'),
    '--fit',
    'crop',
    '--size',
    '64x64',
  );
  assert.not(code === 0);
  assert.match(err, /leave out --size, --fit/);
});

const PICTURE = 'data/photos/cat.jpg';
const REFUSED: [command: string, args: string[], sentence: RegExp][] = [
  ['train', ['--size', '64x'], /whole number of at least 8, or HEIGHTxWIDTH such as 160x320/],
  ['train', ['--size', '4x96'], /at least 8/],
  ['train', ['--size', '64x5000'], /at most 4096/],
  ['train', ['--fit', 'squash'], /It is one of crop, pad/],
  [
    'train',
    ['--size', '64x96'],
    /--size 64x96: the pictures that ship with the project are squares; give one side/,
  ],
  ['search', ['--size', '64x96'], /The networks of a search see squares/],
  ['predict', [PICTURE, '--checkpoint', 'x', '--fit', 'pad'], /leave out --fit/],
  ['summary', ['resnet18', '--size', '0x9'], /at least 1/],
];
for (const [command, args, sentence] of REFUSED)
  test(`refused: ${command} ${args.join(' ')}`, async () => {
    const { code, err } = await tessera(command, ...args);
    assert.not(code === 0);
    assert.match(err, sentence);
  });

test('summary, predict and explain say which side is which', async () => {
  assert.match(
    (await done('summary', 'resnet18', '--size', '64x160')).out,
    /pictures of 64×160 \(64 high, 160 wide\)/,
  );
  const args = ['--weights', 'pretrained', '--size', '64x96', '--fit', 'pad'];
  assert.match(
    (await done('predict', PICTURE, ...args)).err,
    /64×96 \(64 high, 96 wide\), pictures whole in a border/,
  );
});

test.run();
