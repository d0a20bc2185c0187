/** MobileNetV2's names: torchvision's and timm's files, which look like EfficientNet's, are told by their shapes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freeze, type Model, torchShape } from '../../src/nn/index.ts';
import { modelFor, readKnown } from '../../src/weights/door.ts';
import { detectModels, expectedTensors, shapeBuilder } from '../../src/weights/expected.ts';
import { writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict } from '../../src/weights/formats/state.ts';
import { matchNames } from '../../src/weights/names.ts';

const test = suite('mobilenet');
const build = await shapeBuilder();

/** A model's tensors as a file has them, all zero. */
function stateOf(model: Model): StateDict {
  const state: StateDict = new Map();
  for (const [name, { shape, layout }] of expectedTensors(model)) {
    const torch = torchShape(shape, layout);
    const size = torch.reduce((product, side) => product * side, 1);
    state.set(name, fromFloat32(new Float32Array(size), torch));
  }
  return state;
}

/** The tensors of a model, the models that they fit, and the one that a command takes them for. */
const FILES: [model: string, fits: string[], taken: string | null][] = [
  ['mobilenet_v2', ['mobilenet_v2', 'mobilenetv2_100'], 'mobilenet_v2'],
  ['mobilenetv2_100', ['mobilenet_v2', 'mobilenetv2_100'], 'mobilenetv2_100'],
  ['mobilenetv2_050', ['mobilenetv2_050'], 'mobilenetv2_050'],
  ['mobilenetv2_110d', ['mobilenetv2_110d'], 'mobilenetv2_110d'],
  ['mobilenetv2_120d', ['mobilenetv2_120d'], 'mobilenetv2_120d'],
  ['mobilenetv2_140', ['mobilenetv2_140'], 'mobilenetv2_140'],
  ['efficientnet_lite0', ['efficientnet_lite0', 'tf_efficientnet_lite0'], null],
];
for (const [name, fits, taken] of FILES)
  test(`a file of ${name} is recognised`, async () => {
    const state = stateOf(build(name, { numClasses: 5 }));
    assert.equal(await detectModels(state), fits);
    if (taken) assert.is(await modelFor(await readKnown(writeSafetensors(state, {}), 'x.pth')), taken);
  });

for (const [from, to] of [
  ['mobilenet_v2', 'mobilenetv2_100'],
  ['mobilenetv2_100', 'mobilenet_v2'],
])
  test(`${from}'s tensors are found under the names of ${to}`, () => {
    const [file, model] = [stateOf(build(from)), build(to)];
    const { tensors, notes } = matchNames(file, model);
    assert.equal([...tensors.keys()], [...stateOf(model).keys()]);
    assert.match(notes[0], /^Renamed \d+ tensors from (timm|torchvision)'s names to (timm|torchvision)'s/);
  });

test('every block of mobilenet_v2 is a stage, and what lies before one is frozen', () => {
  const model = build('mobilenet_v2');
  assert.is(model.stages.length, 20);
  freeze(model, { before: 'features.14' });
  const trained = [...model.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad);
  assert.is(trained[0][0], 'features.14.conv.0.0.weight');
});

test.run();
