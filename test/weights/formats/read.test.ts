/** readWeights tells formats by content, and says what a file is when it is no weights file. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readWeights } from '../../../src/weights/formats/read.ts';
import { writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { fromFloat32 } from '../../../src/weights/formats/state.ts';
import { assertRefused, assertTensors, fixture, reference } from '../fixtures.ts';

const read = suite('weights: any file');

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

read('formats are told by content, not by name', async () => {
  for (const name of ['zip.pth', 'legacy.pth', 'model.safetensors']) {
    assert.ok((await readWeights(fixture(name), 'weights.bin')).tensors.has('float32'), name);
  }
});

const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 46835659\n';
const STRANGERS: [label: string, bytes: Uint8Array, sentence: RegExp][] = [
  ['an empty file', new Uint8Array(0), /is empty \(0 bytes\)\.$/],
  [
    'an HTML page',
    latin1('\n<!DOCTYPE html>\n<html><title>404</title>'),
    /HTML or XML page.*open the address in a browser/,
  ],
  ['an HTML page with a byte order mark', latin1('\xef\xbb\xbf<html>'), /HTML or XML page/],
  ['an XML error', latin1('<?xml version="1.0"?><Error>AccessDenied</Error>'), /HTML or XML page/],
  ['a Git LFS pointer', latin1(pointer), /Git LFS pointer.*git lfs pull/],
  ['a JSON error', latin1('{"error":"Repository not found"}'), /JSON text/],
  ['gzip', latin1('\x1f\x8b\x08\0\0\0\0\0\0\0'), /gzip: unpack it first/],
  ['HDF5', latin1('\x89HDF\r\n\x1a\n\0\0\0\0'), /HDF5 file/],
  ['NumPy', latin1('\x93NUMPY\x01\0v\0'), /NumPy array/],
  ['a picture', latin1('\xff\xd8\xff\xe0\0\x10JFIF'), /is a picture/],
  ['an empty zip', latin1(`PK\x05\x06${'\0'.repeat(18)}`), /empty zip/],
  ['a tar file', latin1(`${'a'.repeat(257)}ustar`), /tar format/],
  ['noise', latin1('hello, world, this is a text'), /no weights file .*\(28 bytes\)/],
  [
    'a pickle of something else',
    latin1('\x80\x02K\x01.'),
    /Python pickle, but not one that torch.save wrote/,
  ],
  ['no tensors', writeSafetensors(new Map()), /holds no tensors/],
];

for (const [label, bytes, sentence] of STRANGERS) {
  read(`${label}: says what it is`, async () => {
    const error = await assertRefused(() => readWeights(bytes, 'net.pth'), sentence);
    assert.ok(error.message.startsWith('net.pth '), error.message);
  });
}

read('a safetensors header of any length is told from a pickle, which begins with 0x80', async () => {
  const tensor = fromFloat32(Float32Array.of(1), [1]);
  const firstBytes = new Set<number>();
  for (let length = 1; length < 260; length++) {
    const bytes = writeSafetensors(new Map([['w'.repeat(length), tensor]]));
    firstBytes.add(bytes[0]);
    assert.is((await readWeights(bytes, 'x')).tensors.size, 1);
  }
  assert.ok(firstBytes.has(0x80));
});

read('a Node Buffer at an odd address is read like any bytes', async () => {
  for (const name of ['zip.pth', 'legacy.pth', 'model.safetensors', 'big-endian.pth']) {
    const bytes = fixture(name);
    const odd = Buffer.alloc(bytes.length + 1).subarray(1);
    odd.set(bytes);
    assertTensors(await readWeights(odd, name), reference.files[name]);
  }
});

read('prefixes of DataParallel and torch.compile are taken off, with a note', async () => {
  const tensor = fromFloat32(Float32Array.of(1), [1]);
  const named = (...names: string[]) => writeSafetensors(new Map(names.map((name) => [name, tensor])));
  const both = await readWeights(named('module._orig_mod.fc.weight', 'module._orig_mod.fc.bias'), 'x');
  assert.equal([...both.tensors.keys()], ['fc.weight', 'fc.bias']);
  assert.is(both.notes?.length, 2);
  const mixed = await readWeights(named('module.fc.weight', 'fc.bias'), 'x');
  assert.equal([...mixed.tensors.keys()], ['module.fc.weight', 'fc.bias']);
});

read.run();
