/** Squeeze-and-excitation: values and gradients against float64, also of many channels; the same bits in any batch. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { squeezeExcite } from '../../../src/kernels/index.ts';
import { noGrad, type Shape, scope, sizeOf, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { checkOp } from '../../../src/verify/kernels.ts';
import { pseudoFill } from '../../../src/verify/pseudo.ts';
import { relativeError } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/squeeze-excite');
const device = await testDevice();

const made = (name: string, shape: Shape, requiresGrad = false): Tensor =>
  tensor(pseudoFill(name, sizeOf(shape), { scale: 0.3, offset: 0.1 }), shape, { device, requiresGrad });

const layersOf = (channels: number, squeezed: number, requiresGrad = false) =>
  [
    [channels, squeezed],
    [squeezed, channels],
  ].map(([from, to]) => ({
    weight: made(`w${from}-${to}`, [1, 1, from!, to!], requiresGrad),
    bias: made(`b${to}`, [to!], requiresGrad),
  }));

for (const open of [testDevice, clampedDevice])
  test(`random shapes: values and all gradients (${open.name})`, async () => {
    const own = await open();
    const { forward, gradients } = await checkOp(own, 'squeezeExcite', { seed: 'test', rounds: 10 });
    assert.ok(forward.error < 2e-6, `${forward.error} ${forward.at}`);
    assert.ok(gradients.error < 1e-5, `${gradients.error} ${gradients.at}`);
    own.close();
  });

test('more channels than a workgroup has lanes, of any count', async () => {
  for (const [channels, squeezed] of [
    [1152, 48],
    [300, 290],
    [261, 70],
  ] as const) {
    const shape = [2, 3, 3, channels];
    const [reduce, expand] = layersOf(channels, squeezed);
    const values = pseudoFill('x', sizeOf(shape));
    const { scale } = noGrad(() => squeezeExcite(tensor(values, shape, { device }), reduce!, expand!));
    const [w1, b1, w2, b2] = await Promise.all(
      [reduce!.weight, reduce!.bias, expand!.weight, expand!.bias].map((part) => part.data()),
    );
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
    const expected = [0, 1].flatMap((n) => {
      const mean = (c: number): number => {
        let sum = 0;
        for (let pixel = 0; pixel < 9; pixel++) sum += values[(n * 9 + pixel) * channels + c]!;
        return sum / 9;
      };
      const hidden = Array.from(b1!, (bias, j) => {
        let z = bias;
        for (let c = 0; c < channels; c++) z += mean(c) * w1![c * squeezed + j]!;
        return z * sigmoid(z);
      });
      return Array.from(b2!, (bias, c) =>
        sigmoid(hidden.reduce((sum, h, j) => sum + h * w2![j * channels + c]!, bias)),
      );
    });
    assert.ok(relativeError(await scale.data(), expected) < 2e-6, `${channels}, ${squeezed}`);
  }
});

test('a picture has the same bits alone and among others', async () => {
  const [reduce, expand] = layersOf(96, 4);
  const values = pseudoFill('pictures', 5 * 30 * 30 * 96);
  const of = (from: number, count: number) => {
    const some = values.slice(from * 86400, (from + count) * 86400);
    const x = tensor(some, [count, 30, 30, 96], { device });
    return noGrad(() => squeezeExcite(x, reduce!, expand!)).y.data();
  };
  const all = await of(0, 5);
  for (let n = 0; n < 5; n++)
    assert.equal(Array.from(await of(n, 1)), Array.from(all.slice(n * 86400, (n + 1) * 86400)));
});

test('frozen layers get no gradient, and x gets the same', async () => {
  const shape = [2, 5, 5, 8];
  const gradients = await Promise.all(
    [true, false].map(async (trains) => {
      const x = made('x', shape, true);
      const [reduce, expand] = layersOf(8, 4, trains);
      scope(() => squeezeExcite(x, reduce!, expand!).y.backward(made('dy', shape)));
      for (const { weight, bias } of [reduce!, expand!])
        assert.is(weight.grad !== null && bias.grad !== null, trains);
      return Array.from(await x.grad!.data());
    }),
  );
  assert.equal(gradients[0], gradients[1]);
});

test('says what does not fit', () => {
  const [reduce, expand] = layersOf(8, 4);
  assert.throws(
    () => squeezeExcite(made('x', [1, 2, 2, 12]), reduce!, expand!),
    /squeezeExcite: reduce\.weight is \[1,1,8,4\], but \[1,1,12,4\] is needed for \[1,2,2,12\]/,
  );
  assert.throws(() => squeezeExcite(made('x', [2, 2, 8]), reduce!, expand!), /the input is \[N, H, W, C\]/);
});

test.after(() => device.close());
test.run();
