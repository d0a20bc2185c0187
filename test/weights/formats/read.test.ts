/** readWeights tells formats by content, and says what a file is when it is no weights file. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readWeights } from '../../../src/weights/formats/read.ts';
import { writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { fromFloat32 } from '../../../src/weights/formats/state.ts';
import { writeZip } from '../../../src/weights/formats/zip-write.ts';
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
  ['a picture', latin1('\xff\xd8\xff\xe0\0\x10JFIF'), /is a picture/],
  ['an empty zip', latin1(`PK\x05\x06${'\0'.repeat(18)}`), /empty zip/],
  ['noise', latin1('hello, world, this is a text'), /no weights file .*\(28 bytes\)/],
  ['no tensors', writeSafetensors(new Map()), /holds no tensors/],
];

for (const [label, bytes, sentence] of STRANGERS) {
  read(`${label}: says what it is`, async () => {
    const error = await assertRefused(() => readWeights(bytes, 'net.pth'), sentence);
    assert.ok(error.message.startsWith('net.pth '), error.message);
  });
}

const zipOf = (...names: string[]): Uint8Array =>
  writeZip(new Map(names.map((name) => [name, new Uint8Array(1)])));
/** What other programs write, and what the Python below the sentence calls; nothing where no Python helps. */
const FOREIGN: [label: string, bytes: () => Uint8Array, sentence: RegExp, python: string | null][] = [
  [
    'Keras, HDF5',
    () => latin1('\x89HDF\r\n\x1a\n\0\0\0\0'),
    /is an HDF5 file, as Keras/,
    'keras.saving.load_model',
  ],
  [
    'Keras',
    () => zipOf('metadata.json', 'config.json', 'model.weights.h5'),
    /is a model of Keras/,
    'keras.saving.load_model',
  ],
  ['TensorFlow', () => latin1('\x08\x01\x12\xc4\x02\x12\x06\x0a'), /is a graph of TensorFlow/, null],
  ['TensorFlow Lite', () => latin1('\x1c\0\0\0TFL3'), /is a TensorFlow Lite graph/, null],
  ['ONNX of PyTorch', () => latin1('\x08\x08\x12\x07pytorch\x1a\x062.14.1'), /is an ONNX graph/, 'onnx.load'],
  ['ONNX without a name', () => latin1('\x08\x0a\x3a\x92\x04\x0a'), /is an ONNX graph/, 'onnx.load'],
  ['GGUF', () => latin1('GGUF\x03\0\0\0'), /is a GGUF file/, null],
  ['a NumPy array', () => latin1('\x93NUMPY\x01\0v\0'), /is a single NumPy array/, 'numpy.load'],
  ['NumPy arrays', () => zipOf('conv1.weight.npy', 'fc.npy'), /is an archive of NumPy arrays/, 'numpy.load'],
  ['TorchScript', () => fixture('script.pth'), /is a TorchScript program/, 'torch.jit.load'],
  [
    'torch.export',
    () => zipOf('net/data/weights/weight_0', 'net/models/model.json', 'net/data/sample_inputs/model.pt'),
    /is a program of torch\.export/,
    'torch.export.load',
  ],
  [
    'a zip around weights',
    () => zipOf('run/model.pth', 'run/log.txt'),
    /is a zip archive around other files/,
    null,
  ],
  ['another zip', () => zipOf('letter.txt'), /no data\.pkl \(it holds letter\.txt\)/, null],
  [
    'a whole model',
    () => fixture('whole-model.pth'),
    /holds a whole torch\.nn\.modules\.linear\.Linear rather than weights: .*refuses to run/,
    "torch.load('FILE', weights_only=False).state_dict()",
  ],
  [
    'a whole model in a dictionary',
    () => fixture('whole-model-inside.pth'),
    /holds a whole ultralytics\.nn\.tasks\.ClassificationModel under 'model' rather/,
    "torch.load('FILE', weights_only=False)['model'].state_dict()",
  ],
  [
    'a learner of fastai',
    () => fixture('learner.pkl'),
    /holds a whole learner, as learn\.export/,
    'load_learner',
  ],
  [
    'a pickle of something else',
    () => latin1('\x80\x02K\x01.'),
    /is a Python pickle, but not one/,
    'pickle.load',
  ],
  ['a tar of old PyTorch', () => latin1(`${'a'.repeat(257)}ustar`), /tar format/, 'torch.load'],
];
for (const [label, bytes, sentence, python] of FOREIGN)
  read(`${label}: says what it is, and what makes weights of it`, async () => {
    const error = await assertRefused(() => readWeights(bytes(), 'net.pth'), sentence);
    assert.ok(error.sentence.startsWith('net.pth '));
    assert.is(error.python.length, python === null ? 0 : 2);
    const [, ...below] = error.message.split('\n');
    assert.equal(
      below,
      error.python.map((line) => `  ${line}`),
    );
    if (python !== null) {
      assert.ok(error.python.join().includes(python), error.message);
      assert.match(error.sentence, /[Tt]wo lines of Python .*:$/);
      assert.match(error.python.join(), /'FILE'.*'weights\.pth'\)$/);
    }
  });

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
