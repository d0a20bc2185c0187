/** The front door: what is known of weights in a network, and who said so. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { torchShape } from '../../src/nn/index.ts';
import { cardMetadata, type WeightsCard } from '../../src/weights/card.ts';
import { getEntry } from '../../src/weights/catalog/catalog.ts';
import { factsOf, openWeightsFrom, type WeightsFiles } from '../../src/weights/door.ts';
import { expectedTensors, shapeBuilder } from '../../src/weights/expected.ts';
import { writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict } from '../../src/weights/formats/state.ts';
import { webFiles } from '../../src/weights/web-files.ts';
import { PREPROCESSING } from '../train/tiny.ts';
import { putIntoCatalog } from './fixtures.ts';

const test = suite('weights: the front door');
const build = await shapeBuilder();

/** The bytes of a file with a model's tensors, all zero. */
function fileOf(model: string, card: Partial<WeightsCard> = {}, rename = (name: string) => name): Uint8Array {
  const state: StateDict = new Map();
  for (const [name, { shape, layout }] of expectedTensors(build(model, { numClasses: 3 }))) {
    const torch = torchShape(shape, layout);
    const size = torch.reduce((product, side) => product * side, 1);
    state.set(rename(name), fromFloat32(new Float32Array(size), torch));
  }
  const empty = {
    model: null,
    weights: null,
    preprocessing: null,
    classes: null,
    licence: null,
    source: null,
  };
  return writeSafetensors(state, cardMetadata({ ...empty, ...card }));
}

const NOWHERE: WeightsFiles = {
  read: (path) => Promise.reject(new Error(`${path} was read`)),
  inFolder: (file) => Promise.reject(new Error(`${file} was read`)),
};
const LITE = 'efficientnet_lite0';
const SAME = { padding: 'same', normEps: 1e-3 };
const TORCH = { padding: 'torch', normEps: 1e-5 };
const lukemelas = (name: string): string =>
  ({ 'conv_stem.weight': '_conv_stem.weight', 'conv_head.weight': '_conv_head.weight' })[name] ?? name;

const CASES: [
  label: string,
  bytes: () => Uint8Array,
  network: string,
  properties: object,
  by: [properties: string, preprocessing: string, classes: string],
][] = [
  [
    'a file that says all',
    () =>
      fileOf(LITE, {
        model: { name: LITE, options: SAME },
        preprocessing: PREPROCESSING,
        classes: ['a', 'b', 'c'],
      }),
    LITE,
    SAME,
    ['file', 'file', 'file'],
  ],
  [
    'a file that names a twin',
    () => fileOf(LITE, { model: { name: `tf_${LITE}`, options: {} } }),
    LITE,
    SAME,
    ['file', 'assumed', 'assumed'],
  ],
  ['names that imply', () => fileOf(LITE, {}, lukemelas), LITE, SAME, ['names', 'assumed', 'assumed']],
  ["nobody: the network's name", () => fileOf(LITE), `tf_${LITE}`, SAME, ['assumed', 'assumed', 'assumed']],
  ["nobody: its twin's name", () => fileOf(LITE), LITE, TORCH, ['assumed', 'assumed', 'assumed']],
  [
    'a network that leaves nothing open',
    () => fileOf('resnet18'),
    'resnet18',
    {},
    ['assumed', 'assumed', 'assumed'],
  ],
];
for (const [label, bytes, network, properties, by] of CASES)
  test(`who said so: ${label}`, async () => {
    const facts = factsOf(await openWeightsFrom(bytes(), network, NOWHERE), network);
    assert.equal(facts.properties, properties);
    const { saidBy } = facts;
    assert.equal([saidBy.properties, saidBy.preprocessing, saidBy.classes], by);
  });

test('who said so: the catalog, which knows the file by its hash', async () => {
  const bytes = fileOf(LITE);
  const entry = getEntry(`tf_${LITE}.in1k`);
  const remove = putIntoCatalog(bytes, entry);
  const known = await openWeightsFrom(bytes, LITE, NOWHERE).finally(remove);
  const facts = factsOf(known, LITE);
  assert.equal(facts.properties, SAME);
  assert.equal(facts.preprocessing, entry.preprocessing);
  assert.equal(facts.saidBy, { properties: 'catalog', preprocessing: 'catalog', classes: 'catalog' });
});

test('names of the catalog are looked for in the folder that is handed in, everything else is read', async () => {
  const asked: string[] = [];
  const files: WeightsFiles = {
    read: async (path) => {
      asked.push(`read ${path}`);
      return fileOf('resnet18');
    },
    inFolder: async (file) => {
      asked.push(`in folder ${file}`);
      return file.endsWith('.pth') ? fileOf('resnet18') : null;
    },
  };
  await openWeightsFrom('resnet18.a1_in1k', 'resnet18', files);
  await openWeightsFrom('some/where.pth', 'resnet18', files);
  const folder = ['in folder resnet18.a1_in1k.safetensors', 'in folder resnet18.a1_in1k.pth'];
  assert.equal(asked, [...folder, 'read some/where.pth']);
  const opened = await openWeightsFrom(fileOf('resnet18'), 'resnet18', NOWHERE);
  assert.is(await openWeightsFrom(opened, 'resnet18', NOWHERE), opened);
});

test('the files of a browser: addresses, a folder, and an answer for what is not there', async () => {
  const { fetch } = globalThis;
  const answers: Record<string, number> = { 'https://x.org/w/a.pth': 200, 'https://x.org/page/b.pth': 500 };
  globalThis.fetch = (async (url: URL) =>
    new Response('weights', { status: answers[url.href] ?? 404, statusText: 'so' })) as typeof fetch;
  try {
    const files = webFiles('/w', 'https://x.org/page/');
    assert.is((await files.inFolder('a.pth'))!.length, 7);
    assert.is(await files.inFolder('gone.pth'), null);
    const said = async (path: string): Promise<string> =>
      files.read(path).then(
        () => '',
        ({ message }) => message,
      );
    assert.is(await said('b.pth'), 'https://x.org/page/b.pth answered 500 so');
    assert.is(await said('gone.pth'), 'there is no weights file https://x.org/page/gone.pth');
  } finally {
    globalThis.fetch = fetch;
  }
});

/** A config of timm's, as `save_for_hf` writes it. */
const CONFIG = {
  architecture: 'efficientnet_b5',
  num_classes: 3,
  label_names: ['ant', 'bee', 'größte "Katze"'],
  pretrained_cfg: {
    input_size: [3, 224, 224],
    test_input_size: [3, 288, 288],
    interpolation: 'bicubic',
    crop_pct: 0.95,
    test_crop_pct: 0.9,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    license: 'apache-2.0',
    origin_url: 'https://example.org',
  },
};
const besides = (config: unknown, bytes = fileOf('resnet18')): WeightsFiles => ({
  ...NOWHERE,
  read: () => Promise.resolve(bytes),
  beside: (_path, file) =>
    Promise.resolve(file === 'config.json' ? new TextEncoder().encode(JSON.stringify(config)) : null),
});

test("timm's config.json beside a model.safetensors says what a card of ours does", async () => {
  const { card, saidBy } = await openWeightsFrom('a/model.safetensors', '', besides(CONFIG));
  const { mean, std, interpolation } = CONFIG.pretrained_cfg;
  assert.equal(card, {
    model: { name: 'efficientnet_b5', options: TORCH }, // timm's epsilon, which is not torchvision's
    weights: null,
    classes: CONFIG.label_names,
    preprocessing: { inputSize: 288, resizeSize: 320, interpolation, mean, std },
    licence: 'apache-2.0',
    source: 'https://example.org',
  });
  assert.equal([saidBy.classes, saidBy.model], ['file', 'file']);
  const { model } = (
    await openWeightsFrom('model.safetensors', '', besides({ ...CONFIG, architecture: 'tf_efficientnet_b0' }))
  ).card;
  assert.equal(model, { name: 'tf_efficientnet_b0', options: SAME });
});

test('a config says nothing of files that are not its own, of networks that are unknown, or that describe themselves', async () => {
  const classesOf = async (path: string, files: WeightsFiles) =>
    (await openWeightsFrom(path, '', files)).card;
  assert.is((await classesOf('a/other.safetensors', besides(CONFIG))).classes, null);
  const own = await classesOf(
    'model.safetensors',
    besides(CONFIG, fileOf(LITE, { classes: ['x', 'y', 'z'] })),
  );
  assert.equal(own.classes, ['x', 'y', 'z']);
  const strange = await classesOf(
    'model.safetensors',
    besides({ architecture: 'vit_tiny', pretrained_cfg: { crop_pct: 1 } }),
  );
  assert.equal([strange.model, strange.preprocessing], [null, null]);
});

for (const [config, says] of [
  [
    { label_names: [3] },
    /the config\.json beside model\.safetensors describes its weights wrongly: label_names\[0\] is a text/,
  ],
  [{ pretrained_cfg: { mean: [0.5] } }, /pretrained_cfg\.mean is/],
  [[], /describes its weights wrongly.*Take another copy of it, or move it away\./],
] as const)
  test(`a config that cannot be is refused: ${JSON.stringify(config)}`, async () => {
    await openWeightsFrom('model.safetensors', '', besides(config)).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, says),
    );
  });

test.run();
