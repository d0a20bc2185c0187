/** A network as the teacher of others: pictures of another size, mean and deviation, classes in another order; its file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { heightWidth, type InputSize } from '../../src/data/input-size.ts';
import type { Device } from '../../src/gpu/index.ts';
import { resize } from '../../src/kernels/index.ts';
import { buildModel } from '../../src/models/table.ts';
import { noGrad, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { readTeacher } from '../../src/train/node/teacher.ts';
import { type Schooling, teacherOf } from '../../src/train/teacher.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { cardMetadata } from '../../src/weights/card.ts';
import { saveWeights } from '../../src/weights/node/create-model.ts';
import { testDevice } from '../helpers/device.ts';
import { PREPROCESSING, tinyNet } from './tiny.ts';

const test = suite('train/teacher');
const folder = mkdtempSync(join(tmpdir(), 'tessera-teacher-'));
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => {
  rmSync(folder, { recursive: true });
  device.close();
});

const SIDE = PREPROCESSING.inputSize;
const theirs: Schooling = { preprocessing: PREPROCESSING, classes: ['across', 'down'] };
const pictures = (side: number): Tensor =>
  tensor(pseudo('pictures', 3 * side * side * 3), [3, side, side, 3], { device });

async function valuesOf(answer: () => Tensor): Promise<number[]> {
  const logits = noGrad(() => scope(answer));
  const values = [...(await logits.data())];
  logits.dispose();
  return values;
}

const near = (values: readonly number[], wanted: readonly number[]): boolean =>
  values.length === wanted.length && values.every((value, i) => Math.abs(value - wanted[i]!) < 1e-5);

test('a teacher whose pictures and classes are the same answers as it does, to the bit', async () => {
  const model = tinyNet(device, 3).train();
  const answer = teacherOf(model, theirs, theirs, 'tiny');
  const taught = await valuesOf(() => answer(pictures(SIDE)));
  assert.equal(taught, await valuesOf(() => model.eval().forward(pictures(SIDE))));
});

test('its answers are put in the order of the classes, and those that it knows beside them are left', async () => {
  const model = tinyNet(device, 3).eval();
  const own = await valuesOf(() => model.forward(pictures(SIDE)));
  const answers = (classes: string[]) => {
    const answer = teacherOf(model, theirs, { ...theirs, classes }, 'tiny');
    return valuesOf(() => answer(pictures(SIDE)));
  };
  assert.equal(await answers(['down', 'across']), [own[1], own[0], own[3], own[2], own[5], own[4]]);
  assert.equal(await answers(['down']), [own[1], own[3], own[5]]);
});

test('pictures of another size, mean and deviation come to it as its own', async () => {
  const model = tinyNet(device, 3).eval();
  const ours = { mean: [0.1, 0.2, 0.3], std: [0.5, 0.2, 1], inputSize: 8, resizeSize: 8 } as const;
  const answer = teacherOf(
    model,
    theirs,
    { ...theirs, preprocessing: { ...PREPROCESSING, ...ours } },
    'tiny',
  );
  const { mean, std, interpolation } = PREPROCESSING;
  const renormalised = pseudo('pictures', 3 * 8 * 8 * 3).map(
    (value, i) => (value * ours.std[i % 3]! + ours.mean[i % 3]! - mean[i % 3]!) / std[i % 3]!,
  );
  const wanted = await valuesOf(() =>
    model.forward(resize(tensor(renormalised, [3, 8, 8, 3], { device }), [SIDE, SIDE], { interpolation })),
  );
  const taught = await valuesOf(() => answer(pictures(8)));
  assert.ok(near(taught, wanted), `${taught} for ${wanted}`);
});

const ASKED: [ours: InputSize, at: [height: number, width: number]][] = [
  [
    [6, 12],
    [11, 23],
  ],
  [
    [12, 6],
    [23, 11],
  ],
  [20, [SIDE, SIDE]],
];
for (const [inputSize, at] of ASKED)
  test(`about pictures of ${inputSize} it is asked in their aspect, at ${at}`, async () => {
    const model = tinyNet(device, 3).eval();
    const { interpolation } = PREPROCESSING;
    const preprocessing = { ...PREPROCESSING, inputSize };
    const answer = teacherOf(model, theirs, { ...theirs, preprocessing }, 'tiny');
    const [height, width] = heightWidth(inputSize);
    const shape = [3, height, width, 3];
    const given = (): Tensor => tensor(pseudo('pictures', 3 * height * width * 3), shape, { device });
    const taught = await valuesOf(() => answer(given()));
    const wanted = await valuesOf(() => model.forward(resize(given(), at, { interpolation })));
    assert.ok(near(taught, wanted), `${taught} for ${wanted}`);
  });

test('a file of weights teaches where it says its classes and knows those that are asked for', async () => {
  const table = {
    name: 'tiny-teacher',
    rows: [[1, 3, 1, 8, 1, 0]],
    stem: 8,
    head: 8,
    activation: 'relu',
    inputSize: 8,
  } as const;
  const model = buildModel(table, { device, numClasses: 2, seed: 1 });
  const said = cardMetadata({ classes: ['across', 'down'], preprocessing: PREPROCESSING });
  await saveWeights(model, join(folder, 'best.safetensors'), { metadata: said });
  await saveWeights(model, join(folder, 'silent.safetensors'));
  const { name, files, hash, ...opened } = (await readTeacher(folder)).of(theirs);
  assert.equal([name, files], [folder, [join(folder, 'best.safetensors')]]);
  assert.match(hash, /^[0-9a-f]{64}$/);
  const answer = await opened.on(device);
  const taught = await valuesOf(() => answer(pictures(SIDE)));
  assert.ok(near(taught, await valuesOf(() => model.eval().forward(pictures(SIDE)))));
  const refused = async (file: string, classes: string[], message: RegExp): Promise<void> => {
    const error = await readTeacher(join(folder, file))
      .then((teacher) => teacher.of({ ...theirs, classes }))
      .catch((reason: unknown) => reason);
    assert.match(String(error), message);
  };
  await refused(
    'best.safetensors',
    ['down', 'up'],
    /best\.safetensors does not know the class up of .*across, down/,
  );
  await refused('silent.safetensors', ['down'], /silent\.safetensors does not say which classes/);
  await refused('none.safetensors', ['down'], /none\.safetensors/);
});

test('a class that two of the teacher have is refused', () => {
  const twice = { ...theirs, classes: ['down', 'down'] };
  const ours = { ...theirs, classes: ['down'] };
  assert.throws(() => teacherOf(tinyNet(device), twice, ours, 'tiny'), /two classes called down/);
});

test.run();
