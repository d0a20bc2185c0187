/**
 * Fewer multiplications (Winograd's filtering, arXiv 1509.09308): a tile of m × m outputs needs its patch of (m + 2)² inputs, and
 * between two changes of basis only (m + 2)² multiplications in place of 9 m². For m = 2: 16 in place of 36.
 *
 *   V = Bᵀ d B of every patch, U = G g Gᵀ of every kernel, M = V · U: (m + 2)² matrix products over the channels, Y = Aᵀ M A
 *
 * The matrices are those of the library (src/kernels/conv/winograd-tilings.ts); each change of basis is a pass over memory.
 */
import { elementwise, family, type PooledBuffer } from '../../../src/gpu/index.ts';
import { F2, F4, lineFunction, type Matrix } from '../../../src/kernels/conv/winograd-tilings.ts';
import { empty, type Tensor } from '../../../src/tensor/index.ts';
import { recordTerms } from '../matmul/6-terms.ts';
import type { ConvProblem, Rung } from '../rung.ts';

/** WGSL of matrix · block · matrixᵀ: `read(i, j)` gives the block, `write(i, j, value)` takes the result. */
function bothSides(matrix: Matrix, read: string, write: string): string {
  const [rows, columns] = [matrix.length, matrix[0]!.length];
  return `${lineFunction('line', matrix, 'vec4f')}
fn element(i: u32) {
  var half: array<array<vec4f, ${rows}>, ${columns}>;
  for (var c = 0u; c < ${columns}; c++) {
    var column: array<vec4f, ${columns}>;
    for (var r = 0u; r < ${columns}; r++) { ${read} }
    half[c] = line(column);
  }
  for (var r = 0u; r < ${rows}; r++) {
    var across: array<vec4f, ${columns}>;
    for (var c = 0u; c < ${columns}; c++) { across[c] = half[c][r]; }
    let whole = line(across);
    for (var c = 0u; c < ${rows}; c++) { ${write} }
  }
}`;
}

const TILINGS = { F2, F4 };
type TilingName = keyof typeof TILINGS;

const SIZES = { height: 'u32', width: 'u32', channels: 'u32', tiles: 'u32', across: 'u32' } as const;

const stageProgram = family(({ stage, name }: { stage: 'input' | 'kernel' | 'output'; name: TilingName }) => {
  const { outputs, patch, ...matrices } = TILINGS[name];
  const place = `(r * ${patch} + c)`;
  /** A tile, its channels, and the pixel where its outputs begin. */
  const ofTiles = (wgsl: string): string =>
    wgsl.replace(
      'fn element(i: u32) {',
      `fn element(i: u32) {
  let channel = i % p.channels;
  let tile = i / p.channels;
  let top = tile / p.across * ${outputs};
  let left = tile % p.across * ${outputs};`,
    );
  const inOut = {
    input: ['x', 'v'],
    kernel: ['w', 'u'],
    output: ['products', 'y'],
  } as const;
  const [from, to] = inOut[stage];
  const wgsl = {
    input: ofTiles(
      bothSides(
        matrices.input,
        `let y = top + r - 1;
      let z = left + c - 1;
      let inside = y < p.height && z < p.width;
      column[r] = select(vec4f(0), x[select(0, (y * p.width + z) * p.channels + channel, inside)], inside);`,
        `v[(${place} * p.tiles + tile) * p.channels + channel] = whole[c];`,
      ),
    ),
    kernel: bothSides(
      matrices.kernel,
      'column[r] = w[(r * 3 + c) * p.count + i];',
      `u[${place} * p.count + i] = whole[c];`,
    ),
    output: ofTiles(
      bothSides(
        matrices.output,
        `column[r] = products[(${place} * p.tiles + tile) * p.channels + channel];`,
        `let y = top + r;
      let z = left + c;
      if (y < p.height && z < p.width) { y_[(y * p.width + z) * p.channels + channel] = whole[c]; }`,
      ).replaceAll('y_[', 'result['),
    ),
  }[stage];
  return elementwise({
    name: `ladder-winograd-${outputs}-${stage}`,
    bindings: { [from]: 'read vec4f', [to === 'y' ? 'result' : to]: 'write vec4f' },
    params: stage === 'kernel' ? {} : SIZES,
    wgsl,
  });
});

/** Computes U of a weight, [(m + 2)², cin, cout]. */
export function transformKernel({ cin, cout, w }: ConvProblem, name: TilingName, u: PooledBuffer): void {
  const program = stageProgram({ stage: 'kernel', name });
  w.device.run(program, { bindings: { w: w.buffer, u }, params: { count: (cin * cout) / 4 } });
}

/** The rest: y from x and U. */
export function recordWinograd(
  { height, width, cin, cout, x }: ConvProblem,
  name: TilingName,
  u: PooledBuffer,
): Tensor {
  const { device } = x;
  const { outputs, patch } = TILINGS[name];
  const across = Math.ceil(width / outputs);
  const tiles = across * Math.ceil(height / outputs);
  const batches = patch ** 2;
  const v = empty(device, [batches, tiles, cin]);
  const products = empty(device, [batches, tiles, cout]);
  const result = empty(device, [1, height, width, cout]);
  const run = (stage: 'input' | 'output', bindings: Record<string, Tensor>, channels: number): void =>
    device.run(stageProgram({ stage, name }), {
      bindings: Object.fromEntries(Object.entries(bindings).map(([key, { buffer }]) => [key, buffer])),
      params: { count: tiles * channels, height, width, channels, tiles, across },
    });
  run('input', { x, v }, cin / 4);
  recordTerms({ m: tiles, k: cin, n: cout, a: v.buffer, b: u }, products, batches);
  run('output', { products, result }, cout / 4);
  return result;
}

export const winograd2: Rung<ConvProblem> = {
  name: 'winograd-2',
  limit: 'the passes over memory before and after the products',
  program: () => stageProgram({ stage: 'input', name: 'F2' }),
  run(problem) {
    const { w, cin, cout } = problem;
    const u = empty(w.device, [16, cin, cout]);
    transformKernel(problem, 'F2', u.buffer);
    return recordWinograd(problem, 'F2', u.buffer);
  },
};
