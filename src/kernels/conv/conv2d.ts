/**
 * Two-dimensional convolution (cross-correlation, as everywhere in the field):
 *
 *   y[n, oy, ox, co] = Σ_{ky,kx,ci} x[n, oy·stride − top + ky·dilation, ox·stride − left + kx·dilation, ci] · w[ky, kx, ci, co]
 *
 * x is [N, H, W, cin], w [kh, kw, cin / groups, cout]; a group of output channels sees its own group of input
 * channels. What happens here: the shapes are checked, channels are put in fours and taps are merged (problem.ts), a row
 * of table.ts is chosen for each of the three directions and records its kernels. depthwise-conv2d.ts is the same with
 * as many groups as channels.
 *
 * Cost: 2 · N·H'·W' · kh·kw · (cin / groups) · cout FLOPs in each direction; limited by loads, see ../parts/tile.ts.
 */
import {
  checkTypes,
  empty,
  record,
  recordsGrad,
  type Shape,
  scope,
  show,
  type Tensor,
} from '../../tensor/index.ts';
import { resizeGroups, resizeWeight } from '../parts/align.ts';
import { channelsFirstHint } from '../parts/channels-last.ts';
import { checkEpilogue, type EpilogueOptions, epilogueOf } from '../parts/epilogue.ts';
import { copyWindow } from '../parts/pad-channels.ts';
import { sumToChannels } from '../parts/partial-sums.ts';
import { type Window, type WindowOptions, windowOf } from '../parts/window.ts';
import { type Geometry, geometryOf, mergedColumns, problemOf } from './problem.ts';
import { chooseConv } from './table.ts';

export interface Conv2dOptions extends WindowOptions, EpilogueOptions {
  /** Parts of the channels that do not see each other; 1 by default. */
  groups?: number;
}

/**
 * Convolution of x [N, H, W, cin] with w [kh, kw, cin / groups, cout] → [N, H', W', cout].
 * PyTorch: `F.conv2d` (there NCHW and [cout, cin / groups, kh, kw]). Gradients for x, w and bias.
 * Throws where shapes do not fit, and where an inference-only option meets a recorded gradient.
 */
export function conv2d(x: Tensor, w: Tensor, options: Conv2dOptions = {}): Tensor {
  const groups = options.groups ?? 1;
  const where = `(input ${show(x.shape)}, weight ${show(w.shape)}${groups > 1 ? `, ${groups} groups` : ''})`;
  checkTypes('conv2d', { x, w });
  if (w.shape.length !== 4)
    throw new RangeError(`conv2d: the weight is [kh, kw, cin / groups, cout] ${where}`);
  const [kh, kw, cin, cout] = w.shape as [number, number, number, number];
  const window = windowOf('conv2d', x.shape, [kh, kw], options);
  if (x.shape[3] !== cin * groups)
    throw new RangeError(
      `conv2d: input has ${x.shape[3]} channels, weight expects ${cin * groups} ${where}${channelsFirstHint(x.shape, cin * groups)}`,
    );
  if (cout % groups !== 0)
    throw new RangeError(`conv2d: ${cout} output channels do not divide into ${groups} groups ${where}`);
  checkEpilogue('conv2d', options, [x, w], [x.shape[0]!, ...window.output, cout], where);
  return convolution('conv2d', x, w, window, groups, options);
}

/** The convolution of an op whose shapes have been checked, and its gradients. */
export function convolution(
  op: string,
  x: Tensor,
  w: Tensor,
  window: Window,
  groups: number,
  options: EpilogueOptions,
): Tensor {
  const geometry = geometryOf(x.shape, w.shape, window, groups);
  const [inputShape, weightShape] = [x.shape, w.shape];
  return scope(() =>
    record(
      { op, window, groups, ...options },
      forward(geometry, x, w, options),
      [x, w, options.bias],
      ([needX, needW]) => ({ x: needW ? x : null, w: needX ? w : null }),
      (saved, dy, [needX, needW, needBias]) => {
        const { cout, alignedOut } = geometry;
        const gradient = needX || needW ? resizeGroups(dy, geometry.groups, cout, alignedOut) : dy;
        return [
          needX ? inputGradient(geometry, gradient, saved.w!, inputShape, !needW) : null,
          needW ? weightGradient(geometry, saved.x!, gradient, weightShape) : null,
          needBias ? sumToChannels(dy) : null,
        ];
      },
    ),
  );
}

function forward(geometry: Geometry, x: Tensor, w: Tensor, options: EpilogueOptions): Tensor {
  const { window, groups, cout, alignedOut } = geometry;
  const { device } = x;
  const pictures = x.shape[0]!;
  const y = empty(device, [pictures, ...window.output, groups * alignedOut]);
  const epilogue = epilogueOf(options, (tensor) => resizeGroups(tensor, groups, cout, alignedOut));
  const weight = alignedWeight(geometry, w);
  const problem = problemOf(geometry, 'forward', pictures > 1, lasts(weight) && !recordsGrad(w), epilogue);
  chooseConv(problem, device).record(device, problem, {
    pictures,
    x: alignedInput(geometry, x).buffer,
    w: weight.buffer,
    y: y.buffer,
  });
  return resizeGroups(y, groups, alignedOut, cout);
}

/** dx, from dy in the channels of its problem; `frozen`: w has no gradient. */
function inputGradient(geometry: Geometry, dy: Tensor, w: Tensor, shape: Shape, frozen: boolean): Tensor {
  const { groups, cin, alignedIn } = geometry;
  const { device } = dy;
  const pictures = shape[0]!;
  const dx = empty(device, [...shape.slice(0, 3), groups * alignedIn]);
  const weight = alignedWeight(geometry, w);
  const problem = problemOf(geometry, 'input', pictures > 1, lasts(weight) && frozen);
  chooseConv(problem, device).record(device, problem, {
    pictures,
    x: dy.buffer,
    w: weight.buffer,
    y: dx.buffer,
  });
  return resizeGroups(dx, groups, alignedIn, cin);
}

/** dw, from dy in the channels of its problem. */
function weightGradient(geometry: Geometry, x: Tensor, dy: Tensor, shape: Shape): Tensor {
  const { groups, cin, cout, alignedIn, alignedOut } = geometry;
  const { device } = x;
  const pictures = x.shape[0]!;
  const dw = empty(device, [shape[0]!, shape[1]!, alignedIn, groups * alignedOut]);
  const problem = problemOf(geometry, 'weight', pictures > 1);
  chooseConv(problem, device).record(device, problem, {
    pictures,
    x: alignedInput(geometry, x).buffer,
    dy: dy.buffer,
    dw: dw.buffer,
  });
  return resizeWeight(dw, groups, [alignedIn, alignedOut], [cin, cout]);
}

/** Whether a weight is there for longer than a pass: what was put in fours for it, or computed, is not. */
const lasts = (weight: Tensor): boolean => weight.buffer.kind === 'parameter';

function alignedWeight(geometry: Geometry, w: Tensor): Tensor {
  const { groups, cin, cout, alignedIn, alignedOut } = geometry;
  return resizeWeight(w, groups, [cin, cout], [alignedIn, alignedOut]);
}

/** x in the channels of its problem, and with its padding at the left and the right written out where taps are merged. */
function alignedInput(geometry: Geometry, x: Tensor): Tensor {
  const { window, groups, cin, alignedIn, merged } = geometry;
  if (!merged) return resizeGroups(x, groups, cin, alignedIn);
  const [pictures, height, width] = x.shape as [number, number, number];
  const columns = mergedColumns(geometry);
  return copyWindow(x, [pictures, height, columns, alignedIn], {
    planes: pictures * height,
    rows: [width, columns],
    columns: [cin, alignedIn],
    top: window.left,
  });
}
