/** Conversion: names, order, types and what the header says, on the weights that ship and on made-up ones. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { torchShape } from '../../../src/nn/index.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { readCard } from '../../../src/weights/card.ts';
import { getEntry } from '../../../src/weights/catalog/catalog.ts';
import { expectedTensors, shapeBuilder } from '../../../src/weights/expected.ts';
import { halfToFloat32 } from '../../../src/weights/formats/half.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict, toFloat32 } from '../../../src/weights/formats/state.ts';
import { convertWeights } from '../../../src/weights/node/convert.ts';
import { putIntoCatalog, realFile } from '../fixtures.ts';

const test = suite('weights: convert');
const shipped = new Uint8Array(
  readFileSync(new URL('../../../weights/efficientnet_lite0.safetensors', import.meta.url)),
);
const build = await shapeBuilder();

/** A model's tensors with pseudo-random numbers, in alphabetical order, under its own names. */
function madeUp(model: string, numClasses = 1000): StateDict {
  const state: StateDict = new Map();
  for (const [name, { shape, layout }] of [...expectedTensors(build(model, { numClasses }))].sort()) {
    const torch = torchShape(shape, layout);
    state.set(
      name,
      fromFloat32(
        pseudo(
          name,
          torch.reduce((product, size) => product * size, 1),
        ),
        torch,
      ),
    );
  }
  return state;
}

/** A file of tensors only. */
const fileOf = (state: StateDict): Uint8Array => writeSafetensors(state);

test('a converted file converts to itself', async () => {
  const again = await convertWeights(shipped, 'lite0.safetensors', { half: true });
  assert.ok(Buffer.from(again.bytes).equals(shipped));
});

test("without float16 nothing is rounded; the order is the model's, counters follow their norm", async () => {
  const state = madeUp('resnet18', 7);
  state.set('bn1.num_batches_tracked', { dtype: 'int64', shape: [], bytes: new Uint8Array(8).fill(1) });
  const { bytes, card } = await convertWeights(fileOf(state), 'net.pth');
  const { tensors } = readSafetensors(bytes);
  const names = [...expectedTensors(build('resnet18')).keys()];
  assert.equal(
    [...tensors.keys()].filter((name) => !name.includes('tracked')),
    names,
  );
  const keys = [...tensors.keys()];
  assert.is(keys[keys.indexOf('bn1.running_var') + 1], 'bn1.num_batches_tracked');
  for (const [name, tensor] of tensors) {
    assert.is(tensor.dtype, state.get(name)!.dtype);
    assert.ok(Buffer.from(tensor.bytes).equals(state.get(name)!.bytes), name);
  }
  assert.equal(card, {
    model: { name: 'resnet18', options: {} },
    weights: null,
    preprocessing: null,
    classes: null,
    licence: null,
    source: null,
    task: null,
  });
});

test('float16 rounds weights and leaves norms, biases and what it cannot hold', async () => {
  const state = madeUp('resnet18');
  const large = toFloat32(state.get('layer1.0.conv1.weight')!).slice();
  large[5] = 70_000;
  state.set('layer1.0.conv1.weight', fromFloat32(large, state.get('layer1.0.conv1.weight')!.shape));
  const { bytes, notes } = await convertWeights(fileOf(state), 'net.pth', { half: true });
  const { tensors } = readSafetensors(bytes);
  assert.is(tensors.get('layer1.0.conv1.weight')!.dtype, 'float32');
  assert.ok(
    notes.some((note) =>
      /Left as it was, because float16 ends at 65,504: layer1\.0\.conv1\.weight\./.test(note),
    ),
  );
  const weight = tensors.get('conv1.weight')!;
  assert.is(weight.dtype, 'float16');
  const rounded = halfToFloat32(new Uint16Array(weight.bytes.slice().buffer));
  const exact = toFloat32(state.get('conv1.weight')!);
  assert.ok(
    rounded.every((value, i) => Math.abs(value - exact[i]) <= 2 ** -11 * Math.abs(exact[i]) + 2 ** -25),
  );
  for (const name of ['bn1.weight', 'bn1.running_var', 'fc.bias'])
    assert.is(tensors.get(name)!.dtype, 'float32');
});

test('the catalog, which knows a file by its hash, fills the card; another number of classes takes no class names', async () => {
  const entry = getEntry('tf_efficientnet_lite0.in1k');
  const convertKnown = async (numClasses: number) => {
    const file = fileOf(madeUp('tf_efficientnet_lite0', numClasses));
    const remove = putIntoCatalog(file, entry);
    return convertWeights(file, 'x.pth').finally(remove);
  };
  const { card, bytes } = await convertKnown(1000);
  assert.equal(card.model, { name: 'tf_efficientnet_lite0', options: { padding: 'same', normEps: 1e-3 } });
  assert.is(card.classes!.length, 1000);
  assert.equal(card.preprocessing, entry.preprocessing);
  assert.equal(readCard(readSafetensors(bytes).metadata), card);
  assert.is((await convertKnown(2)).card.classes, null);
});

test('names of timm fit two models: which one has to be said', async () => {
  const bytes = fileOf(madeUp('efficientnet_lite0', 3));
  const error: Error = await convertWeights(bytes, 'x.pth').catch((reason) => reason);
  assert.match(
    error.message,
    /^x\.pth does not say which model it is for: it fits efficientnet_lite0 and tf_efficientnet_lite0, .* --model$/,
  );
  const { card } = await convertWeights(bytes, 'x.pth', { model: 'tf_efficientnet_lite0' });
  assert.equal(card.model, { name: 'tf_efficientnet_lite0', options: TENSORFLOW });
});

const TENSORFLOW = { padding: 'same', normEps: 1e-3 };
const PYTORCH = { padding: 'torch', normEps: 1e-5 };
const PROPERTIES: [card: object | null, model: string, expected: object][] = [
  [null, 'tf_efficientnet_lite0', TENSORFLOW],
  [null, 'efficientnet_lite0', PYTORCH],
  // Headers that leave the properties to the model's name.
  [{ name: 'tf_efficientnet_lite0', options: {} }, 'efficientnet_lite0', TENSORFLOW],
  [{ name: 'efficientnet_lite0', options: {} }, 'tf_efficientnet_lite0', PYTORCH],
  [
    { name: 'tf_efficientnet_lite0', options: { normEps: 1e-5 } },
    'efficientnet_lite0',
    { ...TENSORFLOW, normEps: 1e-5 },
  ],
];
test('padding and epsilon belong to the weights, whatever model they are converted for, and are always written', async () => {
  const state = madeUp('efficientnet_lite0', 3);
  for (const [own, model, expected] of PROPERTIES) {
    const metadata: Record<string, string> = own ? { 'tessera.model': JSON.stringify(own) } : {};
    const { bytes } = await convertWeights(writeSafetensors(state, metadata), 'x', { model });
    for (const again of [undefined, 'efficientnet_lite0']) {
      const { card } = await convertWeights(bytes, 'x', { model: again });
      assert.equal(card.model, { name: again ?? model, options: expected });
    }
  }
});

test('what fits no model is refused in a sentence', async () => {
  const state = madeUp('resnet18');
  state.delete('layer2.0.conv1.weight');
  const attempts: [Parameters<typeof convertWeights>[2], RegExp][] = [
    [
      {},
      /x\.pth does not say which model it is for: its tensors \(bn1\.bias, .*\) are those of none of our models/,
    ],
    [{ model: 'resnet18' }, /^x\.pth does not fit the model\. 1 missing: layer2\.0\.conv1\.weight\./],
    [{ model: 'resnet19' }, /there is no model 'resnet19'/],
  ];
  for (const [options, sentence] of attempts) {
    const error: Error = await convertWeights(fileOf(state), 'x.pth', options).catch((reason) => reason);
    assert.match(error.message, sentence);
  }
});

const real = realFile('weights/resnet18-imagenet.pth');
if (real)
  test('the real ResNet-18, a zip with counters', async () => {
    const { bytes, card, tensors } = await convertWeights(real, 'resnet18-imagenet.pth');
    assert.is(card.model!.name, 'resnet18');
    assert.is(tensors, 122);
    assert.ok(bytes.length < real.length);
  });
else test.skip('the real ResNet-18 (set TESSERA_DATA)', () => {});

test.run();
