/** Random numbers: fixed values, uniformity, independence of neighbouring streams, permutations. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bitsAt,
  normalAt,
  randomKey,
  randomStream,
  randomUniform,
  shuffled,
  uniformAt,
} from '../../src/tensor/random.ts';

const test = suite('tensor/random');

/** `bitsAt` for (seed 1, 'augment', epoch 2) at index 0, 1, and counter 1, and for (−7, 3, 0) at 5, 9. */
const FIXED = [67766915, 2126894581, 596585255, 1879941720];

/** Pearson's correlation of two sequences. */
function correlation(a: Float64Array, b: Float64Array): number {
  const mean = (x: Float64Array) => x.reduce((s, v) => s + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

test('the values are fixed for ever: checkpoints and resumed runs rely on them', () => {
  const key = randomKey(1, 'augment', 2);
  const drawn = [bitsAt(key, 0, 0), bitsAt(key, 1, 0), bitsAt(key, 0, 1), bitsAt(randomKey(-7, 3, 0), 5, 9)];
  assert.equal(drawn, FIXED);
  assert.is(randomUniform(1, 'augment', 2, 1), (FIXED[1] >>> 8) / 2 ** 24);
  assert.is(randomStream(1, 'augment', 2, 0)(1), (FIXED[2] >>> 8) / 2 ** 24);
});

test('uniform: the histogram over 256 bins passes chi-square, along index and along counter', () => {
  for (const along of ['index', 'counter']) {
    const n = 1 << 18;
    const bins = new Float64Array(256);
    const key = randomKey(0, 'test', 0);
    for (let i = 0; i < n; i++) {
      const u = along === 'index' ? uniformAt(key, i, 0) : uniformAt(key, 0, i);
      assert.ok(u >= 0 && u < 1);
      bins[Math.floor(u * 256)]++;
    }
    const chi2 = bins.reduce((s, count) => s + (count - n / 256) ** 2 / (n / 256), 0);
    assert.ok(chi2 > 165 && chi2 < 370, `${along}: chi-square ${chi2} for 255 degrees of freedom`);
  }
});

const neighbours: [string, (i: number) => number][] = [
  ['the next seed', (i) => randomUniform(6, 'a', 0, i)],
  ['a seed 2³² away', (i) => randomUniform(5 + 2 ** 32, 'a', 0, i)],
  ['another purpose', (i) => randomUniform(5, 'b', 0, i)],
  ['the next epoch', (i) => randomUniform(5, 'a', 1, i)],
  ['the next index', (i) => randomUniform(5, 'a', 0, i + 1)],
  ['the next counter', (i) => randomUniform(5, 'a', 0, i, 1)],
  ['index and counter swapped', (i) => randomUniform(5, 'a', 0, 0, i + 1)],
];
for (const [name, draw] of neighbours) {
  test(`uniform: not correlated with ${name}`, () => {
    const n = 20000;
    const base = Float64Array.from({ length: n }, (_, i) => randomUniform(5, 'a', 0, i));
    const r = correlation(
      base,
      Float64Array.from({ length: n }, (_, i) => draw(i)),
    );
    assert.ok(Math.abs(r) < 4 / Math.sqrt(n), `correlation ${r}`);
  });
}

test('every input bit flips about half of the output bits', () => {
  for (let bit = 0; bit < 32; bit++) {
    let flips = 0;
    for (let i = 0; i < 256; i++) {
      const key = randomKey(i, 'avalanche', 0);
      let difference = (bitsAt(key, i) ^ bitsAt(key, i ^ (1 << bit))) >>> 0;
      for (; difference; difference &= difference - 1) flips++;
    }
    assert.ok(Math.abs(flips / 256 - 16) < 1.2, `bit ${bit}: ${flips / 256} of 32 bits flip`);
  }
});

test('normal: mean 0, variance 1, kurtosis 3', () => {
  const n = 100000;
  const key = randomKey(0, 'normal', 0);
  let [m1, m2, m4] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = normalAt(key, i);
    m1 += x / n;
    m2 += x ** 2 / n;
    m4 += x ** 4 / n;
  }
  assert.ok(Math.abs(m1) < 0.015, `mean ${m1}`);
  assert.ok(Math.abs(m2 - 1) < 0.02, `variance ${m2}`);
  assert.ok(Math.abs(m4 - 3) < 0.15, `fourth moment ${m4}`);
});

test('shuffled: a permutation, another one each epoch, the same one each time', () => {
  for (const n of [0, 1, 2, 7, 1000]) {
    assert.equal(
      [...shuffled(n, 3, 1)].sort((a, b) => a - b),
      Array.from({ length: n }, (_, i) => i),
    );
  }
  assert.equal(shuffled(100, 3, 1), shuffled(100, 3, 1));
  assert.not.equal(shuffled(100, 3, 1), shuffled(100, 3, 2));
  assert.not.equal(shuffled(100, 3, 1), shuffled(100, 4, 1));
});

test('shuffled: every element reaches every place equally often', () => {
  const n = 8;
  const rounds = 8000;
  const count = new Float64Array(n * n);
  for (let epoch = 0; epoch < rounds; epoch++) {
    shuffled(n, 0, epoch).forEach((element, place) => {
      count[element * n + place]++;
    });
  }
  for (const c of count) assert.ok(Math.abs(c - rounds / n) < 150, `${c} times of ${rounds / n}`);
});

test('a seed that is no integer is a sentence', () => {
  assert.throws(() => randomUniform(0.5, 'a', 0, 0), /integer seed, not 0.5/);
  assert.throws(() => shuffled(4, Number.NaN, 0), /integer seed/);
});

test.run();
