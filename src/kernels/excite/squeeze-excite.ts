/**
 * Squeeze-and-excitation (Hu et al. 2018): each channel of x [N, H, W, C] is scaled by what two small layers make of the
 * averages of all channels. torchvision: `ops.SqueezeExcitation` with SiLU.
 *
 *   mean   = Σ x / (H·W)             [N, C]
 *   hidden = silu(mean · w1 + b1)    [N, S]
 *   scale  = σ(hidden · w2 + b2)     [N, C]
 *   y      = x · scale
 *
 *   dscale  = Σ dy · x                           over H and W
 *   dafter  = dscale · scale · (1 − scale)       dw2 = hiddenᵀ · dafter, db2 = Σ dafter       over the pictures
 *   dbefore = silu′(before) · (dafter · w2ᵀ)     dw1 = meanᵀ · dbefore,  db1 = Σ dbefore
 *   dx      = dy · scale + dbefore · w1ᵀ / (H·W)
 *
 *            x ── sum ──▶ mean ── excite ──▶ scale      one workgroup a picture
 *            └──────────────── scale-channels ──▶ y     a lane stays in its channel
 *
 * As ops of their own, the layers, activations, products and sums are 22 dispatches a step, and dx is written three times; here
 * it is 4 forward, 6 backward. Limited by memory: 12 bytes an element forward, 16 backward.
 */
import type { Device } from '../../gpu/index.ts';
import {
  checkTypes,
  empty,
  record,
  type Shape,
  sameShape,
  scope,
  show,
  type Tensor,
} from '../../tensor/index.ts';
import { channelLanes } from '../parts/channel-lanes.ts';
import { checkPictures } from '../parts/channels-last.ts';
import { elementOf, widthOf } from '../parts/element.ts';
import { sumGroup } from '../parts/partial-sums.ts';
import {
  type Elements,
  exciteBackwardProgram,
  exciteProgram,
  scaleProgram,
  TOGETHER,
  weightsProgram,
} from './squeeze-excite-wgsl.ts';

/** A 1×1 convolution with a bias: weight [1, 1, in, out], bias [out]. */
export interface SqueezeExciteLayer {
  weight: Tensor;
  bias: Tensor;
}

/** What it computes, for those who look at layers. Gradients go through `y` only. */
export interface SqueezedExcited {
  /** [N, H, W, C] */
  y: Tensor;
  /** [N, 1, 1, S], behind the activation. */
  hidden: Tensor;
  /** [N, 1, 1, C] */
  scale: Tensor;
}

function checkInputs(x: Tensor, reduce: SqueezeExciteLayer, expand: SqueezeExciteLayer): void {
  const given = {
    x,
    'reduce.weight': reduce.weight,
    'reduce.bias': reduce.bias,
    'expand.weight': expand.weight,
    'expand.bias': expand.bias,
  };
  checkTypes('squeezeExcite', given);
  checkPictures('squeezeExcite', x.shape);
  const [channels, squeezed] = [x.shape[3]!, reduce.weight.shape[3] ?? 0];
  const wanted: Readonly<Record<string, Shape>> = {
    'reduce.weight': [1, 1, channels, squeezed],
    'reduce.bias': [squeezed],
    'expand.weight': [1, 1, squeezed, channels],
    'expand.bias': [channels],
  };
  for (const [name, shape] of Object.entries(wanted)) {
    const found = given[name as keyof typeof given].shape;
    if (!sameShape(found, shape))
      throw new RangeError(
        `squeezeExcite: ${name} is ${show(found)}, but ${show(shape)} is needed for ${show(x.shape)}`,
      );
  }
}

/**
 * x · σ(expand(silu(reduce(mean of x)))), x [N, H, W, C]. Gradients for x, weights and biases.
 * @throws RangeError where the layers do not fit x or each other
 */
export function squeezeExcite(
  x: Tensor,
  reduce: SqueezeExciteLayer,
  expand: SqueezeExciteLayer,
): SqueezedExcited {
  checkInputs(x, reduce, expand);
  return scope(() => {
    const { device } = x;
    const [pictures, height, width, channels] = x.shape as [number, number, number, number];
    const squeezed = reduce.weight.shape[3]!;
    const pixels = height * width;
    const mean = sumGroup(x, [pictures, channels], {
      outer: pictures,
      reduce: pixels,
      inner: channels,
      scale: 1 / pixels,
    });
    const [before, hidden] = [empty(device, [pictures, squeezed]), empty(device, [pictures, 1, 1, squeezed])];
    const scale = empty(device, [pictures, 1, 1, channels]);
    const elements: Elements = { wide: elementOf(channels), squeezed: elementOf(squeezed) };
    const columns = Math.min(TOGETHER, squeezed / widthOf(elements.squeezed));
    device.run(exciteProgram(elements), {
      bindings: {
        mean: mean.buffer,
        w1: reduce.weight.buffer,
        b1: reduce.bias.buffer,
        w2: expand.weight.buffer,
        b2: expand.bias.buffer,
        before: before.buffer,
        hidden: hidden.buffer,
        scale: scale.buffer,
      },
      params: { channels, squeezed, columns, slices: Math.floor(TOGETHER / columns) },
      groups: [pictures, 1, 1],
      flops: 4 * pictures * channels * squeezed,
      bytes: 8 * channels * squeezed,
    });
    const y = scaled(x, scale, null);
    record(
      'squeezeExcite',
      y,
      [x, reduce.weight, reduce.bias, expand.weight, expand.bias],
      { x, mean, before, hidden, scale, w1: reduce.weight, w2: expand.weight },
      gradients,
    );
    return { y, hidden, scale };
  });
}

type Saved = Record<'x' | 'mean' | 'before' | 'hidden' | 'scale' | 'w1' | 'w2', Tensor>;

function gradients(
  { x, mean, before, hidden, scale, w1, w2 }: Saved,
  dy: Tensor,
  [needsX, ...needs]: readonly boolean[],
): (Tensor | null)[] {
  return scope(() => {
    const { device } = x;
    const [pictures, height, width, channels] = x.shape as [number, number, number, number];
    const squeezed = w1.shape[3]!;
    const pixels = height * width;
    const dscale = sumGroup(dy, [pictures, channels], {
      outer: pictures,
      reduce: pixels,
      inner: channels,
      times: x,
    });
    const [dafter, dmean] = [empty(device, [pictures, channels]), empty(device, [pictures, channels])];
    const dbefore = empty(device, [pictures, squeezed]);
    const elements: Elements = { wide: elementOf(channels), squeezed: elementOf(squeezed) };
    device.run(exciteBackwardProgram(elements), {
      bindings: {
        dscale: dscale.buffer,
        scale: scale.buffer,
        before: before.buffer,
        w1: w1.buffer,
        w2: w2.buffer,
        dafter: dafter.buffer,
        dbefore: dbefore.buffer,
        dmean: dmean.buffer,
      },
      params: { channels, squeezed, share: 1 / pixels },
      groups: [pictures, 1, 1],
      flops: 4 * pictures * channels * squeezed,
      bytes: 8 * channels * squeezed,
    });
    const [needsW1, needsB1, needsW2, needsB2] = needs;
    const reduce = needsW1 || needsB1 ? weightGradients(device, mean, dbefore, w1.shape) : [null, null];
    const expand = needsW2 || needsB2 ? weightGradients(device, hidden, dafter, w2.shape) : [null, null];
    return [needsX ? scaled(dy, scale, dmean) : null, ...reduce, ...expand];
  });
}

/** aᵀ · b and Σ b over the pictures, a [N, rows] and b [N, columns]; the first of `shape`. */
function weightGradients(device: Device, a: Tensor, b: Tensor, shape: Shape): [Tensor, Tensor] {
  const [pictures, rows, columns] = [b.shape[0]!, shape[2]!, shape[3]!];
  const [dw, db] = [empty(device, shape), empty(device, [columns])];
  const tall = rows % 4 === 0 ? 4 : 1;
  const element = elementOf(columns);
  const [down, across] = [rows / tall, columns / widthOf(element)];
  device.run(weightsProgram({ tall, element }), {
    bindings: { a: a.buffer, b: b.buffer, dw: dw.buffer, db: db.buffer },
    params: { count: (down + 1) * across, pictures, rows: down, columns: across },
    flops: 2 * pictures * rows * columns,
    bytes: 4 * rows * columns,
  });
  return [dw, db];
}

/** x · scale + shift, one of both for each picture and channel. */
function scaled(x: Tensor, scale: Tensor, shift: Tensor | null): Tensor {
  const { device, shape, size } = x;
  const pictures = shape[0]!;
  const y = empty(device, shape);
  const lanes = channelLanes('map', { device, shape: shape.slice(1), size: size / pictures });
  device.run(scaleProgram({ element: lanes.element, shifts: shift !== null }), {
    bindings: { x: x.buffer, scale: scale.buffer, ...(shift && { shift: shift.buffer }), y: y.buffer },
    params: lanes.params,
    groups: [lanes.groups[0], pictures, 1],
    flops: (shift ? 2 : 1) * size,
    bytes: 8 * size,
  });
  return y;
}
