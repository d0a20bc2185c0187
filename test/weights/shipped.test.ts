/**
 * The weights that ship: their file, and that the engine answers with them what PyTorch answers
 * (test/reference/shipped_weights.json, an implementation in PyTorch that shares no code with ours).
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readImage } from '../../src/data/node/decode.ts';
import { evalTransform } from '../../src/data/transforms.ts';
import type { Device } from '../../src/gpu/index.ts';
import type { Model } from '../../src/nn/index.ts';
import { noGrad, scope, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { readCard } from '../../src/weights/card.ts';
import { getEntry } from '../../src/weights/catalog/catalog.ts';
import { IMAGENET_CLASSES } from '../../src/weights/catalog/imagenet-classes.ts';
import { readSafetensors, writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import type { StateDict } from '../../src/weights/formats/state.ts';
import type { LoadReport } from '../../src/weights/load.ts';
import { createModel } from '../../src/weights/node/create-model.ts';
import { testDevice } from '../helpers/device.ts';
import { departure, type Expected } from '../helpers/expected.ts';
import { fixture } from '../helpers/fixture.ts';

interface Answer {
  label?: number;
  top5: number[];
  logits: Expected;
}
const reference = fixture<Record<'photos' | 'own', Record<string, Answer>>>('shipped_weights.json');
const entry = getEntry('efficientnet_lite0');
const root = fileURLToPath(new URL('../../', import.meta.url));
const bytes = new Uint8Array(readFileSync(join(root, 'weights', entry.shipped!.file)));

/** Both sides compute in float32 with the same float16 weights. */
const LIMIT = 1e-4;

const test = suite('weights that ship');
let device: Device;
let model: Model;
test.before(async () => {
  device = await testDevice();
  model = (await createModel('efficientnet_lite0', { weights: 'pretrained', device })).eval();
});
test.after(() => {
  model.dispose();
  device.close();
});

test('the file is the one of the catalog, and says the same of itself', () => {
  assert.is(createHash('sha256').update(bytes).digest('hex'), entry.shipped!.sha256);
  const card = readCard(readSafetensors(bytes).metadata);
  assert.equal(card.model, { name: entry.model, options: { padding: 'same', normEps: 1e-3 } });
  assert.is(card.weights, entry.name);
  assert.equal(card.preprocessing, entry.preprocessing);
  assert.is(card.classes, IMAGENET_CLASSES);
  assert.is(card.licence, entry.licence);
  assert.is(card.source, entry.source);
});

test('licence and notice lie beside it', () => {
  const notice = readFileSync(join(root, 'weights/NOTICE.md'), 'utf8');
  for (const what of [entry.shipped!.file, entry.shipped!.sha256, entry.shipped!.original, entry.source])
    assert.ok(notice.includes(what), what);
  assert.match(
    readFileSync(join(root, 'weights/LICENSE-Apache-2.0.txt'), 'utf8'),
    /Version 2\.0, January 2004/,
  );
});

/** Compares a folder's pictures with the reference, four at a time; the places of the largest logits. */
async function compare(folder: string, answers: Record<string, Answer>): Promise<Map<string, number>> {
  const transform = evalTransform(entry.preprocessing);
  const size = Number(entry.preprocessing.inputSize);
  const names = Object.keys(answers);
  const places = new Map<string, number>();
  let largest = 0;
  for (let first = 0; first < names.length; first += 4) {
    const batch = names.slice(first, first + 4);
    const input = new Float32Array(batch.length * size * size * 3);
    for (const [index, name] of batch.entries()) {
      const out = input.subarray(index * size * size * 3, (index + 1) * size * size * 3);
      transform(await readImage(join(folder, name)), () => 0, out);
    }
    const logits = (await noGrad(() =>
      scope(() => model.forward(tensor(input, [batch.length, size, size, 3], { device }))),
    ).data()) as Float32Array;
    for (const [index, name] of batch.entries()) {
      const row = logits.subarray(index * 1000, (index + 1) * 1000);
      const error = departure(row, [1000], answers[name].logits);
      largest = Math.max(largest, error);
      assert.ok(error <= LIMIT, `${name}: logits are off by ${error}`);
      const best = row.indexOf(row.reduce((most, value) => Math.max(most, value)));
      assert.is(best, answers[name].top5[0], `${name}: ${IMAGENET_CLASSES[best]}`);
      places.set(name, best);
    }
  }
  console.log(`${names.length} photos: logits off by ${largest.toExponential(1)} at most`);
  return places;
}

test("the project's own photographs: PyTorch's logits, and the right names", async () => {
  const places = await compare(join(root, 'data/photos'), reference.own);
  assert.is(IMAGENET_CLASSES[places.get('cat.jpg')!], 'tiger cat');
  assert.is(IMAGENET_CLASSES[places.get('coffee.jpg')!], 'espresso');
  assert.is(IMAGENET_CLASSES[places.get('dandelions.jpg')!], 'daisy');
});

test('the same weights under the names that they were published with', async () => {
  // Lite0 is B0 without squeeze-and-excitation, so B0's table of names serves.
  const table = fixture<Record<string, [lukemelas: string, timm: string][]>>('weights_names.json');
  const old = new Map(table.efficientnet_b0.map(([lukemelas, timm]) => [timm, lukemelas]));
  const { tensors } = readSafetensors(bytes);
  const renamed: StateDict = new Map();
  for (const [name, stored] of tensors) {
    const dot = name.lastIndexOf('.');
    renamed.set(`${old.get(name.slice(0, dot))}${name.slice(dot)}`, stored);
  }
  assert.ok(renamed.has('_blocks.15._project_conv.weight'));
  const reports: LoadReport[] = [];
  const other = await createModel('efficientnet_lite0', {
    weights: writeSafetensors(renamed),
    device,
    onReport: (report) => reports.push(report),
  });
  assert.ok(
    reports[0].notes.some((note) => /^Renamed 296 tensors from lukemelas's names to timm's/.test(note)),
  );
  // Padding and epsilon go with those names: the answers are the same.
  const x = tensor(pseudo('shipped', 64 * 64 * 3), [1, 64, 64, 3], { device });
  const [a, b] = await Promise.all([model, other].map((one) => noGrad(() => one.eval().forward(x)).data()));
  assert.equal(b, a);
  other.dispose();
});

test('weights that are not there: how to get them', async () => {
  const error: Error = await createModel('resnet152', { weights: 'resnet152.gluon_in1k', device }).catch(
    (reason) => reason,
  );
  const wanted =
    'there is no weights/resnet152.gluon_in1k.pth; fetch it first: npm run weights -- fetch resnet152.gluon_in1k';
  if (existsSync(join(root, 'weights/resnet152.gluon_in1k.pth'))) return;
  assert.is(error.message, wanted);
});

const photos = process.env.TESSERA_DATA && join(process.env.TESSERA_DATA, 'images/imagenet');
if (photos && existsSync(photos))
  test("24 ImageNet photos: PyTorch's logits, and at least 20 right", async () => {
    const places = await compare(photos, reference.photos);
    const right = [...places].filter(([name, place]) => reference.photos[name].label === place).length;
    console.log(`${right} of ${places.size} right`);
    assert.is(places.size, 24);
    assert.ok(right >= 20);
  });
else test.skip('24 ImageNet photos (set TESSERA_DATA)', () => {});

test.run();
