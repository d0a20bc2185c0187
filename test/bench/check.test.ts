/** Checks before timing: float64 at places against the whole float64 reference, and wrong kernels that are found. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check, refusal } from '../../src/bench/check.ts';
import { kernelTasks } from '../../src/bench/kernels.ts';
import { nameOf, type Posed } from '../../src/bench/problem.ts';
import { type Replay, replay } from '../../src/bench/replay.ts';
import type { Pass } from '../../src/bench/result.ts';
import { sampled } from '../../src/bench/sampled.ts';
import { problemsOfShape } from '../../src/bench/shapes.ts';
import { PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { mul } from '../../src/kernels/index.ts';
import { sizeOf, tensor } from '../../src/tensor/index.ts';
import { relativeError } from '../../src/verify/errors.ts';
import { runReference } from '../../src/verify/float64.ts';
import type { OpInputs } from '../../src/verify/parameters.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('bench/check');
const device = await testDevice();
const MEMORY = 2 ** 28;

const SMALL = [
  'conv:7x6x8,12,k3,s2,n2',
  'conv:9x9x6,4,k3x2,d2,p1,g2,n2',
  'conv:5x5x4,8,k1,p0',
  'depthwise:7x7x5,k3,s2,n2',
  'linear:3x7x5',
  'matmul:4x6x5',
];

const NAMES: Readonly<Partial<Record<Pass, string>>> = { 'input gradient': 'x0', 'weight gradient': 'x1' };

for (const spec of SMALL)
  test(`${spec}: the formula at every place is the reference`, async () => {
    for (const { problem, pass } of await problemsOfShape(PLAIN_DEVICE, spec)) {
      const inputs: OpInputs = Object.fromEntries(
        Object.entries(problem.inputs).map(([name, shape]) => [
          name,
          { data: pseudo(name, sizeOf(shape)), shape: [...shape], grad: true },
        ]),
      );
      const dy = pseudo('dy', sizeOf(problem.output));
      const reference = runReference(problem.op, inputs, problem.parameters, () => dy);
      const { data } = pass === 'forward' ? reference.outputs.y! : reference.gradients[NAMES[pass]!]!;
      const operands = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.data]));
      const places = Array.from({ length: data.length }, (_, place) => place);
      const error = relativeError(sampled(problem, pass, { ...operands, dy }, places), data);
      assert.ok(error < 1e-14, `${pass}: ${error}`);
    }
  });

/** Problems of every kind; the first is too large for the plain variant. */
const CHECKED = [
  'conv:28x28x64,64,k3',
  'conv:14x14x64,64,k3,norm,residual,silu,n2',
  'depthwise:14x14x24,k5,s2,norm,silu',
  'linear:8x512x1000',
  'norm:14x14x32,n8,residual,relu',
  'maxpool:28x28x16,k3,s2,n2',
  'average:7x7x512,n8',
  'lrn:13x13x16,n2',
  'mul:14x14x32,n2',
  'softmax:8x1000',
  'crossentropy:8x1000',
];

/** A kernel that is wrong by a thousandth of each value, and one that leaves a stripe out. */
const WRONG: readonly [name: string, factor: (place: number, size: number) => number][] = [
  ['a thousandth', () => 1.001],
  ['its last row', (place, size) => (place > size - 9 ? 0 : 1)],
];

function broken(ready: Replay, row: string, factor: (place: number, size: number) => number): Replay {
  return {
    ...ready,
    run: (index, by) =>
      ready.run(index, by).map((result) => {
        if (!result || by !== row) return result;
        const factors = Float32Array.from({ length: result.size }, (_, place) => factor(place, result.size));
        return mul(result, tensor(factors, result.shape, { device }));
      }),
  };
}

for (const spec of CHECKED)
  test(`${spec} is right by every row, and a wrong one is found`, async () => {
    for (const posed of await problemsOfShape(device, spec))
      for (const { facts } of kernelTasks(device, posed, 'all', MEMORY)) {
        const ready = replay(device, posed, facts.variant, MEMORY);
        const error = await check(device, posed, facts.variant, ready);
        assert.ok(error, `${nameOf(posed)} is compared`);
        assert.is(refusal(error), null, `${nameOf(posed)} by ${facts.variant}`);
        if (facts.variant !== null) await findsWrong(posed, facts.variant, ready);
        ready.dispose();
      }
  });

async function findsWrong(posed: Posed, row: string, ready: Replay): Promise<void> {
  for (const [what, factor] of WRONG) {
    const error = await check(device, posed, row, broken(ready, row, factor));
    assert.ok(refusal(error), `${nameOf(posed)} by ${row}, off by ${what}: ${JSON.stringify(error)}`);
  }
}

test.run();
