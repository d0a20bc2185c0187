/**
 * The size of a network's input, in pixels: one number for a square, or height and width, in this order, as PyTorch's (H, W)
 * and the 256x128 or 160x320 of papers. A square is always the number, so that files and figures of squares read as they
 * always have.
 */
import { list, type Rule, whole } from '../text/rules.ts';

/** A side of a square, or `[height, width]` of what is none. */
export type InputSize = number | readonly [height: number, width: number];

/** Largest side of a network's input, pixels. */
export const MOST_SIZE = 4096;

/** Height and width. */
export function heightWidth(size: InputSize): readonly [height: number, width: number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** The size of this height and width: one number where they are alike. */
export function sizeOfSides(height: number, width: number): InputSize {
  return height === width ? height : [height, width];
}

/** Each side, changed. */
export function mapSides(size: InputSize, change: (side: number, axis: 0 | 1) => number): InputSize {
  const [height, width] = heightWidth(size);
  return sizeOfSides(change(height, 0), change(width, 1));
}

/** Whether two sizes are the same. */
export function sameSize(a: InputSize, b: InputSize): boolean {
  const [[h, w], [height, width]] = [heightWidth(a), heightWidth(b)];
  return h === height && w === width;
}

/** Pixels of a picture. */
export function pixelsOf(size: InputSize): number {
  const [height, width] = heightWidth(size);
  return height * width;
}

/** The longer side. */
export function longerSide(size: InputSize): number {
  const [height, width] = heightWidth(size);
  return Math.max(height, width);
}

/** The shorter side. */
export function shorterSide(size: InputSize): number {
  const [height, width] = heightWidth(size);
  return Math.min(height, width);
}

/** `160×320`, height first. */
export function sizeText(size: InputSize): string {
  return heightWidth(size).join('×');
}

/** `224×224`, or `160×320 (160 high, 320 wide)`: what a banner says, so that nobody has to guess. */
export function saidSize(size: InputSize): string {
  return typeof size === 'number' ? sizeText(size) : `${sizeText(size)} (${size[0]} high, ${size[1]} wide)`;
}

/** As `--size` takes it: `224`, `160x320`. */
export function sizeArgument(size: InputSize): string {
  return typeof size === 'number' ? String(size) : size.join('x');
}

/** `InputSize` out of a file, sides of at most `most`. */
export const inputSizeUpTo = (most: number): Rule => {
  const [square, sides] = [whole(1, most), list(whole(1, most), 2, 2)];
  return (value, place) => (Array.isArray(value) ? sides : square)(value, place);
};
