/**
 * Max-pooling: the largest value of each window, −∞ around the picture; a NaN wins.
 *
 *   y[n, oy, ox, c] = max x[n, oy·stride − top + ky·dilation, ox·stride − left + kx·dilation, c]
 *
 * The first maximum of a window, row by row, takes its gradient (of several NaNs the last), as in PyTorch. Where a
 * gradient will be needed, the forward pass stores which tap that was: one byte an element, four channels to a word.
 * Backward, a lane owns a small block of dx and looks through the windows over it: no atomics, always the same order.
 * Limited by loads: kh·kw an output forward; for 3×3 at stride 2, one of dy and of the taps an input backward. Lanes:
 * pixel-lanes.ts. Measured on lavapipe, 3×3 at stride 2: 40 % of a copy's bandwidth each way.
 */
import { family, type ProgramSpec } from '../../gpu/index.ts';
import { checkTypes, empty, record, recordsGrad, scope, type Tensor } from '../../tensor/index.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import { PIXEL_PARAMS, pixelKernel, pixelLanes } from '../parts/pixel-lanes.ts';
import { type PoolOptions, poolWindow } from '../parts/window.ts';

export type MaxPoolOptions = PoolOptions;

/** So many taps are numbered in a byte (255: none); with more, a lane owns one channel and stores a whole word. */
const MOST_PACKED_TAPS = 255;

// Vectors and their scalar forms, so that one source serves both.
const TYPES = {
  vec4f: { u: 'vec4u', pack: 'dot(t & vec4u(0xff), vec4u(1, 1 << 8, 1 << 16, 1 << 24))' },
  f32: { u: 'u32', pack: 't' },
} as const;
const UNPACK = {
  vec4f: '((vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(0xff))',
  f32: 'word',
} as const;

interface Spec {
  element: Element;
  kernel: readonly [number, number];
  stride: readonly [number, number];
  dilation: readonly [number, number];
}

// Kernel, stride and dilation are constants of the program: 10 % faster forward, three times backward.
const constants = ({ kernel, stride, dilation }: Spec): string => `
const NONE = 0xffffffffu;
const kernelRows = ${kernel[0]}; const kernelColumns = ${kernel[1]};
const strideRows = ${stride[0]}; const strideColumns = ${stride[1]};
const dilationRows = ${dilation[0]}; const dilationColumns = ${dilation[1]};`;

const nameOf = ({ element, kernel, stride, dilation }: Spec): string =>
  `${kernel.join('x')}-stride-${stride.join('x')}-dilation-${dilation.join('x')}-${element}`;

const forwardProgram = family((spec: Spec & { taps: boolean }): ProgramSpec => {
  const { element, taps } = spec;
  const { u, pack } = TYPES[element];
  return {
    name: `max-pool-${nameOf(spec)}${taps ? '-taps' : ''}`,
    bindings: {
      x: `read ${element}`,
      y: `write ${element}`,
      ...(taps ? { taps: 'write u32' as const } : {}),
    },
    params: {
      ...PIXEL_PARAMS,
      inputRows: 'i32',
      inputColumns: 'i32',
      top: 'i32',
      left: 'i32',
      lowest: 'f32', // −∞, which WGSL cannot write
    },
    // The first tap inside the picture is taken whatever it is. NaN by its bits: a compiler may assume that x == x.
    wgsl:
      constants(spec) +
      pixelKernel(`
  let y0 = i32(row) * strideRows - p.top;
  let x0 = i32(column) * strideColumns - p.left;
  var best = ${element}(p.lowest);
  var t = ${u}(NONE);
  for (var ky = 0; ky < kernelRows; ky++) {
    let iy = y0 + ky * dilationRows;
    if (iy < 0 || iy >= p.inputRows) { continue; }
    let start = (i32(picture) * p.inputRows + iy) * p.inputColumns;
    for (var kx = 0; kx < kernelColumns; kx++) {
      let ix = x0 + kx * dilationColumns;
      if (ix < 0 || ix >= p.inputColumns) { continue; }
      let value = x[u32(start + ix) * p.channels + c];
      let isNaN = (bitcast<${u}>(value) & ${u}(0x7fffffff)) > ${u}(0x7f800000);
      let wins = (value > best) | isNaN | (t == ${u}(NONE));
      best = select(best, value, wins);
      t = select(t, ${u}(u32(ky * kernelColumns + kx)), wins);
    }
  }
  y[at] = best;${taps ? `\n  taps[at] = ${pack};` : ''}`),
  };
});

/** A lane owns stride × stride elements of dx up to this stride, since the same windows lie over them. */
const LARGEST_BLOCK = 3;
const blockOf = ({ stride }: Pick<Spec, 'stride'>): readonly [number, number] =>
  Math.max(...stride) <= LARGEST_BLOCK ? stride : [1, 1];

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/**
 * Padded coordinates: iy + top = qy · stride + ay. Windows qy, qy − 1, … lie over that row, and window qy − j sees it
 * by its row ky = (ay + j · stride) / dilation, where that is whole and below the kernel's size. Rows and columns are
 * looked at once a window, not once a cell: with nine cells the divisions in each kept SwiftShader compiling for two
 * minutes.
 */
const backwardProgram = family((spec: Spec): ProgramSpec => {
  const { element, kernel, stride, dilation } = spec;
  const { u } = TYPES[element];
  const [blockRows, blockColumns] = blockOf(spec);
  const cells = range(blockRows).flatMap((a) => range(blockColumns).map((b) => [a, b] as const));
  const windows = ([0, 1] as const).map(
    (axis) => Math.floor((dilation[axis] * (kernel[axis] - 1)) / stride[axis]) + 1,
  );
  return {
    name: `max-pool-backward-${nameOf(spec)}`,
    bindings: { dy: `read ${element}`, taps: 'read u32', dx: `write ${element}` },
    params: {
      ...PIXEL_PARAMS, // of blocks
      inputRows: 'i32',
      inputColumns: 'i32',
      outputRows: 'i32',
      outputColumns: 'i32',
      top: 'i32',
      left: 'i32',
    },
    wgsl: `${constants(spec)}
const NOWHERE = 1u << 30; // more than any tap, twice it too
fn tapRow(down: i32) -> u32 {
  let ky = down / dilationRows;
  return select(NOWHERE, u32(ky * kernelColumns), down % dilationRows == 0 && ky < kernelRows);
}
fn tapColumn(right: i32) -> u32 {
  let kx = right / dilationColumns;
  return select(NOWHERE, u32(kx), right % dilationColumns == 0 && kx < kernelColumns);
}
${pixelKernel(`
  let y0 = i32(row) * ${blockRows};
  let x0 = i32(column) * ${blockColumns};
  let qy = y0 / strideRows;
  let qx = x0 / strideColumns;
${cells.map(([a, b]) => `  var sum${a}${b} = ${element}(0);`).join('\n')}
  for (var j = 0; j < ${windows[0]}; j++) {
    let oy = qy - j;
    if (oy < 0 || oy >= p.outputRows) { continue; }
    let start = (i32(picture) * p.outputRows + oy) * p.outputColumns;
    for (var i = 0; i < ${windows[1]}; i++) {
      let ox = qx - i;
      if (ox < 0 || ox >= p.outputColumns) { continue; }
      let source = u32(start + ox) * p.channels + c;
      let word = taps[source];
      let t = ${UNPACK[element]};
      let g = dy[source];
${range(blockRows)
  .map((a) => `      let row${a} = tapRow(y0 + ${a} - oy * strideRows);`)
  .join('\n')}
${range(blockColumns)
  .map((b) => `      let column${b} = tapColumn(x0 + ${b} - ox * strideColumns);`)
  .join('\n')}
${cells.map(([a, b]) => `      sum${a}${b} += select(${element}(0), g, t == ${u}(row${a} + column${b}));`).join('\n')}
    }
  }
${cells
  .map(
    ([a, b]) => `  {
    let iy = y0 + ${a} - p.top;
    let ix = x0 + ${b} - p.left;
    if (iy >= 0 && iy < p.inputRows && ix >= 0 && ix < p.inputColumns) {
      dx[u32((i32(picture) * p.inputRows + iy) * p.inputColumns + ix) * p.channels + c] = sum${a}${b};
    }
  }`,
  )
  .join('\n')}`)}`,
  };
});

/**
 * Largest value of each window over x [N, H, W, C]. PyTorch: `F.max_pool2d`, including dilation, `ceilMode` and NaN.
 * The stride is the kernel size unless given. Throws where the padding is more than half of the window.
 */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  checkTypes('maxPool2d', { x });
  const window = poolWindow('maxPool2d', x.shape, options);
  const [pictures, height, width, channels] = x.shape as [number, number, number, number];
  const shape = [pictures, ...window.output, channels];
  const tapCount = window.kernel[0] * window.kernel[1];
  const element = tapCount > MOST_PACKED_TAPS ? 'f32' : elementOf(channels);
  return scope(() => {
    const y = empty(x.device, shape);
    const taps = recordsGrad(x) ? empty(x.device, [y.size / widthOf(element)], { dtype: 'uint32' }) : null;
    const { kernel, stride, dilation, top, left } = window;
    const spec = { element, kernel, stride, dilation };
    const lanes = pixelLanes(x.device, shape, element);
    lanes.run(forwardProgram({ ...spec, taps: taps !== null }), {
      bindings: { x: x.buffer, y: y.buffer, ...(taps ? { taps: taps.buffer } : {}) },
      params: { inputRows: height, inputColumns: width, top, left, lowest: -Infinity },
      flops: tapCount * y.size,
      bytes: 4 * (x.size + y.size + (taps?.size ?? 0)),
    });
    return record({ op: 'maxPool2d', window }, y, [x], { taps }, ({ taps }, dy) => {
      const dx = empty(dy.device, [pictures, height, width, channels]);
      const [blockRows, blockColumns] = blockOf(spec);
      const blocks = [
        Math.ceil((height + top) / blockRows),
        Math.ceil((width + left) / blockColumns),
      ] as const;
      const lanes = pixelLanes(dy.device, [pictures, ...blocks, channels], element);
      lanes.run(backwardProgram(spec), {
        bindings: { dy: dy.buffer, taps: taps!.buffer, dx: dx.buffer },
        params: {
          inputRows: height,
          inputColumns: width,
          outputRows: window.output[0],
          outputColumns: window.output[1],
          top,
          left,
        },
        flops: tapCount * dy.size,
        bytes: 4 * (dx.size + dy.size + taps!.size),
      });
      return [dx];
    });
  });
}
