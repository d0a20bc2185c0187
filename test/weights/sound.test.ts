/** Weights that answer as if nothing were: refused with what is wrong and what to do, by one rule for all commands. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { createModelFrom } from '../../src/weights/create-model.ts';
import type { WeightsFiles } from '../../src/weights/door.ts';
import { readSafetensors, writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict, toFloat32 } from '../../src/weights/formats/state.ts';
import type { Use } from '../../src/weights/sound.ts';
import { cpuMilliseconds } from '../helpers/hostile.ts';

const test = suite('weights: sound ones');
const { device } = await dryDevice(boundless(PLAIN_DEVICE));
const shipped = readSafetensors(
  readFileSync(fileURLToPath(new URL('../../weights/efficientnet_lite0.safetensors', import.meta.url))),
).tensors;

const NOWHERE: WeightsFiles = {
  read: (path) => Promise.reject(new Error(`${path} was read`)),
  inFolder: (file) => Promise.reject(new Error(`${file} was read`)),
};
const create = (state: StateDict, use?: Use, numClasses?: number) =>
  createModelFrom(
    'tf_efficientnet_lite0',
    { device, use, numClasses, weights: writeSafetensors(state), initialise: false } as object,
    NOWHERE,
  );

/** The tensors of the file that ships, those that `which` picks with other values. */
function changed(which: RegExp, change: (values: Float32Array) => Float32Array | null): StateDict {
  const state: StateDict = new Map();
  for (const [name, stored] of shipped) {
    const values = which.test(name) ? change(toFloat32(stored).slice()) : undefined;
    if (values === null) continue;
    state.set(name, values ? fromFloat32(values, stored.shape) : stored);
  }
  return state;
}

/** Weights of two dimensions and more as eight-bit whole numbers, or floating point with such values. */
function quantised(float: boolean): StateDict {
  const state: StateDict = new Map();
  for (const [name, stored] of shipped) {
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
    /^the file has no last layer that fits, classifier\.weight, classifier\.bias, so it cannot name classes; train a head first: npm run train -- --data PICTURES --model tf_efficientnet_lite0 --weights 'the file'$/,
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
    () => changed(/^classifier\.bias/, (values) => values.fill(Number.NaN, 7, 8)),
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
    const refused = async (use: Use): Promise<string> => {
      const error: unknown = await create(file, use).catch((reason) => reason);
      if (!(error instanceof Error)) return '';
      assert.is(error.name, 'WeightsError');
      return error.message;
    };
    assert.match(await refused('answer'), sentence);
    if (train) assert.is(await refused('train'), '');
    else assert.match(await refused('train'), sentence);
  });

test('without a use they are loaded, as a library may want them', async () => {
  assert.ok(await create(changed(/^bn1/, fill(Number.NaN))));
});

test('sound weights pass, pruned and ternary ones among them', async () => {
  const states = [
    shipped,
    changed(/^blocks\.3\.1\.conv_pw\.weight/, fill(0)),
    changed(/conv_pw\.weight$/, (values) => values.map(Math.sign)),
    changed(/^bn1\.(weight|bias|running_mean)/, fill(0)),
  ];
  for (const state of states) assert.ok(await create(state, 'answer'));
  assert.ok(await create(changed(HEAD, fill(Number.NaN)), 'train', 5), 'a head that is not taken');
});

test('looking at values takes a small part of loading', async () => {
  const time = async (use?: Use): Promise<number> => {
    const clock = process.cpuUsage();
    for (let i = 0; i < 3; i++) await create(shipped, use);
    return cpuMilliseconds(clock);
  };
  await time();
  const [without, with_] = [await time(), await time('answer')];
  assert.ok(with_ < 2 * without + 50, `${without} ms, ${with_} ms`);
});

test.run();
