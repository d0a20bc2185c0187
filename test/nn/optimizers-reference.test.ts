/**
 * SGD and AdamW against PyTorch: parameters after five steps on pseudo-random gradients (test/reference/ops.json); clipping
 * (training.json).
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { mul, sum } from '../../src/kernels/index.ts';
import { AdamW } from '../../src/nn/adamw.ts';
import { clipGradNorm, lossIfFinite } from '../../src/nn/clip.ts';
import { SGD } from '../../src/nn/sgd.ts';
import { scope, sizeOf, tensor, zeros } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { type OptimizerCase, opsFixture } from '../helpers/cases.ts';
import { testDevice } from '../helpers/device.ts';
import { departure } from '../helpers/expected.ts';
import { fixture } from '../helpers/fixture.ts';

/** As for ops: float32 rounds a parameter at every step, and one of a single value may end near zero. */
const LIMIT = 1e-5;

const test = suite('optimisers');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const stream = (name: string, shape: readonly number[]): Float32Array<ArrayBuffer> =>
  pseudo(name, sizeOf(shape));

/** The largest error of the parameters after the steps of a case. */
async function run({ name, kind, options, steps, parameters }: OptimizerCase): Promise<number> {
  const { rates, ...given } = options;
  const shapes = parameters.map(({ shape }) => shape);
  const leaves = shapes.map((shape, i) =>
    tensor(stream(`${name}/p${i}`, shape), shape, { device, requiresGrad: true, owned: true }),
  );
  const optimizer = kind === 'SGD' ? new SGD(leaves, given) : new AdamW(leaves, given);
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    // The gradient of Σ p·g is g.
    for (const [i, leaf] of leaves.entries())
      scope(() => {
        const gradient = tensor(stream(`${name}/g${step}.${i}`, leaf.shape), leaf.shape, { device });
        sum(mul(leaf, gradient)).backward();
      });
    if (rates) for (const group of optimizer.groups) group.lr = rates[step];
    optimizer.step();
  }
  const errors: number[] = [];
  for (const [i, leaf] of leaves.entries())
    errors.push(departure(await leaf.data(), leaf.shape, parameters[i]));
  return Math.max(...errors);
}

for (const row of opsFixture().optimizers)
  test(`${row.name} ${JSON.stringify(row.options)}`, async () => {
    const error = await run(row);
    assert.ok(error <= LIMIT, `off by ${error}`);
  });

const { clip } = fixture<{
  clip: { shapes: number[][]; cases: { most: number; norm: number; sums: [number, number][] }[] };
}>('training.json');
for (const { most, norm, sums } of clip.cases)
  test(`clipped to ${most}: the length of all gradients, and what is left of each`, async () => {
    const leaves = clip.shapes.map((shape, i) => {
      const leaf = zeros(shape, { device, requiresGrad: true, owned: true });
      leaf.grad = tensor(stream(`clip/${i}`, shape), shape, { device, owned: true });
      return leaf;
    });
    const close = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));
    assert.ok(close(await clipGradNorm(leaves, most).item(), norm));
    for (const [i, [total, squares]] of sums.entries()) {
      const values = [...(await leaves[i].grad!.data())];
      assert.ok(
        close(
          values.reduce((sum, value) => sum + value, 0),
          total,
        ),
        `sum of ${i}`,
      );
      assert.ok(
        close(
          values.reduce((sum, value) => sum + value ** 2, 0),
          squares,
        ),
        `squares of ${i}`,
      );
    }
  });

test('gradients that are not finite: the length says so, and neither is anything updated nor counted', async () => {
  const leaf = tensor([1, 2], [2], { device, requiresGrad: true, owned: true });
  const optimizer = new SGD([leaf], { lr: 0.1, momentum: 0.9 });
  leaf.grad = tensor([Number.POSITIVE_INFINITY, 1], [2], { device, owned: true });
  const norm = clipGradNorm([leaf], 1);
  const loss = lossIfFinite(tensor([0.5], [], { device }), norm);
  optimizer.step(loss);
  assert.not(Number.isFinite(await norm.item()));
  assert.not(Number.isFinite(await loss.item()));
  assert.equal([...(await leaf.data())], [1, 2]);
  const fine = tensor([3], [], { device });
  assert.is(await lossIfFinite(tensor([0.5], [], { device }), fine).item(), 0.5);
  assert.throws(() => clipGradNorm([leaf], 0), /above 0/);
  optimizer.zeroGrad();
  assert.throws(() => clipGradNorm([leaf], 1), /no parameter has a gradient/);
});

test.run();
