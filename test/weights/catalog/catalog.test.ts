/** The catalog against what torchvision and timm say themselves (test/reference/catalog). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { modelNames } from '../../../src/models/table.ts';
import { cardMetadata, readCard, type WeightsCard } from '../../../src/weights/card.ts';
import {
  CATALOG,
  defaultEntry,
  entryOfHash,
  filesOf,
  findEntry,
  getEntry,
  hashDigits,
} from '../../../src/weights/catalog/catalog.ts';
import { mostBytes } from '../../../src/weights/catalog/catalog-entry.ts';
import { IMAGENET_CLASSES } from '../../../src/weights/catalog/imagenet-classes.ts';
import { fixtures } from '../../helpers/fixture.ts';

type Triple = [number, number, number];
interface Reference {
  torchvision: Record<
    string,
    [
      url: string,
      size: number,
      input: number,
      resize: number,
      filter: string,
      mean: Triple,
      std: Triple,
      top1: number,
      isDefault: boolean,
    ]
  >;
  timm: Record<
    string,
    [url: string, input: number, crop: number, filter: string, mean: Triple, std: Triple, licence: string]
  >;
}
const stored = fixtures<Reference>('catalog');
const reference: Reference = {
  torchvision: Object.assign({}, ...stored.map(({ torchvision }) => torchvision)),
  timm: Object.assign({}, ...stored.map(({ timm }) => timm)),
};
const networks: Record<string, { parameters: number }> = Object.assign({}, ...fixtures<object>('names'));

const test = suite('weights: catalog');

for (const [name, [url, size, input, resize, filter, mean, std, top1, isDefault]] of Object.entries(
  reference.torchvision,
))
  test(`torchvision's ${name}`, () => {
    const entry = getEntry(name);
    assert.is(entry.name, name);
    assert.is(entry.downloads[0].url, url);
    const digits = /-([0-9a-f]{8})\.pth$/.exec(url)![1];
    assert.ok(entry.downloads[0].sha256!.startsWith(digits));
    assert.ok([8, 64].includes(entry.downloads[0].sha256!.length));
    assert.is(entry.megabytes, size);
    assert.equal(entry.preprocessing, {
      inputSize: input,
      resizeSize: resize,
      interpolation: filter,
      mean,
      std,
    });
    assert.is(entry.top1, top1);
    assert.is(entry.licence, 'BSD-3-Clause');
    assert.is(defaultEntry(entry.model) === entry, isDefault);
  });

const timmEntries = CATALOG.filter(({ source }) => source.startsWith('https://huggingface.co/timm/'));

for (const entry of timmEntries)
  test(`timm's ${entry.name}`, () => {
    assert.ok(entry.name in reference.timm, 'timm does not know it');
    const [url, input, crop, filter, mean, std, licence] = reference.timm[entry.name];
    // The repository has moved, and its old name leads to the new one.
    assert.is(
      entry.downloads[0].url,
      url.replace('/rwightman/pytorch-image-models/', '/huggingface/pytorch-image-models/'),
    );
    assert.is(
      entry.downloads[1].url,
      `https://huggingface.co/timm/${entry.name}/resolve/main/model.safetensors`,
    );
    assert.equal(entry.preprocessing, {
      inputSize: input,
      resizeSize: Math.floor(input / crop),
      interpolation: filter,
      mean,
      std,
    });
    assert.is(entry.licence.toLowerCase(), licence);
    assert.is(entry.megabytes, null, 'timm states no sizes');
  });

test('every timm weight is there but of ResNets, which have the first three recipes', () => {
  const names = new Set(CATALOG.map(({ name }) => name));
  const missing = Object.keys(reference.timm).filter(
    (name) => !name.startsWith('resnet') && !names.has(name),
  );
  assert.equal(missing, []);
  for (const depth of [18, 34, 50, 101, 152])
    for (const recipe of ['a1', 'a2', 'a3']) assert.ok(names.has(`resnet${depth}.${recipe}_in1k`));
});

test('names are unique, models exist, and numbers are sane', () => {
  assert.is(new Set(CATALOG.map(({ name }) => name)).size, CATALOG.length);
  for (const entry of CATALOG) {
    assert.ok(modelNames().includes(entry.model), entry.name);
    assert.ok(entry.name.startsWith(`${entry.model}.`), entry.name);
    assert.is(entry.parameters, networks[entry.model].parameters, entry.name);
    assert.ok(entry.top1 > 50 && entry.top1 < 90, entry.name);
    assert.ok(entry.shipped || entry.downloads.length > 0, entry.name);
    for (const { sha256 } of entry.downloads) assert.match(sha256 ?? '01234567', /^[0-9a-f]{8,64}$/);
    const files = filesOf(entry);
    assert.equal(
      files,
      entry.shipped ? [entry.shipped.file] : [`${entry.name}.safetensors`, `${entry.name}.pth`],
    );
  }
});

const OPTIONS: [name: string, options: object][] = [
  ['efficientnet_lite0', { padding: 'same', normEps: 1e-3 }],
  ['efficientnet_lite0.ra_in1k', { padding: 'torch', normEps: 1e-5 }],
  ['tf_efficientnet_b0.ns_jft_in1k', { padding: 'same', normEps: 1e-3 }],
  ['efficientnet_b0', { padding: 'torch', normEps: 1e-5 }],
  ['efficientnet_b5', { padding: 'torch', normEps: 1e-3 }],
  ['resnet18', {}],
  ['alexnet', {}],
];
for (const [name, options] of OPTIONS)
  test(`${name}: what the weights were trained with`, () => assert.equal(getEntry(name).properties, options));

test("a model means its default weights: what ships, else torchvision's newest, else timm's first", () => {
  assert.is(getEntry('efficientnet_lite0').name, 'efficientnet_lite0.google_in1k');
  assert.is(getEntry('resnet50').name, 'resnet50.imagenet1k_v2');
  assert.is(getEntry('resnet18').name, 'resnet18.imagenet1k_v1');
  assert.is(getEntry('tf_efficientnet_b6').name, 'tf_efficientnet_b6.aa_in1k');
  assert.is(findEntry('vgg16'), null);
  assert.is(defaultEntry('alexnet_2012'), null);
  assert.throws(
    () => getEntry('resnet18.a9'),
    /no weights called 'resnet18.a9'; there are resnet18.imagenet1k_v1, resnet18.a1_in1k, /,
  );
  assert.throws(
    () => getEntry('vgg16'),
    /no weights called 'vgg16'; the catalog has weights of efficientnet_lite0, alexnet, resnet18, /,
  );
});

test('a file is recognised by its hash, and by the start of it where the catalog has no more', () => {
  const { sha256 } = getEntry('resnet18.imagenet1k_v1').downloads[0];
  assert.is(sha256!.length, 64);
  const found = entryOfHash(sha256!);
  assert.equal([found?.entry.name, found?.whole], ['resnet18.imagenet1k_v1', true]);
  assert.is(entryOfHash(sha256!.slice(0, 8) + '0'.repeat(56)), null, 'another file of the same start');
  const alike = entryOfHash(`bac287d4${'0'.repeat(56)}`);
  assert.equal([alike?.entry.name, alike?.whole], ['efficientnet_b1.imagenet1k_v1', false]);
  const lite = getEntry('efficientnet_lite0');
  for (const hash of [lite.shipped!.original, lite.shipped!.sha256])
    assert.equal(entryOfHash(hash), { entry: lite, whole: true });
  assert.is(entryOfHash('0'.repeat(64)), null);
  const digits = (name: string): number => hashDigits(getEntry(name));
  assert.equal(['efficientnet_lite0', 'resnet50', 'efficientnet_b7'].map(digits), [64, 64, 8]);
});

test('a download is of a bounded size: more than its publisher states, less than three times as much', () => {
  for (const entry of CATALOG)
    if (entry.megabytes !== null) {
      const stated = entry.megabytes * 2 ** 20;
      assert.ok(stated < mostBytes(entry) && mostBytes(entry) < 3 * stated, entry.name);
    }
});

const { preprocessing } = getEntry('efficientnet_lite0');
const CARDS: [label: string, card: WeightsCard][] = [
  [
    'full',
    {
      model: { name: 'resnet18', options: { padding: 'same', normEps: 0.001 } },
      weights: 'resnet18.a1_in1k',
      preprocessing,
      classes: IMAGENET_CLASSES,
      task: 'labels',
      licence: 'Apache-2.0',
      source: 'https://example.org',
    },
  ],
  [
    'own classes',
    {
      model: null,
      weights: null,
      preprocessing: null,
      classes: ['a', 'b "c"'],
      task: null,
      licence: null,
      source: null,
    },
  ],
  [
    'empty',
    {
      model: null,
      weights: null,
      preprocessing: null,
      classes: null,
      task: null,
      licence: null,
      source: null,
    },
  ],
];
for (const [label, card] of CARDS)
  test(`a card comes back as it was written: ${label}`, () =>
    assert.equal(readCard(cardMetadata(card)), card));

test('1000 ImageNet classes, which a card names instead of listing', () => {
  assert.is(IMAGENET_CLASSES.length, 1000);
  assert.equal(
    [0, 207, 281, 985, 999].map((index) => IMAGENET_CLASSES[index]),
    ['tench', 'golden retriever', 'tabby', 'daisy', 'toilet tissue'],
  );
  const metadata = cardMetadata(CARDS[0][1]);
  assert.is(metadata['tessera.classes'], 'imagenet-1k');
  assert.is(readCard(metadata).classes, IMAGENET_CLASSES);
});

test.run();
