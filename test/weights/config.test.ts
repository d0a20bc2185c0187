/** timm's config.json: what it says of the weights beside it, what is refused, and where it contradicts them. */

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { InputSize } from '../../src/data/input-size.ts';
import { torchShape } from '../../src/nn/index.ts';
import { cardMetadata } from '../../src/weights/card.ts';
import { IMAGENET_CLASSES } from '../../src/weights/catalog/imagenet-classes.ts';
import { describeConfig, readConfig } from '../../src/weights/config.ts';
import { modelFor, readKnownAt, type WeightsFiles } from '../../src/weights/door.ts';
import { expectedTensors, shapeBuilder } from '../../src/weights/expected.ts';
import { writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict } from '../../src/weights/formats/state.ts';
import { NODE_FILES } from '../../src/weights/node/weights-files.ts';
import { assertRefused } from './fixtures.ts';

const test = suite('weights: config.json');

/** As timm 1.0.31 writes it for resnet18 with three classes (`save_for_hf`). */
const RESNET18 = {
  architecture: 'resnet18',
  num_classes: 3,
  num_features: 512,
  global_pool: 'avg',
  label_names: ['n1', 'n2', 'n3'],
  label_descriptions: { n1: 'ant', n2: 'bee', n3: 'cat' } as Record<string, string>,
  model_args: { num_classes: 3, in_chans: 3, global_pool: 'avg' } as Record<string, unknown>,
  pretrained_cfg: {
    tag: 'a1_in1k',
    custom_load: false,
    input_size: [3, 224, 224],
    test_input_size: [3, 288, 288],
    fixed_input_size: false,
    interpolation: 'bicubic',
    crop_pct: 0.95,
    test_crop_pct: 1.0,
    crop_mode: 'center',
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    num_classes: 3,
    classifier: 'fc',
    license: 'apache-2.0',
  } as Record<string, unknown>,
};
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const config = (change: object = {}) => readConfig(json({ ...RESNET18, ...change }), 'config.json')!;
const pictures = (change: object) => ({ pretrained_cfg: { ...RESNET18.pretrained_cfg, ...change } });

test('what timm writes', () => {
  const { card, numClasses, notes } = config();
  assert.equal(card.model, { name: 'resnet18', options: {} });
  assert.equal(card.classes, ['ant', 'bee', 'cat']);
  assert.is(card.licence, 'apache-2.0');
  assert.is(numClasses, 3);
  assert.equal(notes, []);
  assert.equal(card.preprocessing, {
    inputSize: 288,
    resizeSize: 288,
    interpolation: 'bicubic',
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  });
  assert.is(
    describeConfig(config()),
    "config.json beside it says: timm's resnet18, 3 classes (ant, bee, cat), pictures resized to 288 (bicubic) and cropped to 288.",
  );
});

const NO_TEST_SIZE = { test_input_size: null, test_crop_pct: undefined };
const SIZES: [label: string, change: object, resizeSize: InputSize, inputSize: InputSize][] = [
  ['rounded down', { ...NO_TEST_SIZE, crop_pct: 0.95 }, 235, 224],
  ['by default', { ...NO_TEST_SIZE, crop_pct: null }, 256, 224],
  ['without a size', { ...NO_TEST_SIZE, input_size: undefined, crop_pct: 0.875 }, 256, 224],
  [
    'that are no squares',
    { ...NO_TEST_SIZE, input_size: [3, 160, 320], crop_pct: 0.9 },
    [177, 355],
    [160, 320],
  ],
];
for (const [label, change, resizeSize, inputSize] of SIZES)
  test(`sizes ${label}`, () => {
    const { preprocessing } = config(pictures(change)).card;
    assert.equal([preprocessing!.resizeSize, preprocessing!.inputSize], [resizeSize, inputSize]);
  });

const NAMES: [label: string, change: object, classes: readonly string[] | null][] = [
  ['without descriptions', { label_descriptions: undefined }, ['n1', 'n2', 'n3']],
  ['a description is missing', { label_descriptions: { n1: 'ant' } }, ['ant', 'n2', 'n3']],
  ['descriptions that are alike', { label_descriptions: { n1: 'ant', n2: 'ant' } }, ['n1', 'n2', 'n3']],
  ['by output, with a gap', { label_names: { 0: 'n1', 2: 'n3' } }, ['ant', 'class 1', 'cat']],
  ['called labels', { label_names: undefined, labels: ['x', 'y', 'z'] }, ['x', 'y', 'z']],
  [
    "no names of JavaScript's own",
    { label_names: ['toString', '__proto__', 'n3'] },
    ['toString', '__proto__', 'cat'],
  ],
  ['none', { label_names: null }, null],
  ["ImageNet's", { label_names: null, num_classes: 1000 }, IMAGENET_CLASSES],
];
for (const [label, change, classes] of NAMES)
  test(`classes: ${label}`, () => assert.equal(config(change).card.classes, classes));

const TORCH = { padding: 'torch', normEps: 1e-5 };
const TENSORFLOW = { padding: 'same', normEps: 1e-3 };
const NETWORKS: [change: object, options: object][] = [
  [{ architecture: 'efficientnet_b5' }, TORCH],
  [{ architecture: 'tf_efficientnet_lite0' }, TENSORFLOW],
  [{ architecture: 'efficientnet_lite0', model_args: { pad_type: 'same', bn_eps: 1e-3 } }, TENSORFLOW],
  [{ architecture: 'mobilenetv2_100' }, {}],
  [{ architecture: 'vit_tiny_patch16_224', model_args: { img_size: 64 } }, {}],
];
for (const [change, options] of NETWORKS)
  test(`network: ${JSON.stringify(change)}`, () => assert.equal(config(change).card.model!.options, options));

test("timm's border is a border, and is said", () => {
  const bordered = config(
    pictures({ crop_mode: 'border', test_input_size: [3, 256, 128], test_crop_pct: 1 }),
  );
  const { inputSize, resizeSize, fit } = bordered.card.preprocessing!;
  assert.equal([inputSize, resizeSize, fit, bordered.notes], [[256, 128], [256, 128], 'pad', []]);
  assert.match(describeConfig(bordered), /resized to fit into 256x128 \(bicubic\) and padded to 256x128\.$/);
});

test('what is done otherwise is said', () => {
  const { card, notes } = config(pictures({ interpolation: 'lanczos', crop_mode: 'squash' }));
  assert.is(card.preprocessing!.interpolation, 'bicubic');
  assert.is(notes.length, 2);
  assert.match(notes.join(), /resizes with lanczos; bicubic is used instead.*the way squash/);
});

test("another program's is no config", () => {
  assert.is(
    readConfig(json({ model_type: 'resnet', architectures: ['ResNetForImageClassification'] }), 'x'),
    null,
  );
});

const REFUSED: [label: string, bytes: Uint8Array, sentence: RegExp][] = [
  ['no JSON', new TextEncoder().encode('<html>'), /^config\.json cannot be taken: it is no JSON/],
  ['too many brackets', new TextEncoder().encode(`{"architecture":${'['.repeat(200_001)}`), /brackets/],
  ['a name that is none', json({ ...RESNET18, architecture: 5 }), /architecture is a text of at most 256/],
  ['half a class', json({ ...RESNET18, num_classes: 2.5 }), /num_classes is a whole number .*, not 2\.5/],
  ['too few names', json({ ...RESNET18, num_classes: 4 }), /num_classes is 4, and 3 are named/],
  ['a name of another type', json({ ...RESNET18, label_names: [1, 2, 3] }), /label_names\[0\] is a text/],
  [
    'an output beyond all',
    json({ ...RESNET18, label_names: { 99999: 'x' } }),
    /label_names is a list of texts, or/,
  ],
  [
    'descriptions that are none',
    json({ ...RESNET18, label_descriptions: { n1: 3 } }),
    /label_descriptions is texts/,
  ],
  [
    'grey pictures',
    json({ ...RESNET18, ...pictures({ test_input_size: [1, 28, 28] }) }),
    /1×28×28.*three channels/,
  ],
  [
    'a height of nothing',
    json({ ...RESNET18, ...pictures({ test_input_size: [3, 0, 256] }) }),
    /pretrained_cfg\.test_input_size\[1\]/,
  ],
  [
    'an endless picture',
    json({ ...RESNET18, ...pictures({ input_size: [3, 1e9, 1e9] }) }),
    /pretrained_cfg\.input_size\[1\]/,
  ],
  [
    'a crop of nothing',
    json({ ...RESNET18, ...pictures({ test_crop_pct: 0 }) }),
    /pretrained_cfg\.test_crop_pct is a number/,
  ],
  ['a deviation of 0', json({ ...RESNET18, ...pictures({ std: [0, 1, 1] }) }), /pretrained_cfg\.std\[0\]/],
  [
    'an unknown interpolation',
    json({ ...RESNET18, ...pictures({ interpolation: 'magic' }) }),
    /interpolation is one of/,
  ],
  [
    'another activation',
    json({ ...RESNET18, model_args: { act_layer: 'silu' } }),
    /builds resnet18 with act_layer, of which/,
  ],
  [
    'another pooling',
    json({ ...RESNET18, model_args: { global_pool: 'catavgmax' } }),
    /builds resnet18 with global_pool/,
  ],
  ['other channels', json({ ...RESNET18, model_args: { in_chans: 1 } }), /builds resnet18 with in_chans/],
  [
    'padding without a choice',
    json({ ...RESNET18, model_args: { pad_type: 'same' } }),
    /with bn_eps, pad_type/,
  ],
];
for (const [label, bytes, sentence] of REFUSED)
  test(`refused: ${label}`, async () =>
    void (await assertRefused(() => readConfig(bytes, 'config.json'), sentence)));

const build = await shapeBuilder();
/** The bytes of a network with three classes, all zero. */
function weightsOf(network: string, metadata = {}): Uint8Array {
  const state: StateDict = new Map();
  for (const [name, { shape, layout }] of expectedTensors(build(network, { numClasses: 3 }))) {
    const torch = torchShape(shape, layout);
    state.set(name, fromFloat32(new Float32Array(torch.reduce((product, side) => product * side, 1)), torch));
  }
  return writeSafetensors(state, metadata);
}

/** A folder with these weights and this config.json, without a disk. */
const pushed = (bytes: Uint8Array, beside: object): WeightsFiles => ({
  file: async (path) => `${path}/model.safetensors`,
  read: async () => bytes,
  beside: async () => json(beside),
  inFolder: async () => null,
});
const ZEROS = weightsOf('resnet18');

test('a folder is the weights in it, with what stands beside them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-config-'));
  try {
    const path = join(folder, 'model.safetensors');
    const small = { ...RESNET18, architecture: 'mobilenetv2_050' };
    await writeFile(path, weightsOf('mobilenetv2_050'));
    await writeFile(join(folder, 'config.json'), json(small));
    for (const given of [folder, path]) {
      const known = await readKnownAt(given, NODE_FILES);
      assert.is(known.file.name, path);
      assert.is(await modelFor(known), 'mobilenetv2_050');
      assert.equal(known.card.classes, ['ant', 'bee', 'cat']);
      assert.equal(known.saidBy, {
        model: 'config',
        preprocessing: 'config',
        classes: 'config',
        licence: 'config',
      });
    }
    await rename(path, join(folder, 'net.safetensors'));
    const { card } = await readKnownAt(join(folder, 'net.safetensors'), NODE_FILES);
    assert.is(card.classes, null, "a config.json beside a file that timm does not name is not that file's");
    const error: unknown = await NODE_FILES.file(folder).catch((reason) => reason);
    assert.match(
      (error as Error).message,
      /is no file; name a .*, or a folder with model\.safetensors or pytorch_model\.bin/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what a file says of itself goes before', async () => {
  const model = { name: 'mobilenetv2_050', options: {} };
  const bytes = weightsOf('mobilenetv2_050', cardMetadata({ model, classes: ['a', 'b', 'c'] }));
  const { card, saidBy } = await readKnownAt('own', pushed(bytes, RESNET18));
  assert.equal([card.classes, saidBy], [['a', 'b', 'c'], { model: 'file', classes: 'file' }]);
});

const CONTRADICTIONS: [beside: object, sentence: RegExp][] = [
  [
    { ...RESNET18, architecture: 'resnet34' },
    /^config\.json beside pushed\/model\.safetensors contradicts .*: it says resnet34, and the tensors are those of resnet18\. Take both/,
  ],
  [{ ...RESNET18, architecture: 'mobilenetv2_100' }, /it says mobilenetv2_100, and .* of resnet18\./],
  [
    { ...RESNET18, num_classes: 4, label_names: null },
    /it says 4 classes, and the last layer has 3\. Take both/,
  ],
];
for (const [beside, sentence] of CONTRADICTIONS)
  test(`contradicts its weights: ${sentence.source}`, async () =>
    void (await assertRefused(() => readKnownAt('pushed', pushed(ZEROS, beside)), sentence)));

test('a network that is none of ours is refused by its name', async () => {
  const vit = { ...RESNET18, architecture: 'vit_tiny_patch16_224' };
  const error: unknown = await modelFor(await readKnownAt('vit', pushed(ZEROS, vit))).catch(
    (reason) => reason,
  );
  assert.match((error as Error).message, /is of timm's vit_tiny_patch16_224, says config\.json beside it/);
});

test.run();
