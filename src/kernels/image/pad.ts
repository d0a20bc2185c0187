/**
 * Spatial padding of pictures [N, H, W, C] with a constant.
 *
 *   y[n, h, w, c] = x[n, h − top, w − left, c]   inside the picture, else `value`
 *   dx = dy without its margins
 *
 * Both are one copy of a window: pad-channels.ts. Limited by memory: 8 bytes an element.
 */
import { checkTypes, record, scope, type Tensor } from '../../tensor/index.ts';
import { checkPictures } from '../parts/channels-last.ts';
import { copyWindow } from '../parts/pad-channels.ts';

export type Margins = readonly [top: number, bottom: number, left: number, right: number];

/** x [N, H, W, C] with margins of `value` around H and W. PyTorch: `F.pad` on NCHW. Throws on negative margins. */
export function pad(x: Tensor, [top, bottom, left, right]: Margins, value = 0): Tensor {
  checkTypes('pad', { x });
  checkPictures('pad', x.shape);
  const margins = [top, bottom, left, right];
  if (margins.some((margin) => !Number.isInteger(margin) || margin < 0))
    throw new RangeError(`pad: the margins ${margins.join(', ')} must be whole numbers of at least 0`);
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const [height, width] = [h + top + bottom, w + left + right];
  const y = scope(() =>
    copyWindow(x, [n, height, width, c], {
      planes: n,
      rows: [h, height],
      columns: [w * c, width * c],
      top,
      left: left * c,
      fill: value,
    }),
  );
  const shape = x.shape;
  return record({ op: 'pad', margins, value }, y, [x], {}, (_, dy) => [
    copyWindow(dy, shape, {
      planes: n,
      rows: [height, h],
      columns: [width * c, w * c],
      top: -top,
      left: -left * c,
    }),
  ]);
}
