/**
 * What an explanation of pictures is, whichever method made it: for each picture a map [h, w] of where the network found
 * what speaks for a class, and which class that was.
 */

import type { Rectangle } from '../data/image.ts';
import { heightWidth, type InputSize } from '../data/input-size.ts';

/** A map over one picture: `values` is [height, width], each from 0 to 1, which is its strongest place. */
export interface Heatmap {
  values: Float32Array;
  height: number;
  width: number;
}

/** Maps of a batch of N pictures. */
export interface Explanation {
  /**
   * [N, height, width], each map divided by its largest value. A map that is 0 everywhere stays so: nothing in the
   * picture speaks for the class.
   */
  maps: Float32Array;
  height: number;
  width: number;
  /** The largest value of each map before it was divided: 0 for a map that is 0 everywhere. */
  strengths: Float32Array;
  /** The class that each map is of. */
  classes: Int32Array;
  /** What the network answers: [N, classes of the network], each row a softmax, or of several labels a picture their sigmoids; NaN where it answers no numbers. */
  probabilities: Float32Array;
}

/** Map `picture` of an explanation, a view. */
export function heatmapOf({ maps, height, width }: Explanation, picture: number): Heatmap {
  const size = height * width;
  return { values: maps.subarray(picture * size, (picture + 1) * size), height, width };
}

/** Divides each of the maps by its largest value, in place, and returns those values; one without any becomes 0. */
export function normaliseMaps(maps: Float32Array, size: number): Float32Array {
  return Float32Array.from({ length: maps.length / size }, (_, picture) => {
    const map = maps.subarray(picture * size, (picture + 1) * size);
    const most = map.reduce((a, b) => (a >= b ? a : b), 0);
    const sound = most > 0 && most < Number.POSITIVE_INFINITY;
    for (let i = 0; i < size; i++) map[i] = sound ? map[i]! / most : 0;
    return most;
  });
}

/** The place of the largest value; of equal ones the first. */
export function strongestPlace({ values, width }: Heatmap): { row: number; column: number } {
  let most = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[most]!) most = i;
  return { row: Math.floor(most / width), column: most % width };
}

/**
 * The part of a map that lies over `part` of its picture, such as what a border leaves (`ownPart`): about as many cells as lay
 * there, each the mean of what it covers.
 * @param inputSize of the picture, whose pixels `part` counts
 */
export function within(map: Heatmap, part: Rectangle, inputSize: InputSize): Heatmap {
  const [H, W] = heightWidth(inputSize);
  if (part.width === W && part.height === H) return map;
  const rows = spans(map.height, part.top / H, part.height / H);
  const columns = spans(map.width, part.left / W, part.width / W);
  const values = new Float32Array(rows.length * columns.length);
  for (const [i, row] of rows.entries())
    for (const [j, column] of columns.entries()) {
      let [sum, covered] = [0, 0];
      for (const [y, high] of row)
        for (const [x, wide] of column) {
          sum += high * wide * map.values[y * map.width + x]!;
          covered += high * wide;
        }
      values[i * columns.length + j] = sum / covered;
    }
  return { values, height: rows.length, width: columns.length };
}

/** Equal parts of a stretch of an axis: of each the cells that it covers, and how much of them. */
function spans(cells: number, start: number, share: number): [cell: number, covered: number][][] {
  const count = Math.max(1, Math.round(cells * share));
  const length = (cells * share) / count;
  return Array.from({ length: count }, (_, i) => {
    const from = cells * start + i * length;
    const to = from + length;
    const covered: [number, number][] = [];
    for (let cell = Math.floor(from); cell < Math.min(Math.ceil(to), cells); cell++)
      covered.push([cell, Math.min(to, cell + 1) - Math.max(from, cell)]);
    return covered;
  });
}

/** Side of the centre, as a share of the picture's: it has half of the area. */
const CENTRE = Math.SQRT1_2;

/**
 * The share of a map's mass that lies in the outer ring of the picture, outside of a centre that has half of the area:
 * 1/2 where the map is even, more where the network looks at the border. Each cell of the map counts by the part of
 * it that lies in the ring. A picture's subject is in the middle more often than not; maps that lie in the ring for many
 * pictures of a class say that the network looks at how they are framed, or at the background. NaN for a map that is
 * 0 everywhere.
 */
export function borderShare({ values, height, width }: Heatmap): number {
  const rows = centreParts(height);
  const columns = centreParts(width);
  let total = 0;
  let centre = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const value = values[row * width + column]!;
      total += value;
      centre += value * rows[row]! * columns[column]!;
    }
  return 1 - centre / total;
}

/** Of each of `count` equal parts of an axis, the share that lies in the centre. */
function centreParts(count: number): number[] {
  const from = (count * (1 - CENTRE)) / 2;
  const to = count - from;
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(i + 1, to) - Math.max(i, from)));
}
