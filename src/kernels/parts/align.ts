/**
 * Channels in fours. The tile kernels work on vec4s of channels, so a convolution or product with another count runs
 * on operands padded with zeros: exact, since zeros add nothing, and cheap, since what is not a multiple of four in
 * practice is small (three colours, two classes).
 *
 * Every function here returns the tensor itself where nothing has to be padded. None records a gradient.
 */
import type { Shape, Tensor } from '../../tensor/index.ts';
import { padLastAxis } from './pad-channels.ts';

/** The next multiple of four. */
export const fours = (count: number): number => Math.ceil(count / 4) * 4;

/** x [..., groups·from] as [..., groups·to]: each group's channels padded with zeros, or cut off. */
export function resizeGroups(x: Tensor, groups: number, from: number, to: number): Tensor {
  if (from === to) return x;
  const outer = x.shape.slice(0, -1);
  const rows = x.alias([...outer, groups, from]);
  return padLastAxis(rows, to).alias([...outer, groups * to]);
}

/** The rows of x, seen as [outer, rows, columns], padded with zeros or cut off. */
export function resizeRows(x: Tensor, outer: number, rows: number, to: number, columns: number): Tensor {
  if (rows === to) return x;
  return padLastAxis(x.alias([outer, rows * columns]), to * columns).alias([outer, to, columns]);
}

/** A convolution's weight [kh, kw, cin, cout] with both channel counts of a group padded to fours, or the inverse. */
export function resizeWeight(
  w: Tensor,
  groups: number,
  from: readonly [cin: number, cout: number],
  to: readonly [cin: number, cout: number],
): Tensor {
  const [kh, kw] = w.shape as [number, number];
  const shape: Shape = [kh, kw, to[0], groups * to[1]];
  const columns = resizeGroups(w, groups, from[1], to[1]);
  return resizeRows(columns, kh * kw, from[0], to[0], groups * to[1]).alias(shape);
}
