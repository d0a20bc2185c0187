/** A folder of small pictures for the examples: two classes that differ in colour, with noise. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { pseudo } from '../../src/verify/pseudo.ts';

const SIDE = 64;
const COLOURS = { berries: [170, 60, 90], leaves: [70, 150, 60] };

/** Writes `count` PNGs a class into `folder/CLASS/`. */
export async function writePictures(folder: string, count: number): Promise<void> {
  for (const [name, colour] of Object.entries(COLOURS)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let index = 0; index < count; index++) {
      const noise = pseudo(`${name}/${index}`, SIDE * SIDE * 3);
      const pixels = Uint8Array.from(noise, (value, i) => colour[i % 3]! + 50 * value);
      const raw = { width: SIDE, height: SIDE, channels: 3 as const };
      writeFileSync(join(folder, name, `${index}.png`), await sharp(pixels, { raw }).png().toBuffer());
    }
  }
}
