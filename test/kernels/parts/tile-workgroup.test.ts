/**
 * Which tiles a workgroup computes, on what kind of adapter such tiles are chosen at all, and several of them: the problems
 * of the tables fit one in columns.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PLAIN_DEVICE } from '../../../src/gpu/dry.ts';
import { HARDWARE, SOFTWARE } from '../../../src/gpu/traits.ts';
import { CONV_ROWS, chooseConv } from '../../../src/kernels/conv/table.ts';
import { matmul } from '../../../src/kernels/matmul/matmul.ts';
import { problemOf } from '../../../src/kernels/matmul/problem.ts';
import { chooseMatrix } from '../../../src/kernels/matmul/table.ts';
import { tilingOf } from '../../../src/kernels/parts/tile-workgroup.ts';
import { type Tensor, tensor } from '../../../src/tensor/index.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { relativeError } from '../../helpers/check.ts';
import { testDevice } from '../../helpers/device.ts';
import { CONV_CASES, convProblem, DIRECTIONS } from '../conv/problems.ts';

const test = suite('kernels/parts/tile-workgroup');

const STORAGE = 32768;
const chosen = (rows: number, columns: number, wantedWorkgroups = 64, workgroupStorage = STORAGE): string => {
  const tiling = tilingOf({ wantedWorkgroups, workgroupStorage }, rows, columns, 1);
  return `${tiling.tiles} of ${tiling.rows}×${tiling.columns}`;
};

test('the largest tile that gives the workgroups that are wanted and computes least in vain', () => {
  assert.is(chosen(12544, 128), '98 of 128×128');
  assert.is(chosen(12544, 64), '98 of 128×64');
  assert.is(chosen(65536, 32), '256 of 256×32');
  assert.is(chosen(65536, 192), '1536 of 128×64');
  assert.is(chosen(4096, 128), '64 of 128×64', 'too few of the largest');
  assert.is(chosen(4096, 128, 16), '32 of 128×128');
  assert.is(chosen(196, 256), '8 of 128×64', 'all give too few: as many as any');
  assert.is(chosen(65536, 32, 64, 16384), '512 of 128×64', 'the memory that WebGPU promises');
  assert.is(chosen(65536, 128, 64, 16384), '512 of 128×128');
});

const layer = (side: number, channels: number, several = true) =>
  convProblem(
    { x: [several ? 2 : 1, side, side, channels], w: [5, 5, channels, channels], options: { padding: 2 } },
    'forward',
  );
const device = (tuning: typeof HARDWARE) => ({
  choices: null,
  traits: { ...PLAIN_DEVICE.traits, lanes: 32, ...tuning },
});

test('a GPU takes them for large products; where a processor computes they are never the fastest', () => {
  assert.is(chooseConv(layer(56, 128), device(HARDWARE)).name, 'workgroup');
  assert.is(chooseConv(layer(7, 128, false), device(HARDWARE)).name, 'tile', 'too few workgroups');
  assert.is(chooseMatrix(problemOf('input', true, 8192, 8192), device(HARDWARE)).name, 'workgroup');
  assert.is(chooseConv(layer(56, 128), device(SOFTWARE)).name, 'tile');
  for (const row of CONV_CASES)
    for (const direction of DIRECTIONS)
      assert.is.not(chooseConv(convProblem(row, direction), device(SOFTWARE)).name, 'workgroup', row.name);
});

test('an adapter with too little memory for a workgroup has none', () => {
  const { traits } = device(HARDWARE);
  const able = CONV_ROWS.filter((row) => row.supports(layer(56, 128), { ...traits, workgroupStorage: 8192 }));
  assert.not(able.some(({ name }) => name === 'workgroup'));
});

test('several tiles of rows and of columns equal float64, with gradients', async () => {
  const gpu = await testDevice({ traits: { wantedWorkgroups: 1 } });
  gpu.choices = { get: () => 'workgroup' };
  const programs = new Set<string>();
  gpu.observe({ dispatch: ({ program }) => void programs.add(program.name) });
  const [m, k, n] = [150, 252, 250];
  const values = (name: string, rows: number, columns: number) => {
    const array = pseudo(name, rows * columns);
    return {
      at: (row: number, column: number) => array[row * columns + column]!,
      tensor: tensor(array, [rows, columns], { device: gpu, requiresGrad: true }),
    };
  };
  const equals = async (
    found: Tensor,
    columns: number,
    terms: number,
    term: (r: number, c: number, i: number) => number,
  ) => {
    const expected = Float64Array.from({ length: found.size }, (_, at) => {
      let sum = 0;
      for (let i = 0; i < terms; i++) sum += term(Math.floor(at / columns), at % columns, i);
      return sum;
    });
    assert.ok(relativeError(await found.data(), expected) < 1e-6);
  };
  const [x, w, dy] = [values('x', m, k), values('w', k, n), values('dy', m, n)];
  const y = matmul(x.tensor, w.tensor);
  y.backward(dy.tensor);
  await equals(y, n, k, (r, c, i) => x.at(r, i) * w.at(i, c));
  await equals(x.tensor.grad!, k, n, (r, c, i) => dy.at(r, i) * w.at(c, i));
  await equals(w.tensor.grad!, n, m, (r, c, i) => x.at(i, r) * dy.at(i, c));
  assert.equal([...programs].filter((name) => /^workgroup-tile-.*128-128/.test(name)).length, 3);
  gpu.close();
});

test.run();
