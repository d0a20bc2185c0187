/** What the data tests share: the formula pictures, and the comparison with Pillow's and torchvision's values. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { newImage, type RgbImage } from '../../src/data/image.ts';
import type { ResizeFilter } from '../../src/kernels/image/resize-coefficients.ts';

/** A checksum of an array, and every `step`-th value of it. */
export interface Summary {
  sha256: string;
  step: number;
  values: number[];
}

export type PictureKind = 'smooth' | 'noise' | 'extreme';

/** test/reference/data.json, written by test/reference/generate_data.py. */
export interface Reference {
  decoded: Record<string, Summary & { width: number; height: number }>;
  resizes: (Summary & {
    in: [number, number];
    out: [number, number];
    filter: ResizeFilter;
    kind: PictureKind;
    box: [number, number, number, number] | null;
  })[];
  crops: {
    size: [number, number];
    scale: [number, number];
    ratio: [number, number];
    uniform: number[];
    area: [number, number, number, number];
  }[];
  photos: Record<string, Summary>;
  transforms: {
    mean: [number, number, number];
    std: [number, number, number];
    cases: (Summary & {
      in: [number, number];
      resizeSize: number;
      inputSize: number;
      interpolation: ResizeFilter;
    })[];
  };
}

const folder = new URL('../reference/', import.meta.url);

export const reference: Reference = JSON.parse(readFileSync(new URL('data.json', folder), 'utf8'));

/** The bytes of a picture of test/reference/pictures. */
export function pictureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`pictures/${name}`, folder));
}

/** The picture that `formula` of generate_data.py computes. */
export function formula(width: number, height: number, kind: PictureKind): RgbImage {
  const image = newImage(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, i++) {
        const smooth = x * 3 + y * 2 + c * 40 + Math.floor((x * y) / 16);
        const noise = ((x * 7919 + y * 104729 + c * 1299709) ^ (x * y * 31 + x)) % 1009;
        image.pixels[i] = { smooth: smooth % 256, noise: noise % 256, extreme: (noise % 2) * 255 }[kind];
      }
    }
  }
  return image;
}

/** Largest difference to the stored values. */
export function largestDifference(got: Uint8Array | Float32Array, { step, values }: Summary): number {
  return values.reduce((worst, value, i) => Math.max(worst, Math.abs(got[i * step] - value)), 0);
}

/** Asserts that the array is the reference's, bit for bit. */
export function assertSame(got: Uint8Array | Float32Array, expected: Summary, message: string): void {
  const bytes = new Uint8Array(got.buffer, got.byteOffset, got.byteLength);
  if (createHash('sha256').update(bytes).digest('hex') === expected.sha256) return;
  assert.unreachable(`${message}: stored values differ by up to ${largestDifference(got, expected)}`);
}

/** The checksum of a PNG's chunk (ISO 3309), bit by bit. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
