/** What a name that does not exist was meant to be. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { modelNames } from '../../src/models/table.ts';
import { didYouMean, unknownName } from '../../src/text/suggest.ts';
import { getEntry, noWeights } from '../../src/weights/catalog/catalog.ts';

const test = suite('suggestions');
const STAGES = ['conv1', 'layer1', 'layer2', 'layer3', 'layer4', 'fc'];

const TYPED: [typed: string, names: readonly string[], meant: string | null][] = [
  ['resnet19', modelNames(), 'did you mean resnet18?'],
  ['resnet81', modelNames(), 'did you mean resnet18?'],
  ['ResNet-50', modelNames(), 'did you mean resnet50?'],
  ['efficientnet_lite', modelNames(), null], // five begin with it
  [
    'efficientnet_b',
    ['efficientnet_b0', 'efficientnet_b1'],
    'did you mean efficientnet_b0 or efficientnet_b1?',
  ],
  ['vgg16', modelNames(), null],
  ['layr4', STAGES, 'did you mean layer4?'],
  ['ayer', STAGES.slice(1, 4), 'did you mean layer1, layer2 or layer3?'],
  ['layer9', STAGES, null], // four are as close
  ['x', STAGES, null],
  ['', STAGES, null],
];
for (const [typed, names, meant] of TYPED)
  test(`'${typed}': ${meant}`, () => assert.is(didYouMean(typed, names), meant));

test('where nothing is close, all names are listed', () => {
  assert.is(
    unknownName('stage', 'blocks', STAGES),
    "there is no stage 'blocks'; the stages are conv1, layer1, layer2, layer3, layer4, fc",
  );
});

test('more than one class are classes', () => {
  assert.is(
    unknownName('class', 'up', ['across', 'down']),
    "there is no class 'up'; the classes are across, down",
  );
});

test('where many begin with it, those are listed', () => {
  assert.is(
    unknownName('model', 'ResNet', modelNames()),
    "there is no model 'ResNet'; there are resnet18, resnet34, resnet50, resnet101, resnet152",
  );
});

test('names of the catalog', () => {
  assert.throws(() => getEntry('resnet8'), /no weights called 'resnet8'; did you mean resnet18\?/);
  assert.is(
    noWeights('resnet18.a1_in1'),
    'there is no weights file resnet18.a1_in1, and none of that name in the catalog; did you mean resnet18.a1_in1k?',
  );
  assert.is(noWeights('gone.pth'), 'there is no weights file gone.pth');
});

test.run();
