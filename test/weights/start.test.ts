/** What commands begin from: which model some weights are for, and what they say of their pictures. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { torchShape } from '../../src/nn/index.ts';
import { cardMetadata } from '../../src/weights/card.ts';
import { getEntry } from '../../src/weights/catalog/catalog.ts';
import { IMAGENET_CLASSES } from '../../src/weights/catalog/imagenet-classes.ts';
import { expectedTensors, shapeBuilder } from '../../src/weights/expected.ts';
import { writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict } from '../../src/weights/formats/state.ts';
import { openStart } from '../../src/weights/node/create-model.ts';
import { describeWeights, IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';
import { PREPROCESSING } from '../train/tiny.ts';
import { putIntoCatalog, realFile } from './fixtures.ts';

const test = suite('weights/start');
const SHIPPED = fileURLToPath(new URL('../../weights/efficientnet_lite0.safetensors', import.meta.url));
const build = await shapeBuilder();
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-start-'));
});
test.after(() => rm(folder, { recursive: true }));

/** A file with the tensors of a model, all zero, and with this header. */
async function fileOf(model: string, metadata: Record<string, string> = {}): Promise<string> {
  const state: StateDict = new Map();
  for (const [name, { shape, layout }] of expectedTensors(build(model, { numClasses: 3 }))) {
    const torch = torchShape(shape, layout);
    const size = torch.reduce((product, side) => product * side, 1);
    state.set(name, fromFloat32(new Float32Array(size), torch));
  }
  const path = join(folder, `${model}.safetensors`);
  await writeFile(path, writeSafetensors(state, metadata));
  return path;
}

const STARTS: [given: { model?: string; weights?: string }, model: string, weights: string | null][] = [
  [{}, 'efficientnet_lite0', 'pretrained'],
  [{ model: 'efficientnet_lite0' }, 'efficientnet_lite0', 'pretrained'],
  [{ model: 'resnet18' }, 'resnet18', null],
  [{ weights: 'none' }, 'resnet18', null],
  [{ model: 'alexnet', weights: 'none' }, 'alexnet', null],
  [{ weights: 'pretrained' }, 'efficientnet_lite0', 'pretrained'],
  [{ weights: 'efficientnet_lite0.google_in1k' }, 'efficientnet_lite0', 'efficientnet_lite0.google_in1k'],
  [{ weights: SHIPPED }, 'efficientnet_lite0', SHIPPED],
  [{ model: 'tf_efficientnet_lite0', weights: SHIPPED }, 'tf_efficientnet_lite0', SHIPPED],
];
for (const [given, model, weights] of STARTS)
  test(`${JSON.stringify(given)} begins from ${model}, ${weights}`, async () => {
    const { known, preprocessing, assumed, ...start } = await openStart(given);
    assert.equal(start, { model, network: model, weights });
    assert.is(assumed, null);
    assert.equal(preprocessing, known?.card.preprocessing ?? IMAGENET_PREPROCESSING);
    assert.is(known === null, weights === null);
    if (!known) return;
    assert.equal(preprocessing, getEntry('efficientnet_lite0').preprocessing);
    assert.is(known.card.classes, IMAGENET_CLASSES);
  });

test('a file without a word of its model: the one whose tensors it has', async () => {
  for (const model of ['resnet18', 'resnet50', 'efficientnet_b0'])
    assert.is((await openStart({ weights: await fileOf(model) })).model, model);
});

test('a file names its model, its pictures and its classes', async () => {
  const classes = ['ant', 'bee', 'cat'];
  const options = { padding: 'same', normEps: 1e-3 };
  const card = {
    weights: null,
    preprocessing: PREPROCESSING,
    classes,
    licence: null,
    source: null,
    task: null,
  };
  const model = { name: 'tf_efficientnet_lite0', options };
  const weights = await fileOf('efficientnet_lite0', cardMetadata({ ...card, model }));
  const { model: found, known } = await openStart({ weights });
  assert.is(found, 'tf_efficientnet_lite0');
  assert.equal(known!.card, { ...card, model });
});

test('a file that the catalog knows by its hash: the preprocessing and classes of its entry', async () => {
  const weights = await fileOf('resnet50');
  const remove = putIntoCatalog(await readFile(weights), getEntry('resnet50.imagenet1k_v2'));
  const { model, known, preprocessing, assumed } = await openStart({ weights }).finally(remove);
  assert.is(model, 'resnet50');
  assert.is(preprocessing.resizeSize, 232);
  assert.is(known!.card.classes, IMAGENET_CLASSES);
  assert.is(assumed, null);
});

const ASSUMED: [
  file: string,
  metadata: Record<string, string>,
  given: { model?: string },
  sentence: RegExp,
][] = [
  [
    'resnet18',
    {},
    {},
    /^Neither .*resnet18\.safetensors nor the catalog says .* usual way \(resized to 256, cropped to 224, its mean and deviation\)\.$/,
  ],
  [
    'efficientnet_lite0',
    {},
    { model: 'tf_efficientnet_lite0' },
    /deviation\); and that convolutions pad as in TensorFlow and batch norm's epsilon is 0\.001, which is what tf_eff/,
  ],
  [
    'efficientnet_lite0',
    { 'tessera.model': '{"name":"efficientnet_lite0","options":{}}' },
    {},
    /its mean and deviation\)\.$/,
  ],
];
for (const [file, metadata, given, sentence] of ASSUMED)
  test(`what is assumed of a file of ${file} with ${Object.keys(metadata)[0] ?? 'no header'} is said`, async () =>
    assert.match((await openStart({ ...given, weights: await fileOf(file, metadata) })).assumed!, sentence));

test('only the weights that ship are said to', async () => {
  const shipped = await openStart({ weights: 'pretrained' });
  assert.is(describeWeights(shipped), 'the weights that ship');
  assert.is(describeWeights({ ...shipped, weights: SHIPPED }), SHIPPED);
  const known = { ...shipped.known!, card: { ...shipped.known!.card, weights: 'resnet18.imagenet1k_v1' } };
  assert.is(describeWeights({ ...shipped, model: 'resnet18', known }), 'resnet18.imagenet1k_v1');
});

const real = realFile('weights/resnet18-imagenet.pth');
if (real)
  test('the real ResNet-18 is one', async () => {
    const weights = join(folder, 'net.pth');
    await writeFile(weights, real);
    assert.is((await openStart({ weights })).model, 'resnet18');
  });
else test.skip('the real ResNet-18 (set TESSERA_DATA)', () => {});

test('what cannot be told is asked for', async () => {
  const twins = await fileOf('efficientnet_lite1');
  const strange = join(folder, 'strange.safetensors');
  await writeFile(strange, writeSafetensors(new Map([['x', fromFloat32(Float32Array.of(1), [1])]])));
  const refusals: [given: Parameters<typeof openStart>[0], sentence: RegExp][] = [
    [
      { weights: twins },
      /lite1\.safetensors does not say .*: it fits efficientnet_lite1 and tf_efficientnet_lite1, .*: say which with --model$/,
    ],
    [{ weights: strange }, /its tensors \(x\) are those of none of our models; --model names one/],
    [{ weights: join(folder, 'gone.pth') }, /there is no weights file .*gone\.pth/],
    [{ weights: folder }, /is no file; name a \.pth, \.pt or \.safetensors file/],
    [{ model: 'resnet81', weights: 'gone.pth' }, /there is no model 'resnet81'; did you mean resnet18\?/],
    [
      { model: 'resnet18', weights: 'efficientnet_lite0.google_in1k' },
      /^efficientnet_lite0\.google_in1k: these are weights of efficientnet_lite0, not of resnet18; name that/,
    ],
    [
      { model: 'efficientnet_lite1', weights: 'pretrained' },
      /of its twin tf_efficientnet_lite1, tf_efficientnet_lite1\.in1k, or the path of a \.pth/,
    ],
    [
      { model: 'efficientnet_lite1', weights: 'tf_efficientnet_lite1.in1k' },
      /fetch it first: npm run weights -- fetch tf_efficientnet_lite1\.in1k/,
    ],
    [{ model: 'alexnet_2012', weights: 'pretrained' }, /'alexnet_2012'; give the path of a \.pth/],
    [{ weights: 'resnet18.a1_in1k' }, /fetch it first: npm run weights -- fetch resnet18\.a1_in1k/],
  ];
  for (const [given, sentence] of refusals) {
    const error: Error = await openStart(given).then(
      () => assert.unreachable(`nothing was refused: ${sentence}`),
      (reason) => reason,
    );
    assert.match(error.message, sentence);
  }
  assert.is((await openStart({ model: 'efficientnet_lite1', weights: twins })).model, 'efficientnet_lite1');
});

test.run();
