/** Files that people have: something before the names, another head, tensors beside the network, more than one network. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { torchShape } from '../../src/nn/index.ts';
import { modelFor } from '../../src/weights/door.ts';
import {
  detectModels,
  expectedTensors,
  planFor,
  shapeBuilder,
  weightsFor,
} from '../../src/weights/expected.ts';
import type { StateDict, StoredTensor, WeightsFile } from '../../src/weights/formats/state.ts';
import { withoutWrappers } from '../../src/weights/formats/wrappers.ts';
import { describeReport } from '../../src/weights/load.ts';
import { networkAmong } from '../../src/weights/names.ts';
import { tinyNet } from '../train/tiny.ts';

const test = suite('weights: files that people have');
const build = await shapeBuilder();

/** As large as the largest tensor here, and shared by all. */
const ZEROS = new Uint8Array(4 * 2048 * 2048);
const zeros = (shape: readonly number[]): StoredTensor => ({
  dtype: 'float32',
  shape,
  bytes: ZEROS.subarray(0, 4 * shape.reduce((product, side) => product * side, 1)),
});

/** The tensors of a model, all zero, under its own names. */
function stateOf(model: string, numClasses = 3): StateDict {
  const state: StateDict = new Map();
  for (const [name, { shape, layout }] of expectedTensors(build(model, { numClasses })))
    state.set(name, zeros(torchShape(shape, layout)));
  return state;
}

const RESNET = stateOf('resnet18');
const named = (change: (name: string) => string, state = RESNET): StateDict =>
  new Map([...state].map(([name, tensor]) => [change(name), tensor]));
const after = (prefix: string, state = RESNET): StateDict => named((name) => prefix + name, state);
/** As it comes through the front door. */
const known = (state: StateDict): WeightsFile =>
  networkAmong({ name: 'net.pth', metadata: {}, ...withoutWrappers(state) });

const PREFIXED: [label: string, state: StateDict, said: RegExp[]][] = [
  ...['model.', 'net.', 'backbone.', 'encoder.', 'resnet.', 'model.backbone.', 'a.b.c.'].map(
    (prefix): [string, StateDict, RegExp[]] => [
      prefix,
      after(prefix),
      [new RegExp(`^Took the prefix '${prefix.replaceAll('.', '\\.')}' off 102 names\\.$`)],
    ],
  ),
  [
    'module.module.',
    after('module.module.'),
    [/^Took the prefix 'module\.' off/, /^Took the prefix 'module\.' off/],
  ],
  ['module.model.', after('module.model.'), [/'module\.' off every/, /'model\.' off 102/]],
  ['_orig_mod. before every name', after('_orig_mod.'), [/^Took '_orig_mod\.' \(torch\.compile\) out/]],
  ['_orig_mod. inside', after('model._orig_mod.'), [/_orig_mod/, /'model\.' off 102/]],
  [
    '_orig_mod. in some names only',
    named((name) => name.replace(/^layer1\./, 'layer1._orig_mod.')),
    [/_orig_mod/],
  ],
  [
    'an averaged model',
    new Map([['n_averaged', zeros([])], ...after('module.')]),
    [/^Left out n_averaged/, /'module\.' off/],
  ],
  [
    'an averaged model inside a module',
    new Map([['average_model.n_averaged', zeros([])], ...after('average_model.module.')]),
    [/'average_model\.module\.' off 102/, /^Left 1 without it: average_model\.n_averaged\.$/],
  ],
  [
    'something beside the network',
    new Map([...after('model.'), ['criterion.weight', zeros([3])], ['fc.weight', zeros([3, 512])]]),
    [/'model\.' off 102/, /^Left 2 without it: criterion\.weight, fc\.weight\.$/],
  ],
  [
    'two networks: the first',
    new Map([...after('encoder_q.'), ...after('encoder_k.'), ['queue', zeros([2])]]),
    [/'encoder_q\.' off 102/, /^Left 103 without it/],
  ],
];
for (const [label, state, said] of PREFIXED)
  test(`before the names: ${label}`, async () => {
    const file = known(state);
    assert.equal([...file.tensors.keys()], [...RESNET.keys()]);
    assert.is(file.notes!.length, said.length, file.notes!.join('\n'));
    for (const [index, sentence] of said.entries()) assert.match(file.notes![index], sentence);
  });

for (const model of ['efficientnet_b0', 'tf_efficientnet_lite0', 'mobilenet_v2', 'mobilenetv2_100'])
  test(`before the names of ${model}`, async () => {
    const state = stateOf(model);
    const file = known(after('model.', state));
    assert.equal([...file.tensors.keys()], [...state.keys()]);
  });

const CHILDREN = ['conv1', 'bn1', 'relu', 'maxpool', 'layer1', 'layer2', 'layer3', 'layer4'];
/** A ResNet's body in nn.Sequential(*list(model.children())[:-2]). */
const resnetInSequence = (name: string): string =>
  name.replace(/^\w+/, (child) => String(CHILDREN.indexOf(child)));
const features = (name: string): string => name.replace(/^features\./, '');
const FASTAI_HEAD = ['1.2.weight', '1.2.bias', '1.2.running_mean', '1.4.weight', '1.8.weight'];
const CUT: [
  label: string,
  model: string,
  prefix: string,
  rename: (name: string) => string,
  head: string[],
][] = [
  ["fastai's body and head", 'resnet18', '0.', resnetInSequence, FASTAI_HEAD],
  ["Lightning's example", 'resnet18', 'feature_extractor.', resnetInSequence, ['classifier.weight']],
  ['a body alone', 'resnet34', '', resnetInSequence, []],
  ["fastai's body", 'mobilenet_v2', '0.0.', features, FASTAI_HEAD],
  ["fastai's body", 'efficientnet_b0', '0.0.', features, FASTAI_HEAD],
  ['its features', 'efficientnet_b0', 'backbone.', features, ['head.weight']],
  ["timm's network within fastai", 'mobilenetv2_100', '0.model.', (name) => name, FASTAI_HEAD],
];
for (const [label, model, prefix, rename, head] of CUT)
  test(`a body that was cut out of ${model}: ${label}`, async () => {
    const target = build(model, { numClasses: 3 });
    const body = [...stateOf(model)].filter(([name]) => !target.isHead(name));
    const file = known(
      new Map([
        ...body.map(([name, tensor]): [string, StoredTensor] => [prefix + rename(name), tensor]),
        ...head.map((name): [string, StoredTensor] => [name, zeros([3])]),
      ]),
    );
    assert.is(file.tensors.size, body.length);
    const { report } = await planFor(target, file, { body: true });
    assert.is(report.loaded.length, body.length);
    assert.equal(report.replacedHead, [`${target.classifier}.weight`, `${target.classifier}.bias`]);
    const said = describeReport(report);
    for (const name of head) assert.ok(said.includes(name), said);
  });

const STRANGE: [names: string[], sentence: RegExp][] = [
  [['resnet.embedder.embedder.convolution.weight'], /ResNet under the names of Hugging Face's transformers/],
  [['cls_token', 'blocks.0.attn.qkv.weight'], /holds a transformer/],
  [['model.0.conv.weight', 'model.2.cv1.conv.weight'], /of Ultralytics/],
  [['stem.weight'], /are those of none of our models/],
];
for (const [names, sentence] of STRANGE)
  test(`names of none of ours: ${names[0]}`, async () => {
    const file = known(new Map(names.map((name) => [name, zeros([3])])));
    const empty = {
      model: null,
      weights: null,
      preprocessing: null,
      classes: null,
      task: null,
      licence: null,
      source: null,
    };
    const error: Error = await modelFor({ file, card: empty, saidBy: {} }).then(
      () => assert.unreachable('was taken'),
      (reason) => reason,
    );
    assert.match(error.message, sentence);
  });

test('names that nothing stands before stay as they are, whatever they are', async () => {
  const strange: StateDict = new Map([
    ['model.weight', zeros([2])],
    ['model.bias', zeros([1])],
  ]);
  assert.equal([...known(strange).tensors.keys()], ['model.weight', 'model.bias']);
});

const without = (...names: string[]): StateDict =>
  new Map([...RESNET].filter(([name]) => !names.includes(name)));
const BODY = without('fc.weight', 'fc.bias');
const HEAD = ['fc.weight', 'fc.bias'];
const BESIDE: [label: string, state: StateDict, newHead: string[], left: string[]][] = [
  ['no head', BODY, HEAD, []],
  [
    'a head behind dropout',
    new Map([...BODY, ['fc.1.weight', zeros([3, 512])], ['fc.1.bias', zeros([3])]]),
    HEAD,
    ['fc.1.weight', 'fc.1.bias'],
  ],
  [
    "a head under another library's name",
    new Map([...BODY, ['last_linear.weight', zeros([3, 512])], ['last_linear.bias', zeros([3])]]),
    HEAD,
    ['last_linear.weight', 'last_linear.bias'],
  ],
  ['a head of other features', new Map([...RESNET, ['fc.weight', zeros([3, 64])]]), ['fc.weight'], []],
  ['a head without bias', without('fc.bias'), ['fc.bias'], []],
  ['the weights of a loss', new Map([...RESNET, ['criterion.weight', zeros([3])]]), [], ['criterion.weight']],
  ['a projector', new Map([...BODY, ['projector.0.weight', zeros([2, 512])]]), HEAD, ['projector.0.weight']],
];
for (const [label, state, newHead, left] of BESIDE)
  test(`a body that fits whole, and ${label}`, async () => {
    const file = known(state);
    assert.equal(await detectModels(file.tensors), ['resnet18']);
    const { report } = await planFor(build('resnet18', { numClasses: 3 }), file, { body: true });
    assert.equal(report.replacedHead, newHead);
    assert.equal(report.unexpected, left);
    const said = describeReport(report);
    for (const name of [...newHead, ...left]) assert.ok(said.includes(name), said);
  });

const LARGER: [model: string, of: string, state: () => StateDict, sentence: RegExp][] = [
  [
    'resnet18',
    'resnet34',
    () => stateOf('resnet34'),
    /holds weights of resnet34, not of resnet18; name that model/,
  ],
  [
    'efficientnet_b0',
    'efficientnet_b1',
    () => stateOf('efficientnet_b1'),
    /holds weights of efficientnet_b1 or tf_efficientnet_b1, not of efficientnet_b0/,
  ],
  [
    'efficientnet_b0',
    "efficientnet_b1 under timm's names",
    () => stateOf('tf_efficientnet_b1'),
    /holds weights of efficientnet_b1 or tf_efficientnet_b1, not of efficientnet_b0/,
  ],
  [
    'resnet18',
    'a body with one stage more',
    () => new Map([...RESNET, ['layer4.2.conv1.weight', zeros([512, 512, 3, 3])]]),
    /does not fit the model\. 1 unexpected: layer4\.2\.conv1\.weight\. Check that the file was saved from this model\.$/,
  ],
  ['resnet18', 'a body that lacks a tensor', () => without('bn1.weight'), /1 missing: bn1\.weight\./],
];
for (const [model, of, state, sentence] of LARGER)
  test(`${of} is not taken for ${model}`, async () => {
    const file = known(state());
    const error: Error = await planFor(build(model), file, { body: true }).then(
      () => assert.unreachable('was taken'),
      (reason) => reason,
    );
    assert.match(error.message, sentence);
  });

test('of two sets of tensors the one that the model fits', () => {
  const resnet34 = stateOf('resnet34');
  const set = (state: StateDict): WeightsFile => ({
    name: 'x',
    tensors: state,
    metadata: {},
    notes: ['taken'],
  });
  const both = { ...set(resnet34), others: [{ tensors: RESNET.size, read: () => set(after('backbone.')) }] };
  assert.equal([...weightsFor(build('resnet18'), both).tensors.keys()], [...RESNET.keys()]);
  assert.is(weightsFor(build('resnet34'), both).tensors, resnet34);
  assert.is(
    weightsFor(build('resnet50'), both).tensors,
    resnet34,
    'neither: the first, and loading refuses it',
  );
});

test('of two networks in one set of tensors the one that the model fits', () => {
  const file = known(new Map([...after('student.'), ...after('teacher.', stateOf('resnet34'))]));
  assert.equal([...file.tensors.keys()], [...RESNET.keys()], 'the first, where nobody says');
  const wanted = weightsFor(build('resnet34'), file);
  assert.equal([...wanted.tensors.keys()], [...stateOf('resnet34').keys()]);
  assert.match(wanted.notes!.join(' '), /Took the prefix 'teacher\.' off \d+ names\.$/);
});

test("a network of one's own inside another module", async () => {
  const model = tinyNet((await dryDevice(boundless(PLAIN_DEVICE))).device);
  const state: StateDict = new Map();
  for (const [name, { shape, layout }] of expectedTensors(model))
    state.set(`net.${name}`, zeros(torchShape(shape, layout)));
  const { tensors } = weightsFor(model, known(state));
  assert.equal([...tensors.keys()], [...expectedTensors(model).keys()]);
});

test.run();
