/**
 * Matrix products beyond PyTorch's tables, by every row of the table: every transpose at sizes around the tile, operands
 * larger than a binding (AlexNet's first linear layer is 151 MB, a binding holds 128 MiB), the same bits in every batch,
 * the choice, and the sentences.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import { linear, matmul } from '../../../src/kernels/index.ts';
import { type MatrixProblem, problemOf } from '../../../src/kernels/matmul/problem.ts';
import { chooseMatrix, MATRIX_ROWS } from '../../../src/kernels/matmul/table.ts';
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

const SIZES = [
  [1, 1, 1],
  [1, 270, 300],
  [1, 35, 33],
  [4, 4, 4],
  [5, 7, 9],
  [12, 32, 32],
  [13, 33, 35],
  [64, 20, 2],
  [33, 1, 8],
  [9, 3, 5],
  [40, 12, 1],
  [16, 3, 3],
  [70, 36, 37],
] as const;

for (const device of devices)
  for (const { name } of MATRIX_ROWS)
    test(`${name} in four transposes, subgroups of ${device.traits.lanes}`, async () => {
      device.choices = { get: () => name };
      for (const size of SIZES) {
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
              size.join('×'),
            );
          }
      }
      device.choices = null;
    });

for (const { name } of MATRIX_ROWS)
  test(`${name}: a row of a batch has the same bits in every batch`, async () => {
    const [device] = devices as [Device];
    device.choices = { get: () => name };
    const values = pseudo('x', 60 * 70);
    const w = tensor(pseudo('w', 70 * 33), [70, 33], { device });
    const last = async (count: number): Promise<unknown> => {
      const x = tensor(values.slice((60 - count) * 70), [count, 70], { device });
      return (await linear(x, w).data()).slice(-2 * 33);
    };
    for (const count of [2, 5, 13]) assert.equal(await last(count), await last(60), `${count}`);
    device.choices = null;
  });

test('the choice: the tile loop, for one row of a large matrix the vector row, or what a tuning record says', () => {
  const [device] = devices as [Device];
  for (const direction of ['forward', 'input', 'weight'] as const) {
    const problem = problemOf(direction, true, 5, 7);
    assert.is(chooseMatrix(problem, device).name, 'tile');
    const tuned = new Map([[`matmul ${direction} several 8→8`, 'plain']]);
    assert.is(chooseMatrix(problem, { choices: tuned, traits: device.traits }).name, 'plain');
    const one = problemOf(direction, false, 5, 7);
    const ofOne = direction === 'weight' ? 'outer' : 'tile';
    assert.is(chooseMatrix(one, { choices: tuned, traits: device.traits }).name, ofOne);
    const chosen = (source: number, result: number) =>
      chooseMatrix(problemOf(direction, true, source, result), device).name;
    assert.equal([chosen(512, 2), chosen(3, 256), chosen(4, 8)], ['grouped', 'grouped', 'tile'], direction);
    assert.is(chosen(1, 256), direction === 'weight' ? 'grouped' : 'outer');
    assert.is(chosen(2 ** 25, 2), 'tile', 'more than a binding holds');
  }
  const large = (direction: MatrixProblem['direction'], several: boolean): string =>
    chooseMatrix(problemOf(direction, several, 4096, 4096), device).name;
  assert.is(large('forward', false), 'vector');
  assert.is(large('forward', true), 'tile');
  assert.is(large('input', false), 'tile');
});

test('more rows than a picture has columns', async () => {
  const [device] = devices as [Device];
  const [rows, columns] = [140_001, 2];
  const x = tensor(pseudo('x', 3 * rows), [rows, 3], { device, requiresGrad: true });
  const w = tensor(pseudo('w', 3 * columns), [3, columns], { device });
  const y = matmul(x, w);
  const dy = pseudo('dy', rows * columns);
  y.backward(tensor(dy, [rows, columns], { device }));
  const [X, W] = [await x.data(), await w.data()] as [Float32Array, Float32Array];
  assert.ok(relativeError(await y.data(), reference(X, W, [rows, 3, columns], false, false)) < 1e-6);
  assert.ok(relativeError(await x.grad!.data(), reference(dy, W, [rows, columns, 3], false, true)) < 1e-6);
});

for (const { name } of MATRIX_ROWS)
  test(`${name}: a weight larger than a binding, forward and both gradients`, async () => {
    const [device] = devices as [Device];
    device.choices = { get: () => name };
    const [batch, inputs, outputs] = [name === 'vector' ? 1 : 2, 8300, 4096];
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
      for (const o of [0, 31, 4095]) {
        let dw = 0;
        for (let n = 0; n < batch; n++) dw += X[n * inputs + i] * DY[n * outputs + o];
        assert.ok(Math.abs(DW[i * outputs + o] - dw) < 1e-5, `dw[${i}, ${o}]`);
      }
    }
    const last = batch - 1;
    for (const o of [0, 1, 2048, 4095]) {
      let sum = B[o];
      for (let i = 0; i < inputs; i++) sum += X[last * inputs + i] * W[i * outputs + o];
      assert.ok(Math.abs(Y[last * outputs + o] - sum) < 1e-3, `y[${last}, ${o}]`);
    }
    device.choices = null;
    for (const used of [x.grad!, w.grad!, x, w, b, dy, y]) used.dispose();
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
