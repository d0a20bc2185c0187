/**
 * What is inside a network, for readers: the filters of its first convolution, and what each stage makes of a picture.
 *
 * The first convolution reads colours, so that its filters are pictures themselves: edges, gratings and blobs of colour in
 * a trained network, noise in one that has learnt nothing (Krizhevsky et al. 2012, figure 3; Zeiler & Fergus 2014). Behind it
 * a filter reads features, which have no colour, and what can be looked at is where in the picture each one answers.
 */
import { newImage, type RgbImage } from '../data/image.ts';
import { Conv2d, type Model } from '../nn/index.ts';
import { noGrad, scope, show, type Tensor } from '../tensor/index.ts';
import { observing } from './observing.ts';

/**
 * The filters of the first convolution [kh, kw, 3, K] as K pictures of kh × kw pixels. Each is scaled by its own largest
 * weight: a weight of 0 is mid-grey (128), ± the largest is 255 and 1.
 */
export async function firstFilters(model: Model): Promise<{ name: string; filters: RgbImage[] }> {
  for (const [name, module] of model.namedModules()) {
    if (!(module instanceof Conv2d)) continue;
    const [height, width, channels, count] = module.weight.shape as [number, number, number, number];
    if (channels !== 3)
      throw new RangeError(
        `firstFilters: ${name} reads ${channels} channels, so its filters have no colours`,
      );
    const weights = await module.weight.data();
    const filters = Array.from({ length: count }, (_, k) => {
      const own = Float32Array.from({ length: height * width * 3 }, (_, i) => weights[i * count + k]!);
      const most = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
      return {
        width,
        height,
        pixels: Uint8Array.from(own, (value) => Math.round(128 + (127 * value) / most)),
      };
    });
    return { name, filters };
  }
  throw new RangeError('firstFilters: the network has no convolution');
}

/** What a stage makes of a picture, some of its channels. */
export interface FeatureMaps {
  stage: string;
  height: number;
  width: number;
  /** How many channels the stage has. */
  channels: number;
  /** The channels that are shown, those that vary most over the picture first. */
  shown: Int32Array;
  /** [shown, height, width]; each map is scaled by itself, its smallest value to 0 and its largest to 1. */
  maps: Float32Array;
  /** The smallest and the largest value of each map before: [shown, 2]. */
  ranges: Float32Array;
}

export interface FeatureMapOptions {
  /** The stages to show; by default all whose results are maps. */
  stages?: readonly string[];
  /** Channels of each stage, those with the largest standard deviation over the picture. Default 16. */
  most?: number;
}

/**
 * The feature maps of one picture [1, H, W, 3], stage by stage, in evaluation mode. The model stays as it is.
 * @throws RangeError for more than one picture, and for a stage that the network does not have or whose result is no map
 */
export async function featureMaps(
  model: Model,
  image: Tensor,
  { stages, most = 16 }: FeatureMapOptions = {},
): Promise<FeatureMaps[]> {
  if (image.shape[0] !== 1)
    throw new RangeError(`featureMaps: one picture [1, H, W, 3] at a time, not ${show(image.shape)}`);
  const last = model.stageIndex(model.featureStage);
  for (const stage of stages ?? [])
    if (model.stageIndex(stage) > last)
      throw new RangeError(
        `featureMaps: stage '${stage}' gives no maps; choose among ${model.stages.slice(0, last + 1).join(', ')}`,
      );
  const found: FeatureMaps[] = [];
  let x = image;
  for (const stage of model.stages.slice(0, last + 1)) {
    const before = x;
    x = observing(model, () =>
      noGrad(() => scope(() => model.forwardStages(before, { from: stage, through: stage }))),
    );
    if (before !== image) before.dispose();
    if (!stages || stages.includes(stage)) found.push(chosenMaps(stage, x.shape, await x.data(), most));
  }
  if (x !== image) x.dispose();
  return found;
}

/** The maps of the channels that vary most, out of a stage's result [1, h, w, C]. */
function chosenMaps(
  stage: string,
  shape: readonly number[],
  values: ArrayLike<number>,
  most: number,
): FeatureMaps {
  const [, height, width, channels] = shape as [number, number, number, number];
  const size = height * width;
  const spread = Float64Array.from({ length: channels }, (_, channel) => {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < size; i++) {
      const value = values[i * channels + channel]!;
      sum += value;
      squares += value * value;
    }
    return squares / size - (sum / size) ** 2;
  });
  const order = Array.from(spread.keys()).sort((a, b) => spread[b]! - spread[a]! || a - b);
  const shown = Int32Array.from(order.slice(0, most));
  const maps = new Float32Array(shown.length * size);
  const ranges = new Float32Array(shown.length * 2);
  for (const [place, channel] of shown.entries()) {
    const map = maps.subarray(place * size, (place + 1) * size);
    for (let i = 0; i < size; i++) map[i] = values[i * channels + channel]!;
    const low = map.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const high = map.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    for (let i = 0; i < size; i++) map[i] = high > low ? (map[i]! - low) / (high - low) : 0;
    ranges.set([low, high], 2 * place);
  }
  return { stage, height, width, channels, shown, maps, ranges };
}

/** The maps of a stage as grey pictures, 0 black and 1 white. */
export function mapPictures({ maps, shown, height, width }: FeatureMaps): RgbImage[] {
  const size = height * width;
  return Array.from(shown, (_, place) => {
    const pixels = new Uint8Array(size * 3);
    for (let i = 0; i < size; i++) pixels.fill(Math.round(255 * maps[place * size + i]!), 3 * i, 3 * i + 3);
    return { width, height, pixels };
  });
}

export interface ContactSheetOptions {
  /** Pictures in a row. Default 8. */
  columns?: number;
  /** Pixels of a picture's longer side on the sheet. Default 64. */
  side?: number;
  /** Pixels between pictures. Default 4. */
  gap?: number;
}

/**
 * Pictures in rows on white, as 8-bit RGB. They are enlarged to `side` by repeating pixels, so that what was computed is
 * seen as it is; larger ones lose pixels.
 */
export function contactSheet(
  pictures: readonly RgbImage[],
  { columns = 8, side = 64, gap = 4 }: ContactSheetOptions = {},
): RgbImage {
  const across = Math.min(columns, pictures.length);
  const down = Math.ceil(pictures.length / columns);
  const sheet = newImage(across * (side + gap) - gap, down * (side + gap) - gap);
  sheet.pixels.fill(255);
  for (const [place, { width, height, pixels }] of pictures.entries()) {
    const scale = side / Math.max(width, height);
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    const left = (place % columns) * (side + gap);
    const top = Math.floor(place / columns) * (side + gap);
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const from = 3 * (Math.floor(y / scale) * width + Math.floor(x / scale));
        sheet.pixels.set(pixels.subarray(from, from + 3), 3 * ((top + y) * sheet.width + left + x));
      }
  }
  return sheet;
}
