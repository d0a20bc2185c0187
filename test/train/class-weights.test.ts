/** Class weights: scikit-learn's balanced ones, names that exist and names that do not. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { demand } from '../../src/text/rules.ts';
import {
  balancedWeights,
  CLASS_WEIGHTS,
  type ClassWeights,
  classWeightsFor,
  imbalanceOf,
} from '../../src/train/class-weights.ts';

const test = suite('train/class-weights');

test('balanced: n / (k · n_c), as scikit-learn has them; a class without pictures is no class of the k', () => {
  // compute_class_weight('balanced', classes=[0, 1], y=[0]*300 + [1]*30)
  assert.equal(balancedWeights([300, 30]), [0.55, 5.5]);
  assert.equal(balancedWeights([1, 2, 3]), [2, 1, 2 / 3]);
  assert.equal(balancedWeights([6, 0, 2]), [8 / 12, 1, 2]);
  assert.equal(balancedWeights([0, 0]), [1, 1]);
});

const NAMES = ['cat', 'a=b', 'dog, wet', '__proto__'];
const CASES: [weights: ClassWeights, counts: number[], expected: number[] | undefined][] = [
  ['none', [1, 2, 3, 4], undefined],
  ['auto', [5, 5, 5, 5], undefined],
  ['auto', [1, 1, 1, 5], [2, 2, 2, 0.4]],
  [Object.fromEntries([['a=b', 2]]), [1, 1, 1, 1], [1, 2, 1, 1]],
  [
    Object.fromEntries([
      ['__proto__', 3],
      ['cat', 1],
    ]),
    [1, 1, 1, 1],
    [1, 1, 1, 3],
  ],
  [{ cat: 1 }, [1, 9, 9, 9], undefined],
];
test('what the loss takes: by class, nothing where all are 1', () => {
  for (const [weights, counts, expected] of CASES) {
    demand(CLASS_WEIGHTS, JSON.parse(JSON.stringify(weights)), 'settings.classWeights');
    assert.equal(classWeightsFor(weights, NAMES, counts), expected);
  }
});

const REFUSED: [value: unknown, sentence: string][] = [
  ['all', "settings.classWeights is auto, none or a weight for each class, not 'all'"],
  [[1, 2], 'settings.classWeights is auto, none or a weight for each class, not a list of 2'],
  [{ cat: 0 }, 'settings.classWeights.cat is a number from 0.000001 to 1000000, not 0'],
  [{ cat: '2' }, "settings.classWeights.cat is a number from 0.000001 to 1000000, not '2'"],
];
test('what is none is a sentence, and so is a class that there is not', () => {
  for (const [value, sentence] of REFUSED)
    assert.throws(
      () => demand(CLASS_WEIGHTS, value, 'settings.classWeights'),
      (error: Error) => error.message === sentence || assert.is(error.message, sentence),
    );
  assert.throws(
    () => classWeightsFor({ cats: 2 }, NAMES, [1, 1, 1, 1]),
    /^class weights: there is no class 'cats'; did you mean cat\?$/,
  );
});

test('imbalance: the most pictures for one of the fewest, classes without any aside', () => {
  assert.equal([[300, 30], [4, 0, 2], [7], [0, 0]].map(imbalanceOf), [10, 2, 1, 1]);
});

test.run();
