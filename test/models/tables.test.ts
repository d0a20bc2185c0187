/** Networks as data: a table builds, trains, saves and loads from its own file; a hostile one is refused in a sentence. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { checkTable, type MBConvTable } from '../../src/models/mbconv-table.ts';
import { summarise } from '../../src/models/summary.ts';
import { buildModel, mbconvTableOf } from '../../src/models/table.ts';
import { AdamW, crossEntropy } from '../../src/nn/index.ts';
import { noGrad, scope, tensor } from '../../src/tensor/index.ts';
import { pseudoPictures } from '../../src/verify/pseudo.ts';
import { weightsBytes } from '../../src/weights/create-model.ts';
import { readSafetensors, writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { createModel, openStart } from '../../src/weights/node/create-model.ts';
import { testDevice } from '../helpers/device.ts';

const TABLE: MBConvTable = {
  name: 'tiny',
  rows: [
    // expandRatio, kernel, stride, channels, repeats, squeeze
    [1, 3, 1, 8, 1, 0.25],
    [4, 5, 2, 16, 2, 0],
    [3, 1, 1, 24, 1, 0.5],
  ],
  stem: 8,
  head: 32,
  activation: 'silu',
  inputSize: 32,
  padding: 'same',
  normEps: 1e-3,
};

const test = suite('networks as data');
let device: Device;
let folder: string;
test.before(async () => {
  device = await testDevice();
  folder = await mkdtemp(join(tmpdir(), 'tessera-table-'));
});
test.after(async () => {
  device.close();
  await rm(folder, { recursive: true });
});

const pictures = () => tensor(pseudoPictures('pictures', [2, 32, 32, 3]), [2, 32, 32, 3], { device });

test('a table builds its stages, and its layers have the shapes that it says', async () => {
  const { device: dry } = await dryDevice(boundless(PLAIN_DEVICE));
  const model = buildModel(TABLE, { device: dry, numClasses: 3, initialise: false });
  assert.equal(model.stages, ['conv_stem', 'blocks.0', 'blocks.1', 'blocks.2', 'conv_head', 'classifier']);
  const { stages } = summarise(model, TABLE.inputSize);
  assert.equal(
    stages.map(({ output }) => output),
    [[16, 16, 8], [16, 16, 8], [8, 8, 16], [8, 8, 24], [8, 8, 32], [3]],
  );
  assert.equal(model.spec, { name: 'tiny', options: { padding: 'same', normEps: 1e-3 }, table: TABLE });
});

test('it learns, and its own file brings back the same network and the same logits', async () => {
  const model = buildModel(TABLE, { device, numClasses: 2, dropout: 0, dropPath: 0 });
  const optimizer = new AdamW(
    [...model.namedParameters()].map(([, parameter]) => parameter),
    { lr: 0.01 },
  );
  const losses: number[] = [];
  for (let step = 0; step < 6; step++) {
    optimizer.zeroGrad();
    const loss = scope(() => crossEntropy(model.forward(pictures()), Int32Array.of(0, 1)));
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  assert.ok(losses[5] < losses[0] / 2, `${losses}`);
  const path = join(folder, 'tiny.safetensors');
  await writeFile(path, await weightsBytes(model));
  const logits = (one: typeof model) => noGrad(() => scope(() => one.eval().forward(pictures()))).data();
  const again = await createModel('tiny', { weights: path, device });
  assert.equal(await logits(again), await logits(model));
  assert.equal(again.spec, model.spec);
  // A command that is given nothing but the file.
  const start = await openStart({ weights: path });
  assert.equal([start.model, start.network], ['tiny', TABLE]);
  assert.is(start.preprocessing.inputSize, TABLE.inputSize);
});

test('networks of MBConv stages have a table, others have none', () => {
  const b0 = mbconvTableOf('efficientnet_b0')!;
  assert.equal([b0.rows.length, b0.rows[1], b0.stem, b0.head], [7, [6, 3, 2, 24, 2, 0.25], 32, 1280]);
  assert.equal(mbconvTableOf('mobilenet_v2')!.rows[0], [1, 3, 1, 16, 1, 0]);
  assert.equal(mbconvTableOf(TABLE), TABLE);
  assert.is(mbconvTableOf('resnet18'), null);
});

const big = <Value>(count: number, value: Value): Value[] => Array.from({ length: count }, () => value);
const row = TABLE.rows[1];
const HOSTILE: [label: string, table: unknown, sentence: RegExp][] = [
  ['no object', 7, /a network's table is an object .* not 7$/],
  ['nothing', null, /a network's table is an object .* not null$/],
  ['a list', [TABLE], /a network's table is an object .* not a list of 1$/],
  ['no name', { ...TABLE, name: undefined }, /the table's name is a name of up to 64 .* not undefined$/],
  ['control characters', { ...TABLE, name: 'a\u001b[2J' }, /not 'a\?\[2J'$/],
  [
    'a name of ours',
    { ...TABLE, name: 'resnet18' },
    /resnet18 is the name of another network; give the table/,
  ],
  ['no rows', { ...TABLE, rows: [] }, /rows are a list of 1 to 32 stages, not of 0$/],
  ['33 rows', { ...TABLE, rows: big(33, row) }, /rows are a list of 1 to 32 stages, not of 33$/],
  [
    'rows that are none',
    { ...TABLE, rows: { length: 3 } },
    /rows are a list of 1 to 32 stages, not an object$/,
  ],
  [
    'a short row',
    { ...TABLE, rows: [[1, 3, 1]] },
    /row 1 of the table is a list of 6 numbers .* not a list of 3$/,
  ],
  [
    '4,097 channels',
    { ...TABLE, rows: [row, [1, 3, 1, 4097, 1, 0]] },
    /row 2 of the table: channels is .* 4,096/,
  ],
  ['half a channel', { ...TABLE, rows: [[1, 3, 1, 8.5, 1, 0]] }, /channels is a whole number .* not 8.5$/],
  [
    '17 repeats',
    { ...TABLE, rows: [[1, 3, 1, 8, 17, 0]] },
    /repeats is a whole number from 1 to 16, not 17$/,
  ],
  ['no repeats', { ...TABLE, rows: [[1, 3, 1, 8, 0, 0]] }, /repeats is a whole number from 1 to 16, not 0$/],
  ['kernel 9', { ...TABLE, rows: [[1, 9, 1, 8, 1, 0]] }, /kernel is one of 1, 3, 5, 7, not 9$/],
  ['stride 3', { ...TABLE, rows: [[1, 3, 3, 8, 1, 0]] }, /stride is one of 1, 2, not 3$/],
  ['expansion 1e9', { ...TABLE, rows: [[1e9, 3, 1, 8, 1, 0]] }, /expandRatio is a whole number from 1 to 16/],
  ['squeeze 2', { ...TABLE, rows: [[1, 3, 1, 8, 1, 2]] }, /squeeze is a number from 0 to below 1, not 2$/],
  ['a text for a number', { ...TABLE, stem: '8' }, /the table's stem is a whole number .* not '8'$/],
  ['head NaN', { ...TABLE, head: Number.NaN }, /the table's head is a whole number .* not NaN$/],
  [
    'an activation',
    { ...TABLE, activation: 'sigmoid' },
    /activation is one of relu, relu6, silu, not 'sigmoid'$/,
  ],
  ['padding', { ...TABLE, padding: 'valid' }, /padding is one of torch, same, not 'valid'$/],
  ['epsilon 0', { ...TABLE, normEps: 0 }, /normEps is a number between 0 and 1, not 0$/],
  ['inputs', { ...TABLE, inputSize: 1e6 }, /inputSize is a whole number from 1 to 4,096, not 1000000$/],
];
for (const [label, table, sentence] of HOSTILE)
  test(`refused: ${label}`, () =>
    assert.throws(
      () => buildModel(table as MBConvTable, { device }),
      (error: Error) => error instanceof RangeError && sentence.test(error.message),
    ));

test('what a table holds beside its fields is left out', () =>
  assert.equal(checkTable({ ...TABLE, extra: 'x', __proto__: { polluted: true } }), TABLE));

test('a file whose table is wrong, or whose tensors are not its own, is refused before anything is allocated', async () => {
  const model = buildModel(TABLE, { device, numClasses: 2 });
  const { tensors, metadata } = readSafetensors(await weightsBytes(model));
  model.dispose();
  device.trim();
  const before = device.memory().live;
  const refused = async (table: unknown, sentence: RegExp): Promise<void> => {
    const card = JSON.stringify({ name: 'tiny', options: {}, table });
    const weights = writeSafetensors(tensors, { ...metadata, 'tessera.model': card });
    const error: Error = await createModel('tiny', { weights, device }).then(
      () => assert.unreachable(`nothing was refused: ${sentence}`),
      (reason) => reason,
    );
    assert.match(error.message, sentence);
    assert.is(device.memory().live, before);
  };
  await refused(
    { ...TABLE, rows: big(33, row) },
    /^the file describes no network: the table's rows are a list of 1/,
  );
  await refused(
    { ...TABLE, name: 'other' },
    /describes no network: the table is called other, the model somet/,
  );
  const widest = { ...TABLE, rows: big(32, [16, 7, 1, 4096, 16, 0.5]) };
  await refused(widest, /^the file does not fit the model\. \d+ missing: /);
  await refused(
    { ...TABLE, stem: 16 },
    /of another shape: conv_stem\.weight \(file \[8, 3, 3, 3\], model \[16, /,
  );
});

test.run();
