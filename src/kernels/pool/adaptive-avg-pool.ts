/**
 * Adaptive average-pooling: the picture divided into h × w windows of nearly equal size, which overlap where the sizes do
 * not divide; and its common case, the mean of the whole picture.
 *
 *   window i along an axis: [⌊i·size / count⌋, ⌈(i + 1)·size / count⌉)
 *
 * Backward a lane owns an element of dx and sums dy / size of the windows over it: from ⌊i·count / size⌋ to
 * ⌈(i + 1)·count / size⌉ − 1. The mean of the whole picture is a sum over rows (partial-sums.ts) in two passes where
 * the picture is large, and its gradient repeats dy. Limited by memory. Lanes: pixel-lanes.ts.
 */
import { family, type ProgramSpec } from '../../gpu/index.ts';
import { checkTypes, empty, record, type Shape, scope, type Tensor } from '../../tensor/index.ts';
import { checkPictures } from '../parts/channels-last.ts';
import type { Element } from '../parts/element.ts';
import { sumGroup } from '../parts/partial-sums.ts';
import { byFours, lanesByFours, PIXEL_PARAMS, pixelKernel } from '../parts/pixel-lanes.ts';
import { expand } from '../pointwise/broadcast.ts';

/** WGSL: the cells [from, to) of `size` that cell `i` of `count` covers; by symmetry also the windows over a pixel. */
const COVERED = `
fn covered(i: u32, size: u32, count: u32) -> vec2u {
  return vec2u(i * size / count, ((i + 1) * size + count - 1) / count);
}`;

const forwardProgram = family(({ element }: { element: Element }): ProgramSpec => {
  const { each, load, store } = byFours[element];
  return {
    name: `adaptive-avg-pool-${element}`,
    bindings: { x: `read ${element}`, y: `write ${element}` },
    params: { ...PIXEL_PARAMS, inputRows: 'u32', inputColumns: 'u32' },
    wgsl:
      COVERED +
      pixelKernel(
        `
  let over = covered(row, p.inputRows, p.rows);
  let across = covered(column, p.inputColumns, p.columns);
  var sum = vec4f(0);
  for (var iy = over.x; iy < over.y; iy++) {
    let start = (picture * p.inputRows + iy) * p.inputColumns;
    for (var ix = across.x; ix < across.y; ix++) { sum += ${load('x', '(start + ix) * p.channels + c')}; }
  }
  ${store('y', 'sum / f32((over.y - over.x) * (across.y - across.x))')}`,
        each,
      ),
  };
});

const backwardProgram = family(({ element }: { element: Element }): ProgramSpec => {
  const { each, load, store } = byFours[element];
  return {
    name: `adaptive-avg-pool-backward-${element}`,
    bindings: { dy: `read ${element}`, dx: `write ${element}` },
    params: { ...PIXEL_PARAMS, outputRows: 'u32', outputColumns: 'u32' },
    wgsl:
      COVERED +
      pixelKernel(
        `
  let rowWindows = covered(row, p.outputRows, p.rows);
  let columnWindows = covered(column, p.outputColumns, p.columns);
  var sum = vec4f(0);
  for (var oy = rowWindows.x; oy < rowWindows.y; oy++) {
    let over = covered(oy, p.rows, p.outputRows);
    let start = (picture * p.outputRows + oy) * p.outputColumns;
    for (var ox = columnWindows.x; ox < columnWindows.y; ox++) {
      let across = covered(ox, p.columns, p.outputColumns);
      sum += ${load('dy', '(start + ox) * p.channels + c')} / f32((over.y - over.x) * (across.y - across.x));
    }
  }
  ${store('dx', 'sum')}`,
        each,
      ),
  };
});

/**
 * Mean of h × w windows over x [N, H, W, C] → [N, h, w, C]; `outputSize` is h = w or [h, w].
 * PyTorch: `F.adaptive_avg_pool2d`.
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: number | readonly [number, number]): Tensor {
  const [rows, columns] = typeof outputSize === 'number' ? [outputSize, outputSize] : outputSize;
  checkPicture('adaptiveAvgPool2d', x);
  for (const size of [rows, columns])
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(
        `adaptiveAvgPool2d: the output size ${rows}×${columns} must be whole numbers of at least 1`,
      );
  const inputShape = x.shape;
  const [pictures, height, width, channels] = inputShape as [number, number, number, number];
  for (const [from, to] of [
    [height, rows],
    [width, columns],
  ] as const)
    if (from * to + Math.max(from, to) > 2 ** 32)
      throw new RangeError(
        `adaptiveAvgPool2d: ${from} rows or columns cannot become ${to}: the product is beyond 32-bit numbers`,
      );
  const shape = [pictures, rows, columns, channels];
  if (rows === 1 && columns === 1) return meanOfPictures('adaptiveAvgPool2d', x, shape);
  return scope(() => {
    const y = empty(x.device, shape);
    const cost = { flops: x.size, bytes: 4 * (x.size + y.size) };
    const lanes = lanesByFours(x.device, shape);
    const { element } = lanes;
    lanes.run(forwardProgram({ element }), {
      bindings: { x: x.buffer, y: y.buffer },
      params: { inputRows: height, inputColumns: width },
      ...cost,
    });
    return record('adaptiveAvgPool2d', y, [x], {}, (_, dy) => {
      const dx = empty(dy.device, inputShape);
      const lanes = lanesByFours(dy.device, inputShape);
      lanes.run(backwardProgram({ element }), {
        bindings: { dy: dy.buffer, dx: dx.buffer },
        params: { outputRows: rows, outputColumns: columns },
        ...cost,
      });
      return [dx];
    });
  });
}

/** Mean of every picture and channel, x [N, H, W, C] → [N, C]. PyTorch: `x.mean((2, 3))` of NCHW. */
export function globalAvgPool(x: Tensor): Tensor {
  checkPicture('globalAvgPool', x);
  return meanOfPictures('globalAvgPool', x, [x.shape[0]!, x.shape[3]!]);
}

function meanOfPictures(name: string, x: Tensor, shape: Shape): Tensor {
  const inputShape = x.shape;
  const [pictures, height, width, channels] = inputShape as [number, number, number, number];
  const pixels = height * width;
  const y = sumGroup(x, shape, { outer: pictures, reduce: pixels, inner: channels, scale: 1 / pixels });
  return record(name, y, [x], {}, (_, dy) => [
    expand(dy.alias([pictures, 1, 1, channels]), inputShape, 1 / pixels),
  ]);
}

function checkPicture(name: string, x: Tensor): void {
  checkTypes(name, { x });
  checkPictures(name, x.shape);
}
