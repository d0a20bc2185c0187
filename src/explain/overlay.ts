/**
 * A heatmap over its picture, for people to look at: the picture turned grey, so that no colour of its own is taken for the
 * map's, and the map above it, the more opaque the stronger it is.
 *
 * The colours are "magma" (van der Walt & Smith 2015, https://bids.github.io/colormap, CC0), as matplotlib has them: evenly
 * perceived, their lightness rises all the way, so that they can be read in grey and by colour-blind people.
 */
import { newImage, type RgbImage, whole } from '../data/image.ts';
import type { Heatmap } from './heatmap.ts';

/** Every sixteenth of magma's 256 colours; between them lies nothing that is off by more than 2.3 of 255. */
const MAGMA = (
  '000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f ' +
  'b73779 cf4070 e55064 f4695c fb8761 fea571 fec287 fde0a1 fcfdbf'
)
  .split(' ')
  .map((colour) => [0, 2, 4].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)));

/** The colour of a strength from 0 to 1, as [red, green, blue] from 0 to 255. */
export function heatColour(strength: number): [red: number, green: number, blue: number] {
  const place = Math.max(0, Math.min(1, strength)) * (MAGMA.length - 1);
  const lower = MAGMA[Math.floor(place)]!;
  const upper = MAGMA[Math.ceil(place)]!;
  const part = place - Math.floor(place);
  return lower.map((value, i) => Math.round(value + part * (upper[i]! - value))) as [number, number, number];
}

export interface OverlayOptions {
  /** How much of the picture the strongest place hides, from 0 to 1. Default 0.8. */
  opacity?: number;
}

/**
 * The map over a picture of any size, as 8-bit RGB. The map is stretched over the whole of it, bilinearly, as
 * `F.interpolate(mode='bilinear', align_corners=False)` does: hand in what the network saw (`networkView`), which is
 * a part from the picture's centre, or the picture with a border.
 */
export function overlay(map: Heatmap, picture: RgbImage, { opacity = 0.8 }: OverlayOptions = {}): RgbImage {
  const { width, height, pixels } = whole(picture);
  const result = newImage(width, height);
  const strengths = stretched(map, width, height);
  for (const [i, strength] of strengths.entries()) {
    const [red, green, blue] = [pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!];
    const grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    const alpha = opacity * strength;
    for (const [channel, colour] of heatColour(strength).entries())
      result.pixels[3 * i + channel] = Math.round((1 - alpha) * grey + alpha * colour);
  }
  return result;
}

/** The map on `width` × `height` points, bilinearly, its edge repeated outwards. */
function stretched({ values, height: h, width: w }: Heatmap, width: number, height: number): Float32Array {
  const columns = places(w, width);
  const result = new Float32Array(width * height);
  for (const [y, [top, bottom, down]] of places(h, height).entries())
    for (const [x, [left, right, along]] of columns.entries()) {
      const above = values[top * w + left]! * (1 - along) + values[top * w + right]! * along;
      const below = values[bottom * w + left]! * (1 - along) + values[bottom * w + right]! * along;
      result[y * width + x] = above * (1 - down) + below * down;
    }
  return result;
}

/** For each of `count` points along an axis of `cells`: the cells before and behind it, and how far it is on the way. */
function places(cells: number, count: number): [before: number, behind: number, way: number][] {
  return Array.from({ length: count }, (_, i) => {
    const place = Math.max(0, Math.min(cells - 1, ((i + 0.5) * cells) / count - 0.5));
    return [Math.floor(place), Math.min(Math.floor(place) + 1, cells - 1), place - Math.floor(place)];
  });
}
