/**
 * Hostile pictures: thousands of mutated files of every format, with the stage that each reached. PNG is read by pngjs
 * behind our own walk over its chunks, BMP by our own decoder, everything else by libvips.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../../src/data/node/decode.ts';
import { UnreadableImageError } from '../../../src/data/unreadable.ts';
import { type Edit, type HostileReader, type Seed, withstands } from '../../helpers/hostile.ts';
import { crc32, pictureBytes, reference } from '../reference.ts';

const hostile = suite('data: hostile pictures');

/** A mutated header may claim any size; larger pictures than this are refused, so that memory has a bound. */
const MAX_PIXELS = 2 ** 20;

/** An AVIF file is nearly all header: half of the edits go to its compressed data. */
function seed(bytes: Uint8Array): Seed {
  const data = Buffer.from(bytes).indexOf('mdat', 0, 'latin1');
  return data < 0 ? { bytes } : { bytes, focus: [[data + 4, bytes.length]] };
}

/** Decodes, and checks that there is a pixel for every place. */
async function decodeAndCheck(bytes: Uint8Array): Promise<void> {
  const { width, height, pixels } = await decodeImage(bytes, 'file', { maxPixels: MAX_PIXELS });
  assert.is(pixels.length, width * height * 3);
}

function pictureReader(name: string, files: number, endings: string[]): HostileReader {
  const pictures = Object.keys(reference.decoded).filter((file) =>
    endings.some((ending) => file.endsWith(ending)),
  );
  return {
    name,
    files,
    seeds: pictures.map((file) => seed(pictureBytes(file))),
    stages: ['sniff', 'header', 'pixels', 'read'],
    header: 'header',
    read: decodeAndCheck,
    refused: (error) => (error instanceof UnreadableImageError ? (error.stage ?? null) : null),
    // Four channels of 16 bits, as decoded, and RGB; the rest is the libraries' own.
    allowance: MAX_PIXELS * (4 * 2 + 3) + 32 * 2 ** 20,
  };
}

/** Another byte in the data of a chunk, whose checksum is then made right: a PNG that gets as far as its pixels. */
const chunkEdit: fc.Arbitrary<Edit> = fc.tuple(fc.nat(7), fc.nat(2 ** 16), fc.nat(255)).map(
  ([which, place, value]): Edit =>
    (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const chunks: [start: number, length: number][] = [];
      for (let at = 8; at + 12 <= bytes.length; at += 12 + chunks.at(-1)![1]) {
        const length = view.getUint32(at);
        if (at + 12 + length > bytes.length) break;
        chunks.push([at, length]);
      }
      const [start, length] = chunks[which % chunks.length] ?? [0, 0];
      if (length === 0) return bytes;
      const checked = bytes.subarray(start + 4, start + 8 + length);
      checked[4 + (place % length)] = value;
      view.setUint32(start + 8 + length, crc32(checked));
      return bytes;
    },
);

const READERS: HostileReader[] = [
  { ...pictureReader('PNG', 3000, ['.png']), structured: chunkEdit },
  pictureReader('JPEG', 1500, ['.jpg']),
  pictureReader('WebP', 800, ['.webp']),
  pictureReader('GIF', 800, ['.gif']),
  pictureReader('TIFF', 800, ['.tif']),
  pictureReader('AVIF', 300, ['.avif']),
  pictureReader('BMP', 1500, ['.bmp', '.dib']),
];

for (const reader of READERS)
  hostile(`${reader.files} mutated files: ${reader.name}`, () => withstands(reader));

hostile.run();
