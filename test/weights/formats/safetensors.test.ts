/** safetensors: written and read back, the reference's rules, and headers that lie. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors, writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { fromFloat32, type StateDict } from '../../../src/weights/formats/state.ts';
import { cpuMilliseconds } from '../../helpers/hostile.ts';
import { assertRefused, fixture } from '../fixtures.ts';

const safetensors = suite('weights: safetensors');

/** A file of any header text, or of a header length that need not be true. */
function file(header: string, dataLength = 0, claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const one = (name: string, begin: number, end: number, shape = `[${(end - begin) / 4}]`, dtype = 'F32') =>
  `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

safetensors('what is written is read back, in order, aligned, without copies', () => {
  const tensors: StateDict = new Map([
    ['half', fromFloat32(Float32Array.of(1, 2, 3), [3], 'float16')],
    ['10', fromFloat32(Float32Array.of(4), [], 'float32')],
    ['__proto__', fromFloat32(Float32Array.of(5, 6), [1, 2], 'float32')],
    ['empty', fromFloat32(new Float32Array(0), [0, 3], 'float32')],
    ['count', { dtype: 'int64', shape: [1], bytes: new Uint8Array(8).fill(1) }],
    ['naïve "quoted"\n', fromFloat32(Float32Array.of(7), [1], 'bfloat16')],
  ]);
  const bytes = writeSafetensors(tensors, { format: 'pt', classes: '["a","b"]' });
  const read = readSafetensors(bytes);
  assert.equal([...read.tensors.keys()], [...tensors.keys()]);
  assert.equal(read.metadata, { format: 'pt', classes: '["a","b"]' });
  assert.is(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8, 0);
  for (const [name, tensor] of read.tensors) {
    assert.equal(
      { ...tensor, bytes: [...tensor.bytes] },
      { ...tensors.get(name), bytes: [...(tensors.get(name)?.bytes ?? [])] },
    );
    assert.is(tensor.bytes.buffer, bytes.buffer);
  }
  assert.is(read.tensors.get('count')!.bytes.byteOffset % 8, 0);
  assert.is(read.tensors.get('10')!.bytes.byteOffset % 4, 0);
});

safetensors('a file without tensors or metadata can be written and read', () => {
  assert.is(readSafetensors(writeSafetensors(new Map())).tensors.size, 0);
});

safetensors('reading and writing the fixture changes no tensor', () => {
  const { tensors, metadata } = readSafetensors(fixture('model.safetensors'));
  assert.equal(metadata, { format: 'pt', note: 'naïve' });
  const again = readSafetensors(writeSafetensors(tensors, metadata));
  const contents = (dict: StateDict) => [...dict].map(([name, t]) => [name, t.dtype, t.shape, [...t.bytes]]);
  assert.equal(contents(again.tensors), contents(tensors));
});

safetensors('the writer refuses what it cannot store', () => {
  const tensor = fromFloat32(Float32Array.of(1), [1]);
  assert.throws(() => writeSafetensors(new Map([['__metadata__', tensor]])), /keeps that name/);
  assert.throws(() => writeSafetensors(new Map([['w', { ...tensor, shape: [2] }]])), /disagree: w/);
});

const ACCEPTED: [label: string, bytes: Uint8Array][] = [
  [
    'spaces between tokens',
    file(`{ "a" : { "shape" : [ 1 ] ,\n"dtype":"F32", "data_offsets":[0,4] } }  `, 4),
  ],
  ['data in another order than the header', file(`{${one('a', 4, 8)},${one('b', 0, 4)}}`, 8)],
  ['escapes in names', file(`{${one('a"\\\u0007é', 0, 4)}}`, 4)],
];

for (const [label, bytes] of ACCEPTED) {
  safetensors(`accepts ${label}`, () => {
    assert.ok(readSafetensors(bytes).tensors.size > 0);
  });
}

const A = one('a', 0, 4);
const REFUSED: [label: string, bytes: Uint8Array, sentence: RegExp][] = [
  ['a header longer than the file', file(`{${A}}`, 4, 4096n), /truncated: its header takes 4096 bytes/],
  ['a header of 2⁶⁴ − 1', file(`{${A}}`, 4, 2n ** 64n - 1n), /claims a header/],
  ['no bytes after the length', new Uint8Array(8), /truncated/],
  ['a duplicate name', file(`{${A},${one('a', 4, 8)}}`, 8), /the name a appears twice/],
  [
    'a duplicate name by escape',
    file(`{${A},${one('a', 4, 8).replace('"a"', '"\\u0061"')}}`, 8),
    /appears twice/,
  ],
  ['duplicate metadata', file(`{"__metadata__":{},"__metadata__":{}}`), /appears twice/],
  ['metadata that is no text', file(`{"__metadata__":{"a":1}}`), /expected a string/],
  ['an overlap', file(`{${A},${one('b', 2, 6)}}`, 6), /overlaps/],
  ['a hole', file(`{${A},${one('b', 8, 12)}}`, 12), /leaves a hole/],
  ['a hole at the start', file(`{${one('b', 4, 8)}}`, 8), /leaves a hole/],
  ['bytes that belong to nobody', file(`{${A}}`, 5), /1 bytes after its last tensor/],
  ['missing data', file(`{${A}}`, 3), /truncated: its tensors take 4 bytes, but 3/],
  ['a shape that lies', file(`{${one('a', 0, 4, '[2]')}}`, 4), /F32 \[2\] takes 8/],
  ['offsets backwards', file(`{${one('a', 4, 0, '[1]')}}`, 4), /takes 4/],
  [
    'a terabyte',
    file(`{${one('a', 0, 2 ** 42, `[${2 ** 40}]`)}}`, 4),
    /truncated: its tensors take 4398046511104/,
  ],
  [
    'a shape beyond 2⁵³',
    file(`{${one('a', 0, 4, '[4294967296,4294967296]')}}`, 4),
    /is larger than any file/,
  ],
  [
    'an unknown type',
    file(`{${one('a', 0, 4, '[4]', 'F8_E4M3')}}`, 4),
    /stores a as F8_E4M3, which is not supported/,
  ],
  ['a negative size', file(`{${one('a', 0, 4, '[-1]')}}`, 4), /whole number/],
  ['a fraction', file(`{${one('a', 0, 4, '[1.0]')}}`, 4), /whole number/],
  ['an exponent', file(`{${one('a', 0, 4, '[1e0]')}}`, 4), /whole number/],
  ['an integer beyond 2⁵³', file(`{${one('a', 0, 4, '[9007199254740993]')}}`, 4), /whole number/],
  ['a leading zero', file(`{${one('a', 0, 4, '[01]')}}`, 4), /whole number/],
  ['65 dimensions', file(`{${one('a', 0, 4, `[${'1,'.repeat(64)}1]`)}}`, 4), /at most 64 numbers/],
  ['an unknown field', file(`{"a":{"dtype":"F32","shape":[],"x":1}}`), /not x/],
  ['a field twice', file(`{"a":{"dtype":"F32","dtype":"F16"}}`), /not dtype/],
  [
    'a missing field',
    file(`{"a":{"dtype":"F32","shape":[]}}`),
    /expected dtype, shape and data_offsets for a/,
  ],
  ['three offsets', file(`{"a":{"data_offsets":[0,4,8]}}`), /two data_offsets/],
  ['deep nesting', file('{"a":'.repeat(100_000)), /not a\) for a/],
  ['an unclosed string', file('{"a'), /well-formed string/],
  ['a control character in a string', file('{"a\n":1}'), /well-formed string/],
  ['text after the header', file('{} x'), /the end of the header/],
  ['an array', file('[]        '), /expected "\{"/],
  ['invalid UTF-8', file('{"a":1}', 0).map((byte) => (byte === 0x61 ? 0xff : byte)), /UTF-8/],
];

for (const [label, bytes, sentence] of REFUSED) {
  safetensors(`refuses ${label}`, () =>
    assertRefused(() => readSafetensors(bytes), sentence).then(() => undefined),
  );
}

safetensors('560,000 tensors are refused before they are all read', async () => {
  const header = Array.from({ length: 560_000 }, (_, i) => one(`t${i}`, 0, 0, '[0]')).join(',');
  const bytes = file(`{${header}}`);
  const clock = process.cpuUsage();
  await assertRefused(
    () => readSafetensors(bytes),
    /holds more than 65536 tensors, the most that are read\.$/,
  );
  assert.ok(cpuMilliseconds(clock) < 1000);
});

safetensors.run();
