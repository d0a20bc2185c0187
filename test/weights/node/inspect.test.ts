/** Inspection by pieces says what the whole file says, of good files and of damaged ones, and reads no more than it must. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readWeights } from '../../../src/weights/formats/read.ts';
import { writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { fromFloat32 } from '../../../src/weights/formats/state.ts';
import { inspectFile } from '../../../src/weights/node/inspect.ts';

const fixtures = fileURLToPath(new URL('../../reference/weights/', import.meta.url));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const test = suite('weights: inspect');
let folder: string;
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-inspect-'));
});
test.after(() => rmSync(folder, { recursive: true }));

/** What the whole file says: names, types, shapes and hashes, or the sentence of a refusal. */
async function whole(bytes: Uint8Array, name: string): Promise<unknown> {
  const file = await readWeights(bytes, name).catch((error: Error) => error.message);
  if (typeof file === 'string') return file;
  const tensors = [...file.tensors].map(([key, { dtype, shape, bytes: data }]) => [
    key,
    dtype,
    [...shape],
    sha256(data),
  ]);
  return { tensors, metadata: file.metadata, notes: file.notes };
}

/** The same by pieces. */
async function pieces(path: string): Promise<unknown> {
  const found = await inspectFile(path).catch((error: Error) => error.message);
  if (typeof found === 'string') return found;
  const tensors = found.tensors.map(({ name, dtype, shape, sha256: hash }) => [
    name,
    dtype,
    [...shape],
    hash,
  ]);
  return { tensors, metadata: found.metadata, notes: found.notes };
}

const names = readdirSync(fixtures);
for (const name of names)
  test(`${name}: as the whole file`, async () => {
    assert.equal(await pieces(join(fixtures, name)), await whole(readFileSync(join(fixtures, name)), name));
  });

test('damaged files: the same sentence as the whole file, or the same content', async () => {
  const path = join(folder, 'damaged.pth');
  let refused = 0;
  for (const name of names) {
    const good = readFileSync(join(fixtures, name));
    for (let step = 0; step < 24; step++) {
      const place = Math.floor((good.length * step) / 24);
      const cut = step % 2 === 0;
      const damaged = cut ? good.subarray(0, place) : Buffer.from(good);
      if (!cut) damaged[place] ^= 0xff;
      writeFileSync(path, damaged);
      const found = await pieces(path);
      assert.equal(
        found,
        await whole(damaged, 'damaged.pth'),
        `${name}, ${cut ? 'cut' : 'changed'} at ${place}`,
      );
      if (typeof found === 'string') refused++;
    }
  }
  assert.ok(refused > names.length * 12, `${refused} refused`);
});

test('strangers get their sentence', async () => {
  const path = join(folder, 'page.pth');
  writeFileSync(path, '<!doctype html><title>404</title>');
  assert.match(String(await pieces(path)), /^page\.pth is an HTML or XML page/);
  writeFileSync(path, '');
  assert.match(String(await pieces(path)), /^page\.pth is empty/);
});

test('a file of half a gigabyte takes the memory of its header', async () => {
  // A sparse file: the tensor's bytes are a hole in the disk, and must be one in memory.
  const path = join(folder, 'large.safetensors');
  const count = 2 ** 27;
  const small = writeSafetensors(new Map([['w', fromFloat32(new Float32Array(16), [16])]]));
  const header = Buffer.from(small.subarray(8, small.length - 64))
    .toString()
    .trimEnd();
  const json = header.replace('"shape":[16]', `"shape":[${count}]`).replace('[0,64]', `[0,${4 * count}]`);
  const file = await open(path, 'w');
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(json.length));
  await file.write(head);
  await file.write(json);
  await file.truncate(8 + json.length + 4 * count);
  await file.close();
  const before = process.memoryUsage.rss();
  const found = await inspectFile(path, { hashes: false });
  const grown = process.memoryUsage.rss() - before;
  assert.equal(found.tensors, [
    { name: 'w', dtype: 'float32', shape: [count], bytes: 4 * count, sha256: null },
  ]);
  assert.ok(grown < 100e6, `${grown} bytes more in memory`);
});

test.run();
