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
  file: async (path) => path,
  beside: async () => null,
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
    file: async (path) => path,
    beside: async (path, name) => {
      asked.push(`beside ${path} ${name}`);
      return null;
    },
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
    assert.is(await files.file('../w/'), '../w/model.safetensors');
    assert.is(await files.file('../w/a.pth'), '../w/a.pth');
    assert.is((await files.beside('../w/model.safetensors', 'a.pth'))!.length, 7);
    assert.is(await files.beside('../w/model.safetensors', 'config.json'), null);
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

test.run();
