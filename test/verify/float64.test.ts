/**
 * The float64 reference itself: against PyTorch's values (every case of ops.json that is not too large to be
 * computed naively) and against finite differences, one small case of every op.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sizeOf } from '../../src/tensor/index.ts';
import { OPS64, runReference } from '../../src/verify/float64.ts';
import type { OpInputs } from '../../src/verify/parameters.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { describe, inputsOf, type OpCase, opsFixture, outputGradientOf } from '../helpers/cases.ts';
import { relativeError } from '../helpers/check.ts';
import { decodeFloats, departure } from '../helpers/expected.ts';

const test = suite('float64 reference');
const { cases, pseudo: stream } = opsFixture();

test('the pseudo-random stream is the one the fixtures were made with', () => {
  assert.equal(pseudo(stream.name, 16), decodeFloats(stream.values));
});

/** Multiplications of a case, near enough to tell small from large. */
function work({ op, inputs, outputs }: OpCase): number {
  const sizes = Object.values(inputs).map(({ shape }) => sizeOf(shape));
  const perOutput = /conv|linear|matmul/i.test(op) ? sizes[1] / inputs.x1.shape.at(-1)! : 1;
  return Math.max(...sizes) + sizeOf(outputs.y.shape) * perOutput;
}

for (const op of Object.keys(OPS64))
  test(`${op} equals PyTorch`, () => {
    const rows = cases.filter((row) => row.op === op && work(row) < 1e5);
    assert.ok(rows.length > 0, `no case of ${op} is small enough`);
    for (const row of rows) {
      const { outputs, gradients } = runReference(op, inputsOf(row), row.parameters, outputGradientOf(row));
      for (const [stored, found] of [
        [row.outputs, outputs],
        [row.gradients, gradients],
      ] as const) {
        assert.equal(Object.keys(found).sort(), Object.keys(stored).sort(), describe(row));
        for (const [name, reference] of Object.entries(stored)) {
          const error = departure(found[name].data, found[name].shape, reference);
          // the fixture rounds to float32
          assert.ok(error < 2e-7, `${describe(row)}: ${name} is off by ${error}`);
        }
      }
    }
  });

/** Central differences of Σ y·dy for every element of an input. */
function finiteDifference(row: OpCase, inputs: OpInputs, name: string): Float64Array {
  const step = 1e-3;
  const { data } = inputs[name];
  const objective = (): number => {
    const y = runReference(row.op, inputs, row.parameters, outputGradientOf(row)).outputs.y.data;
    const dy = outputGradientOf(row)(y.length);
    return dy.reduce((total, value, i) => total + value * y[i], 0);
  };
  return Float64Array.from(data, (value, i) => {
    data[i] = value + step;
    const [above, high] = [objective(), data[i]];
    data[i] = value - step;
    const [below, low] = [objective(), data[i]];
    data[i] = value;
    return (above - below) / (high - low);
  });
}

/** The ops that are not smooth: a step of 1e-3 may cross a kink only where two values are that close. */
for (const op of Object.keys(OPS64))
  test(`${op}: gradients equal finite differences`, () => {
    const row = cases
      .filter((candidate) => candidate.op === op && smooth(candidate))
      .sort((a, b) => size(a) - size(b))
      .at(-1);
    assert.ok(row, `no case of ${op} is small and smooth`);
    const inputs = inputsOf(row);
    const { gradients } = runReference(op, inputs, row.parameters, outputGradientOf(row));
    for (const [name, { data }] of Object.entries(gradients)) {
      const error = relativeError(data, finiteDifference(row, inputs, name));
      assert.ok(error < 1e-4, `${describe(row)}: gradient of ${name} is off by ${error}`);
    }
  });

const size = ({ inputs }: OpCase): number =>
  Object.values(inputs).reduce((total, { shape }) => total + sizeOf(shape), 0);

/** Small, and not made to tie values or to be far from the origin. */
const smooth = (row: OpCase): boolean =>
  size(row) < 400 &&
  work(row) < 3000 &&
  !row.parameters.activation?.startsWith('relu') &&
  Object.values(row.inputs).every(
    ({ fill, grad }) => grad === false || (!fill?.levels && Math.abs(fill?.offset ?? 0) < 10),
  );

test.run();
