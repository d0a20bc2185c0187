/** Shapes: plain arrays of sizes, outermost first (`[N, H, W, C]` for pictures). */

export type Shape = readonly number[];

/** The number of elements: the product of the sizes, 1 for a scalar `[]`. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** `[8,224,224,3]`, as shapes are written in messages. */
export function show(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

/** Throws unless every size is a positive whole number (zero is refused: no op here has a use for it). */
export function checkShape(what: string, shape: Shape): void {
  for (const size of shape)
    if (!Number.isSafeInteger(size) || size < 1)
      throw new RangeError(`${what}: ${show(shape)} is no shape; sizes are positive whole numbers`);
}

/** The axis counted from the front; negative axes count from the back, as in PyTorch. */
export function normaliseAxis(what: string, axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || front < 0 || front >= rank)
    throw new RangeError(`${what}: axis ${axis} does not exist in a tensor of rank ${rank}`);
  return front;
}

/** The shape that `a` and `b` broadcast to, by NumPy's rule. Throws a sentence where they do not. */
export function broadcastShapes(what: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1)
      throw new RangeError(`${what}: ${show(a)} and ${show(b)} do not broadcast (${left} against ${right})`);
    return Math.max(left, right);
  });
}
