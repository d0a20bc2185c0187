/** crossEntropy in all its forms against PyTorch's definition in float64: the loss and the gradient of the logits. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CrossEntropyOptions, crossEntropy } from '../../../src/kernels/loss/cross-entropy.ts';
import { scope, tensor } from '../../../src/tensor/index.ts';
import { pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/cross-entropy');

interface Case extends CrossEntropyOptions {
  n: number;
  c: number;
  scale?: number;
  offset?: number;
  weight?: number[];
  /** 'probabilities', or how often (each k-th) a row carries the ignored label. */
  labels?: 'probabilities' | number;
}

const CASES: Case[] = [
  { n: 1, c: 2 },
  { n: 4, c: 2, scale: 0.01 },
  { n: 7, c: 3 },
  { n: 5, c: 8 },
  { n: 3, c: 1000 },
  { n: 130, c: 5 },
  { n: 2000, c: 4 },
  { n: 3, c: 1 },
  { n: 4, c: 6, scale: 200 },
  { n: 4, c: 8, offset: 5000 },
  { n: 5, c: 10, labelSmoothing: 0.1 },
  { n: 5, c: 12, labelSmoothing: 1 },
  { n: 3, c: 1001, labelSmoothing: 0.1 },
  { n: 6, c: 4, weight: [0.5, 2, 1, 0] },
  { n: 6, c: 5, weight: [0.5, 2, 1, 3, 0.1], labelSmoothing: 0.25 },
  { n: 9, c: 4, labels: 3 },
  { n: 9, c: 5, labels: 2, ignoreIndex: -1, labelSmoothing: 0.1 },
  { n: 9, c: 4, labels: 3, ignoreIndex: 255, weight: [1, 2, 3, 4], labelSmoothing: 0.2 },
  { n: 9, c: 4, ignoreIndex: 2, labelSmoothing: 0.1 }, // a class may be the ignored one
  { n: 1, c: 2, labels: 'probabilities' },
  { n: 6, c: 8, labels: 'probabilities' },
  { n: 5, c: 3, labels: 'probabilities', labelSmoothing: 0.1 },
  { n: 6, c: 5, labels: 'probabilities', labelSmoothing: 0.25, weight: [0.5, 2, 1, 3, 0.1] },
  { n: 6, c: 4, labels: 'probabilities', weight: [0.5, 2, 1, 3] },
];

const describe = (row: Case): string => `crossEntropy ${JSON.stringify(row)}`;

function logitsOf({ n, c, scale = 4, offset = 0 }: Case): Float32Array {
  return pseudoFill('logits', n * c, { scale, offset });
}

function indicesOf({ n, c, labels, ignoreIndex = -100 }: Case): Int32Array {
  return Int32Array.from(pseudoFill('labels', n, { levels: c }), (label, i) =>
    typeof labels === 'number' && i % labels === 0 ? ignoreIndex : label,
  );
}

function probabilitiesOf({ n, c }: Case): Float32Array {
  const t = pseudoFill('probabilities', n * c, { offset: 1 });
  for (let start = 0; start < n * c; start += c) {
    const total = t.subarray(start, start + c).reduce((a, b) => a + b);
    for (let i = start; i < start + c; i++) t[i]! /= total;
  }
  return t;
}

/** PyTorch's documentation of CrossEntropyLoss, reduction 'mean', written out. */
function loss(row: Case, x: Float64Array): number {
  const { n, c, weight, labelSmoothing: smoothing = 0, ignoreIndex = -100 } = row;
  const soft = row.labels === 'probabilities' ? probabilitiesOf(row) : null;
  const hard = soft ? null : indicesOf(row);
  let total = 0;
  let divisor = 0;
  for (let i = 0; i < n; i++) {
    const label = hard?.[i];
    if (label === ignoreIndex) continue;
    const logits = x.subarray(i * c, i * c + c);
    const most = logits.reduce((a, b) => Math.max(a, b));
    const log = most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
    for (let k = 0; k < c; k++) {
      const w = weight?.[k] ?? 1;
      const target = soft ? soft[i * c + k]! : k === label ? 1 : 0;
      total += w * ((1 - smoothing) * target + smoothing / c) * (log - logits[k]!);
    }
    divisor += label === undefined ? 1 : (weight?.[label] ?? 1);
  }
  return total / divisor;
}

for (const open of [testDevice, clampedDevice])
  test(`loss and gradient (${open.name})`, async () => {
    const device = await open();
    for (const row of CASES)
      await checkOp(device, {
        name: describe(row),
        inputs: [[row.n, row.c]],
        values: [logitsOf(row)],
        op: (x) => {
          const { n, c } = row;
          const labels =
            row.labels === 'probabilities' ? tensor(probabilitiesOf(row), [n, c]) : indicesOf(row);
          return crossEntropy(x, labels, row);
        },
        formula: (x) => [loss(row, x)],
      });
    device.close();
  });

test('labels and weights as tensors give the same bits', async () => {
  const device = await testDevice();
  const row: Case = { n: 9, c: 5, labels: 4, weight: [0.5, 2, 1, 3, 0.1], labelSmoothing: 0.1 };
  const logits = tensor(logitsOf(row), [9, 5]);
  const expected = await crossEntropy(logits, indicesOf(row), row).item();
  const weight = tensor(row.weight!, [5]);
  assert.is(await crossEntropy(logits, tensor(indicesOf(row), [9]), { ...row, weight }).item(), expected);
  device.close();
});

test('the loss is a scalar whose gradient scales with the one it gets', async () => {
  const device = await testDevice();
  const gradients: Float32Array[] = [];
  for (const seed of [1, -3]) {
    const logits = tensor([1, 2, 3, 4], [2, 2], { requiresGrad: true });
    scope(() => {
      const y = crossEntropy(logits, Int32Array.of(0, 1));
      assert.equal(y.shape, []);
      y.backward(tensor([seed], []));
    });
    gradients.push((await logits.grad!.data()) as Float32Array);
  }
  gradients[0]!.forEach((value, i) => {
    assert.ok(Math.abs(gradients[1]![i]! + 3 * value) < 1e-6);
  });
  device.close();
});

test('all rows ignored: a NaN loss and a zero gradient, as in PyTorch', async () => {
  for (const open of [testDevice, clampedDevice]) {
    const device = await open();
    const logits = tensor([1, 2, 3, 4], [2, 2], { requiresGrad: true });
    const y = crossEntropy(logits, Int32Array.of(-100, -100), { labelSmoothing: 0.1 });
    y.backward();
    assert.ok(Number.isNaN(await y.item()));
    assert.equal(await logits.grad!.data(), new Float32Array(4));
    device.close();
  }
});

test('an index that is no class makes the loss NaN where only the GPU sees it', async () => {
  for (const open of [testDevice, clampedDevice]) {
    const device = await open();
    const logits = tensor([1, 2, 3, 4], [2, 2]);
    for (const labels of [
      [0, 2],
      [-1, 1],
    ]) {
      const y = crossEntropy(logits, tensor(labels, [2], { dtype: 'int32' }));
      assert.ok(Number.isNaN(await y.item()));
    }
    device.close();
  }
});

test('plain numbers are labels too', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3, 4], [2, 2]);
  const [array, numbers] = [crossEntropy(x, Int32Array.of(1, -100)), crossEntropy(x, [1, -100])];
  assert.equal(await numbers.data(), await array.data());
  device.close();
});

test('what does not fit is a sentence', async () => {
  const device = await testDevice();
  const x = tensor(new Float32Array(15), [3, 5]);
  const cases: [() => unknown, string][] = [
    [
      () => crossEntropy(x, Int32Array.of(0, 5, 1)),
      'crossEntropy: label 5 at position 1 is no class; the logits have 5 classes (0 to 4), and -100 is ignored',
    ],
    [
      () => crossEntropy(x, Int32Array.of(0, 4, -1), { ignoreIndex: -2 }),
      'crossEntropy: label -1 at position 2 is no class; the logits have 5 classes (0 to 4), and -2 is ignored',
    ],
    ...[Number.NaN, 0.5, -1, 5, Number.POSITIVE_INFINITY, 2 ** 32, '1' as unknown as number].flatMap(
      (label) =>
        [[0, 1, label], Float64Array.of(0, 1, Number(label)), Float32Array.of(0, 1, Number(label))]
          .filter((labels) => labels[2] === label)
          .map((labels): [() => unknown, string] => [
            () => crossEntropy(x, labels),
            `crossEntropy: label ${label} at position 2 is no class; the logits have 5 classes (0 to 4), and -100 is ignored`,
          ]),
    ),
    [
      () => crossEntropy(x, new Array<number>(3)),
      'crossEntropy: label undefined at position 0 is no class; the logits have 5 classes (0 to 4), and -100 is ignored',
    ],
    [
      () => crossEntropy(x, [0, 1, 2], { ignoreIndex: 0.5 }),
      'crossEntropy: ignoreIndex is a whole number, not 0.5',
    ],
    [() => crossEntropy(x, Int32Array.of(0, 1)), 'crossEntropy: 2 labels for logits [3,5]'],
    [
      () => crossEntropy(x, tensor(new Float32Array(3), [3])),
      'crossEntropy: labels of float32 [3] for logits [3,5]; give int32 [3] or float32 [3,5]',
    ],
    [
      () => crossEntropy(tensor(new Float32Array(5), [5]), Int32Array.of(0)),
      'crossEntropy: the logits are [N, classes], not [5]',
    ],
    [
      () => crossEntropy(x, Int32Array.of(0, 1, 2), { weight: [1, 2] }),
      'crossEntropy: the weights are [2], and there are 5 classes',
    ],
    [
      () => crossEntropy(x, Int32Array.of(0, 1, 2), { labelSmoothing: 1.5 }),
      'crossEntropy: the label smoothing is a number from 0 to 1, not 1.5',
    ],
    [
      () => crossEntropy(x, tensor(new Float32Array(15), [3, 5], { requiresGrad: true })),
      'crossEntropy: the labels require a gradient, which goes to the logits only; detach() them',
    ],
  ];
  for (const [attempt, message] of cases) assert.throws(attempt, message);
  device.close();
});

test.run();
