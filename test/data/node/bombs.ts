/**
 * Small files that ask for much: memory or time. `node --import tsx test/data/node/bombs.ts` decodes each in a process of its
 * own and prints what it took.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { crc32 } from '../reference.ts';

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** Zeros, deflated. Pieces of a large whole are joined, since zlib's streams end a block where they are flushed. */
const zeros = (length: number): Buffer => deflateSync(Buffer.alloc(length), { level: 9 });

function chunk(type: string, data: Uint8Array): Buffer {
  const checked = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([u32(data.length), checked, u32(crc32(checked))]);
}

const header = (width: number, height: number, depth: number, colour: number, interlace = 0): Buffer =>
  chunk('IHDR', Buffer.concat([u32(width), u32(height), Buffer.from([depth, colour, 0, 0, interlace])]));
const png = (...chunks: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks, chunk('IEND', Buffer.alloc(0))]);

/** A JPEG of one component; with `scans`, a progressive one whose later scans say nothing about any block. */
function jpeg(width: number, height: number, scans = 0): Buffer {
  const segment = (marker: number, ...parts: Uint8Array[]): Buffer => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([0xff, marker]), u16(body.length + 2), body]);
  };
  const table = (id: number, symbol: number): Buffer =>
    Buffer.from([id, 1, ...new Array<number>(15).fill(0), symbol]);
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const scan = (first: number, last: number, data: Buffer): Buffer =>
    Buffer.concat([segment(0xda, Buffer.from([1, 1, 0, first, last, 0])), data]);
  /** One bit of 0 a block, or with 64 coefficients two. */
  const flat = (bits: number): Buffer => Buffer.alloc(Math.ceil((blocks * bits) / 8));
  /** Each a code of one bit and 14 bits of its length: no coefficients in 32,767 blocks. A byte of 255 is followed by 0. */
  const runs = `0${'1'.repeat(14)}`.repeat(Math.ceil(blocks / 32_767)).match(/.{1,8}/g)!;
  const bytes = runs.map((bits) => Number.parseInt(bits.padEnd(8, '1'), 2));
  const nothing = Buffer.from(bytes.flatMap((byte) => (byte === 255 ? [255, 0] : [byte])));
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, Buffer.from([0, ...new Array<number>(64).fill(1)])),
    segment(scans > 0 ? 0xc2 : 0xc0, Buffer.from([8]), u16(height), u16(width), Buffer.from([1, 1, 0x11, 0])),
    segment(0xc4, table(0x00, 0), table(0x10, scans > 0 ? 0xe0 : 0x00)),
    scans > 0 ? scan(0, 0, flat(1)) : scan(0, 63, flat(2)),
    ...Array.from({ length: scans }, (_, i) => scan(1 + (i % 63), 1 + (i % 63), nothing)),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** A GIF of a canvas, with frames of one pixel. */
function gif(width: number, height: number, frames = 1): Buffer {
  const le = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
  const frame = Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
  return Buffer.concat([
    Buffer.from('GIF89a', 'latin1'),
    ...[le(width), le(height), Buffer.from([0x80, 0, 0, 0, 0, 0, 255, 255, 255])],
    ...new Array<Buffer>(frames).fill(frame),
    Buffer.from([0x3b]),
  ]);
}

type Tag = readonly [tag: number, ...values: number[]];

/** A little-endian TIFF of one strip (or tile, where `tags` say so) of deflated data; all values are longs. */
function tiff(width: number, height: number, data: Buffer, tags: readonly Tag[]): Buffer {
  const tiled = tags.some(([tag]) => tag === 322);
  const place: Tag[] = tiled
    ? [
        [324, 8],
        [325, data.length],
      ]
    : [
        [273, 8],
        [278, height],
        [279, data.length],
      ];
  const all = [[256, width], [257, height], [259, 8], ...place, ...tags] as Tag[];
  all.sort((a, b) => a[0] - b[0]);
  const directory = 8 + data.length;
  let end = directory + 2 + 12 * all.length + 4;
  const loose: Buffer[] = [];
  const entries = all.map(([tag, ...values]) => {
    const longs = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) longs.writeUInt32LE(value, 4 * i);
    const entry = Buffer.alloc(12);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(4, 2);
    entry.writeUInt32LE(values.length, 4);
    if (values.length === 1) longs.copy(entry, 8);
    else {
      entry.writeUInt32LE(end, 8);
      loose.push(longs);
      end += longs.length;
    }
    return entry;
  });
  const head = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(directory, 4);
  return Buffer.concat([head, data, Buffer.from([all.length, 0]), ...entries, Buffer.alloc(4), ...loose]);
}

const grey: Tag[] = [
  [258, 8],
  [262, 1],
  [277, 1],
];
const samples = (count: number, bits: number, format: number): Tag[] => [
  [258, ...new Array<number>(count).fill(bits)],
  [262, 2],
  [277, count],
  [339, ...new Array<number>(count).fill(format)],
  ...(count > 3 ? [[338, 2] as const] : []),
];

/** A BMP of runs, whose only run is a jump to its last row. */
function bmp(width: number, height: number): Buffer {
  const head = Buffer.alloc(54);
  head.write('BM', 'latin1');
  head.writeUInt32LE(54 + 1024, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(8, 28);
  head.writeUInt32LE(1, 30);
  const jump = Buffer.from([0, 2, 0, 255]);
  const jumps = new Array<Buffer>(Math.ceil(height / 255)).fill(jump);
  return Buffer.concat([head, Buffer.alloc(1024), ...jumps]);
}

/** A picture of one colour, by the encoder. */
const flat = (side: number) =>
  sharp({ create: { width: side, height: side, channels: 3, background: '#777' }, limitInputPixels: false });

/** An AVIF whose boxes claim another size than its pictures have. */
function lyingAvif(bytes: Buffer, side: number): Buffer {
  const lie = Buffer.from(bytes);
  const at = lie.indexOf('ispe');
  lie.writeUInt32BE(side, at + 8);
  lie.writeUInt32BE(side, at + 12);
  return lie;
}

/** The side of the largest pictures that are decoded, 100 million pixels. */
const LARGEST = 10_000;

export interface Bomb {
  name: string;
  make: () => Buffer | Promise<Buffer>;
  /** Whether making or decoding it takes seconds: not in the tests. */
  slow?: boolean;
}

export const BOMBS: readonly Bomb[] = [
  {
    name: 'PNG with two headers, the second of 9,000² × 8 bytes',
    make: () => png(header(1, 1, 8, 2), header(9000, 9000, 16, 6), chunk('IDAT', zeros(4))),
  },
  {
    name: 'PNG that claims 65,535²',
    make: () => png(header(65_535, 65_535, 8, 2), chunk('IDAT', zeros(99))),
  },
  {
    name: 'PNG of one pixel, whose data are 1 GiB',
    make: () => png(header(1, 1, 8, 2), chunk('IDAT', zeros(2 ** 30))),
    slow: true,
  },
  {
    name: 'PNG of one pixel, with 1 GiB of text and of profile',
    make: () => {
      const flood = Buffer.concat([Buffer.from('x\0\0', 'latin1'), zeros(2 ** 30)]);
      return png(header(1, 1, 8, 2), chunk('zTXt', flood), chunk('iCCP', flood), chunk('IDAT', zeros(4)));
    },
    slow: true,
  },
  {
    name: 'PNG of 500,000 chunks of nothing',
    make: () => {
      const nothing = Buffer.alloc(500_000 * 12, chunk('IDAT', Buffer.alloc(0)));
      return png(header(1, 1, 8, 2), nothing, chunk('IDAT', zeros(4)));
    },
  },
  {
    name: 'PNG of 10,000² × 8 bytes, whole',
    make: () => png(header(LARGEST, LARGEST, 16, 6), chunk('IDAT', zeros(LARGEST * (1 + 8 * LARGEST)))),
    slow: true,
  },
  {
    name: 'PNG of 10,000² × 8 bytes, interlaced, whole',
    make: () => png(header(LARGEST, LARGEST, 16, 6, 1), chunk('IDAT', zeros(800_018_750))),
    slow: true,
  },
  {
    name: 'PNG of 10,000² × 8 bytes, interlaced, cut',
    make: () => png(header(LARGEST, LARGEST, 16, 6, 1), chunk('IDAT', zeros(2 ** 20))),
  },
  { name: 'JPEG that claims 65,500²', make: () => jpeg(65_500, 65_500).subarray(0, 4096) },
  { name: 'JPEG of 10,000², whole', make: () => jpeg(LARGEST, LARGEST), slow: true },
  { name: 'JPEG of 2,000², 1,000 scans', make: () => jpeg(2000, 2000, 1000) },
  { name: 'JPEG of 8,000², 5,000 scans', make: () => jpeg(8000, 8000, 5000), slow: true },
  { name: 'GIF that claims 65,535²', make: () => gif(65_535, 65_535) },
  { name: 'GIF of 10,000²', make: () => gif(LARGEST, LARGEST), slow: true },
  { name: 'GIF of 1,000², 20,000 frames', make: () => gif(1000, 1000, 20_000) },
  {
    name: 'WebP of 16,383²',
    make: () => flat(16_383).webp({ lossless: true, effort: 0 }).toBuffer(),
    slow: true,
  },
  {
    name: 'WebP of 10,000², whole',
    make: () => flat(LARGEST).webp({ lossless: true, effort: 0 }).toBuffer(),
    slow: true,
  },
  {
    name: 'TIFF of 8², a tile of 60,000²',
    make: () => tiff(8, 8, zeros(2 ** 20), [...grey, [322, 60_000], [323, 60_000]]),
  },
  {
    name: 'TIFF of 8², a tile of 8,192² × 8 bytes',
    make: () => tiff(8, 8, zeros(2 ** 20), [...samples(4, 16, 1), [322, 8192], [323, 8192]]),
  },
  {
    name: 'TIFF of 8², 60,000 samples a pixel',
    make: () =>
      tiff(8, 8, zeros(64 * 60_000), [
        [258, 8],
        [262, 1],
        [277, 60_000],
      ]),
  },
  { name: 'TIFF of 10,000², cut', make: () => tiff(LARGEST, LARGEST, zeros(2 ** 20), grey) },
  {
    name: 'TIFF of 10,000² × 8 bytes, whole',
    make: () => tiff(LARGEST, LARGEST, zeros(8 * LARGEST ** 2), samples(4, 16, 1)),
    slow: true,
  },
  {
    name: 'TIFF of 10,000² × 12 bytes of floats, whole',
    make: () => tiff(LARGEST, LARGEST, zeros(12 * LARGEST ** 2), samples(3, 32, 3)),
    slow: true,
  },
  { name: 'AVIF of 2,000², whole', make: () => flat(2000).avif({ effort: 0 }).toBuffer() },
  { name: 'WebP of 2,000², whole', make: () => flat(2000).webp({ lossless: true, effort: 0 }).toBuffer() },
  {
    name: 'TIFF of 2,000² × 12 bytes of floats, whole',
    make: () => tiff(2000, 2000, zeros(12 * 2000 ** 2), samples(3, 32, 3)),
  },
  { name: 'AVIF of 10,000², whole', make: () => flat(LARGEST).avif({ effort: 0 }).toBuffer(), slow: true },
  {
    name: 'AVIF of 8,192² that claims 8²',
    make: async () => lyingAvif(await flat(8192).avif({ effort: 0 }).toBuffer(), 8),
    slow: true,
  },
  {
    name: 'AVIF of 64² that claims 9,999²',
    make: async () => lyingAvif(await flat(64).avif({ effort: 0 }).toBuffer(), 9999),
  },
  { name: 'BMP that claims 65,535²', make: () => bmp(65_535, 65_535) },
  { name: 'BMP of 10,000², all jumped over', make: () => bmp(LARGEST, LARGEST), slow: true },
];

/** Decodes what arrives on stdin and prints what came of it, the peak of memory and the time of the processor. */
const CHILD = `
  import { decodeImage } from ${JSON.stringify(new URL('../../../src/data/node/decode.ts', import.meta.url).href)};
  const parts = [];
  for await (const part of process.stdin) parts.push(part);
  const bytes = Buffer.concat(parts);
  const before = process.resourceUsage().maxRSS;
  const clock = process.cpuUsage();
  const said = await decodeImage(bytes, 'it').then(({ width, height }) => \`\${width} × \${height}\`, (error) => error.message);
  const { user, system } = process.cpuUsage(clock);
  const mebibytes = (process.resourceUsage().maxRSS - before) / 1024;
  process.stdout.write(JSON.stringify({ said, mebibytes, seconds: (user + system) / 1e6 }));`;

export interface Toll {
  said: string;
  /** Memory beyond what the process held before. */
  mebibytes: number;
  seconds: number;
}

/** Decodes a file in a process of its own. */
export function decodeApart(bytes: Uint8Array): Toll {
  const args = ['--import', 'tsx', '--input-type=module', '-e', CHILD];
  const { stdout, stderr } = spawnSync(process.execPath, args, { input: bytes, encoding: 'utf8' });
  if (!stdout) throw new Error(`the process ended: ${stderr}`);
  return JSON.parse(stdout);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log('| file | bytes | what came of it | MiB | s |\n|---|---|---|---|---|');
  for (const { name, make } of BOMBS) {
    const bytes = await make();
    const { said, mebibytes, seconds } = decodeApart(bytes);
    console.log(`| ${name} | ${bytes.length} | ${said} | ${mebibytes.toFixed(0)} | ${seconds.toFixed(1)} |`);
  }
}
