/** Which dictionary of a checkpoint is taken for the weights, and what is said of the rest. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { weightsIn } from '../../../src/weights/formats/dictionaries.ts';
import {
  OpaqueRef,
  type PickleValue,
  StorageRef,
  TensorRef,
} from '../../../src/weights/formats/pickle-values.ts';
import { TensorBuilder } from '../../../src/weights/formats/torch-tensor.ts';
import { cpuMilliseconds } from '../../helpers/hostile.ts';
import { assertRefused } from '../fixtures.ts';

const test = suite('weights: dictionaries of a checkpoint');
const builder = new TensorBuilder(() => new Uint8Array(4), 100);

/** A tensor of one number, as a pickle describes it. */
const t = new TensorRef(new StorageRef('float32', '0', 1, null), 'float32', 0, [1], [1]);
const opaque = (name: string): OpaqueRef => new OpaqueRef(name);
const dict = (entries: Record<string, PickleValue>): Map<PickleValue, PickleValue> =>
  new Map(Object.entries(entries));
/** A network's weights, of which `mark` is one name. */
const net = (mark: string, layers = 3): Map<PickleValue, PickleValue> =>
  dict({
    [mark]: t,
    ...Object.fromEntries(Array.from({ length: layers }, (_, i) => [`conv${i}.weight`, t])),
  });

const CHOSEN: [label: string, checkpoint: Map<PickleValue, PickleValue>, notes: RegExp[]][] = [
  ['a plain state_dict', net('it'), []],
  [
    "PyTorch's ImageNet example",
    dict({
      epoch: 90,
      arch: 'resnet18',
      state_dict: net('it'),
      best_acc1: t,
      optimizer: dict({ state: dict({ 0: dict({ momentum_buffer: t }) }) }),
      scheduler: dict({ last_epoch: 90 }),
    }),
    [
      /entry 'state_dict'/,
      /^Left its other entries: epoch, arch, best_acc1 \(a tensor\), optimizer, scheduler\.$/,
    ],
  ],
  [
    'weights of classes, named like a layer',
    dict({ weight: t, state_dict: net('it') }),
    [/entry 'state_dict'/, /: weight \(a tensor\)\.$/],
  ],
  [
    'states of random generators',
    dict({ rng_state: t, cuda_rng_state: t, net: net('it') }),
    [/'net'/, /rng_state/],
  ],
  [
    'timm: the weights before their moving average',
    dict({
      state_dict_ema: net('ema'),
      state_dict: net('it'),
      args: opaque('argparse.Namespace'),
      metric: 81.2,
    }),
    [/'state_dict'/, /: state_dict_ema \(4 tensors\), args \(argparse\.Namespace, not run\), metric\.$/],
  ],
  [
    'DeiT and torchvision',
    dict({
      model_ema: dict({ n_averaged: t, 'module.conv0.weight': t }),
      model: net('it'),
      optimizer: dict({}),
    }),
    [/'model'/, /model_ema \(2 tensors\)/],
  ],
  [
    'Lightning',
    dict({
      'pytorch-lightning_version': '2.5',
      state_dict: net('it'),
      hyper_parameters: opaque('lightning.fabric.utilities.data.AttributeDict'),
      callbacks: dict({ checkpoint: dict({ best_model_score: t, current_score: t }) }),
      loops: dict({}),
    }),
    [/'state_dict'/, /hyper_parameters \(lightning\S+, not run\)/],
  ],
  ['a dictionary below another', dict({ model: dict({ state_dict: net('it') }) }), [/'model\.state_dict'/]],
  [
    'an unusual key',
    dict({ generator: net('it', 5), codebook: dict({ codes: t }) }),
    [/'generator'/, /codebook/],
  ],
  ['two unusual keys: the larger', dict({ G: net('small'), D: net('it', 9) }), [/'D'/, /G \(4 tensors\)/]],
  [
    'no names of layers: the usual key',
    dict({ p: dict({ a: t, b: t }), params: dict({ it: t }) }),
    [/'params'/, /p \(2/],
  ],
  [
    'tensors of the root, and what is none',
    dict({ it: t, w: t, epoch: 1 }),
    [/^Left out what is no tensor: epoch\.$/],
  ],
  [
    'an object among the weights',
    dict({ state_dict: dict({ it: t, 'head.weight': opaque('numpy.core.multiarray._reconstruct') }) }),
    [/'state_dict'/, /: head\.weight \(numpy\S+, not run\)\.$/],
  ],
];
for (const [label, checkpoint, notes] of CHOSEN)
  test(`${label}`, () => {
    const file = weightsIn(checkpoint, builder);
    assert.ok(file.tensors.has('it'), `took ${[...file.tensors.keys()]}`);
    assert.is(file.notes!.length, notes.length, file.notes!.join('\n'));
    for (const [index, note] of notes.entries()) assert.match(file.notes![index], note);
  });

test('what else could be meant is at hand', () => {
  const { others } = weightsIn(dict({ student: net('a', 2), teacher: net('b', 4) }), builder);
  assert.equal(
    others!.map((other) => [other.tensors, [...other.read().tensors.keys()][0]]),
    [[3, 'a']],
  );
  assert.match(others![0].read().notes![0], /'student'/);
});

const REFUSED: [label: string, saved: PickleValue, sentence: RegExp][] = [
  ['a tensor', t, /holds a single tensor; save model\.state_dict\(\)/],
  ['a list', [t], /holds no dictionary/],
  [
    'a whole model',
    opaque('models.Net'),
    /a whole models\.Net rather than weights: only its own program .* refuses to run models\.Net/,
  ],
  [
    'a whole model in a dictionary',
    dict({ epoch: 3, model: opaque('ultralytics.nn.tasks.DetectionModel') }),
    /a whole ultralytics\.nn\.tasks\.DetectionModel under 'model' rather than weights/,
  ],
  [
    "a whole model beside its optimiser's tensors",
    dict({ ema: opaque('models.Net'), optimizer: dict({ state: dict({ exp_avg: t }) }) }),
    /a whole models\.Net under 'ema' rather than weights/,
  ],
  [
    'an object under an unusual key',
    dict({ epoch: 3, solver: opaque('models.Net') }),
    /\(its keys: epoch, solver \(models\.Net, not run\)\)/,
  ],
  [
    'quantised tensors',
    dict({ 'conv1.weight': opaque('torch._utils._rebuild_qtensor') }),
    /stores conv1\.weight by torch\._utils\._rebuild_qtensor, which is not supported; .*dequantize\(\)/,
  ],
  [
    'elements of eight bits',
    dict({ state_dict: dict({ it: t, w: opaque('torch.float8_e4m3fn') }) }),
    /stores w as torch\.float8_e4m3fn, which is not supported; convert the tensors to float32/,
  ],
  [
    'more tensors than are read',
    dict(Object.fromEntries(Array.from({ length: 65_537 }, (_, i) => [`t${i}`, t]))),
    /holds 65537 tensors; at most 65536 are read/,
  ],
  ['names that are no text', new Map<PickleValue, PickleValue>([[3, t]]), /a name that is no text/],
];
for (const [label, saved, sentence] of REFUSED)
  test(`${label} is refused`, async () =>
    void (await assertRefused(() => weightsIn(saved, builder), sentence)));

test('dictionaries inside themselves, and very many of them, are looked at once', () => {
  const root = dict({ state_dict: net('it') });
  root.set('self', root);
  const wide = dict(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`d${i}`, dict({ a: t })])));
  root.set('wide', wide);
  const clock = process.cpuUsage();
  assert.ok(weightsIn(root, builder).tensors.has('it'));
  assert.ok(cpuMilliseconds(clock) < 1000);
});

test.run();
