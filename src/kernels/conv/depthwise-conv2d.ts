/**
 * Depthwise convolution: every channel by itself with its own kernel.
 *
 *   y[n, oy, ox, c] = Σ_{ky,kx} x[n, oy·stride − top + ky·dilation, ox·stride − left + kx·dilation, c] · w[ky, kx, 0, c]
 *   dx = Σ dy · w over the windows over a pixel      dw[ky, kx, 0, c] = Σ dy · x      dbias[c] = Σ dy
 *
 * x is [N, H, W, C], w [kh, kw, 1, C]. It is conv2d with as many groups as channels, and goes by the same table, where
 * the row of depthwise.ts computes it.
 *
 * Cost: 2 · N·H'·W'·kh·kw·C FLOPs in each direction; limited by loads.
 */
import { checkTypes, show, type Tensor } from '../../tensor/index.ts';
import { channelsFirstHint } from '../parts/channels-last.ts';
import { checkEpilogue } from '../parts/epilogue.ts';
import { windowOf } from '../parts/window.ts';
import { type Conv2dOptions, convolution } from './conv2d.ts';

export type DepthwiseOptions = Omit<Conv2dOptions, 'groups'>;

/**
 * Convolution of each channel of x [N, H, W, C] with its own kernel, w [kh, kw, 1, C] → [N, H', W', C].
 * PyTorch: `F.conv2d` with groups = C. Gradients for x, w and bias.
 * Throws where shapes do not fit, and where an inference-only option meets a recorded gradient.
 */
export function depthwiseConv2d(x: Tensor, w: Tensor, options: DepthwiseOptions = {}): Tensor {
  const where = `(input ${show(x.shape)}, weight ${show(w.shape)})`;
  checkTypes('depthwiseConv2d', { x, w });
  if (w.shape.length !== 4 || w.shape[2] !== 1)
    throw new RangeError(`depthwiseConv2d: the weight is [kh, kw, 1, C] ${where}`);
  const window = windowOf('depthwiseConv2d', x.shape, [w.shape[0]!, w.shape[1]!], options);
  const channels = x.shape[3]!;
  if (w.shape[3] !== channels)
    throw new RangeError(
      `depthwiseConv2d: input has ${channels} channels, weight expects ${w.shape[3]} ${where}${channelsFirstHint(x.shape, w.shape[3]!)}`,
    );
  const output = [x.shape[0]!, ...window.output, channels];
  checkEpilogue('depthwiseConv2d', options, [x, w], output, where);
  return convolution('depthwiseConv2d', x, w, window, channels, options);
}
