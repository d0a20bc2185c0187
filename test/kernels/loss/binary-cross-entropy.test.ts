/** binaryCrossEntropy against its definition in float64: the loss and the gradient of the logits. PyTorch's values: ops.json. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { binaryCrossEntropy } from '../../../src/kernels/loss/binary-cross-entropy.ts';
import { scope, tensor } from '../../../src/tensor/index.ts';
import { pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/binary-cross-entropy');

interface Case {
  n: number;
  c: number;
  scale?: number;
  offset?: number;
  posWeight?: number[];
  /** Targets anywhere from 0 to 1 in place of 0 and 1. */
  soft?: boolean;
}

const CASES: Case[] = [
  { n: 1, c: 1 },
  { n: 4, c: 2, scale: 0.01 },
  { n: 7, c: 3 },
  { n: 5, c: 8 },
  { n: 3, c: 1000 },
  { n: 130, c: 5 },
  { n: 2000, c: 4 },
  { n: 4, c: 6, scale: 200 },
  { n: 4, c: 8, offset: 90 },
  { n: 4, c: 8, offset: -90 },
  { n: 6, c: 4, posWeight: [0.5, 2, 1, 0] },
  { n: 6, c: 5, posWeight: [0.5, 2, 1, 30, 0.1] },
  { n: 6, c: 5, soft: true },
  { n: 6, c: 8, soft: true, posWeight: [1, 2, 3, 4, 5, 6, 7, 8] },
];

const logitsOf = ({ n, c, scale = 4, offset = 0 }: Case): Float32Array =>
  pseudoFill('logits', n * c, { scale, offset });
const targetsOf = ({ n, c, soft }: Case): Float32Array =>
  pseudoFill('targets', n * c, soft ? { offset: 0.5, scale: 0.5 } : { levels: 2 });

/** PyTorch's documentation of BCEWithLogitsLoss, reduction 'mean', written out. */
function loss(row: Case, x: Float64Array): number {
  const t = targetsOf(row);
  const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  return x.reduce((sum, z, i) => {
    const w = row.posWeight?.[i % row.c] ?? 1;
    return sum + (w * t[i]! * softplus(-z) + (1 - t[i]!) * softplus(z)) / x.length;
  }, 0);
}

for (const open of [testDevice, clampedDevice])
  test(`loss and gradient (${open.name})`, async () => {
    const device = await open();
    for (const row of CASES)
      await checkOp(device, {
        name: `binaryCrossEntropy ${JSON.stringify(row)}`,
        inputs: [[row.n, row.c]],
        values: [logitsOf(row)],
        op: (x) => binaryCrossEntropy(x, tensor(targetsOf(row), [row.n, row.c]), row),
        formula: (x) => [loss(row, x)],
      });
    device.close();
  });

test('targets and weights of an array give the bits of tensors', async () => {
  const device = await testDevice();
  const row: Case = { n: 9, c: 5, posWeight: [0.5, 2, 1, 3, 0.1] };
  const logits = tensor(logitsOf(row), [9, 5]);
  const expected = await binaryCrossEntropy(logits, targetsOf(row), row).item();
  const [targets, posWeight] = [tensor(targetsOf(row), [9, 5]), tensor(row.posWeight!, [5])];
  assert.is(await binaryCrossEntropy(logits, targets, { posWeight }).item(), expected);
  assert.is(await binaryCrossEntropy(logits, Array.from(targetsOf(row)), row).item(), expected);
  device.close();
});

test('logits without bounds: the loss is theirs, infinity and NaN come through, gradients are 0 or 1', async () => {
  const device = await testDevice();
  const logits = tensor([1e30, -1e30, 1e30, -1e30], [2, 2], { requiresGrad: true });
  scope(() => binaryCrossEntropy(logits, [1, 0, 1, 0]).backward());
  assert.equal(await logits.grad!.data(), new Float32Array(4));
  assert.is(await binaryCrossEntropy(logits, [1, 0, 1, 0]).item(), 0);
  assert.is(await binaryCrossEntropy(logits, [0, 0, 1, 0]).item(), Math.fround(2.5e29));
  assert.ok(Number.isNaN(await binaryCrossEntropy(tensor([Number.NaN], [1, 1]), [1]).item()));
  device.close();
});

test('what does not fit is a sentence', async () => {
  const device = await testDevice();
  const x = tensor(new Float32Array(6), [2, 3]);
  const cases: [() => unknown, string][] = [
    [
      () => binaryCrossEntropy(tensor(new Float32Array(5), [5]), new Float32Array(5)),
      'binaryCrossEntropy: the logits are [N, labels], not [5]',
    ],
    [() => binaryCrossEntropy(x, [0, 1]), 'binaryCrossEntropy: 2 targets for logits [2,3]'],
    [
      () => binaryCrossEntropy(x, tensor(new Float32Array(6), [3, 2])),
      'binaryCrossEntropy: targets [3,2] for logits [2,3]; both have a value for each label',
    ],
    ...[Number.NaN, -0.5, 2, undefined as unknown as number].map((target): [() => unknown, string] => [
      () => binaryCrossEntropy(x, [0, 1, 0, target, 0, 0]),
      `binaryCrossEntropy: target ${target} at position 3 is no number from 0 to 1`,
    ]),
    [
      () => binaryCrossEntropy(x, new Float32Array(6), { posWeight: [1, 2] }),
      'binaryCrossEntropy: the weights are [2], and there are 3 labels',
    ],
    [
      () => binaryCrossEntropy(x, tensor(new Float32Array(6), [2, 3], { requiresGrad: true })),
      'binaryCrossEntropy: the targets require a gradient, which goes to the logits only; detach() them',
    ],
  ];
  for (const [attempt, message] of cases) assert.throws(attempt, message);
  device.close();
});

test.run();
