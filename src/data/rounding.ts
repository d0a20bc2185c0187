/** How PyTorch and Python round where pictures are cut: what drawn rectangles and factors need to be torchvision's. */

/** PyTorch's `uniform_(low, high)` in float32, from a uniform number in [0, 1). */
export function uniform32(u: number, low: number, high: number): number {
  return Math.fround(Math.fround(u * Math.fround(high - low)) + Math.fround(low));
}

/** Rounds to the nearest integer, halves to the even one, as Python's `round`. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Width and height of a rectangle with this area and this width divided by its height, in whole pixels. */
export function sidesOf(area: number, aspect: number): [width: number, height: number] {
  return [roundHalfEven(Math.sqrt(area * aspect)), roundHalfEven(Math.sqrt(area / aspect))];
}

/** A number drawn evenly on a logarithmic axis between `low` and `high`, in float32 as torchvision draws aspect ratios. */
export function logUniform32(u: number, [low, high]: readonly [number, number]): number {
  const [lowLog, highLog] = [low, high].map((r) => Math.fround(Math.log(Math.fround(r))));
  return Math.fround(Math.exp(uniform32(u, lowLog, highLog)));
}
