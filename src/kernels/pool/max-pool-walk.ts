/**
 * Max-pooling by lanes that walk down a strip of the picture, so that a value is loaded once for all windows of a column over
 * it. For kernels of at most 4×4 without dilation, and strides of at most 3; max-pool.ts has the others.
 *
 *       a window                rows of a window (3×3, stride 2)
 *   0  ┌─────┐ kept ◀──────┐   row 0   its best value, from the step before
 *   1  │     │ loaded      │   row 1   loaded, its best value found
 *   2  └─────┘ loaded ─────┘   row 2   … and kept: row 0 of the next window
 *
 * Forward (where no gradient is needed, and rows are shared), a maximum of maxima. Beyond the picture a window sees the nearest
 * value inside, which it holds in any case.
 *
 * Backward, a lane owns the inputs of one step of the stride, a block, and keeps dy and taps of the windows above. A cell
 * of the block has the same place in each window over it: iy + top = q · stride + a is row a + j · stride of window q − j.
 * So what is compared are constants.
 *
 * 3×3 at stride 2, lavapipe: forward 6 loads an output in place of 9, 1.5 times as fast; backward 1.25 times as fast as
 * looking through all windows. Lost: keeping the taps as well (0.65, the vectors no longer fit the registers), two
 * columns of windows a lane (0.7 of one).
 */
import { FIRST_GROUP, family, type ProgramSpec } from '../../gpu/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import type { Element } from '../parts/element.ts';

export interface WalkSpec {
  element: Element;
  kernel: readonly [number, number];
  stride: readonly [number, number];
}

const LARGEST_KERNEL = 4;
const LARGEST_STRIDE = 3;

/** Whether the walking programs are for this window. */
export const walksBack = ({
  kernel,
  stride,
  dilation,
}: Pick<WalkSpec, 'kernel' | 'stride'> & { dilation: readonly [number, number] }): boolean =>
  kernel.every((size) => size <= LARGEST_KERNEL) &&
  stride.every((step) => step <= LARGEST_STRIDE) &&
  dilation.every((distance) => distance === 1);

/** Whether the forward program is worth it: windows share rows. */
export const walksForward = (spec: WalkSpec & { dilation: readonly [number, number] }): boolean =>
  walksBack(spec) && spec.kernel[0] > spec.stride[0];

const range = (count: number, from = 0): number[] =>
  Array.from({ length: Math.max(count - from, 0) }, (_, i) => from + i);
const lines = (list: readonly string[]): string => list.join('\n');

const nameOf = ({ element, kernel, stride }: WalkSpec): string =>
  `${kernel.join('x')}-stride-${stride.join('x')}-${element}`;

/** Vectors and their scalar forms, so that one source serves both. */
const TYPES = {
  vec4f: {
    u: 'vec4u',
    bool: 'vec4<bool>',
    unpack: (word: string) => `((vec4u(${word}) >> vec4u(0, 8, 16, 24)) & vec4u(0xff))`,
  },
  f32: { u: 'u32', bool: 'bool', unpack: (word: string) => word },
} as const;

/** WGSL: the columns, the channel, the picture and the strip of a lane. */
const PLACE = `
  let place = id.x + ${LANES}u * p.firstX;
  if (place >= p.tiles * p.channels) { return; }
  let tile = i32(place / p.channels);
  let channels = i32(p.channels);
  let c = i32(place) - tile * channels;
  let picture = i32(id.z + p.firstZ);
  let start = i32(id.y + p.firstY) * p.strip;`;

const PARAMS = {
  channels: 'u32',
  tiles: 'u32',
  strip: 'i32',
  inputRows: 'i32',
  inputColumns: 'i32',
  outputRows: 'i32',
  outputColumns: 'i32',
  top: 'i32',
  left: 'i32',
  ...FIRST_GROUP,
} as const;

/** The windows of a strip. NaN by its bits: a compiler may assume that x == x. */
export const walkProgram = family((spec: WalkSpec): ProgramSpec => {
  const { element, kernel, stride } = spec;
  const { u, bool } = TYPES[element];
  const columns = range(kernel[1]);
  const kept = kernel[0] - stride[0];
  /** The best value of row r; a value is compared as soon as it is loaded, so that few are alive. */
  const rowOf = (r: number, y0: string): string => `    {
      let first = (picture * p.inputRows + clamp(${y0} + ${r}, 0, p.inputRows - 1)) * p.inputColumns * channels;
      best${r} = x[first + at0];
${lines(columns.slice(1).map((kx) => `      best${r} = better(best${r}, x[first + at${kx}]);`))}
    }`;
  return {
    name: `max-pool-${nameOf(spec)}`,
    bindings: { x: `read ${element}`, y: `write ${element}` },
    params: PARAMS,
    wgsl: `
fn better(best: ${element}, v: ${element}) -> ${element} {
  let won: ${bool} = (v > best) | ((bitcast<${u}>(v) & ${u}(0x7fffffff)) > ${u}(0x7f800000));
  return select(best, v, won);
}

@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {${PLACE}
  let x0 = tile * ${stride[1]} - p.left;
${lines(columns.map((kx) => `  let at${kx} = clamp(x0 + ${kx}, 0, p.inputColumns - 1) * channels + c;`))}
  let above = start * ${stride[0]} - p.top;
${lines(range(kept).map((r) => `  var best${r}: ${element};\n${rowOf(r, 'above')}`))}
  for (var row = start; row < min(start + p.strip, p.outputRows); row++) {
    let y0 = row * ${stride[0]} - p.top;
${lines(range(kernel[0], kept).map((r) => `    var best${r}: ${element};\n${rowOf(r, 'y0')}`))}
    var best = best0;
${lines(
  range(kernel[0])
    .slice(1)
    .map((r) => `    best = better(best, best${r});`),
)}
    y[((picture * p.outputRows + row) * p.outputColumns + tile) * channels + c] = best;
${lines(range(kept).map((r) => `    best${r} = best${r + stride[0]};`))}
  }
}`,
  };
});

/** Windows over a block along an axis. */
const windowsOver = ({ kernel, stride }: WalkSpec, axis: 0 | 1): number =>
  Math.floor((kernel[axis] - 1) / stride[axis]) + 1;

/** dx of the blocks of a strip. */
export const walkBackwardProgram = family((spec: WalkSpec): ProgramSpec => {
  const { element, kernel, stride } = spec;
  const { u, unpack } = TYPES[element];
  const [down, across] = [range(windowsOver(spec, 0)), range(windowsOver(spec, 1))];
  const [blockRows, blockColumns] = [range(stride[0]), range(stride[1])];
  /** dy and the taps of windows (oy, qx − i), as those of age j; a window that there is not has no tap. */
  const windows = (j: number, oy: string): string => `
    {
      let there = ${oy} >= 0 && ${oy} < p.outputRows;
      let first = (picture * p.outputRows + clamp(${oy}, 0, p.outputRows - 1)) * p.outputColumns * channels;
${lines(
  across.map(
    (i) => `      g${j}_${i} = dy[first + at${i}];
      t${j}_${i} = select(0xffffffffu, taps[first + at${i}], there && there${i});`,
  ),
)}
    }`;
  const variables = (j: number): string =>
    lines(across.map((i) => `  var g${j}_${i}: ${element}; var t${j}_${i}: u32;`));
  const older = down.slice(1);
  return {
    name: `max-pool-backward-${nameOf(spec)}`,
    bindings: { dy: `read ${element}`, taps: 'read u32', dx: `write ${element}` },
    params: { ...PARAMS, blocks: 'i32' }, // tiles: blocks across; blocks: down
    wgsl: `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {${PLACE}
${lines(
  across.map(
    (i) => `  let there${i} = tile - ${i} >= 0 && tile - ${i} < p.outputColumns;
  let at${i} = clamp(tile - ${i}, 0, p.outputColumns - 1) * channels + c;`,
  ),
)}
${lines(older.map(variables))}
${lines(older.map((j) => windows(j, `(start - ${j})`)))}
  for (var q = start; q < min(start + p.strip, p.blocks); q++) {
${variables(0)}
${windows(0, 'q')}
${lines(down.flatMap((j) => across.map((i) => `    let tap${j}_${i} = ${unpack(`t${j}_${i}`)};`)))}
${lines(
  blockRows.map(
    (a) => `    {
      let iy = q * ${stride[0]} + ${a} - p.top;
      if (iy >= 0 && iy < p.inputRows) {
        let row = (picture * p.inputRows + iy) * p.inputColumns;
${lines(
  blockColumns.map((b) => {
    const terms = down.flatMap((j) =>
      across.flatMap((i) => {
        const [ky, kx] = [a + j * stride[0], b + i * stride[1]];
        if (ky >= kernel[0] || kx >= kernel[1]) return [];
        return [`select(${element}(0), g${j}_${i}, tap${j}_${i} == ${u}(${ky * kernel[1] + kx}))`];
      }),
    );
    return `        {
          let ix = tile * ${stride[1]} + ${b} - p.left;
          if (ix >= 0 && ix < p.inputColumns) { dx[(row + ix) * channels + c] = ${terms.join(' + ') || `${element}(0)`}; }
        }`;
  }),
)}
      }
    }`,
  ),
)}
${lines(
  [...older]
    .reverse()
    .flatMap((j) => across.map((i) => `    g${j}_${i} = g${j - 1}_${i}; t${j}_${i} = t${j - 1}_${i};`)),
)}
  }
}`,
  };
});
