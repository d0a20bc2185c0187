/**
 * Hostile files: thousands of mutated weights files, of every format, with the stage that each reached. Pictures
 * have a test of their own, test/data/node/hostile.test.ts.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cardMetadata } from '../../../src/weights/card.ts';
import { readKnown } from '../../../src/weights/door.ts';
import { WeightsError } from '../../../src/weights/formats/error.ts';
import { writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { elementCount, fromFloat32, ITEM_SIZE, toFloat32 } from '../../../src/weights/formats/state.ts';
import { IMAGENET_PREPROCESSING } from '../../../src/weights/start.ts';
import { attack, type Edit, type HostileReader, type Seed, withstands } from '../../helpers/hostile.ts';
import { fixture } from '../fixtures.ts';

const hostile = suite('weights: hostile files');

/** The first directory entry to the end, and the pickle, of a zip that torch wrote. */
function zipSeed(name: string): Seed {
  const bytes = fixture(name);
  const text = Buffer.from(bytes);
  const pickle = text.indexOf('\x80', 0, 'latin1');
  return {
    bytes,
    focus: [
      [pickle, text.indexOf('PK', pickle, 'latin1')],
      [pickle, text.indexOf('PK', pickle, 'latin1')],
      [text.indexOf('PK\x01\x02', 0, 'latin1'), bytes.length],
    ],
  };
}

/** Another whole number, type or name for one in the JSON header, whose length is then made right. */
const headerEdit: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.nat(1000),
    fc.constantFrom(
      '0',
      '1',
      '2',
      '3',
      '4',
      '8',
      '12',
      '24',
      '4294967296',
      '9007199254740991',
      '"F32"',
      '"I64"',
      '"bool"',
    ),
  )
  .map(([which, value]): Edit => {
    return (bytes) => {
      if (bytes.length < 8) return bytes;
      const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
      if (end > bytes.length) return bytes;
      const header = Buffer.from(bytes.subarray(8, end)).toString('latin1');
      const tokens = [...header.matchAll(value.startsWith('"') ? /"\w+"/g : /\d+/g)];
      const token = tokens[which % tokens.length];
      if (!token) return bytes;
      const text = header.slice(0, token.index) + value + header.slice(token.index + token[0].length);
      const changed = Buffer.concat([new Uint8Array(8), Buffer.from(text, 'latin1'), bytes.subarray(end)]);
      changed.writeBigUInt64LE(BigInt(text.length));
      return new Uint8Array(changed);
    };
  });

function safetensorsSeed(name: string): Seed {
  return headerSeed(fixture(name));
}

/** A file that says what it is for. */
function cardSeed(): Seed {
  const card = {
    model: { name: 'efficientnet_lite0', options: { padding: 'same', normEps: 0.001 } },
    preprocessing: IMAGENET_PREPROCESSING,
    classes: ['ant', 'bee'],
  };
  const tensors = new Map(
    ['model.a.weight', 'b'].map((name) => [name, fromFloat32(new Float32Array(4), [2, 2])]),
  );
  return headerSeed(writeSafetensors(tensors, cardMetadata(card)));
}

function headerSeed(bytes: Uint8Array): Seed {
  return { bytes, focus: [[8, 8 + new DataView(bytes.buffer).getUint16(0, true)]] };
}

/** Magic number, version and system take this many bytes in every legacy file. */
const LEGACY_PREAMBLE = 137;

/** The object and the list of storages. */
function legacySeed(name: string): Seed {
  const bytes = fixture(name);
  return { bytes, focus: [[LEGACY_PREAMBLE, Buffer.from(bytes).lastIndexOf('e.', undefined, 'latin1') + 2]] };
}

/** Reads through the front door, and checks that what was read is consistent and can be converted. */
async function readAndCheck(bytes: Uint8Array): Promise<void> {
  const { tensors } = (await readKnown(bytes, 'file')).file;
  for (const [name, tensor] of tensors) {
    const count = elementCount(tensor.shape);
    assert.is(tensor.bytes.length, count * ITEM_SIZE[tensor.dtype], name);
    assert.is(toFloat32(tensor).length, count, name);
  }
}

function weightsReader(name: string, files: number, seeds: Seed[]): HostileReader {
  return {
    name,
    seeds,
    files,
    stages: ['sniff', 'header', 'objects', 'tensors', 'read'],
    header: 'header',
    read: readAndCheck,
    refused: (error) => (error instanceof WeightsError ? error.stage : null),
    // Copies of strided tensors (16 MiB and the file's size) and their conversion to float32, twice that at most.
    allowance: 3 * 16 * 2 ** 20,
  };
}

const READERS: HostileReader[] = [
  {
    ...weightsReader('safetensors', 5000, [safetensorsSeed('model.safetensors'), cardSeed()]),
    structured: headerEdit,
  },
  weightsReader(
    'torch zip',
    6000,
    [
      'zip.pth',
      'zip-protocol4.pth',
      'checkpoint.pth',
      'attack.pth',
      'big-endian.pth',
      'objects-protocol4.pth',
    ].map(zipSeed),
  ),
  weightsReader(
    'torch legacy pickle',
    6000,
    [
      'legacy.pth',
      'legacy-protocol5.pth',
      'checkpoint-legacy.pth',
      'attack-legacy.pth',
      'objects-legacy.pth',
    ].map(legacySeed),
  ),
];

for (const reader of READERS) {
  hostile(`${reader.files} mutated files: ${reader.name}`, async () => {
    await withstands(reader);
    assert.not(existsSync('tessera-was-here'), 'code from a pickle was run');
  });
}

// The harness itself: readers with the faults that it is there to find.
const FAULTY: [label: string, read: (bytes: Uint8Array) => unknown, sentence: RegExp][] = [
  ['crashes', (bytes) => new DataView(bytes.buffer).getUint8(bytes[1] * 250), /Offset is outside the bounds/],
  ['allocates what the file claims', (bytes) => new Uint8Array(bytes[3] * 2 ** 24), /allocated \d+ bytes/],
];

for (const [label, read, sentence] of FAULTY) {
  hostile(`the harness finds a reader that ${label}`, async () => {
    const reader = { ...weightsReader(label, 5000, [safetensorsSeed('model.safetensors')]), read };
    let found = '';
    await attack(reader, 3).catch((error: Error) => {
      found = `${error.message} ${error.cause}`;
    });
    assert.match(found, sentence);
  });
}

hostile('no reader has the means to run code: no eval, no Function, no import while reading, no Node', () => {
  const folder = fileURLToPath(new URL('../../../src/weights/formats/', import.meta.url));
  const parsers = ['error', 'half', 'state', 'safetensors', 'safetensors-header', 'pickle', 'pickle-input'];
  const others = [
    'pickle-values',
    'torch-tensor',
    'torchfile',
    'dictionaries',
    'wrappers',
    'zip',
    'read',
    '../load',
  ];
  for (const name of [...parsers, ...others]) {
    const source = readFileSync(join(folder, `${name}.ts`), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    assert.not.match(
      source,
      /\beval\s*\(|\bFunction\s*\(|\bimport\s*\(|\brequire\s*\(|['"]node:|globalThis|process\./,
      name,
    );
  }
});

hostile('10,000 files or more in all', () => {
  assert.ok(READERS.reduce((sum, { files }) => sum + files, 0) >= 10_000);
});

hostile.run();
