/** SGD and AdamW against PyTorch: parameters after five steps on pseudo-random gradients (test/reference/ops.json). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { mul, sum } from '../../src/kernels/index.ts';
import { AdamW } from '../../src/nn/adamw.ts';
import { SGD } from '../../src/nn/sgd.ts';
import { scope, sizeOf, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { type OptimizerCase, opsFixture } from '../helpers/cases.ts';
import { testDevice } from '../helpers/device.ts';
import { departure } from '../helpers/expected.ts';

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

test.run();
