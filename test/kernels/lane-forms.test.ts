/**
 * The tile loop with lanes that share in every way that an adapter may offer (parts/lanes.ts), on the adapter at hand:
 * subgroups of a size that is asked for; blocks of half a subgroup; 32 and 64 lanes through a workgroup's memory. Against float64, and to the bit against lanes as the adapter has them where who loads and who computes
 * does not change a sum. lanes.test.ts runs this file with subgroups of 4 and of 16.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { type Traits, traitsOf } from '../../src/gpu/traits.ts';
import { linear } from '../../src/kernels/index.ts';
import { sizeOf, type Tensor, tensor } from '../../src/tensor/index.ts';
import { runReference } from '../../src/verify/float64.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { relativeError } from '../helpers/check.ts';
import { testDevice } from '../helpers/device.ts';
import { KERNEL_LIMITS, runOnDevice } from '../helpers/engine-ops.ts';
import { CONV_CASES, type ConvCase } from './conv/problems.ts';

type Form = Pick<Traits, 'lanes' | 'lanesBy'>;

const test = suite('kernels/lane-forms');
const own = await testDevice();

/** In a process of another width only what depends on it runs. */
const whole = process.env.LP_NATIVE_VECTOR_WIDTH === undefined;

/** The forms that this adapter can run, beside its own. */
function formsOf({ features, traits }: Device): Form[] {
  const { lanes } = traits;
  const forms: Form[] = whole ? [32, 64].map((count) => ({ lanes: count, lanesBy: 'workgroup' })) : [];
  if (lanes > 0) forms.push({ lanes: Math.max(lanes / 2, 4), lanesBy: 'shuffle' });
  if (whole && features.has('subgroup-size-control')) forms.push({ lanes, lanesBy: 'sized' });
  return forms;
}

/** More columns than lanes, strides and groups, by three programs: LLVM takes half a second for one. */
const CASES: ConvCase[] = [
  ...CONV_CASES.filter(({ name }) =>
    ['a long sum of pixels', 'wide rows of channels', '3×3 of 36 to 44 channels'].includes(name),
  ),
  {
    name: 'strides in two groups',
    x: [2, 9, 11, 40],
    w: [4, 2, 20, 72],
    options: { stride: [3, 2], padding: [1, 0], groups: 2 },
    rows: 'tile plain',
  },
];

const gradient = (count: number): Float32Array => pseudo('dy', count);
const inputsOf = ({ name, x, w }: ConvCase) => {
  const input = (key: string, shape: readonly number[]) => ({
    data: pseudo(`${name}/${key}`, sizeOf(shape)),
    shape: [...shape],
    grad: true,
  });
  return { x0: input('x', x), x1: input('w', w), bias: input('bias', [w[3]]) };
};
const references = CASES.map((row) => runReference('conv2d', inputsOf(row), row.options ?? {}, gradient));

/** y, dx and dw of a linear layer of 13 rows. */
async function linearOn(device: Device) {
  const values = (name: string, shape: number[]): Tensor =>
    tensor(pseudo(name, sizeOf(shape)), shape, { device, requiresGrad: true });
  const [x, w, b] = [values('x', [13, 66]), values('w', [66, 150]), values('b', [150])] as const;
  const y = linear(x, w, b);
  y.backward(tensor(gradient(y.size), y.shape, { device }));
  return Promise.all([y, x.grad!, w.grad!].map((result) => result.data()));
}

for (const form of formsOf(own))
  test(`${form.lanes} lanes by ${form.lanesBy}`, async () => {
    const device = await testDevice({ traits: form });
    const both = [device, own];
    for (const one of both) one.choices = { get: () => 'tile' };
    for (const [index, row] of CASES.entries()) {
      const [found, before] = await Promise.all(
        both.map((one) => runOnDevice(one, 'conv2d', inputsOf(row), row.options ?? {}, gradient)),
      );
      const { outputs, gradients } = references[index]!;
      const ours = found!;
      assert.equal(ours.outputs.y!.data, before!.outputs.y!.data, `${row.name}: y`);
      assert.equal(ours.gradients.x0!.data, before!.gradients.x0!.data, `${row.name}: dx`);
      assert.ok(relativeError(ours.outputs.y!.data, outputs.y!.data) <= KERNEL_LIMITS.forward, row.name);
      for (const key of ['x0', 'x1'])
        assert.ok(
          relativeError(ours.gradients[key]!.data, gradients[key]!.data) <= KERNEL_LIMITS.gradients,
          `${row.name}: ${key}`,
        );
    }
    const [found, before] = await Promise.all(both.map(linearOn));
    assert.equal(found!.slice(0, 2), before!.slice(0, 2));
    assert.ok(relativeError(found![2]!, before![2]!) < 1e-6);
    device.close();
  });

test('what an adapter tells of its subgroups decides', () => {
  const traitsFor = (subgroupMinSize: number, subgroupMaxSize: number, ...features: string[]) => {
    const info = { subgroupMinSize, subgroupMaxSize, device: 'a card', isFallbackAdapter: false };
    const { lanes, lanesBy } = traitsOf(info as GPUAdapterInfo, {
      limits: own.limits,
      features: new Set(features),
    });
    return lanes > 0 ? `${lanes} ${lanesBy}` : 'none';
  };
  assert.is(traitsFor(32, 32, 'subgroups'), '32 broadcast');
  assert.is(traitsFor(4, 4, 'subgroups'), '4 broadcast');
  assert.is(traitsFor(64, 64, 'subgroups', 'subgroup-size-control'), '64 broadcast');
  assert.is(traitsFor(32, 64, 'subgroups'), '32 shuffle');
  assert.is(traitsFor(32, 64, 'subgroups', 'subgroup-size-control'), '32 sized');
  assert.is(traitsFor(8, 32, 'subgroups'), '8 shuffle');
  assert.is(traitsFor(8, 32, 'subgroups', 'subgroup-size-control'), '8 sized');
  assert.is(traitsFor(64, 128, 'subgroups'), '64 shuffle');
  assert.is(traitsFor(128, 128, 'subgroups'), '64 shuffle');
  assert.is(traitsFor(128, 128, 'subgroups', 'subgroup-size-control'), '64 shuffle');
  assert.is(traitsFor(2, 32, 'subgroups'), 'none');
  assert.is(traitsFor(32, 32), 'none');
});

test.after(() => own.close());
test.run();
