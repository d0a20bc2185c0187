/** Weights that answer as if nothing were: refused with what is wrong and what to do, by one rule for all commands. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { MBConvTable } from '../../src/models/table.ts';
import { torchShape } from '../../src/nn/index.ts';
import { createModelFrom } from '../../src/weights/create-model.ts';
import type { WeightsFiles } from '../../src/weights/door.ts';
import { expectedTensors, planFor, shapeBuilder } from '../../src/weights/expected.ts';
import { WeightsError } from '../../src/weights/formats/error.ts';
import { writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict, toFloat32 } from '../../src/weights/formats/state.ts';
import { demandSound, type Use } from '../../src/weights/sound.ts';

const test = suite('weights: sound ones');
const { device } = await dryDevice(boundless(PLAIN_DEVICE));
/** A network of few weights, so that each of them is quick to look at. */
const TINY: MBConvTable = {
  name: 'tiny',
  rows: [
    [1, 3, 1, 8, 1, 0],
    [4, 3, 2, 16, 2, 0.25],
  ],
  stem: 8,
  head: 32,
  activation: 'silu',
  inputSize: 32,
};
const shapes = (await shapeBuilder())(TINY, { numClasses: 3 });
const sound: StateDict = new Map(
  [...expectedTensors(shapes)].map(([name, { shape, layout }]) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const values = Float32Array.from({ length: size }, (_, i) => 0.5 * Math.sin(i * 7 + name.length));
    if (name.endsWith('running_var')) values.fill(1);
    return [name, fromFloat32(values, torchShape(shape, layout))];
  }),
);

const NOWHERE: WeightsFiles = {
  file: async (path) => path,
  beside: async () => null,
  read: (path) => Promise.reject(new Error(`${path} was read`)),
  inFolder: (file) => Promise.reject(new Error(`${file} was read`)),
};
/** What is wrong with a file for a use; empty where nothing is. */
async function fault(tensors: StateDict, use: Use): Promise<string> {
  const { report } = await planFor(shapes, { tensors, metadata: {} }, { body: true });
  try {
    demandSound(report, use, 'tiny');
    return '';
  } catch (error) {
    assert.instance(error, WeightsError);
    return (error as Error).message;
  }
}
const create = (state: StateDict, use?: Use, numClasses?: number) =>
  createModelFrom(
    TINY,
    { device, use, numClasses, weights: writeSafetensors(state), initialise: false } as object,
    NOWHERE,
  );

/** The tensors of the sound file, those that `which` picks with other values. */
function changed(which: RegExp, change: (values: Float32Array) => Float32Array | null): StateDict {
  const state: StateDict = new Map();
  for (const [name, stored] of sound) {
    const values = which.test(name) ? change(toFloat32(stored).slice()) : undefined;
    if (values === null) continue;
    state.set(name, values ? fromFloat32(values, stored.shape) : stored);
  }
  return state;
}

/** Weights of two dimensions and more as eight-bit whole numbers, or floating point with such values. */
function quantised(float: boolean): StateDict {
  const state: StateDict = new Map();
  for (const [name, stored] of sound) {
    const whole = Int8Array.from(toFloat32(stored), (value) => Math.max(-128, Math.min(127, value * 100)));
    const bytes = new Uint8Array(whole.buffer);
    if (stored.shape.length < 2) state.set(name, stored);
    else
      state.set(
        name,
        float ? fromFloat32(Float32Array.from(whole), stored.shape) : { ...stored, dtype: 'int8', bytes },
      );
  }
  return state;
}

const fill = (value: number) => (values: Float32Array) => values.fill(value);
const HEAD = /^classifier\./;

const UNSOUND: [label: string, state: () => StateDict, train: boolean, sentence: RegExp][] = [
  [
    'no head',
    () => changed(HEAD, () => null),
    true,
    /^the file has no last layer that fits, classifier\.weight, classifier\.bias, so it cannot name classes; train a head first: npm run train -- --data PICTURES --model tiny --weights 'the file'$/,
  ],
  [
    'a head of another make',
    () =>
      new Map([
        ...changed(HEAD, () => null),
        ['classifier.1.weight', fromFloat32(new Float32Array(4), [2, 2])],
      ]),
    true,
    /no last layer that fits, .* \(it holds classifier\.1\.weight beside the network\), so it cannot/,
  ],
  [
    'a head without bias',
    () => changed(/^classifier\.bias/, () => null),
    true,
    /no last layer that fits, classifier\.bias/,
  ],
  [
    'a head of zeros',
    () => changed(HEAD, fill(0)),
    true,
    /same for every class \(classifier\.weight\), so every picture/,
  ],
  [
    'a head of one value',
    () => changed(/^classifier\.weight/, fill(0.25)),
    true,
    /same for every class \(classifier\.weight\)/,
  ],
  [
    'NaN in one bias',
    () => changed(/^classifier\.bias/, (values) => values.fill(Number.NaN, 1, 2)),
    false,
    /^the file holds NaN or infinity in classifier\.bias, so every answer would be NaN; take an undamaged copy$/,
  ],
  [
    'infinity in the body',
    () => changed(/^conv_stem/, (values) => values.fill(Number.NEGATIVE_INFINITY, 0, 1)),
    false,
    /NaN or infinity in conv_stem\.weight/,
  ],
  [
    'a variance below 0',
    () => changed(/^bn1\.running_var/, (values) => values.fill(-1, 3, 4)),
    false,
    /variances below 0 in bn1\.running_var/,
  ],
  [
    'eight bits without scales',
    () => quantised(false),
    false,
    /whole numbers in conv_stem\.weight, .* quantised network without its scales; save .*dequantize\(\)/,
  ],
  [
    'eight bits in floating point',
    () => quantised(true),
    false,
    /whole numbers in conv_stem\.weight, .* and \d+ more/,
  ],
  [
    'one layer of whole numbers',
    () => changed(/^conv_head\.weight/, (values) => values.map((value) => Math.round(100 * value))),
    false,
    /whole numbers in conv_head\.weight, /,
  ],
  [
    'all zeros',
    () => changed(/./, fill(0)),
    false,
    /nothing but zeros in conv_stem\.weight, .*; take an undamaged copy$/,
  ],
  [
    'a first layer of zeros',
    () => changed(/^conv_stem/, fill(0)),
    false,
    /nothing but zeros in conv_stem\.weight, so every picture/,
  ],
];
for (const [label, state, train, sentence] of UNSOUND)
  test(`${label}: ${train ? 'may be trained, not asked' : 'of no use'}`, async () => {
    const file = state();
    assert.match(await fault(file, 'answer'), sentence);
    assert.match(await fault(file, 'train'), train ? /^$/ : sentence);
  });

test('sound weights pass, pruned and ternary ones among them', async () => {
  const states = [
    sound,
    changed(/^blocks\.3\.1\.conv_pw\.weight/, fill(0)),
    changed(/conv_pw\.weight$/, (values) => values.map(Math.sign)),
    changed(/^bn1\.(weight|bias|running_mean)/, fill(0)),
  ];
  for (const state of states) assert.is(await fault(state, 'answer'), '');
});

test('createModel refuses for the use that it is given, and without one a library may have them', async () => {
  const headless = changed(HEAD, () => null);
  const error: unknown = await create(headless, 'answer').catch((reason) => reason);
  assert.instance(error, WeightsError);
  assert.ok(await create(headless, 'train'));
  assert.ok(await create(changed(/^bn1/, fill(Number.NaN))));
  assert.ok(await create(changed(HEAD, fill(Number.NaN)), 'train', 5), 'a head that is not taken');
});

test.run();
