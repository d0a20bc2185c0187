/**
 * Average-pooling: the mean of each window.
 *
 *   y[n, oy, ox, c] = Σ x[n, oy·stride − top + ky, ox·stride − left + kx, c] / size(oy, ox)
 *
 * The size counts the padding where `countIncludePad`, else only the picture; what `ceilMode` lets a window reach beyond
 * the padding never counts. Backward a lane owns an element of dx and sums dy / size of the windows over it.
 * Limited by loads: kh·kw an output, as many backward divided by stride². Lanes: pixel-lanes.ts.
 */
import { family, type ProgramSpec } from '../../gpu/index.ts';
import { checkTypes, empty, record, scope, type Tensor } from '../../tensor/index.ts';
import type { Element } from '../parts/element.ts';
import { byFours, lanesByFours, PIXEL_PARAMS, pixelKernel } from '../parts/pixel-lanes.ts';
import { type PoolOptions, poolWindow } from '../parts/window.ts';

export interface AvgPoolOptions extends Omit<PoolOptions, 'dilation'> {
  /** Padding counts as zeros in the mean; true by default. */
  countIncludePad?: boolean;
}

interface Form {
  element: Element;
  countIncludePad: boolean;
}

const WINDOW_PARAMS = {
  kernelRows: 'i32',
  kernelColumns: 'i32',
  strideRows: 'i32',
  strideColumns: 'i32',
  top: 'i32',
  bottom: 'i32',
  left: 'i32',
  right: 'i32',
} as const;

/** WGSL: the window that starts at `start` along one axis, as [from, to) inside the picture and the number it divides by. */
const EXTENT = ({ countIncludePad }: Form): string => `
struct Extent { first: i32, end: i32, size: i32 }
fn extent(start: i32, kernel: i32, size: i32, after: i32) -> Extent {
  let first = max(start, 0);
  let end = min(start + kernel, size);
  return Extent(first, end, ${countIncludePad ? 'min(start + kernel, size + after) - start' : 'end - first'});
}`;

const forwardProgram = family((form: Form): ProgramSpec => {
  const { each, load, store } = byFours[form.element];
  return {
    name: `avg-pool-${form.countIncludePad ? 'padded-' : ''}${form.element}`,
    bindings: { x: `read ${form.element}`, y: `write ${form.element}` },
    params: { ...PIXEL_PARAMS, inputRows: 'i32', inputColumns: 'i32', ...WINDOW_PARAMS },
    wgsl:
      EXTENT(form) +
      pixelKernel(
        `
  let over = extent(i32(row) * p.strideRows - p.top, p.kernelRows, p.inputRows, p.bottom);
  let across = extent(i32(column) * p.strideColumns - p.left, p.kernelColumns, p.inputColumns, p.right);
  var sum = vec4f(0);
  for (var iy = over.first; iy < over.end; iy++) {
    let start = (i32(picture) * p.inputRows + iy) * p.inputColumns;
    for (var ix = across.first; ix < across.end; ix++) { sum += ${load('x', 'u32(start + ix) * p.channels + c')}; }
  }
  ${store('y', 'sum / f32(over.size * across.size)')}`,
        each,
      ),
  };
});

const backwardProgram = family((form: Form): ProgramSpec => {
  const { each, load, store } = byFours[form.element];
  return {
    name: `avg-pool-backward-${form.countIncludePad ? 'padded-' : ''}${form.element}`,
    bindings: { dy: `read ${form.element}`, dx: `write ${form.element}` },
    params: { ...PIXEL_PARAMS, outputRows: 'i32', outputColumns: 'i32', ...WINDOW_PARAMS },
    wgsl: `${EXTENT(form)}
fn windowsOver(position: i32, kernel: i32, stride: i32, count: i32) -> vec2i {
  return vec2i((max(position - kernel + 1, 0) + stride - 1) / stride, min(position / stride + 1, count));
}
${pixelKernel(
  `
  let rowWindows = windowsOver(i32(row) + p.top, p.kernelRows, p.strideRows, p.outputRows);
  let columnWindows = windowsOver(i32(column) + p.left, p.kernelColumns, p.strideColumns, p.outputColumns);
  var sum = vec4f(0);
  for (var oy = rowWindows.x; oy < rowWindows.y; oy++) {
    let over = extent(oy * p.strideRows - p.top, p.kernelRows, i32(p.rows), p.bottom);
    let start = (i32(picture) * p.outputRows + oy) * p.outputColumns;
    for (var ox = columnWindows.x; ox < columnWindows.y; ox++) {
      let across = extent(ox * p.strideColumns - p.left, p.kernelColumns, i32(p.columns), p.right);
      sum += ${load('dy', 'u32(start + ox) * p.channels + c')} / f32(over.size * across.size);
    }
  }
  ${store('dx', 'sum')}`,
  each,
)}`,
  };
});

/**
 * Mean of each window over x [N, H, W, C]. PyTorch: `F.avg_pool2d`. The stride is the kernel size unless given.
 * Throws where the padding is more than half of the window.
 */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  checkTypes('avgPool2d', { x });
  const window = poolWindow('avgPool2d', x.shape, { ...options, dilation: 1 });
  const inputShape = x.shape;
  const [pictures, height, width, channels] = inputShape as [number, number, number, number];
  const [outputRows, outputColumns] = window.output;
  const shape = [pictures, outputRows, outputColumns, channels];
  const { kernel, stride, top, bottom, left, right } = window;
  const windowParams = {
    kernelRows: kernel[0],
    kernelColumns: kernel[1],
    strideRows: stride[0],
    strideColumns: stride[1],
    top,
    bottom,
    left,
    right,
  };
  return scope(() => {
    const y = empty(x.device, shape);
    const cost = { flops: kernel[0] * kernel[1] * y.size, bytes: 4 * (x.size + y.size) };
    const lanes = lanesByFours(x.device, shape);
    const { element } = lanes;
    const { countIncludePad = true } = options;
    const form: Form = { element, countIncludePad };
    lanes.run(forwardProgram(form), {
      bindings: { x: x.buffer, y: y.buffer },
      params: { inputRows: height, inputColumns: width, ...windowParams },
      ...cost,
    });
    return record({ op: 'avgPool2d', window, countIncludePad }, y, [x], {}, (_, dy) => {
      const dx = empty(dy.device, inputShape);
      const lanes = lanesByFours(dy.device, inputShape);
      lanes.run(backwardProgram(form), {
        bindings: { dy: dy.buffer, dx: dx.buffer },
        params: { outputRows, outputColumns, ...windowParams },
        ...cost,
      });
      return [dx];
    });
  });
}
