/** Decoding against Pillow on small files of every odd kind; damaged and foreign files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage, readImage } from '../../../src/data/node/decode.ts';
import { writeImage } from '../../../src/data/node/encode.ts';
import { applyOrientation, exifOrientation } from '../../../src/data/node/exif.ts';
import { countScans } from '../../../src/data/node/jpeg.ts';
import { UnreadableImageError } from '../../../src/data/unreadable.ts';
import { assertSame, formula, largestDifference, pictureBytes, reference } from '../reference.ts';

const test = suite('data/decode');

/** Files whose pixels may differ from Pillow's, and by how much. */
const TOLERANCE: Record<string, number> = { 'rgb.avif': 6 };

for (const [name, expected] of Object.entries(reference.decoded)) {
  const tolerance = TOLERANCE[name] ?? 0;
  test(`${name} has Pillow's pixels${tolerance ? ` to ${tolerance} of 255` : ''}`, async () => {
    const image = await decodeImage(pictureBytes(name), name);
    assert.equal([image.width, image.height], [expected.width, expected.height]);
    assert.is(image.pixels.length, image.width * image.height * 3);
    if (tolerance === 0) assertSame(image.pixels, expected, name);
    else assert.ok(largestDifference(image.pixels, expected) <= tolerance);
  });
}

test('interlaced PNG: the orientation is applied once', async () => {
  const plain = pictureBytes('interlaced.png');
  const exif = pictureBytes('orientation-6.png');
  const at = Buffer.from(exif).indexOf('eXIf') - 4;
  const chunk = exif.subarray(at, at + 12 + new DataView(exif.buffer, exif.byteOffset + at).getUint32(0));
  const turned = await decodeImage(
    Buffer.concat([plain.subarray(0, 33), chunk, plain.subarray(33)]),
    'x.png',
  );
  assert.equal(turned.pixels, applyOrientation(await decodeImage(plain, 'x.png'), 6).pixels);
});

test('what is written is read again: PNG to the bit, JPEG and WebP nearly; other endings are refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-encode-'));
  const pixels = Uint8Array.from(
    { length: 9 * 8 * 3 },
    (_, i) => (37 + 3 * Math.floor(i / 3) + (i % 3)) % 256,
  );
  const image = { width: 9, height: 8, pixels };
  for (const [ending, tolerance] of [
    ['png', 0],
    ['JPG', 12],
    ['webp', 12],
  ] as const) {
    const file = join(folder, `x.${ending}`);
    await writeImage(file, image);
    const back = await readImage(file);
    assert.equal([back.width, back.height], [9, 8]);
    const most = back.pixels.reduce((worst, value, i) => Math.max(worst, Math.abs(value - pixels[i])), 0);
    assert.ok(most <= tolerance, `${ending}: ${most} of 255`);
  }
  await writeImage('x.gif', image).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /x\.gif ends in none of \.png, \.jpg, \.jpeg, \.webp/),
  );
  await rm(folder, { recursive: true });
});

const broken: [string, () => Uint8Array, RegExp][] = [
  ['no bytes', () => new Uint8Array(0), /^x\.jpg is empty \(0 bytes\)$/],
  [
    'text',
    () => Buffer.from('not a picture at all'),
    /^x\.jpg is not a PNG, JPEG, GIF, WebP, TIFF, AVIF or BMP/,
  ],
  ['an SVG', () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /is an SVG drawing/],
  ['an SVG with a head', () => Buffer.from('<?xml version="1.0"?>\n<!-- x -->\n<svg/>'), /is an SVG drawing/],
  ['a web page', () => Buffer.from('\n<!DOCTYPE html><html>404'), /is a web page and no picture/],
  [
    'a pointer',
    () => Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
    /; git lfs pull fetches it/,
  ],
  [
    'JPEG XL',
    () => Buffer.from([0xff, 0x0a, 0xfa, 0x1f]),
    /is a JPEG XL picture, which is not read; save it/,
  ],
  ['JPEG 2000', () => Buffer.from('\0\0\0\x0cjP  \r\n', 'latin1'), /is a JPEG 2000 picture/],
  ['BigTIFF', () => Buffer.from('II+\0\x08\0\0\0', 'latin1'), /is a BigTIFF/],
  ['an icon', () => Buffer.from([0, 0, 1, 0, 1, 0, 16, 16]), /is an icon/],
  ['a video', () => Buffer.from('\0\0\0\x18ftypisom\0\0\0\0', 'latin1'), /is a video/],
  ['a PDF', () => Buffer.from('%PDF-1.7'), /is a PDF/],
  ['a Photoshop document', () => Buffer.from('8BPS\0\x01'), /is a Photoshop document/],
  [
    'an AVIF of HEVC that names only its family',
    () =>
      Buffer.from(
        `\0\0\0\x18ftypmif1\0\0\0\0mif1miaf${'\0'.repeat(300)}infe\x02\0\0\0\0\x01\0\0hvc1`,
        'latin1',
      ),
    /is a HEIC picture/,
  ],
  [
    'a HEIC of an iPhone',
    () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0', 'latin1'),
    /is a HEIC picture, whose HEVC .*; save it as JPEG/,
  ],
  [
    'a HEIC of another phone',
    () => Buffer.from('\0\0\0\x1cftypmif1\0\0\0\0mif1heix\0\0\0\0', 'latin1'),
    /is a HEIC picture/,
  ],
  ['half a JPEG', () => half('rgb.jpg'), /damaged or truncated JPEG/],
  ['half a progressive JPEG', () => half('progressive.jpg'), /damaged or truncated JPEG/],
  ['half a PNG', () => half('alpha.png'), /damaged or truncated PNG \(the file ends before/],
  ['half an interlaced PNG', () => half('interlaced.png'), /damaged or truncated PNG/],
  ['half a WebP', () => half('rgb.webp'), /damaged or truncated WebP/],
  ['half a TIFF', () => half('alpha.tif'), /damaged or truncated TIFF/],
  ['half a BMP', () => half('rgb.bmp'), /damaged or truncated BMP \(its rows hold 941 bytes of 1935\)/],
  [
    'half a BMP of runs',
    () => pictureBytes('rle-8.bmp').slice(0, -20),
    /truncated BMP \(its data end in row \d+ of 22\)/,
  ],
  ['the header of a BMP', () => pictureBytes('rgb.bmp').slice(0, 40), /truncated BMP \(the file ends before/],
  ['half a GIF', () => half('palette.gif'), /damaged or truncated GIF/],
  ['the first bytes of a PNG', () => pictureBytes('rgb-16bit.png').slice(0, 8), /damaged or truncated PNG/],
  [
    'a PNG of 2³¹ pixels a side',
    () => resized(0x7fffffff),
    /2147483647 × 2147483647 pixels; at most 100,000,000/,
  ],
  ['a PNG of no pixels', () => resized(0), /says it is 0 × 0 pixels/],
];
for (const [name, bytes, message] of broken) {
  test(`${name}: a sentence that names the file`, async () => {
    const error = await failure(decodeImage(bytes(), 'x.jpg'));
    assert.instance(error, UnreadableImageError);
    assert.match(error.message, message);
    assert.is(error.file, 'x.jpg');
    assert.not.match(error.message, /\n/);
  });
}

test('maxPixels bounds every format before pixels are decoded', async () => {
  for (const name of [
    'rgb.jpg',
    'alpha.png',
    'interlaced.png',
    'rgb.webp',
    'palette.gif',
    'pages.tif',
    'rgb.avif',
    'rgb.bmp',
    'rle-8.bmp',
  ]) {
    const error = await failure(decodeImage(pictureBytes(name), name, { maxPixels: 29 * 22 - 1 }));
    assert.match(error.message, /says it is 29 × 22 pixels; at most 637 are decoded/);
    await decodeImage(pictureBytes(name), name, { maxPixels: 29 * 22 });
  }
});

test('readImage: a missing file and a folder are sentences, a picture is a picture', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-'));
  try {
    assert.match(
      (await failure(readImage(join(dir, 'none.jpg')))).message,
      /none\.jpg cannot be read: there is no such file or folder \(ENOENT/,
    );
    assert.match((await failure(readImage(dir))).message, /cannot be read: it is a folder; name a file$/);
    await writeFile(join(dir, 'lies.png'), pictureBytes('rgb.jpg'));
    assert.is((await readImage(join(dir, 'lies.png'))).width, 29);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('scans are counted up to the end of the picture, and not within segments', () => {
  const progressive = Buffer.from(pictureBytes('progressive.jpg'));
  assert.is(countScans(progressive), 10);
  assert.is(countScans(pictureBytes('rgb.jpg')), 1);
  const thumbnail = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 0]), progressive]);
  thumbnail.writeUInt16BE(thumbnail.length - 2, 2);
  const nested = Buffer.concat([progressive.subarray(0, 2), thumbnail, progressive.subarray(2), progressive]);
  assert.is(countScans(nested), 10);
  for (let end = 0; end < progressive.length; end += 7)
    assert.ok(countScans(progressive.subarray(0, end)) <= 10);
});

test('exifOrientation: damaged blocks are upright', () => {
  const block = (...bytes: number[]) => new Uint8Array(bytes);
  const entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0];
  assert.is(exifOrientation(block(0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, ...entry)), 6);
  assert.is(exifOrientation(block(0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, ...entry.slice(0, 11))), 1);
  assert.is(exifOrientation(block(0x49, 0x49, 42, 0, 255, 255, 255, 255)), 1);
  assert.is(exifOrientation(block(0x49, 0x49)), 1);
  assert.is(exifOrientation(block(1, 2, 3, 4, 5, 6, 7, 8)), 1);
});

test('applyOrientation: all eight are different, and each turns back', () => {
  const image = formula(3, 2, 'noise');
  const turned = [1, 2, 3, 4, 5, 6, 7, 8].map((o) => applyOrientation(image, o));
  assert.is(new Set(turned.map(({ width, pixels }) => `${width} ${pixels}`)).size, 8);
  const inverse = [1, 2, 3, 4, 5, 8, 7, 6];
  turned.forEach((picture, i) => {
    assert.equal(applyOrientation(picture, inverse[i]).pixels, image.pixels);
  });
});

function half(name: string): Uint8Array {
  const bytes = pictureBytes(name);
  return bytes.subarray(0, bytes.length >> 1);
}

/** A PNG whose header claims another size. */
function resized(side: number): Uint8Array {
  const bytes = new Uint8Array(pictureBytes('alpha.png'));
  const view = new DataView(bytes.buffer);
  view.setUint32(16, side);
  view.setUint32(20, side);
  return bytes;
}

async function failure(promise: Promise<unknown>): Promise<UnreadableImageError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof UnreadableImageError) return error;
    throw error;
  }
  return assert.unreachable('it was readable') as never;
}

test.run();
