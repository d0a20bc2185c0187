/** The stress test: what each perturbation does to a picture, the table and its sentences, and a network that learnt framing. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RgbImage } from '../../src/data/image.ts';
import type { BatchSource } from '../../src/data/loader.ts';
import { imageFolder, labelledFolder } from '../../src/data/node/folder.ts';
import { closeLoader, fromSamples } from '../../src/data/node/loader.ts';
import { throughJpeg } from '../../src/data/node/through-jpeg.ts';
import type { Sample } from '../../src/data/sample.ts';
import { PERTURBATIONS, type Perturbation, perturbed } from '../../src/data/stress.ts';
import { gradCam, placingStage } from '../../src/explain/grad-cam.ts';
import { borderShare, heatmapOf } from '../../src/explain/heatmap.ts';
import type { Device } from '../../src/gpu/index.ts';
import { AdamW, freeze, type Model } from '../../src/nn/index.ts';
import { tensor } from '../../src/tensor/index.ts';
import { stress, stressTable } from '../../src/train/evaluation/stress.ts';
import { FeatureCache } from '../../src/train/feature-cache.ts';
import { fit } from '../../src/train/fit.ts';
import { type Inference, infer } from '../../src/train/infer.ts';
import { measure } from '../../src/train/metrics.ts';
import { createModel } from '../../src/weights/node/create-model.ts';
import { atSize, IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';
import { testDevice } from '../helpers/device.ts';
import { framedFaces } from '../helpers/framing.ts';

const test = suite('train/stress');
const data = process.env.TESSERA_DATA;
const real = data === undefined ? test.skip : test;

/** A picture of which every value tells where it is. */
function picture(width: number, height: number): RgbImage {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) % 256);
  return { width, height, pixels };
}
const done = (image: RgbImage, perturbation: Perturbation, index = 0): Promise<RgbImage> =>
  perturbed(image, perturbation, index, throughJpeg);
const at = ({ width, pixels }: RgbImage, x: number, y: number): number[] => [
  ...pixels.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];
/** The mean share of Grad-CAM at the border, by the class that was answered. */
async function borderShares(
  model: Model,
  device: Device,
  source: BatchSource,
  classes: number,
): Promise<number[]> {
  const shares = Array.from({ length: classes }, (): number[] => []);
  for await (const batch of source.load(0)) {
    const side = Math.sqrt(batch.images.length / batch.size / 3);
    const images = tensor(batch.images, [batch.size, side, side, 3], { device });
    const found = await gradCam(model, images, { stage: placingStage(model, device, side) });
    for (const [n, answer] of found.classes.entries()) shares[answer].push(borderShare(heatmapOf(found, n)));
    images.dispose();
  }
  return shares.map((each) => each.reduce((sum, share) => sum + share, 0) / each.length);
}

const flat = (value: number): RgbImage => ({ width: 6, height: 5, pixels: new Uint8Array(90).fill(value) });

for (const perturbation of PERTURBATIONS)
  test(`${perturbation}: a picture of any size gives a picture, the same each time, and is left as it was`, async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 7],
      [2, 3],
      [13, 8],
    ]) {
      const image = picture(width, height);
      const first = await done(image, perturbation, 5);
      assert.is(first.pixels.length, first.width * first.height * 3);
      assert.ok(first.width >= 1 && first.width <= width && first.height >= 1 && first.height <= height);
      assert.equal(await done(image, perturbation, 5), first);
      assert.equal(image, picture(width, height));
    }
  });

test('each does what it is called', async () => {
  const image = picture(20, 10);
  // Pillow: Image.new('RGB', (1, 1), (200, 100, 50)).convert('L') is 124.
  const orange = { width: 1, height: 1, pixels: Uint8Array.of(200, 100, 50) };
  assert.equal(at(await done(orange, 'grey'), 0, 0), [124, 124, 124]);
  assert.equal(await done(await done(image, 'flipped'), 'flipped'), image);
  assert.equal(at(await done(image, 'flipped'), 0, 3), at(image, 19, 3));
  const tighter = await done(image, 'tighter');
  assert.equal([tighter.width, tighter.height, ...at(tighter, 0, 0)], [14, 7, ...at(image, 3, 2)]);
  for (const [index, x, y] of [
    [0, 0, 0],
    [1, 4, 0],
    [2, 0, 2],
    [3, 4, 2],
  ])
    assert.equal(at(await done(image, 'shifted', index), 0, 0), at(image, x, y), `corner ${index}`);
  const half = await done(image, 'half-size');
  assert.equal([half.width, half.height], [10, 5]);
  for (const perturbation of ['blur', 'wider', 'half-size'] as const)
    assert.ok(
      (await done(flat(90), perturbation)).pixels.every((value) => value === 90),
      `${perturbation} of one colour`,
    );
  const [grey] = at(await done(flat(90), 'jpeg'), 0, 0);
  assert.ok(grey !== 90 && Math.abs(grey - 90) < 8, `a JPEG of quality 30 keeps 90 as ${grey}`);
  const wide = await done(picture(40, 40), 'wider');
  assert.equal(at(wide, 5, 20), at(wide, 6, 20), 'the frame begins with the mirror image of the edge');
});

test('noise has the deviation that it states, and differs from picture to picture', async () => {
  const { pixels } = await done(
    { width: 60, height: 40, pixels: new Uint8Array(7200).fill(128) },
    'noise',
    1,
  );
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  const deviation = Math.sqrt(pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length);
  assert.ok(Math.abs(mean - 128) < 1 && Math.abs(deviation - 25) < 1, `${mean}, ${deviation}`);
  assert.not.equal((await done(flat(128), 'noise', 1)).pixels, (await done(flat(128), 'noise', 2)).pixels);
});

test('without an encoder there is a sentence', async () => {
  const refused = await perturbed(flat(0), 'jpeg', 0).catch((error: Error) => error.message);
  assert.match(refused as string, 'needs an encoder');
});

/** Answers that take each of some samples for the class given. */
const taken = (samples: Sample[], called: (sample: Sample, index: number) => number): Inference => ({
  samples,
  labels: Int32Array.from(samples, ({ label }) => label),
  classes: 2,
  logits: Float32Array.from(samples.flatMap((sample, i) => (called(sample, i) === 0 ? [1, 0] : [0, 1]))),
});
const samples = Array.from({ length: 80 }, (_, i): Sample => ({ file: `${i}.png`, label: i & 1 }));
const classes = ['fake', 'real'];

test('a class that falls by more than its interval is named, with what it rests on; the worst first', () => {
  const clean = taken(samples, ({ label }, i) => (i === 0 ? 1 : label));
  const {
    rows,
    sentences,
    clean: before,
  } = stressTable(
    clean,
    [
      ['flipped', clean],
      ['grey', taken(samples, ({ label }, i) => (i % 10 === 1 ? 0 : label))],
      ['tighter', taken(samples, ({ label }, i) => (i < 12 ? label : 1))],
    ],
    { classes },
  );
  assert.is(before.accuracy.value, 79 / 80);
  assert.equal(rows[0].accuracy, { ...before.accuracy, drop: 0 });
  assert.equal(
    rows.map(({ recalls }) => recalls.map(({ drop }) => drop?.toFixed(2))),
    [
      ['0.00', '0.00'],
      ['-0.03', '0.20'],
      ['0.82', '0.00'],
    ],
  );
  for (const { accuracy } of rows)
    assert.ok(accuracy.dropInterval!.low <= accuracy.drop! && accuracy.drop! <= accuracy.dropInterval!.high);
  assert.equal(sentences, [
    "Under tighter crops 'fake' falls from 97.5 % (95 % interval 87.1–99.6 %) to 15.0 %: the decision rests on framing.",
    "In grey 'real' falls from 100.0 % (95 % interval 91.2–100.0 %) to 80.0 %: the decision leans on colour.",
  ]);
});

test('where nothing falls, that is said; a picture that a pass lacks and a class without pictures are no figure', () => {
  const ones = samples.filter(({ label }) => label === 1);
  const clean = taken(ones, () => 1);
  const { rows, sentences } = stressTable(clean, [['grey', taken(ones.slice(3), () => 1)]], { classes });
  assert.equal(sentences, ['No class falls by more than its 95 % interval under any of them.']);
  assert.equal(rows[0].recalls[0], { value: null, interval: null, drop: null, dropInterval: null });
  assert.is(rows[0].accuracy.value, 1);
});

real(
  'faces told apart by their framing: right on such pictures, wrong where it is swapped, and the report says why',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-framing-'));
    const device = await testDevice({ poison: false });
    try {
      await framedFaces(join(data!, 'images/faces'), folder, 12);
      const set = await imageFolder(folder);
      const preprocessing = atSize(IMAGENET_PREPROCESSING, 64);
      const common = { batchSize: 32, preprocessing, seed: 0 };
      const model = await createModel('efficientnet_lite0', { device, weights: 'pretrained', numClasses: 2 });
      freeze(model, { match: (name) => !model.isHead(name) });
      const cache = new FeatureCache({ model, device });
      await fit({
        model,
        device,
        optimizer: new AdamW(
          [...model.parameters()].filter(({ requiresGrad }) => requiresGrad),
          { lr: 0.01 },
        ),
        train: cache.of(fromSamples(set.train, { ...common, shuffle: true })),
        epochs: 20,
      });
      cache.close();
      const clean = (await infer(model, device, fromSamples(set.val, common).load(0)))!;
      assert.ok(measure(clean).accuracy > 0.9, `accuracy ${measure(clean).accuracy}`);
      const swapped = await labelledFolder(join(folder, 'swapped'), set.classes);
      const wrong = (await infer(model, device, fromSamples(swapped.samples, common).load(0)))!;
      assert.ok(measure(wrong).accuracy < 0.3, `swapped: accuracy ${measure(wrong).accuracy}`);
      const table = (await stress(model, device, {
        source: (perturbation) => fromSamples(clean.samples, { ...common, perturbation }),
        classes: set.classes,
        clean,
        perturbations: ['flipped', 'tighter'],
      }))!;
      const source = () => fromSamples(clean.samples, common);
      const ended = await stress(model, device, { source, classes: set.classes, onBatch: () => false });
      assert.is(ended, null);
      console.log(`framing: ${table.sentences.join(' ')}`);
      assert.is(table.sentences.length, 1);
      assert.match(
        table.sentences[0],
        /^Under tighter crops 'real' falls from .* to .*: the decision rests on framing\.$/,
      );
      const [fake, real] = await borderShares(
        model,
        device,
        fromSamples(set.val, common),
        set.classes.length,
      );
      console.log(`share of Grad-CAM at the border: fake ${fake.toFixed(3)}, real ${real.toFixed(3)}`);
      assert.ok(fake > real + 0.05, 'what was cropped is told by its border');
    } finally {
      device.close();
      await closeLoader();
      await rm(folder, { recursive: true });
    }
  },
);

test.run();
