/**
 * Pictures whose data are not what their header says, and TIFFs of unusual samples: made here byte by byte, so that each
 * case says what is odd about it.
 */
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RgbImage } from '../../../src/data/image.ts';
import { decodeImage } from '../../../src/data/node/decode.ts';
import { UnreadableImageError } from '../../../src/data/unreadable.ts';
import { crc32 } from '../reference.ts';

const test = suite('data: odd pictures');

async function refused(bytes: Uint8Array, sentence: RegExp, what: string): Promise<void> {
  let image: RgbImage | null = null;
  try {
    image = await decodeImage(bytes, 'x');
  } catch (error) {
    assert.instance(error, UnreadableImageError, what);
    assert.match((error as Error).message, sentence, what);
  }
  assert.is(image, null, what);
}

// --- PNG -------------------------------------------------------------------------------------------------------

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

function chunk(type: string, data: Uint8Array): Buffer {
  const checked = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([u32(data.length), checked, u32(crc32(checked))]);
}

interface PngParts {
  width: number;
  height: number;
  depth?: number;
  colour?: number;
  interlace?: number;
}

const header = ({ width, height, depth = 8, colour = 2, interlace = 0 }: PngParts): Buffer =>
  chunk('IHDR', Buffer.concat([u32(width), u32(height), Buffer.from([depth, colour, 0, 0, interlace])]));

const png = (...chunks: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks, chunk('IEND', Buffer.alloc(0))]);

const SIZE = { width: 40, height: 30 };
/** The rows of an RGB picture: a filter byte of 0 each, then noise. */
const rows = Buffer.from(
  Array.from({ length: SIZE.height * (1 + 3 * SIZE.width) }, (_, i) =>
    i % (1 + 3 * SIZE.width) === 0 ? 0 : (i * 7919) % 256,
  ),
);

test('a PNG whose compressed data are longer than its rows is read: noise, by an encoder in a hurry', async () => {
  const size = { width: 512, height: 512, channels: 3 } as const;
  const noise = Uint16Array.from({ length: 3 * 512 * 512 }, (_, i) => (i * 2654435761) >>> 13);
  const encoder = sharp(noise, { raw: size }).toColourspace('rgb16').png({ compressionLevel: 1 });
  const file = await encoder.toBuffer();
  assert.ok(file.length > 1.05 * 2 * noise.length);
  const { pixels } = await decodeImage(file, 'x');
  assert.equal(
    [...pixels.subarray(0, 3)],
    [...noise.subarray(0, 3)].map((value) => value >> 8),
  );
});

test('a whole PNG is read', async () => {
  const { pixels } = await decodeImage(png(header(SIZE), chunk('IDAT', deflateSync(rows))), 'x');
  assert.equal([...pixels.subarray(0, 3)], [...rows.subarray(1, 4)]);
});

for (const [name, colour, interlace] of [
  ['RGB', 2, 0],
  ['interlaced RGB', 2, 1],
] as const)
  test(`${name} PNG: data of any other length than the picture's are refused, whatever their checksums say`, async () => {
    const whole = interlace ? Buffer.alloc(rows.length + 400) : rows; // a filter byte for each row of each pass
    const file = (data: Uint8Array): Buffer =>
      png(header({ ...SIZE, colour, interlace }), chunk('IDAT', data));
    for (let length = 0; length < rows.length; length += 97)
      await refused(
        file(deflateSync(whole.subarray(0, length))),
        /damaged or truncated PNG \(.*data/,
        `${length} bytes`,
      );
    await refused(
      file(deflateSync(Buffer.concat([whole, whole]))),
      /its data hold more than/,
      'twice as many',
    );
    const compressed = deflateSync(rows);
    for (let length = 0; length < compressed.length; length += 211)
      await refused(
        file(compressed.subarray(0, length)),
        /damaged or truncated PNG/,
        `${length} compressed bytes`,
      );
  });

test('texts, profiles and transparency are not looked at, whatever they inflate to', async () => {
  const flood = Buffer.concat([Buffer.from('icc\0\0', 'latin1'), deflateSync(Buffer.alloc(2 ** 26))]);
  const extras = ['iCCP', 'zTXt', 'iTXt', 'tRNS'].map((type) => chunk(type, flood));
  const before = process.resourceUsage().maxRSS;
  const { pixels } = await decodeImage(
    png(header(SIZE), ...extras, chunk('IDAT', deflateSync(rows)), ...extras),
    'x',
  );
  assert.equal([...pixels.subarray(0, 3)], [...rows.subarray(1, 4)]);
  assert.ok(process.resourceUsage().maxRSS - before < 32 * 2 ** 10, 'KiB');
});

test('a wrong checksum of what a picture is made of is a damaged picture', async () => {
  for (const type of ['IHDR', 'IDAT']) {
    const file = png(header(SIZE), chunk('IDAT', deflateSync(rows)));
    const start = file.indexOf(type);
    file[start + 4 + file.readUInt32BE(start - 4)]! ^= 1;
    await refused(file, /damaged or truncated PNG/, type);
  }
});

test('bombs are refused before memory is taken: two headers, a small file of a large picture, data without end', async () => {
  const large = { width: 9000, height: 9000, depth: 16, colour: 6 };
  const zeros = deflateSync(Buffer.alloc(2 ** 20));
  const files: [string, Buffer, RegExp][] = [
    ['two headers', png(header(SIZE), header(large), chunk('IDAT', deflateSync(rows))), /two PNG headers/],
    ['two headers, turned round', png(header(large), header(SIZE), chunk('IDAT', zeros)), /two PNG headers/],
    [
      'a picture of 9000² in 1 kB',
      png(header(large), chunk('IDAT', zeros)),
      /its data hold 1048576 bytes of 648009000/,
    ],
    [
      'the same, interlaced',
      png(header({ ...large, interlace: 1 }), chunk('IDAT', zeros)),
      /its data hold 1048576 bytes/,
    ],
    [
      'a megabyte for one pixel',
      png(header({ width: 1, height: 1 }), chunk('IDAT', zeros)),
      /its data hold more than 4/,
    ],
    [
      'a palette of no colours',
      png(header({ ...SIZE, colour: 3 }), chunk('IDAT', deflateSync(Buffer.alloc(41 * 30)))),
      /PNG/,
    ],
    ['a depth that there is not', png(header({ ...SIZE, depth: 3 })), /depth 3 and colour type 2/],
    ['no data', png(header(SIZE)), /damaged or truncated PNG/],
  ];
  for (const [what, file, sentence] of files) {
    const before = process.memoryUsage();
    await refused(file, sentence, what);
    const { arrayBuffers, rss } = process.memoryUsage();
    assert.ok(arrayBuffers - before.arrayBuffers < 32 * 2 ** 20, what);
    assert.ok(rss - before.rss < 256 * 2 ** 20, `${what}: ${(rss - before.rss) / 2 ** 20} MiB`);
  }
});

// --- TIFF ------------------------------------------------------------------------------------------------------

interface TiffParts {
  data: Uint8Array | Uint16Array | Int16Array | Uint32Array | Float32Array | Float64Array;
  photometric: number;
  compression?: number;
  format?: number;
  /** More short tags. */
  more?: [tag: number, ...values: number[]][];
}

const WIDTH = 8;
const HEIGHT = 2;

/** An uncompressed little-endian TIFF of one strip, 8 × 2 pixels. */
function tiff({ data, photometric, format = 1, compression = 1, more = [] }: TiffParts): Buffer {
  const samples = data.length / (WIDTH * HEIGHT);
  const bits = 8 * data.BYTES_PER_ELEMENT;
  const strip = Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const tags: [tag: number, ...values: number[]][] = [
    [256, WIDTH],
    [257, HEIGHT],
    [258, ...Array<number>(samples).fill(bits)],
    [259, compression],
    [262, photometric],
    [273, 8],
    [277, samples],
    [278, HEIGHT],
    [279, strip.length],
    [339, ...Array<number>(samples).fill(format)],
    ...more,
  ];
  tags.sort((a, b) => a[0] - b[0]);
  const directory = 8 + strip.length;
  const loose: Buffer[] = [];
  let end = directory + 2 + 12 * tags.length + 4;
  const entries = tags.map(([tag, ...values]) => {
    const entry = Buffer.alloc(12);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(3, 2);
    entry.writeUInt32LE(values.length, 4);
    const shorts = Buffer.alloc(2 * values.length);
    for (const [i, value] of values.entries()) shorts.writeUInt16LE(value, 2 * i);
    if (shorts.length <= 4) shorts.copy(entry, 8);
    else {
      entry.writeUInt32LE(end, 8);
      loose.push(shorts);
      end += shorts.length;
    }
    return entry;
  });
  const head = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(directory, 4);
  const count = Buffer.from([tags.length, 0]);
  return Buffer.concat([head, strip, count, ...entries, Buffer.alloc(4), ...loose]);
}

const GREY = 1;
const RGB = 2;
const YCBCR = 6;
const COUNT = WIDTH * HEIGHT;
const ramp = (length: number, most: number): number[] =>
  Array.from({ length }, (_, i) => Math.round((i * most) / (length - 1)));

const READ: [name: string, parts: TiffParts, expected: number[]][] = [
  [
    'floats from 0 to 1, RGB',
    { data: Float32Array.from(ramp(3 * COUNT, 255), (v) => v / 255), photometric: RGB, format: 3 },
    ramp(3 * COUNT, 255),
  ],
  [
    'floats from 0 to 1, grey',
    { data: Float32Array.from(ramp(COUNT, 255), (v) => v / 255), photometric: GREY, format: 3 },
    ramp(COUNT, 255).flatMap((v) => [v, v, v]),
  ],
  [
    'floats from 0 to 255',
    { data: Float32Array.from(ramp(3 * COUNT, 255)), photometric: RGB, format: 3 },
    ramp(3 * COUNT, 255),
  ],
  [
    'twelve bits in sixteen',
    { data: Uint16Array.from(ramp(3 * COUNT, 4095)), photometric: RGB },
    ramp(3 * COUNT, 4095).map((v) => v >> 4),
  ],
  [
    'twelve bits in sixteen, grey',
    { data: Uint16Array.from(ramp(COUNT, 4095)), photometric: GREY },
    ramp(COUNT, 4095).flatMap((v) => [v >> 4, v >> 4, v >> 4]),
  ],
  [
    'a dark picture of sixteen bits that says so',
    { data: Uint16Array.from(ramp(COUNT, 4095)), photometric: GREY, more: [[281, 65535]] },
    ramp(COUNT, 4095).flatMap((v) => [v >> 8, v >> 8, v >> 8]),
  ],
  [
    'sixteen bits',
    { data: Uint16Array.from(ramp(3 * COUNT, 65535)), photometric: RGB },
    ramp(3 * COUNT, 65535).map((v) => v >> 8),
  ],
  [
    'YCbCr, which Pillow turns into RGB',
    {
      data: Uint8Array.from({ length: 3 * COUNT }, (_, i) => [100, 90, 240][i % 3]!),
      photometric: YCBCR,
      more: [[530, 1, 1]],
    },
    Array.from({ length: 3 * COUNT }, (_, i) => [255, 33, 33][i % 3]!),
  ],
];

for (const [name, parts, expected] of READ)
  test(`TIFF of ${name}`, async () => {
    const image = await decodeImage(tiff(parts), 'x.tif');
    assert.equal([image.width, image.height], [WIDTH, HEIGHT]);
    assert.equal([...image.pixels], expected);
  });

const REFUSED: [name: string, parts: TiffParts, sentence: RegExp][] = [
  [
    'floats beyond 255',
    { data: Float32Array.from(ramp(COUNT, 5000)), photometric: GREY, format: 3 },
    /a TIFF with float samples from 0 to 5000; scale them/,
  ],
  [
    'floats that are no numbers',
    { data: new Float32Array(COUNT).fill(Number.NaN), photometric: GREY, format: 3 },
    /float samples from NaN/,
  ],
  ['doubles', { data: new Float64Array(COUNT), photometric: GREY, format: 3 }, /float samples of 64 bits/],
  [
    'signed samples',
    { data: new Int16Array(COUNT), photometric: GREY, format: 2 },
    /signed integer samples of 16 bits/,
  ],
  [
    '32 bits',
    { data: new Uint32Array(COUNT), photometric: GREY },
    /integer samples of 32 bits; save it with/,
  ],
  [
    'L*a*b* colours',
    { data: new Uint8Array(3 * COUNT), photometric: 8 },
    /is a TIFF with L\*a\*b\* colours; save it as RGB/,
  ],
  [
    'Zstandard',
    { data: new Uint8Array(3 * COUNT), photometric: RGB, compression: 50_000 },
    /is a TIFF compressed by Zstandard; save it with LZW or Deflate/,
  ],
  [
    'coarse colour',
    { data: new Uint8Array(3 * COUNT), photometric: YCBCR, more: [[530, 2, 2]] },
    /YCbCr whose colour is coarser than its light/,
  ],
];

for (const [name, parts, sentence] of REFUSED)
  test(`TIFF of ${name}: a sentence`, () => refused(tiff(parts), sentence, name));

test('a TIFF whose strip is cut short is refused', async () => {
  const whole = tiff({ data: Uint8Array.from(ramp(3 * COUNT, 255)), photometric: RGB });
  const strip = whole.subarray(8, 8 + 3 * COUNT);
  // The directory comes first here, so that what is cut off is the strip's.
  const moved = Buffer.concat([whole.subarray(0, 8), whole.subarray(8 + strip.length), strip]);
  moved.writeUInt32LE(8, 4);
  const entries = moved.readUInt16LE(8);
  for (let i = 0; i < entries; i++) {
    const entry = 10 + 12 * i;
    const tag = moved.readUInt16LE(entry);
    if (tag === 273) moved.writeUInt16LE(moved.length - strip.length, entry + 8);
    if (tag === 258 || tag === 339)
      moved.writeUInt32LE(moved.readUInt32LE(entry + 8) - strip.length, entry + 8);
  }
  assert.equal([...(await decodeImage(moved, 'x.tif')).pixels], ramp(3 * COUNT, 255));
  for (const left of [0, 1, 20, strip.length - 1])
    await refused(
      moved.subarray(0, moved.length - strip.length + left),
      /damaged or truncated TIFF/,
      `${left} bytes`,
    );
});

test.run();
