/**
 * Matrix products beyond PyTorch's tables: every transpose at sizes around the tile, operands larger than a binding
 * (AlexNet's first linear layer is 151 MB, a binding holds 128 MiB), and the sentences.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linear, matmul } from '../../../src/kernels/index.ts';
import { type Shape, sizeOf, tensor } from '../../../src/tensor/index.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { relativeError } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('matmul');
// WebGPU's default limits: on many adapters a binding holds gigabytes, and nothing would be sliced.
const devices = [await testDevice({ limits: 'default' }), await clampedDevice()];

/** The product in float64: a [m, k] or its transpose, b [k, n] or its transpose. */
function reference(
  a: Float32Array,
  b: Float32Array,
  [m, k, n]: readonly number[],
  ta: boolean,
  tb: boolean,
): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let l = 0; l < k; l++)
        c[i * n + j] += a[ta ? l * m + i : i * k + l] * b[tb ? j * k + l : l * n + j];
  return c;
}

for (const device of devices)
  for (const size of [
    [1, 1, 1],
    [4, 4, 4],
    [5, 7, 9],
    [12, 32, 32],
    [13, 33, 35],
    [64, 20, 2],
  ] as const)
    test(`${size.join('×')} in four transposes, subgroups of ${device.traits.lanes}`, async () => {
      const [m, k, n] = size;
      for (const transposeA of [false, true])
        for (const transposeB of [false, true]) {
          const left = pseudo('a', m * k);
          const right = pseudo('b', k * n);
          const a = tensor(left, transposeA ? [k, m] : [m, k], { device });
          const b = tensor(right, transposeB ? [n, k] : [k, n], { device });
          const c = matmul(a, b, { transposeA, transposeB });
          assert.equal(c.shape, [m, n]);
          assert.ok(
            relativeError(await c.data(), reference(left, right, size, transposeA, transposeB)) < 1e-6,
          );
        }
    });

test('a weight larger than a binding: forward and both gradients', async () => {
  const [device] = devices;
  const [batch, inputs, outputs] = [2, 8300, 4096];
  assert.ok(4 * inputs * outputs > device.limits.maxStorageBufferBindingSize);
  const values = (name: string, shape: Shape, requiresGrad = false) =>
    tensor(pseudo(name, sizeOf(shape)), shape, { device, requiresGrad });
  const x = values('x', [batch, inputs], true);
  const w = values('w', [inputs, outputs], true);
  const b = values('b', [outputs], true);
  const dy = values('dy', [batch, outputs]);
  const y = linear(x, w, b);
  y.backward(dy);
  const [X, W, B, DY] = await Promise.all([x, w, b, dy].map((used) => used.data()));
  const [Y, DX, DW] = await Promise.all([y, x.grad!, w.grad!].map((used) => used.data()));
  // Columns and rows of both slices, in float64.
  for (const i of [0, 5, 8191, 8192, 8299]) {
    for (let n = 0; n < batch; n++) {
      let dx = 0;
      for (let o = 0; o < outputs; o++) dx += DY[n * outputs + o] * W[i * outputs + o];
      assert.ok(Math.abs(DX[n * inputs + i] - dx) < 1e-3, `dx[${n}, ${i}]`);
    }
    for (const o of [0, 31, 4095])
      assert.ok(
        Math.abs(DW[i * outputs + o] - (X[i] * DY[o] + X[inputs + i] * DY[outputs + o])) < 1e-5,
        `dw[${i}, ${o}]`,
      );
  }
  for (const o of [0, 1, 2048, 4095]) {
    let sum = B[o];
    for (let i = 0; i < inputs; i++) sum += X[inputs + i] * W[i * outputs + o];
    assert.ok(Math.abs(Y[outputs + o] - sum) < 1e-3, `y[1, ${o}]`);
  }
});

test('what does not fit is a sentence', () => {
  const [device] = devices;
  const a = tensor([1, 2, 3, 4, 5, 6], [2, 3], { device });
  assert.throws(() => matmul(a, a), 'matmul: the inner sizes 3 and 2 differ ([2,3] · [2,3])');
  assert.throws(() => matmul(a, tensor([1], [1], { device })), /two matrices/);
  assert.throws(
    () => linear(a, tensor([1, 2], [2, 1], { device })),
    /input has 3 features, weight expects 2/,
  );
});

test.after(() => {
  for (const device of devices) device.close();
});
test.run();
