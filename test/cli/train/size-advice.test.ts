/** Which --size is advised for pictures that are smaller than the network's input. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adviseSize, sizeFor } from '../../../src/cli/train/size-advice.ts';
import type { InputSize } from '../../../src/data/input-size.ts';
import { shorterSides } from '../../../src/data/node/sides.ts';

const test = suite('cli/size-advice');

const SIZES: [what: string, sides: number[], size: InputSize, advised: InputSize | null][] = [
  ['CIFAR-10', Array(15).fill(32), 224, 128],
  ['pictures of 150', [150, 150, 150], 224, 160],
  ['pictures a little smaller than the input', [200, 200, 200], 224, null],
  ['pictures as large as the input', [224, 224], 224, null],
  ['photographs', [3000, 2000, 400], 224, null],
  ['most small, some large', [64, 64, 64, 1000, 2000], 224, 128],
  ['most large, some small', [64, 64, 900, 1000, 2000], 224, null],
  ['a large network', [224, 224, 224], 380, 224],
  ['an input that is small already', [32, 32], 96, null],
  ['nothing that could be looked at', [], 224, null],
  ['small pictures in an input that is no square', [60, 70, 80], [256, 512], [128, 256]],
  ['one that is half a step too wide', [150, 150, 150], [300, 500], [160, 256]],
];
for (const [what, sides, size, advised] of SIZES)
  test(`${what} for an input of ${size}: ${advised ?? 'nothing'}`, () => {
    assert.equal(sizeFor(sides, size), advised);
  });

test('pictures in files and in memory are looked at, spread over the set; what is no picture is left out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-sides-'));
  const wide = { create: { width: 40, height: 32, channels: 3 as const, background: 'red' } };
  await sharp(wide).png().toFile(join(folder, 'a.png'));
  await sharp(wide).jpeg().toFile(join(folder, 'b.jpg'));
  await writeFile(join(folder, 'c.jpg'), 'no picture');
  const image = { width: 8, height: 9, pixels: new Uint8Array(8 * 9 * 3) };
  const samples = [
    ...['a.png', 'b.jpg', 'c.jpg', 'gone.jpg'].map((name) => ({ file: join(folder, name), label: 0 })),
    { file: 'in memory', label: 0, image },
  ];
  assert.equal(await shorterSides(samples, 9), [32, 32, 8]);
  assert.equal(await shorterSides(samples, 2), [32]);
  assert.is(
    await adviseSize(samples, { size: 224 }),
    '3 of 3 pictures that were looked at are at most 128 pixels on their shorter side, and the input has 224: they are enlarged. --size 128 takes about 33 % of the work.',
  );
  assert.is(await adviseSize(samples, { size: 128 }), null);
  assert.match(
    (await adviseSize(samples, { size: 224, fit: 'pad' }))!,
    /^3 of 3 .* 128 pixels on their longer side, .* --size 128 takes/,
  );
  assert.match(
    (await adviseSize(samples, { size: [448, 224] }))!,
    /^3 of 3 pictures that were looked at are no larger than 256x128, and the input has 448x224: .* --size 256x128 takes about 33 %/,
  );
  await rm(folder, { recursive: true });
});

test.run();
