/** The zip directory: zip64 and comments are read, and a directory that lies is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ZipFile } from '../../../src/weights/formats/zip.ts';
import { assertRefused, fixture, hex } from '../fixtures.ts';

const zip = suite('weights: zip directory');

const END = 22;
const good = fixture('model.safetensors'); // any bytes serve as an entry's data

interface Lie {
  /** Fields of the one entry, of its local header and of the end record, in place of the true ones. */
  length?: number;
  compressed?: number;
  offset?: number;
  method?: number;
  flags?: number;
  signature?: number;
  count?: number;
  directoryStart?: number;
  directoryLength?: number;
  comment?: string;
  after?: string;
  zip64?: boolean;
  zip64Start?: bigint;
  zip64Count?: bigint;
}

/** A zip file with one stored entry, `a/data.pkl`, as zip64 where asked. */
function archive(lie: Lie = {}): Uint8Array {
  const name = Buffer.from('a/data.pkl');
  const local = Buffer.alloc(30);
  local.writeUInt32LE(lie.signature ?? 0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const extra = Buffer.alloc(lie.zip64 ? 4 + 24 : 0);
  if (lie.zip64) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    extra.writeBigUInt64LE(BigInt(good.length), 4);
    extra.writeBigUInt64LE(BigInt(good.length), 12);
  }
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(lie.flags ?? 0, 8);
  entry.writeUInt16LE(lie.method ?? 0, 10);
  entry.writeUInt32LE(lie.zip64 ? 0xffffffff : (lie.compressed ?? lie.length ?? good.length), 20);
  entry.writeUInt32LE(lie.zip64 ? 0xffffffff : (lie.length ?? good.length), 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(lie.zip64 ? 0xffffffff : (lie.offset ?? 0), 42);
  const directory = Buffer.concat([entry, name, extra]);
  const start = local.length + name.length + good.length;
  const end64 = Buffer.alloc(lie.zip64 ? 56 + 20 : 0);
  if (lie.zip64) {
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(lie.zip64Count ?? 1n, 32);
    end64.writeBigUInt64LE(BigInt(directory.length), 40);
    end64.writeBigUInt64LE(lie.zip64Start ?? BigInt(start), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(start + directory.length), 64);
  }
  const end = Buffer.alloc(END);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(lie.zip64 ? 0xffff : (lie.count ?? 1), 10);
  end.writeUInt32LE(lie.zip64 ? 0xffffffff : (lie.directoryLength ?? directory.length), 12);
  end.writeUInt32LE(lie.zip64 ? 0xffffffff : (lie.directoryStart ?? start), 16);
  end.writeUInt16LE(lie.comment?.length ?? 0, 20);
  const tail = Buffer.from(`${lie.comment ?? ''}${lie.after ?? ''}`);
  return new Uint8Array(Buffer.concat([local, name, good, directory, end64, end, tail]));
}

const READ: [label: string, lie: Lie][] = [
  ['a plain archive', {}],
  ['an archive with a comment', { comment: 'PK\x05\x06 and more text than an end record takes' }],
  ['a zip64 archive', { zip64: true }],
];

for (const [label, lie] of READ) {
  zip(`${label} is read, and its entry is a view`, () => {
    const bytes = archive(lie);
    const data = new ZipFile(bytes).read('a/data.pkl');
    assert.ok(data);
    assert.is(hex(data), hex(good));
    assert.is(data.buffer, bytes.buffer);
    assert.is(new ZipFile(bytes).read('a/version'), undefined);
  });
}

const REFUSED: [label: string, lie: Lie, sentence: RegExp][] = [
  ['bytes after the end', { after: 'junk' }, /truncated: a PyTorch \(zip\) file ends with a directory/],
  ['a directory outside the file', { directoryStart: 0xfffffff0 }, /directory lies outside/],
  ['a directory over its end record', { directoryLength: 4096 }, /directory lies outside/],
  ['more entries than there are', { count: 2 }, /entry 2 of 2 of its directory is missing/],
  [
    'more entries than are read',
    { zip64: true, zip64Count: 1n << 40n },
    /has a directory of 1099511627776 entries/,
  ],
  ['a directory that begins elsewhere', { directoryStart: 3 }, /entry 1 of 1 of its directory is missing/],
  ['a zip64 directory at 2⁶³', { zip64: true, zip64Start: 1n << 63n }, /directory lies outside/],
  ['an entry longer than the file', { length: 0xfffffff0 }, /a\/data\.pkl is not where its directory says/],
  ['an entry outside the file', { offset: 0xfffffff0 }, /is not where its directory says/],
  ['an entry without its header', { offset: 1 }, /is not where its directory says/],
  ['a wrong local header', { signature: 0 }, /is not where its directory says/],
  ['deflate', { method: 8 }, /compressed or encrypted, which torch\.save never does/],
  ['a bomb: few bytes that claim gigabytes', { method: 8, compressed: 10, length: 0xfffffffe }, /compressed/],
  ['two lengths for stored data', { compressed: 10 }, /compressed/],
  ['encryption', { flags: 1 }, /encrypted/],
];

for (const [label, lie, sentence] of REFUSED) {
  zip(`refuses ${label}`, async () => {
    const bytes = archive(lie);
    await assertRefused(() => new ZipFile(bytes).read('a/data.pkl'), sentence);
  });
}

zip.run();
