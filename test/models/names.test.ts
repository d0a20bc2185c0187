/**
 * Names and shapes of every model's tensors against torchvision's and timm's state dicts (test/reference/names),
 * and the contract that every model keeps.
 */
import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { buildModel, modelNames } from '../../src/models/table.ts';
import { type Model, torchShape } from '../../src/nn/index.ts';
import { testDevice } from '../helpers/device.ts';
import { fixtures } from '../helpers/fixture.ts';

interface Names {
  tensors: number;
  parameters: number;
  sha256: string;
  lines?: string[];
}

const stored = Object.assign({}, ...fixtures<Record<string, Names>>('names')) as Record<string, Names>;
const test = suite('model names');
let device: Device;
test.before(async () => {
  device = await testDevice({ poison: false });
});
test.after(() => device.close());

/** Builds a model without values, and frees it and the pool after `check`. */
function withModel(name: string, check: (model: Model) => void): void {
  const model = buildModel(name, { device, initialise: false });
  check(model);
  model.dispose();
  device.trim();
  assert.is(device.memory().live, 0, `${name} leaves memory behind`);
}

const parameters = (model: Model): number =>
  [...model.namedParameters()].reduce((sum, [, { size }]) => sum + size, 0);

for (const [name, expected] of Object.entries(stored))
  test(`${name}: names, shapes and parameters are the reference's`, () =>
    withModel(name, (model) => {
      const lines = [...model.namedParameters(), ...model.namedBuffers()]
        .map(([key, { shape }]) => `${key} [${torchShape(shape, model.parameterLayout(key)).join()}]`)
        // Not by locale: as Python sorts.
        .sort((a, b) => (a < b ? -1 : 1));
      if (expected.lines) assert.equal(lines, expected.lines);
      assert.is(lines.length, expected.tensors);
      assert.is(createHash('sha256').update(lines.join('\n')).digest('hex'), expected.sha256);
      assert.is(parameters(model), expected.parameters);
    }));

test('alexnet_2012 has the parameters of its two towers', () =>
  // 96·(11²·3 + 1) + 256·(5²·48 + 1) + 384·(3²·256 + 1) + 384·(3²·192 + 1) + 256·(3²·192 + 1) + the linear layers
  withModel('alexnet_2012', (model) => assert.is(parameters(model), 60_965_224)));

for (const name of modelNames())
  test(`${name}: every parameter belongs to a stage, the head to the last`, () =>
    withModel(name, (model) => {
      const { stages } = model;
      const seen = new Set<string>();
      for (const [key] of [...model.namedParameters(), ...model.namedBuffers()]) {
        seen.add(model.stageOf(key));
        assert.is(model.isHead(key), model.stageOf(key) === stages[stages.length - 1], key);
      }
      assert.equal([...seen].sort(), [...stages].sort(), 'every stage has parameters');
      assert.is(model.numClasses, 1000);
      assert.is(model.training, true);
    }));

test('an unknown name gives the nearest ones', () => {
  assert.throws(() => buildModel('resnet-18'), /no model 'resnet-18'; did you mean resnet18\?$/);
  assert.throws(() => buildModel('constructor'), /no model 'constructor'/);
  assert.throws(() => buildModel('resnet18', { device, numClasses: 0 }), /0 is no number of classes/);
  assert.throws(() => buildModel('alexnet', { device, dropPath: 0.1 }), /alexnet has no stochastic depth/);
});

test.run();
