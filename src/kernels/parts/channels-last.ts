/**
 * What is said of pictures whose axes are not [N, H, W, C]: the engine keeps channels last, most other tools keep them
 * first ([N, C, H, W]), and a single picture has no batch axis. Each sentence names the way out.
 */
import { type Shape, show } from '../../tensor/index.ts';

/** Pictures have few channels: fewer than these in front, and not behind, means that channels come first. */
const FEW = 5;

/** Throws a sentence where the input of `what` is not [N, H, W, C]. */
export function checkPictures(what: string, shape: Shape): void {
  if (shape.length !== 4)
    throw new RangeError(`${what}: the input is [N, H, W, C], not ${show(shape)}${oneOnly(shape)}`);
}

function oneOnly(shape: Shape): string {
  if (shape.length !== 3) return '';
  const batch = `; one picture is a batch of one: reshape(x, ${show([1, ...shape])})`;
  const first = shape[0]! < FEW && shape[2]! >= FEW;
  return first
    ? `${batch}, and channels come last here: permute(…, [0, 2, 3, 1]) behind it gives ${show([1, shape[1]!, shape[2]!, shape[0]!])}`
    : batch;
}

/** What to add to an error about channels where `shape` would have `channels` of them as [N, C, H, W]; else nothing. */
export function channelsFirstHint(shape: Shape, channels: number): string {
  const [pictures, first, height, width] = shape;
  if (shape.length !== 4 || first !== channels || width === channels) return '';
  return `; the input looks like [N, C, H, W], and channels come last here, [N, H, W, C]: permute(x, [0, 2, 3, 1]) makes it ${show([pictures!, height!, width!, first])}`;
}
