/** `explain --features`: the filters of the first layer, and the feature maps of each stage. */
import { basename } from 'node:path';
import { readImage } from '../../data/node/decode.ts';
import { networkView } from '../../data/transforms.ts';
import { featureMaps, firstFilters } from '../../explain/features.ts';
import { writeWhole } from '../../node/files.ts';
import { insideSheet, SHOWN_SIDE } from '../../report/explained.ts';
import { shown } from '../../text/shown.ts';
import { imagesOf } from '../../train/infer.ts';
import { batchesOf, type Pass } from './pass.ts';

/** What is said of a picture with `--features`. */
export interface OpenedPicture {
  file: string;
  filters: { name: string; count: number };
  stages: { stage: string; channels: number; height: number; width: number; shown: number[] }[];
  written: string;
}

/** Draws what is inside the network, a sheet for each picture. */
export async function drawInsides(pass: Pass): Promise<OpenedPicture[]> {
  const { classifier, device, place, options, stop } = pass;
  const { model, preprocessing } = classifier;
  const filters = await firstFilters(model);
  const found: OpenedPicture[] = [];
  for await (const batch of batchesOf(pass, 1)) {
    const [{ file }] = batch.samples;
    const images = imagesOf(batch, device);
    const stages = await featureMaps(model, images, options.stage ? { stages: [options.stage] } : {});
    images.dispose();
    const picture = networkView(await readImage(file), preprocessing, SHOWN_SIDE);
    const written = place.of(file);
    const sheet = await insideSheet({ title: basename(file), picture, filters, stages }, written);
    await writeWhole(written, sheet);
    found.push({
      file,
      filters: { name: filters.name, count: filters.filters.length },
      stages: stages.map(({ maps: _, ranges, shown, ...stage }) => ({ ...stage, shown: [...shown] })),
      written,
    });
    if (stop.requested) break;
  }
  return found;
}

/** A block for the terminal. */
export function opened({ file, filters, stages }: OpenedPicture): string {
  return `${shown(file)}\n  ${filters.count} filters of ${shown(filters.name)}, feature maps of ${stages.map(({ stage }) => stage).join(', ')}\n`;
}
