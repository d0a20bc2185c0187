/**
 * The pictures of the lessons: ten shapes at any place, size, angle and pair of colours, on stripes and in noise, drawn by code,
 * the same each time; or those of a folder. All are in memory and of one size, so that an epoch costs no decoding.
 */
import { basename, resolve } from 'node:path';
import {
  type Augmentation,
  fromSamples,
  imageFolder,
  inMemory,
  networkView,
  type Preprocessing,
  type RgbImage,
  readImage,
  type Sample,
  type SampleSource,
} from 'tessera';
import { type Random, randomStream, shuffled } from '../../src/tensor/random.ts';
import { InputError } from '../../src/text/input-error.ts';

export interface Pictures {
  /** Where they come from, for people. */
  from: string;
  classes: readonly string[];
  side: number;
  /** About as many of each class. */
  train: readonly Sample[];
  held: readonly Sample[];
  /** Those on the disk. */
  files: readonly string[];
}

export interface PictureOptions {
  side: number;
  train: number;
  held: number;
}

type Inside = (x: number, y: number) => boolean;

const star: Inside = (x, y) => {
  const wedge = (2 * Math.PI) / 5;
  const angle = Math.abs((((Math.atan2(y, x) % wedge) + wedge) % wedge) - wedge / 2);
  return Math.hypot(x, y) * (Math.cos(angle) + 1.6 * Math.sin(angle)) < 0.9;
};

/** Each around 0, 0 with a radius of about 1. */
const SHAPES: Readonly<Record<string, Inside>> = {
  bars: (x, y) => Math.abs(x) < 0.85 && Math.abs(Math.abs(y) - 0.5) < 0.25,
  crescent: (x, y) => Math.hypot(x, y) < 0.95 && Math.hypot(x - 0.45, y) > 0.75,
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.28 && Math.max(Math.abs(x), Math.abs(y)) < 0.95,
  disc: (x, y) => Math.hypot(x, y) < 0.8,
  frame: (x, y) => Math.abs(Math.max(Math.abs(x), Math.abs(y)) - 0.6) < 0.2,
  'half disc': (x, y) => Math.hypot(x, y + 0.4) < 1 && y > -0.4,
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.7) < 0.22,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.72,
  star,
  triangle: (x, y) => y > -0.5 && Math.abs(x) < 0.58 * (1 - y),
};

/** The least difference of brightness between shape and ground, of 255. */
const CONTRAST = 60;

/** A shape on its ground. */
function draw(inside: Inside, side: number, random: Random): RgbImage {
  // Points of a pixel's side at which the shape is looked up.
  const points = side < 32 ? 3 : 2;
  let counter = 0;
  const between = (low: number, high: number): number => low + (high - low) * random(counter++);
  const colour = (): number[] => [between(20, 235), between(20, 235), between(20, 235)];
  const brightness = ([r, g, b]: number[]): number => 0.3 * r! + 0.6 * g! + 0.1 * b!;
  const ground = colour();
  let shape = colour();
  while (Math.abs(brightness(shape) - brightness(ground)) < CONTRAST) shape = colour();
  const radius = between(0.26, 0.44);
  const [cx, cy] = [between(radius, 1 - radius), between(radius, 1 - radius)];
  const [turn, stripes, waves, depth] = [between(0, 7), between(0, 7), between(1, 4), between(0, 25)];
  const noise = between(2, 12);
  const pixels = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const [px, py] = [i % side, Math.floor(i / side)];
    let covered = 0;
    for (let k = 0; k < points ** 2; k++) {
      const x = ((px + ((k % points) + 0.5) / points) / side - cx) / radius;
      const y = ((py + (Math.floor(k / points) + 0.5) / points) / side - cy) / radius;
      if (inside(x * Math.cos(turn) + y * Math.sin(turn), y * Math.cos(turn) - x * Math.sin(turn))) covered++;
    }
    const share = covered / points ** 2;
    const wave = (px * Math.cos(stripes) + py * Math.sin(stripes)) / side;
    const shade = depth * Math.sin(2 * Math.PI * waves * wave);
    for (let c = 0; c < 3; c++) {
      const value =
        share * shape[c]! + (1 - share) * (ground[c]! + shade) + noise * (between(-1, 1) + between(-1, 1));
      pixels[3 * i + c] = Math.max(0, Math.min(255, Math.round(value)));
    }
  }
  return { width: side, height: side, pixels };
}

/** Shapes to learn from and others to measure with, classes in turn. */
export function drawnShapes({ side, train, held }: PictureOptions): Pictures {
  const classes = Object.keys(SHAPES);
  const part = (purpose: string, count: number): Sample[] =>
    Array.from({ length: count }, (_, i) => {
      const label = i % classes.length;
      const image = draw(SHAPES[classes[label]!]!, side, randomStream(0, purpose, 0, i));
      return { file: `${classes[label]} ${purpose} ${i}`, label, image };
    });
  const from = `drawn shapes of ${classes.length} kinds, ${side}²`;
  return { from, classes, side, train: part('train', train), held: part('held', held), files: [] };
}

/**
 * Pictures of a folder, at most so many, scaled and cropped to the side. Those that cannot be read are told and left out.
 * @throws InputError where there are none to learn from or none to measure with
 */
export async function folderPictures(
  dir: string,
  { side, train, held }: PictureOptions,
  onUnreadable: (error: Error) => void,
): Promise<Pictures> {
  const { classes, ...set } = await imageFolder(dir);
  const chosen = {
    train: inTurns(set.train, classes.length).slice(0, train),
    held: inTurns(set.val, classes.length).slice(0, held),
    fresh: [],
  };
  const small = async ({ file }: Pick<Sample, 'file'>) => ({
    image: networkView(await readImage(file), preparing(side), side),
  });
  const read = await inMemory(chosen, small, { onUnreadable });
  if (read.train.length === 0 || read.held.length === 0)
    throw new InputError(
      `${dir} holds no pictures to learn from and others to measure with; put some into it`,
    );
  const files = [...set.train, ...set.val, ...set.test].map(({ file }) => file);
  return {
    from: `${basename(resolve(dir))}, ${side}²`,
    classes,
    side,
    train: read.train,
    held: read.held,
    files,
  };
}

/** The samples of all classes in turn, each class in a random order: the first n of them are about as many of each. */
function inTurns(samples: readonly Sample[], classes: number): Sample[] {
  const ranked = Array.from({ length: classes }, (_, label) => {
    const own = samples.filter((sample) => sample.label === label);
    return [...shuffled(own.length, 0, label, 'lesson')].map((index, rank) => ({
      sample: own[index]!,
      rank,
    }));
  });
  return ranked
    .flat()
    .sort((a, b) => a.rank - b.rank || a.sample.label - b.sample.label)
    .map(({ sample }) => sample);
}

/** How networks that start from random weights are shown pictures of a side. */
export const preparing = (side: number): Preprocessing => ({
  inputSize: side,
  resizeSize: side,
  interpolation: 'bilinear',
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
});

/** Batches in random order, each picture cropped a little and flipped at random. */
export const learning = (
  pictures: Pictures,
  batchSize: number,
  seed: number,
  vary: Augmentation = { scale: [0.8, 1] },
): SampleSource =>
  fromSamples(pictures.train, {
    batchSize,
    preprocessing: preparing(pictures.side),
    train: true,
    augmentation: vary,
    seed,
  });

/** Batches of what is measured, in order and as it is. */
export const measuring = (
  pictures: Pictures,
  samples: readonly Sample[] = pictures.held,
  batchSize = 100,
): SampleSource => fromSamples(samples, { batchSize, preprocessing: preparing(pictures.side) });
