/** What a network of ImageNet says to photographs: its five likeliest classes, before and after it learnt something else. */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  atSize,
  fromSamples,
  IMAGENET_PREPROCESSING,
  imagesOf,
  type Model,
  noGrad,
  type RgbImage,
  readImage,
  type SampleSource,
  scope,
} from 'tessera';
import { crop } from '../../src/data/image.ts';

/** Classes of ImageNet, which come first. */
export const OLD_CLASSES = 1000;
const SIDE = 96;
const FOLDER = fileURLToPath(new URL('../../data/photos/', import.meta.url));

/** The photographs that ship, each whole and in four quarters. */
export async function photographs(): Promise<SampleSource> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.jpg')).sort();
  const parts = names.map(async (name) => {
    const image = await readImage(`${FOLDER}${name}`);
    return [image, ...quarters(image)].map((part, i) => ({ file: `${name} ${i}`, label: 0, image: part }));
  });
  return fromSamples((await Promise.all(parts)).flat(), {
    batchSize: 7,
    preprocessing: atSize(IMAGENET_PREPROCESSING, SIDE),
  });
}

function quarters(image: RgbImage): RgbImage[] {
  const [width, height] = [image.width >> 1, image.height >> 1];
  return [0, 1, 2, 3].map((i) =>
    crop(image, { left: (i % 2) * width, top: (i >> 1) * height, width, height }),
  );
}

/** The five likeliest old classes of each photograph. */
export async function topFives(model: Model, photos: SampleSource): Promise<Set<number>[]> {
  const found: Set<number>[] = [];
  model.eval();
  for await (const batch of photos.load(0)) {
    const logits = noGrad(() =>
      scope(() => model.forward(imagesOf(batch, [...model.parameters()][0]!.device))),
    );
    const values = await logits.data();
    logits.dispose();
    for (let n = 0; n < batch.size; n++) {
      const row = values.subarray(n * model.numClasses, n * model.numClasses + OLD_CLASSES);
      const order = [...row.keys()].sort((a, b) => row[b]! - row[a]!);
      found.push(new Set(order.slice(0, 5)));
    }
  }
  return found;
}

/** How many of the five are the same, as a share, over all photographs. */
export function shareKept(before: readonly Set<number>[], after: readonly Set<number>[]): number {
  const kept = before.map((five, n) => [...five].filter((one) => after[n]!.has(one)).length / 5);
  return kept.reduce((sum, share) => sum + share, 0) / kept.length;
}
