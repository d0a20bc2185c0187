/** Spaces as data: every choice is an ordinary network, and a file that is no space is refused in a sentence. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { buildModel } from '../../src/models/table.ts';
import {
  B0_SPACE,
  checkSpace,
  choiceOf,
  countOf,
  isOf,
  keyOf,
  largest,
  randomChoice,
  SMALL_SPACE,
  SPACES,
  smallest,
  tableOf,
} from '../../src/search/space.ts';
import { noGrad, zeros } from '../../src/tensor/index.ts';
import { randomStream } from '../../src/tensor/random.ts';

const test = suite('search spaces');

for (const space of SPACES) {
  test(`${space.name}: the ends and random choices are networks that run`, async () => {
    const { device } = await dryDevice(PLAIN_DEVICE);
    const choices = [smallest(space), largest(space)];
    for (let i = 0; i < 3; i++) choices.push(randomChoice(space, randomStream(1, 'test', 0, i)));
    for (const choice of choices) {
      assert.ok(isOf(space, choice));
      assert.equal(choiceOf(space, keyOf(choice)), choice);
      const model = buildModel(tableOf(space, choice, 'candidate'), { device, numClasses: 3 }).eval();
      const x = zeros([1, space.inputSize, space.inputSize, 3], { device });
      assert.equal(noGrad(() => model.forward(x)).shape, [1, 3]);
      model.dispose();
    }
    device.close();
  });
}

test('EfficientNet-B0 is one of its space', () => {
  const b0 =
    'k3e1w16d1s0.25-k3e6w24d2s0.25-k5e6w40d2s0.25-k3e6w80d3s0.25-k5e6w112d3s0.25-k5e6w192d4s0.25-k3e6w320d1s0.25';
  assert.equal(keyOf(choiceOf(B0_SPACE, b0)), b0);
});

test('random choices are uniform, and the seed decides them', () => {
  const draw = (index: number) => keyOf(randomChoice(SMALL_SPACE, randomStream(3, 'test', 0, index)));
  assert.equal(draw(5), draw(5));
  const widths = Array.from(
    { length: 900 },
    (_, i) => randomChoice(SMALL_SPACE, randomStream(3, 'test', 0, i))[1]!.width,
  );
  for (const width of [24, 32, 40]) assert.ok(Math.abs(widths.filter((w) => w === width).length - 300) < 60);
  assert.is(countOf(SMALL_SPACE), 2 ** 5 * (2 * 2 * 3 * 3 * 2) ** 2 * (2 * 2 * 3 * 2 * 2));
});

/** A space as a file may hold it. */
interface Loose {
  name: unknown;
  stages: Record<string, unknown>[];
}

const HOSTILE: [string, (space: Loose) => void, RegExp][] = [
  [
    'no stages',
    (space) => {
      space.stages = [];
    },
    /stages is a list of 1 to 32/,
  ],
  [
    'a million channels',
    (space) => {
      space.stages[0]!.widths = [1e6];
    },
    /stages\[0\]\.widths\[0\] is a whole number/,
  ],
  [
    'an empty list',
    (space) => {
      space.stages[1]!.kernels = [];
    },
    /stages\[1\]\.kernels is a list/,
  ],
  [
    'values in disorder',
    (space) => {
      space.stages[1]!.depths = [2, 1];
    },
    /stages\[1\]\.depths is a list of ascending numbers/,
  ],
  [
    'an even kernel',
    (space) => {
      space.stages[0]!.kernels = [4];
    },
    /kernels\[0\] is one of 1, 3, 5, 7/,
  ],
  [
    'a misspelt field',
    (space) => {
      space.stages[0]!.kernel = [3];
    },
    /stages\[0\] has a field 'kernel'/,
  ],
  [
    'a million picks in a stage',
    (space) => {
      const many = Array.from({ length: 16 }, (_, i) => i + 1);
      Object.assign(space.stages[0]!, { widths: many, depths: many, expandRatios: many });
    },
    /stages\[0\] allows 16,384 picks, at most 4,096/,
  ],
  [
    'markup for a name',
    (space) => {
      space.name = '<b>';
    },
    /name is a name of up to 32/,
  ],
  [
    'a share of squeeze above one',
    (space) => {
      space.stages[0]!.squeezes = [1.5];
    },
    /squeezes\[0\] is a number from 0 to below 1/,
  ],
];

for (const [what, spoil, sentence] of HOSTILE) {
  test(`refused: ${what}`, () => {
    const space = structuredClone(SMALL_SPACE) as unknown as Loose;
    spoil(space);
    assert.throws(() => checkSpace(space), sentence);
  });
}

test('what is no object is refused, and a space passes as it is', () => {
  for (const value of [null, 3, 'small', [], undefined])
    assert.throws(() => checkSpace(value), /the space is an object/);
  assert.equal(checkSpace(JSON.parse(JSON.stringify(B0_SPACE))), B0_SPACE);
  assert.throws(() => choiceOf(SMALL_SPACE, 'k3e1w16d1s0'), /is no network of the space small/);
});

test.run();
