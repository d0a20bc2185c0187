/**
 * Names of EfficientNet's layers in three libraries, paired by the order in which PyTorch runs them
 * (test/reference/weights_names.json), and the models that files are recognised as.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectModels, expectedTensors, heldInstead, shapeBuilder } from '../../src/weights/expected.ts';
import type { StateDict, StoredTensor } from '../../src/weights/formats/state.ts';
import { impliedProperties, matchNames, namedLike } from '../../src/weights/names.ts';
import { fixture } from '../helpers/fixture.ts';

type Row = [lukemelas: string, timm: string, torchvision: string, shape: number[]];
const layers = fixture<Record<string, Row[]>>('weights_names.json');

const test = suite('weights: names');
const build = await shapeBuilder();

/** A tensor without bytes, told from others by identity. */
function stored(shape: readonly number[]): StoredTensor {
  return { dtype: 'float32', shape, bytes: new Uint8Array(0) };
}

/** What belongs to a layer: biases go with the weights of linear layers and of squeeze-and-excitation. */
function tensorsOf(name: string, shape: number[]): [string, number[]][] {
  if (shape.length > 1) {
    const biased = shape.length === 2 || /_se_|\.se\.|\.fc[12]$/.test(name);
    return [
      [`${name}.weight`, shape],
      ...(biased ? [[`${name}.bias`, [shape[0]]] as [string, number[]]] : []),
    ];
  }
  const plain = ['weight', 'bias', 'running_mean', 'running_var'].map((key): [string, number[]] => [
    `${name}.${key}`,
    shape,
  ]);
  return [...plain, [`${name}.num_batches_tracked`, []]];
}

const STYLES = ['lukemelas', 'timm', 'torchvision'] as const;

/** The network that answers to these names. */
const modelWith = (network: string, style: 'timm' | 'torchvision') =>
  build(style === 'timm' ? `tf_${network}` : network);

/** Every pair of (old name, new name) of a network between two libraries. */
function pairs(network: string, from: number, to: number): [string, string, number[]][] {
  return layers[network].flatMap((row) => {
    const [old, fresh] = [row[from], row[to]].map((name) => tensorsOf(String(name), row[3]));
    return old.map(([name, shape], index): [string, string, number[]] => [name, fresh[index][0], shape]);
  });
}

for (const network of Object.keys(layers))
  for (const [from, source] of STYLES.entries())
    for (const [to, target] of STYLES.entries()) {
      if (target === 'lukemelas') continue;
      test(`${network}: ${source}'s names become ${target}'s`, () => {
        const table = pairs(network, from, to);
        const file: StateDict = new Map(table.map(([name, , shape]) => [name, stored(shape)]));
        assert.ok(namedLike(file.keys()).some(({ style }) => style.style === source));
        const { tensors, notes } = matchNames(file, modelWith(network, target));
        assert.is(tensors.size, table.length);
        for (const [name, wanted] of table)
          assert.is(tensors.get(wanted), file.get(name), `${name}: ${wanted}`);
        if (source === target) assert.equal(notes, []);
        else
          assert.match(
            notes[0],
            new RegExp(
              `^Renamed ${table.length} tensors from ${source}'s names to ${target}'s \\(.+ is .+\\)\\.$`,
            ),
          );
      });
    }

for (const network of Object.keys(layers))
  for (const [from, source] of STYLES.entries())
    test(`${network}: a file with ${source}'s names is recognised, and fits the model`, async () => {
      const file: StateDict = new Map(
        pairs(network, from, 1).map(([name, , shape]) => [name, stored(shape)]),
      );
      assert.equal(await detectModels(file), [network, `tf_${network}`]);
      for (const model of [network, `tf_${network}`].map((name) => build(name))) {
        const expected = expectedTensors(model);
        const { tensors } = matchNames(file, model);
        assert.equal(
          [...expected.keys()].filter((name) => !tensors.has(name)),
          [],
          model.spec!.name,
        );
      }
    });

/** The state of a model of ours, as a file has it. */
function stateOf(model: string): StateDict {
  const state: StateDict = new Map();
  const network = build(model);
  for (const [name, { shape }] of [...network.namedParameters(), ...network.namedBuffers()]) {
    const torch =
      shape.length === 4
        ? [shape[3], shape[2], shape[0], shape[1]]
        : shape.length === 2
          ? [shape[1], shape[0]]
          : shape;
    state.set(name, stored(torch));
  }
  return state;
}

const MODELS: [model: string, found: string[]][] = [
  ['alexnet', ['alexnet']],
  ['alexnet_2012', ['alexnet_2012']],
  ['resnet18', ['resnet18']],
  ['resnet50', ['resnet50']],
  ['resnet152', ['resnet152']],
  ['efficientnet_b7', ['efficientnet_b7', 'tf_efficientnet_b7']],
  ['tf_efficientnet_b1', ['efficientnet_b1', 'tf_efficientnet_b1']],
  ['efficientnet_lite0', ['efficientnet_lite0', 'tf_efficientnet_lite0']],
  ['tf_efficientnet_lite4', ['efficientnet_lite4', 'tf_efficientnet_lite4']],
];
for (const [model, found] of MODELS)
  test(`${model} is recognised by names and shapes`, async () =>
    assert.equal(await detectModels(stateOf(model)), found));

test('another number of classes is the same model; a missing or misshapen tensor, or one more inside its body, is another', async () => {
  const state = stateOf('resnet18');
  state.set('fc.weight', stored([7, 512]));
  state.set('fc.bias', stored([7]));
  assert.equal(await detectModels(state), ['resnet18']);
  const without = new Map(state);
  without.delete('layer3.1.bn2.running_var');
  assert.equal(await detectModels(without), []);
  assert.equal(await detectModels(new Map([...state, ['layer4.2.conv1.weight', stored([1])]])), []);
  assert.equal(await detectModels(new Map([...state, ['conv1.weight', stored([64, 3, 3, 3])]])), []);
  assert.equal(await detectModels(new Map([['a', stored([1])]])), []);
});

test('what a file holds instead of the weights that were asked for', async () => {
  const held = (name: string, tensors: StateDict, metadata = {}) => heldInstead(name, { tensors, metadata });
  const [resnet, b0] = ['resnet18', 'efficientnet_b0'].map(stateOf);
  assert.is(await held('resnet18', resnet), null);
  assert.is(await held('resnet34', resnet), 'weights of resnet18, not of resnet34');
  assert.is(await held('tf_efficientnet_b0', b0), null);
  const twins = 'weights of efficientnet_b0 or tf_efficientnet_b0, not of alexnet';
  assert.is(await held('alexnet', b0), twins);
  const card = { 'tessera.model': '{"name":"tf_efficientnet_b0","options":{}}' };
  assert.is(await held('alexnet', b0, card), 'weights of tf_efficientnet_b0, not of alexnet');
  assert.is(
    await held('resnet18', new Map([['a', stored([1])]])),
    'the tensors of none of our models (a), not those of resnet18',
  );
  resnet.set('fc.weight', stored([7, 512])).set('fc.bias', stored([7]));
  assert.is(await held('resnet18', resnet), "weights of resnet18 for 7 classes, not for ImageNet's 1000");
});

test("only the names of lukemelas imply TensorFlow's padding and epsilon", () => {
  const names = (column: number) => layers.efficientnet_b0.map((row) => `${row[column]}.weight`);
  assert.equal(impliedProperties(names(0)), { padding: 'same', normEps: 1e-3 });
  assert.equal(impliedProperties(names(1)), {});
  assert.equal(impliedProperties(names(2)), {});
});

test('what the tables do not know keeps its name, and a file of two styles stays as it is', () => {
  const table = pairs('efficientnet_b0', 0, 1);
  const file: StateDict = new Map(table.map(([name, , shape]) => [name, stored(shape)]));
  file.set('_swish.beta', stored([1]));
  file.set('beta', stored([1]));
  const wanted = modelWith('efficientnet_b0', 'timm');
  const { tensors } = matchNames(file, wanted);
  assert.ok(tensors.has('_swish.beta') && tensors.has('beta'));
  const both = new Map([...file, ['conv_stem.weight', stored([32, 3, 3, 3])] as const]);
  assert.is(matchNames(both, wanted).tensors, both);
});

test.run();
