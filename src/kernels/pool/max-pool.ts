/**
 * Max-pooling: the largest value of each window, −∞ around the picture; a NaN wins.
 *
 *   y[n, oy, ox, c] = max x[n, oy·stride − top + ky·dilation, ox·stride − left + kx·dilation, c]
 *
 * The first maximum of a window, row by row, takes its gradient (of several NaNs the last), as in PyTorch. Where a
 * gradient will be needed, the forward pass stores which tap that was: one byte an element, four channels to a word.
 * Backward is a search as well: no atomics, always the same order.
 *
 * Here a lane has one element, forward and backward, and looks at what is in its windows or over it: kh·kw loads an output,
 * which is the limit. Lanes: pixel-lanes.ts. The gradients of the windows that networks have, and their forward pass where no
 * gradient is needed, walk down the picture instead (max-pool-walk.ts).
 */
import { type Device, family, type ProgramSpec } from '../../gpu/index.ts';
import { checkTypes, empty, record, recordsGrad, scope, type Tensor } from '../../tensor/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import { PIXEL_PARAMS, pixelKernel, pixelLanes } from '../parts/pixel-lanes.ts';
import { type PoolOptions, poolWindow, type Window } from '../parts/window.ts';
import { walkBackwardProgram, walkProgram, walksBack, walksForward } from './max-pool-walk.ts';

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

// Kernel, stride and dilation are constants of the program: 10 % faster forward.
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

/**
 * Padded coordinates: iy + top = qy · stride + a. Windows qy, qy − 1, … lie over that row, and window qy − j sees it by its row
 * ky = (a + j · stride) / dilation, where that is whole and below the kernel's size.
 */
const backwardProgram = family((spec: Spec): ProgramSpec => {
  const { element, kernel, stride, dilation } = spec;
  const { u } = TYPES[element];
  const windows = ([0, 1] as const).map(
    (axis) => Math.floor((dilation[axis] * (kernel[axis] - 1)) / stride[axis]) + 1,
  );
  return {
    name: `max-pool-backward-${nameOf(spec)}`,
    bindings: { dy: `read ${element}`, taps: 'read u32', dx: `write ${element}` },
    params: { ...PIXEL_PARAMS, outputRows: 'i32', outputColumns: 'i32', top: 'i32', left: 'i32' },
    wgsl: `${constants(spec)}
${pixelKernel(`
  let iy = i32(row) + p.top;
  let ix = i32(column) + p.left;
  var sum = ${element}(0);
  for (var j = 0; j < ${windows[0]}; j++) {
    let oy = iy / strideRows - j;
    let down = iy - oy * strideRows;
    let ky = down / dilationRows;
    if (oy < 0 || oy >= p.outputRows || ky * dilationRows != down || ky >= kernelRows) { continue; }
    let start = (i32(picture) * p.outputRows + oy) * p.outputColumns;
    for (var i = 0; i < ${windows[1]}; i++) {
      let ox = ix / strideColumns - i;
      let right = ix - ox * strideColumns;
      let kx = right / dilationColumns;
      if (ox < 0 || ox >= p.outputColumns || kx * dilationColumns != right || kx >= kernelColumns) { continue; }
      let source = u32(start + ox) * p.channels + c;
      let word = taps[source];
      let t = ${UNPACK[element]};
      sum += select(${element}(0), dy[source], t == ${u}(u32(ky * kernelColumns + kx)));
    }
  }
  dx[at] = sum;`)}`,
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
  const { kernel, stride, dilation } = window;
  const spec: Spec = { element, kernel, stride, dilation };
  const backward = walksBack(spec) ? walkBackward : lookBackward;
  return scope(() => {
    const y = empty(x.device, shape);
    const taps = recordsGrad(x) ? empty(x.device, [y.size / widthOf(element)], { dtype: 'uint32' }) : null;
    if (!taps && walksForward(spec)) walk(x, y, window, spec);
    else look(x, y, taps, window, spec);
    return record({ op: 'maxPool2d', window }, y, [x], { taps }, ({ taps }, dy) => {
      const dx = empty(dy.device, [pictures, height, width, channels]);
      backward(dx, dy, taps!, window, spec);
      return [dx];
    });
  });
}

const costOf = (x: Tensor, y: Tensor, taps: Tensor | null, { kernel }: Window) => ({
  flops: kernel[0] * kernel[1] * y.size,
  bytes: 4 * (x.size + y.size + (taps?.size ?? 0)),
});

function look(x: Tensor, y: Tensor, taps: Tensor | null, window: Window, spec: Spec): void {
  const { top, left } = window;
  pixelLanes(x.device, y.shape, spec.element).run(forwardProgram({ ...spec, taps: taps !== null }), {
    bindings: { x: x.buffer, y: y.buffer, ...(taps ? { taps: taps.buffer } : {}) },
    params: { inputRows: x.shape[1]!, inputColumns: x.shape[2]!, top, left, lowest: -Infinity },
    ...costOf(x, y, taps, window),
  });
}

function lookBackward(dx: Tensor, dy: Tensor, taps: Tensor, window: Window, spec: Spec): void {
  const { top, left, output } = window;
  pixelLanes(dy.device, dx.shape, spec.element).run(backwardProgram(spec), {
    bindings: { dy: dy.buffer, taps: taps.buffer, dx: dx.buffer },
    params: { outputRows: output[0], outputColumns: output[1], top, left },
    ...costOf(dx, dy, taps, window),
  });
}

/** Steps that a lane should have at least: what it keeps of a strip's first row is loaded by two. */
const SHORTEST_STRIP = 7;

/** Lanes for `across` tiles and `down` steps of the pictures of x, and what the walking programs are told. */
function strips(
  device: Device,
  x: Tensor,
  element: Element,
  { top, left, output }: Window,
  [down, across]: readonly [number, number],
) {
  const [pictures, inputRows, inputColumns, width] = x.shape as [number, number, number, number];
  const channels = width / widthOf(element);
  const lanes = across * channels;
  const wanted = Math.ceil(device.traits.wantedInvocations / (lanes * pictures));
  const strip = Math.max(Math.ceil(down / wanted), Math.min(SHORTEST_STRIP, down));
  const [outputRows, outputColumns] = output;
  return {
    params: { channels, tiles: across, strip, inputRows, inputColumns, outputRows, outputColumns, top, left },
    groups: [Math.ceil(lanes / LANES), Math.ceil(down / strip), pictures] as const,
  };
}

function walk(x: Tensor, y: Tensor, window: Window, { element, kernel, stride }: Spec): void {
  x.device.run(walkProgram({ element, kernel, stride }), {
    bindings: { x: x.buffer, y: y.buffer },
    ...strips(x.device, x, element, window, window.output),
    ...costOf(x, y, null, window),
  });
}

function walkBackward(dx: Tensor, dy: Tensor, taps: Tensor, window: Window, spec: Spec): void {
  const { element, kernel, stride } = spec;
  const { top, left } = window;
  const blocks = Math.ceil((dx.shape[1]! + top) / stride[0]);
  const across = Math.ceil((dx.shape[2]! + left) / stride[1]);
  const { params, groups } = strips(dy.device, dx, element, window, [blocks, across]);
  dy.device.run(walkBackwardProgram({ element, kernel, stride }), {
    bindings: { dy: dy.buffer, taps: taps.buffer, dx: dx.buffer },
    params: { ...params, blocks },
    groups,
    ...costOf(dx, dy, taps, window),
  });
}
