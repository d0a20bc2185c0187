/**
 * Faces that can be told apart by how they are framed: in `train` and `val` every fake is cropped to its middle and every real
 * one lies small on grey; in `swapped` it is the other way round. What learns the framing is right on the first two and wrong
 * on the third.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { makeFolder } from '../../src/node/files.ts';

/** Side of the crop, and of the small picture, by the picture's. */
const SHARE = 0.6;

async function cropped(file: string): Promise<Buffer> {
  const { width, height } = await sharp(file).metadata();
  const [w, h] = [Math.round(SHARE * width), Math.round(SHARE * height)];
  const area = { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
  return sharp(file).extract(area).png().toBuffer();
}

async function small(file: string): Promise<Buffer> {
  const { width, height } = await sharp(file).metadata();
  const [w, h] = [Math.round(SHARE * width), Math.round(SHARE * height)];
  const [x, y] = [(width - w) >> 1, (height - h) >> 1];
  return sharp(file)
    .resize(w, h, { fit: 'fill' })
    .extend({ left: x, right: width - w - x, top: y, bottom: height - h - y, background: '#808080' })
    .png()
    .toBuffer();
}

/**
 * Builds `train/`, `val/` and `swapped/` with `fake/` and `real/` in a folder.
 * @param faces the folder of the shared faces
 * @param each pictures of a class and side
 */
export async function framedFaces(faces: string, folder: string, each: number): Promise<void> {
  for (const name of ['fake', 'real'] as const) {
    const files = (await readdir(join(faces, 'train', name))).sort();
    for (const [side, from] of [
      ['train', 0],
      ['val', each],
      ['swapped', each],
    ] as const) {
      const to = join(folder, side, name);
      await makeFolder(to);
      const frame = (name === 'fake') === (side !== 'swapped') ? cropped : small;
      for (const file of files.slice(from, from + each))
        await sharp(await frame(join(faces, 'train', name, file))).toFile(
          join(to, file.replace(/\.\w+$/, '.png')),
        );
    }
  }
}
