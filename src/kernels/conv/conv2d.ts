/**
 * Two-dimensional convolution (cross-correlation, as everywhere in the field):
 *
 *   y[n, oy, ox, co] = Σ_{ky,kx,ci} x[n, oy·stride − top + ky·dilation, ox·stride − left + kx·dilation, ci] · w[ky, kx, ci, co]
 *
 * x is [N, H, W, cin], w [kh, kw, cin / groups, cout]; a group of output channels sees its own group of input
 * channels. The three directions (y, dx, dw) are the tile loop of tile.ts, by way of winograd.ts for 3×3 kernels with
 * stride 1; counts that are no multiples of four are padded by align.ts. Convolutions of a channel by itself are depthwise-conv2d.ts.
 *
 * Cost: 2 · N·H'·W' · kh·kw · (cin / groups) · cout FLOPs in each direction; limited by loads, see tile.ts.
 */
import type { PooledBuffer } from '../../gpu/index.ts';
import { empty, record, type Shape, show, type Tensor } from '../../tensor/index.ts';
import { fours, resizeGroups, resizeWeight } from '../parts/align.ts';
import { channelsFirstHint } from '../parts/channels-last.ts';
import { checkEpilogue, type EpilogueOptions, epilogueOf } from '../parts/epilogue.ts';
import { copyWindow } from '../parts/pad-channels.ts';
import type { Gather } from '../parts/tile-gather.ts';
import { type Window, type WindowOptions, windowOf } from '../parts/window.ts';
import { sum } from '../reduce/reduce.ts';
import { depthwiseConv2d, slides } from './depthwise-conv2d.ts';
import { convolve, convolveWeight } from './winograd.ts';

export interface ConvOptions extends WindowOptions, EpilogueOptions {
  /** Parts of the channels that do not see each other; 1 by default. */
  groups?: number;
}

interface Geometry {
  window: Window;
  groups: number;
  /** Channels of a group, as they are and in fours. */
  cin: number;
  cout: number;
  alignedIn: number;
  alignedOut: number;
  output: Shape;
}

function geometryOf(x: Tensor, w: Tensor, options: ConvOptions): Geometry {
  const groups = options.groups ?? 1;
  const where = `(input ${show(x.shape)}, weight ${show(w.shape)}${groups > 1 ? `, ${groups} groups` : ''})`;
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
  const output = [x.shape[0]!, ...window.output, cout];
  checkEpilogue('conv2d', options, [x, w], output, where);
  const perGroup = cout / groups;
  return { window, groups, cin, cout: perGroup, alignedIn: fours(cin), alignedOut: fours(perGroup), output };
}

/**
 * Convolution of x [N, H, W, cin] with w [kh, kw, cin / groups, cout] → [N, H', W', cout].
 * PyTorch: `F.conv2d` (there NCHW and [cout, cin / groups, kh, kw]). Gradients for x, w and bias.
 * Throws where shapes do not fit, and where an inference-only option meets a recorded gradient.
 */
export function conv2d(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  const { bias, groups = 1 } = options;
  const geometry = geometryOf(x, w, options);
  const { window, cin, cout, alignedIn, alignedOut, output } = geometry;
  if (groups > 1 && cin === 1 && cout === 1 && slides(window)) return depthwiseConv2d(x, w, options);

  const aligned = (tensor: Tensor): Tensor => resizeGroups(tensor, groups, cout, alignedOut);
  const weight = resizeWeight(w, groups, [cin, cout], [alignedIn, alignedOut]);
  const y = empty(x.device, [...output.slice(0, 3), groups * alignedOut]);
  convolve(x.device, {
    direction: 'forward',
    ...sourceOf(geometry, x),
    w: weight.buffer,
    y: y.buffer,
    pictures: x.shape[0]!,
    result: window.output,
    groups,
    resultChannels: groups * alignedOut,
    epilogue: epilogueOf(options, aligned),
  });
  const result = resizeGroups(y, groups, alignedOut, cout);
  return record('conv2d', result, [x, w, bias], { x, w }, (saved, dy, [needX, needW, needBias]) => {
    const gradient = resizeGroups(dy, groups, cout, alignedOut);
    return [
      needX ? inputGradient(geometry, gradient, saved.w, x.shape) : null,
      needW ? kernelGradient(geometry, saved.x, gradient, w.shape) : null,
      needBias ? sum(dy, [0, 1, 2]) : null,
    ];
  });
}

/** What a forward or weight product gathers from: x with its channels in fours, and the window over it. */
function sourceOf(
  geometry: Geometry,
  x: Tensor,
): Pick<Gather, 'source' | 'window' | 'sourceChannels' | 'depth'> & { x: PooledBuffer } {
  const { window, groups, cin, alignedIn } = geometry;
  const aligned = resizeGroups(x, groups, cin, alignedIn);
  if (groups === 1 && alignedIn === 4 && window.kernel[1] > 1 && window.dilation[1] === 1)
    return mergeTaps(window, aligned);
  return {
    x: aligned.buffer,
    source: [x.shape[1]!, x.shape[2]!],
    window,
    sourceChannels: groups * alignedIn,
  };
}

/**
 * Pictures of one vec4 a pixel (the colours of a first layer) leave the tile loop one step a tap, too short for its
 * overhead. But the taps of a kernel's row lie side by side in memory: with the padding written out at the left and the
 * right, a row of kw taps is one tap of 4·kw channels. About twice as fast on the 7×7 stem of a ResNet.
 */
function mergeTaps(
  window: Window,
  x: Tensor,
): Pick<Gather, 'source' | 'window' | 'sourceChannels' | 'depth'> & { x: PooledBuffer } {
  const [pictures, height, width] = x.shape as [number, number, number, number];
  const wide = (window.output[1] - 1) * window.stride[1] + window.kernel[1];
  const padded = copyWindow(x, [pictures, height, wide, 4], {
    planes: pictures,
    rows: [height, height],
    columns: [4 * width, 4 * wide],
    left: 4 * window.left,
  });
  return {
    x: padded.buffer,
    source: [height, wide],
    window: { ...window, kernel: [window.kernel[0], 1], left: 0 },
    sourceChannels: 4,
    depth: 4 * window.kernel[1],
  };
}

/** dx, from dy with its channels in fours. */
function inputGradient(geometry: Geometry, dy: Tensor, w: Tensor, shape: Shape): Tensor {
  const { window, groups, cin, cout, alignedIn, alignedOut } = geometry;
  const weight = resizeWeight(w, groups, [cin, cout], [alignedIn, alignedOut]);
  const dx = empty(dy.device, [...shape.slice(0, 3), groups * alignedIn]);
  convolve(dy.device, {
    direction: 'input',
    x: dy.buffer,
    w: weight.buffer,
    y: dx.buffer,
    pictures: shape[0]!,
    source: window.output,
    result: [shape[1]!, shape[2]!],
    window,
    groups,
    sourceChannels: groups * alignedOut,
    resultChannels: groups * alignedIn,
  });
  return resizeGroups(dx, groups, alignedIn, cin);
}

/** dw, from dy with its channels in fours. */
function kernelGradient(geometry: Geometry, x: Tensor, dy: Tensor, shape: Shape): Tensor {
  const { window, groups, cin, cout, alignedIn, alignedOut } = geometry;
  const dw = empty(x.device, [shape[0]!, shape[1]!, alignedIn, groups * alignedOut]);
  convolveWeight(x.device, {
    ...sourceOf(geometry, x),
    dy: dy.buffer,
    dw: dw.buffer,
    pictures: x.shape[0]!,
    result: window.output,
    groups,
    resultChannels: groups * alignedOut,
  });
  return resizeWeight(dw, groups, [alignedIn, alignedOut], [cin, cout]);
}
