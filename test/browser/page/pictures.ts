/**
 * Pictures in the page: the browser's decoders against the formats' known pixels, and batches from files that a user
 * chose, from addresses and from pictures that are none.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeBlob } from '../../../src/data/blob.ts';
import { loadBatches } from '../../../src/data/in-thread.ts';
import type { Batch } from '../../../src/data/loader.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { UnreadableImageError } from '../../../src/data/unreadable.ts';
import { fixture } from '../../helpers/fixture.ts';
import { PREPROCESSING } from '../../train/tiny.ts';

const test = suite('pictures');
const address = (name: string): string => `/test/reference/pictures/${name}`;
const blobOf = async (name: string): Promise<Blob> => (await fetch(address(name))).blob();

async function hashOf(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

interface Decoded {
  width: number;
  height: number;
  sha256: string;
}
const { decoded } = fixture<{ decoded: Record<string, Decoded> }>('data.json');

/**
 * A canvas stores colours times alpha, so what lies under transparent pixels is lost; Chromium takes what a BMP of runs jumps
 * over for transparent, and rounds five and six bits where Pillow cuts.
 */
const LOSES_COLOURS = [
  '15-bit.bmp',
  '16-bit.bmp',
  'alpha.bmp',
  'alpha.png',
  'alpha.webp',
  'grey-alpha.png',
  'palette-transparent.png',
  'rle-4.bmp',
  'rle-8.bmp',
  'transparent-colour.png',
];
/** Chromium reads no TIFF and no DIB, and turns no WebP by its Exif. */
const NOT_READ = ['alpha.tif', 'cmyk.tif', 'headless.dib', 'pages.tif'];
const NOT_TURNED = ['orientation-6.webp'];

for (const [name, { width, height, sha256 }] of Object.entries(decoded).filter(
  ([name]) => ![...NOT_READ, ...NOT_TURNED].includes(name),
))
  test(`${name}: ${LOSES_COLOURS.includes(name) ? 'its size' : "Pillow's pixels"}`, async () => {
    const image = await decodeBlob(await blobOf(name), name);
    assert.equal([image.width, image.height], [width, height]);
    if (!LOSES_COLOURS.includes(name)) assert.is(await hashOf(image.pixels), sha256);
  });

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.unreachable('a picture came out'),
    (error: unknown) => error,
  );
  assert.instance(error, UnreadableImageError);
  return (error as UnreadableImageError).message;
}

test('what is no picture is a sentence that names it', async () => {
  const text = new Blob(['not a picture']);
  assert.is(await refusal(decodeBlob(text, 'x.jpg')), 'x.jpg is no picture that this browser can decode');
  assert.is(await refusal(decodeBlob(new Blob([]), 'x.jpg')), 'x.jpg is empty (0 bytes)');
  const large = decodeBlob(await blobOf('rgb.jpg'), 'x.jpg', { maxPixels: 29 * 22 - 1 });
  assert.is(await refusal(large), 'x.jpg has 29 × 22 pixels; at most 637 are decoded');
});

test('batches of blobs, addresses and decoded pictures, and what cannot be read is left out', async () => {
  const image = await decodeBlob(await blobOf('rgb.jpg'), 'rgb.jpg');
  const samples: Sample[] = [
    { file: 'chosen.jpg', label: 0, blob: await blobOf('rgb.jpg') },
    { file: address('rgb.jpg'), label: 1 },
    { file: address('missing.jpg'), label: 2 },
    { file: 'decoded', label: 3, image },
  ];
  const told: string[] = [];
  const options = { batchSize: 4, preprocessing: PREPROCESSING };
  const batches: Batch[] = [];
  for await (const batch of loadBatches(samples, {
    ...options,
    onUnreadable: ({ message }) => told.push(message),
  }))
    batches.push(batch);
  assert.equal(told, [`${address('missing.jpg')} cannot be fetched: the server answers 404 Not Found`]);
  const [{ images, labels, skipped }] = batches;
  assert.equal([batches.length, [...labels], skipped], [1, [0, 1, 3], 1]);
  const [first, ...others] = [0, 1, 2].map((i) =>
    images.slice((i * images.length) / 3, ((i + 1) * images.length) / 3),
  );
  assert.ok(first.some((value) => value !== first[0]));
  for (const other of others) assert.equal(other, first);
});

test.run();
