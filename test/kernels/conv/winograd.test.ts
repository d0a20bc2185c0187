/**
 * Winograd's filtering: its matrices compute a convolution, and the points of F(4×4) keep its error within twice that of
 * the direct sum. Values and gradients of the rows on all kinds of shapes are in table.test.ts.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { F2, F4, type Matrix, tilingOf, transposed } from '../../../src/kernels/conv/winograd-tilings.ts';
import { conv2d } from '../../../src/kernels/index.ts';
import { sizeOf, tensor } from '../../../src/tensor/index.ts';
import { runReference } from '../../../src/verify/float64.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { relativeError } from '../../helpers/check.ts';
import { testDevice } from '../../helpers/device.ts';

const test = suite('kernels/conv/winograd');

const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => transposed(b).map((column) => row.reduce((sum, value, k) => sum + value * column[k]!, 0)));
const sandwich = (t: Matrix, d: Matrix): Matrix => times(times(t, d), transposed(t));
const product = (a: Matrix, b: Matrix): Matrix => a.map((row, r) => row.map((value, k) => value * b[r]![k]!));
const matrix = (name: string, rows: number, columns = rows): Matrix => {
  const values = pseudo(name, rows * columns);
  return Array.from({ length: rows }, (_, row) => [...values.slice(row * columns, (row + 1) * columns)]);
};

/** d filtered by g, where g fits into it. */
const correlation = (d: Matrix, g: Matrix): Matrix => {
  const side = d.length - g.length + 1;
  const range = (count: number) => Array.from({ length: count }, (_, index) => index);
  return range(side).map((y) =>
    range(side).map((x) =>
      g.reduce((sum, row, ky) => row.reduce((part, tap, kx) => part + tap * d[y + ky]![x + kx]!, sum), 0),
    ),
  );
};

const equal = (found: Matrix, expected: Matrix): void => {
  assert.equal([found.length, found[0]!.length], [expected.length, expected[0]!.length]);
  assert.ok(relativeError(found.flat(), expected.flat()) < 1e-14);
};

for (const [name, tiling] of Object.entries({ F2, F4, 'F(3×3)': tilingOf([0, 1, -1, 1 / 2]) }))
  test(`${name}: a patch's outputs and the kernel's gradient are what the formulas say`, () => {
    const { outputs, patch, input, kernel, output } = tiling;
    const [d, g, dy] = [matrix('d', patch), matrix('g', 3), matrix('dy', outputs)];
    const [v, u, dm] = [sandwich(input, d), sandwich(kernel, g), sandwich(transposed(output), dy)];
    equal(sandwich(output, product(u, v)), correlation(d, g));
    equal(sandwich(transposed(kernel), product(v, dm)), correlation(d, dy));
  });

test('the matrices of the header', () => {
  assert.equal(F2.kernel, [
    [-1, -0, -0],
    [1 / 2, 1 / 2, 1 / 2],
    [1 / 2, -1 / 2, 1 / 2],
    [0, 0, 1],
  ]);
  const [a, b] = [21 / 32, 3 / 2];
  const d = 1 / (2 * b ** 2 * (b ** 2 - a ** 2));
  assert.equal(F4.input[1], [-0, -a * b ** 2, -(b ** 2), a, 1, 0]);
  equal([F4.kernel[3]!], [[d, d * b, d * b ** 2]]);
  assert.equal(F4.output[3], [0, a ** 3, -(a ** 3), b ** 3, -(b ** 3), 1]);
});

/** Normally distributed, from pairs of uniform numbers (Box and Muller). */
function normal(name: string, count: number, scale = 1): Float32Array {
  const [radius, angle] = [pseudo(`${name}/radius`, count), pseudo(`${name}/angle`, count)];
  return radius.map((value, i) => {
    const uniform = Math.min(Math.max((value + 1) / 2, 1e-7), 1);
    return scale * Math.sqrt(-2 * Math.log(uniform)) * Math.cos(Math.PI * angle[i]!);
  });
}

type Triple = [y: ArrayLike<number>, dx: ArrayLike<number>, dw: ArrayLike<number>];

/** y, dx and dw of a 3×3 convolution with padding 1 in float32, one term after another. */
function inOrder(x: Float32Array, w: Float32Array, dy: Float32Array, side: number, cin: number): Triple {
  const cout = w.length / (9 * cin);
  const [y, dx, dw] = [new Float32Array(dy.length), new Float32Array(x.length), new Float32Array(w.length)];
  for (let oy = 0; oy < side; oy++)
    for (let ox = 0; ox < side; ox++)
      for (let tap = 0; tap < 9; tap++) {
        const [iy, ix] = [oy + Math.floor(tap / 3) - 1, ox + (tap % 3) - 1];
        if (Math.min(iy, ix) < 0 || Math.max(iy, ix) >= side) continue;
        const [to, start] = [(oy * side + ox) * cout, (iy * side + ix) * cin];
        // Float32Array rounds each sum; a product of two floats has no more digits than a double.
        for (let ci = 0; ci < cin; ci++)
          for (let co = 0; co < cout; co++) {
            const at = (tap * cin + ci) * cout + co;
            y[to + co]! += x[start + ci]! * w[at]!;
            dx[start + ci]! += dy[to + co]! * w[at]!;
            dw[at]! += x[start + ci]! * dy[to + co]!;
          }
      }
  return [y, dx, dw];
}

// Where sums are long: there is little to be off by in short ones, and what F(4×4) adds to it shows (2.2 times for the dw
// of 16 tiles).
for (const [side, cin, cout, results] of [
  [12, 512, 16, ['y']],
  [12, 16, 512, ['dx']],
  [24, 64, 64, ['y', 'dx', 'dw']],
] as const)
  test(`F(4×4) is off by at most twice what float32 sums in order are off by: ${cin} → ${cout} channels`, async () => {
    const device = await testDevice();
    device.choices = { get: () => 'winograd4' };
    const four = [0, 0, 0];
    const direct = [0, 0, 0];
    for (const draw of side > 12 ? [0] : [0, 1]) {
      const [xShape, wShape] = [
        [1, side, side, cin],
        [3, 3, cin, cout],
      ];
      const x = normal(`x${draw}`, sizeOf(xShape!)).map((value) => Math.max(value, 0));
      const w = normal(`w${draw}`, sizeOf(wShape!), Math.sqrt(2 / (9 * cin)));
      const dy = normal(`dy${draw}`, side * side * cout);
      const leaf = (data: Float32Array, shape: number[]) => ({ shape, data, grad: true });
      const inputs = { x0: leaf(x, xShape!), x1: leaf(w, wShape!) };
      const { outputs, gradients } = runReference('conv2d', inputs, { padding: 1 }, () => dy);
      const exact: Triple = [outputs.y!.data, gradients.x0!.data, gradients.x1!.data];
      const [tx, tw] = [
        tensor(x, xShape!, { device, requiresGrad: true }),
        tensor(w, wShape!, { device, requiresGrad: true }),
      ];
      const y = conv2d(tx, tw, { padding: 1 });
      y.backward(tensor(dy, y.shape, { device }));
      const found: Triple = [await y.data(), await tx.grad!.data(), await tw.grad!.data()];
      const sums = inOrder(x, w, dy, side, cin);
      for (const [index, values] of exact.entries()) {
        four[index]! += relativeError(found[index]!, values);
        direct[index]! += relativeError(sums[index]!, values);
      }
    }
    for (const result of results) {
      const index = ['y', 'dx', 'dw'].indexOf(result);
      assert.ok(
        four[index]! <= 2 * direct[index]!,
        `${result}: off by ${four[index]}, directly ${direct[index]}`,
      );
    }
    device.close();
  });

test.run();
