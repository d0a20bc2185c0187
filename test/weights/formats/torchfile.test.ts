/** PyTorch's files: what torch.save wrote, read byte for byte as PyTorch reads it; and what must be refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readWeights } from '../../../src/weights/formats/read.ts';
import {
  type DType,
  ITEM_SIZE,
  type StateDict,
  type StoredTensor,
  toFloat32,
} from '../../../src/weights/formats/state.ts';
import { writeTorch } from '../../../src/weights/formats/torch-write.ts';
import { ZipFile } from '../../../src/weights/formats/zip.ts';
import { writeZip } from '../../../src/weights/formats/zip-write.ts';
import { assertRefused, assertTensors, fixture, realFile, reference } from '../fixtures.ts';

const torchfile = suite('weights: torch files');

for (const [name, tensors] of Object.entries(reference.files)) {
  torchfile(`${name} reads as in PyTorch`, async () => {
    assertTensors(await readWeights(fixture(name), name), tensors);
  });
}

torchfile('contiguous tensors are views of the file, also at an offset into a shared storage', async () => {
  const bytes = fixture('zip.pth');
  const { tensors } = await readWeights(bytes, 'zip.pth');
  for (const name of ['float32', 'base', 'rows'])
    assert.is(tensors.get(name)?.bytes.buffer, bytes.buffer, name);
  const start = (name: string) => tensors.get(name)?.bytes.byteOffset ?? Number.NaN;
  assert.is(start('rows') - start('base'), 16); // row 1 of 4 floats
});

torchfile('a checkpoint says where the weights were, and that a prefix was taken off', async () => {
  for (const name of ['checkpoint.pth', 'checkpoint-legacy.pth']) {
    const { notes } = await readWeights(fixture(name), name);
    assert.equal(notes, [
      "Took the weights from the entry 'state_dict' of the checkpoint.",
      'Left its other entries: epoch, arch, best, done, note, size, optimizer.',
      "Took the prefix 'module.' off every name.",
    ]);
  }
});

const SAID: [file: string, notes: RegExp[]][] = [
  [
    'imagenet.pth',
    [
      /entry 'state_dict'/,
      /^Left its other entries: epoch, arch, best_acc1 \(a tensor\), optimizer, scheduler\.$/,
      /'module\.'/,
    ],
  ],
  ...['objects.pth', 'objects-protocol4.pth', 'objects-legacy.pth'].map((name): [string, RegExp[]] => [
    name,
    [
      /entry 'state_dict'/,
      /^Left its other entries: state_dict_ema \(2 tensors\), args \(argparse\.Namespace, not run\), metric \(numpy\._core\.multiarray\.scalar, not run\), prototypes \(numpy\..*, not run\), rng, .* and \d more\.$/,
    ],
  ]),
  ['averaged.pth', [/^Left out n_averaged/, /'module\.'/]],
  ['compiled.pth', [/_orig_mod/]],
  ['fastai.pth', [/entry 'model'/, /^Left its other entries: opt\.$/]],
  ['lightning.ckpt', [/entry 'state_dict'/, /^Left its other entries: epoch, global_step, .* and 2 more\.$/]],
];
for (const [name, notes] of SAID)
  torchfile(`${name}: what was taken and left is said`, async () => {
    const file = await readWeights(fixture(name), name);
    assert.is(file.notes!.length, notes.length, file.notes!.join('\n'));
    for (const [index, note] of notes.entries()) assert.match(file.notes![index], note);
  });

const REFUSED: [file: string, sentence: RegExp][] = [
  ['attack.pth', /refuses to run posix\.system/],
  ['attack-legacy.pth', /refuses to run posix\.system/],
  ['compressed.pth', /data\.pkl is compressed/],
  ['complex.pth', /torch\.ComplexFloatStorage, which is not supported/],
  ['uint16.pth', /torch\.uint16, which is not supported/],
  ['expanded-bomb.pth', /weight would need more memory than the file could hold/],
];

for (const [name, sentence] of REFUSED) {
  torchfile(`${name} is refused in a sentence with its name`, async () => {
    const error = await assertRefused(() => readWeights(fixture(name), name), sentence);
    assert.ok(error.message.startsWith(`${name} `), error.message);
  });
}

for (const name of ['zip.pth', 'legacy.pth', 'checkpoint.pth', 'model.safetensors']) {
  torchfile(`${name} cut at any byte is refused in a sentence`, async () => {
    const bytes = fixture(name);
    for (let length = 0; length < bytes.length; length++) {
      await assertRefused(
        () => readWeights(bytes.slice(0, length), name),
        /truncated|empty|damaged|no weights file|JSON text/,
        `${name} cut at ${length}`,
      );
    }
  });
}

torchfile('two zip entries of one name are refused', async () => {
  const bytes = fixture('zip.pth');
  // Rename data/1 to data/0 wherever it stands (directory and local header).
  const text = Buffer.from(bytes);
  for (let at = text.indexOf('/data/1'); at >= 0; at = text.indexOf('/data/1', at + 1)) text[at + 6] = 0x30;
  await assertRefused(() => readWeights(new Uint8Array(text), 'x.pth'), /two entries named .*data\/0/);
});

const real = realFile('weights/resnet18-imagenet.pth');
if (real) {
  torchfile('the real ResNet-18: 122 tensors, values as in PyTorch, no copies', async () => {
    const { tensors } = await readWeights(real, 'resnet18-imagenet.pth');
    assert.is(tensors.size, reference.resnet18.tensors);
    for (const [name, expected] of Object.entries(reference.resnet18.values)) {
      const tensor = tensors.get(name);
      assert.ok(tensor, name);
      assert.equal([...tensor.shape], expected.shape);
      const values = toFloat32(tensor);
      assert.equal(
        expected.places.map((place) => values[place]),
        expected.values,
        name,
      );
      assert.is(values.buffer, real.buffer);
    }
  });
} else {
  torchfile.skip('the real ResNet-18 (set TESSERA_DATA)', () => {});
}

/** A tensor of each type, an empty one and a scalar, under names that want care. */
function everyType(): StateDict {
  const types = Object.keys(ITEM_SIZE) as DType[];
  const tensors = types.map((dtype, index): [string, StoredTensor] => [
    `a.${dtype}.größe "${index}"`,
    { dtype, shape: [2, 3], bytes: Uint8Array.from({ length: 6 * ITEM_SIZE[dtype] }, (_, i) => (i * 7) % 2) },
  ]);
  return new Map([
    ...tensors,
    ['empty', { dtype: 'float32', shape: [0, 4], bytes: new Uint8Array(0) }],
    ['num_batches_tracked', { dtype: 'int64', shape: [], bytes: new Uint8Array(8) }],
  ]);
}

torchfile(
  'what is written reads as it was, each tensor at a multiple of 64 bytes, the metadata beside them',
  async () => {
    const tensors = everyType();
    const bytes = writeTorch(tensors, { classes: '["ant"]', __proto__x: 'y' });
    const file = await readWeights(bytes, 'own.pth');
    assert.equal([...file.tensors], [...tensors]);
    assert.equal(file.metadata, { classes: '["ant"]', __proto__x: 'y' });
    for (const [name, tensor] of file.tensors)
      if (tensor.bytes.length > 0) assert.is(tensor.bytes.byteOffset % 64, 0, name);
    assert.equal((await readWeights(writeTorch(tensors), 'own.pth')).metadata, {});
  },
);

torchfile('metadata that is none is refused', async () => {
  for (const [metadata, says] of [
    ['{"classes": 3}', /own\.pth describes itself wrongly: classes is a text/],
    ['[]', /own\.pth describes itself wrongly/],
    ['{', /own\.pth describes itself wrongly/],
  ] as const) {
    const zip = new ZipFile(writeTorch(everyType()));
    const entries = new Map(zip.names.map((name) => [name, zip.read(name)!]));
    entries.set('archive/extra/metadata.json', new TextEncoder().encode(metadata));
    await assertRefused(() => readWeights(writeZip(entries), 'own.pth'), says);
  }
});

torchfile.run();
