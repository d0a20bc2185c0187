/** Printed tensors: the layout by the rules of torch/_tensor_str.py, and what console.log shows. */
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf, tensor } from '../../src/tensor/index.ts';
import { formatTensor } from '../../src/tensor/print.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('tensor/print');

const range = (shape: Shape): number[] => Array.from({ length: sizeOf(shape) }, (_, i) => i);

const CASES: [name: string, values: number[], shape: Shape, expected: string][] = [
  ['a scalar', [3.5], [], 'tensor(3.5000)'],
  ['whole numbers', [1, 2, -30], [3], 'tensor([  1.,   2., -30.])'],
  ['zeros', [0, 0], [2], 'tensor([0., 0.])'],
  ['four digits', [1, 0.5, 0.25, 0.125], [2, 2], 'tensor([[1.0000, 0.5000],\n        [0.2500, 0.1250]])'],
  ['exponents', [1e-5, 1], [2], 'tensor([1.0000e-05, 1.0000e+00])'],
  ['large whole numbers', [1, 2e8], [2], 'tensor([1.0000e+00, 2.0000e+08])'],
  ['no numbers', [NaN, Infinity, 1.5], [3], 'tensor([   nan,    inf, 1.5000])'],
  ['no numbers among whole ones', [NaN, -Infinity, 1], [3], 'tensor([nan, -inf, 1.])'],
  [
    'three axes',
    range([2, 2, 2]),
    [2, 2, 2],
    'tensor([[[0., 1.],\n         [2., 3.]],\n\n        [[4., 5.],\n         [6., 7.]]])',
  ],
  [
    'long rows are broken',
    range([20]),
    [20],
    'tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n        14., 15., 16., 17., 18., 19.])',
  ],
  [
    'a large one is summarised',
    range([1002]),
    [1002],
    'tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.9900e+02, 1.0000e+03,\n        1.0010e+03])',
  ],
  [
    'on every axis',
    new Array<number>(7 * 200).fill(1),
    [7, 200],
    `tensor([${[0, 1, 2, 3, 4, 5, 6].map((i) => (i === 3 ? '...' : '[1., 1., 1.,  ..., 1., 1., 1.]')).join(',\n        ')}])`,
  ],
];
for (const [name, values, shape, expected] of CASES)
  test(`as PyTorch prints: ${name}`, () => assert.is(formatTensor(values, shape), expected));

test('types and gradients stand behind the values, on a line of their own where they do not fit', () => {
  assert.is(
    formatTensor([1, -20], [2], { integers: true, suffixes: ['dtype=int32'] }),
    'tensor([  1, -20], dtype=int32)',
  );
  assert.is(
    formatTensor(range([14]), [14], { suffixes: ['requiresGrad=true'] }),
    'tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.],\n       requiresGrad=true)',
  );
});

test('console.log names shape, dtype and device; print writes the values', async () => {
  const device = await testDevice();
  const x = tensor([1, 2], [2], { requiresGrad: true });
  assert.match(inspect({ x }), /^\{\s+x: Tensor \[2\] float32 on .+, with gradient\s+\}$/);
  assert.match(`${tensor([1], [1], { dtype: 'int32' })}`, /^Tensor \[1\] int32 on [^,]+$/);
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => void lines.push(line);
  await x.print().finally(() => {
    console.log = log;
  });
  assert.equal(lines, ['tensor([1., 2.], requiresGrad=true)']);
  x.dispose();
  assert.match(`${x}`, /, freed$/);
  device.close();
});

test.run();
