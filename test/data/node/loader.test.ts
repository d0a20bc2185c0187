/** The loader: the same batches whatever the number of workers, resuming, unreadable pictures, leaving early. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadBatches as loadInThread } from '../../../src/data/in-thread.ts';
import { type Batch, countBatches } from '../../../src/data/loader.ts';
import { readImage } from '../../../src/data/node/decode.ts';
import { closeLoader, loadBatches, type WorkerLoaderOptions } from '../../../src/data/node/loader.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { evalTransform, type Preprocessing } from '../../../src/data/transforms.ts';
import type { UnreadableImageError } from '../../../src/data/unreadable.ts';
import { randomStream, shuffled } from '../../../src/tensor/random.ts';
import { formula } from '../reference.ts';

const test = suite('data/node/loader');

const preprocessing: Preprocessing = {
  inputSize: 16,
  resizeSize: 18,
  interpolation: 'bilinear',
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
};
const pictures = fileURLToPath(new URL('../../reference/pictures/', import.meta.url));
const fromFiles: Sample[] = [
  'rgb.jpg',
  'alpha.png',
  'cmyk.jpg',
  'rgb.webp',
  'grey.jpg',
  'interlaced.png',
].map((name, i) => ({ file: pictures + name, label: i % 2 }));
const fromMemory: Sample[] = Array.from({ length: 17 }, (_, i) => ({
  file: `picture ${i}`,
  label: i % 3,
  image: formula(20 + i, 24, 'noise'),
}));
const all = [...fromFiles, ...fromMemory];

async function collect(samples: Sample[], options: Partial<WorkerLoaderOptions> = {}): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loadBatches(samples, { batchSize: 4, preprocessing, ...options }))
    batches.push(batch);
  return batches;
}

const values = (batches: Batch[]) =>
  batches.map(({ images, labels, index }) => [index, [...labels], [...images]]);

test('evaluation: every picture once, in order, as the transform gives it', async () => {
  const batches = await collect(all);
  assert.equal(
    batches.map(({ size }) => size),
    [4, 4, 4, 4, 4, 3],
  );
  assert.equal(
    batches.flatMap(({ samples }) => samples),
    all,
  );
  assert.equal(
    batches.flatMap(({ labels }) => [...labels]),
    all.map(({ label }) => label),
  );
  const transform = evalTransform(preprocessing);
  const length = 16 * 16 * 3;
  for (const [i, { file, image }] of all.entries()) {
    const expected = transform(image ?? (await readImage(file)), randomStream(0, 'augment', 0, i));
    assert.equal(batches[i >> 2].images.slice((i % 4) * length, ((i % 4) + 1) * length), expected, file);
  }
});

test('training: the same bits with 1, 2 and 3 workers and any prefetch', async () => {
  const options = { train: true, seed: 5, epoch: 2 };
  const expected = values(await collect(all, { ...options, workers: 1, prefetch: 0 }));
  for (const [workers, prefetch] of [
    [1, 4],
    [2, 1],
    [3, 7],
  ]) {
    assert.equal(
      values(await collect(all, { ...options, workers, prefetch })),
      expected,
      `${workers} workers`,
    );
  }
});

test('the thread that asks makes the same bits as the workers', async () => {
  for (const options of [{}, { train: true, seed: 5, epoch: 2, startBatch: 1 }]) {
    const inThread: Batch[] = [];
    for await (const batch of loadInThread(fromMemory, { batchSize: 4, preprocessing, ...options }))
      inThread.push(batch);
    assert.equal(values(inThread), values(await collect(fromMemory, options)));
  }
});

test('an encoded picture in memory is that of its file', async () => {
  const blobs = fromFiles.map(({ file, label }) => ({
    file: 'in memory',
    label,
    blob: new Blob([readFileSync(file)]),
  }));
  assert.equal(values(await collect(blobs)), values(await collect(fromFiles)));
});

test('training: the order of the seed and epoch; other epochs give other crops of the same pictures', async () => {
  const batches = await collect(all, { train: true, seed: 5, epoch: 1 });
  const order = [...shuffled(all.length, 5, 1)].map((i) => all[i]);
  assert.equal(
    batches.flatMap(({ samples }) => samples),
    order,
  );
  const unshuffled = (epoch: number) => collect(all, { train: true, shuffle: false, epoch });
  const [one, two] = [await unshuffled(1), await unshuffled(2)];
  assert.equal(one[0].samples, two[0].samples);
  assert.not.equal(one[0].images, two[0].images);
});

test('startBatch goes on where an interrupted epoch stopped', async () => {
  const options = { train: true, seed: 1, epoch: 3 };
  const whole = values(await collect(all, options));
  assert.equal(values(await collect(all, { ...options, startBatch: 4 })), whole.slice(4));
  assert.equal(await collect(all, { ...options, startBatch: 6 }), []);
});

test('countBatches, and no batch of nothing', async () => {
  assert.equal([countBatches(23, 4), countBatches(24, 4), countBatches(0, 4)], [6, 6, 0]);
  assert.equal(await collect([]), []);
});

test('unreadable pictures are named, counted and left out; a batch of nothing else does not appear', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-loader-'));
  try {
    await writeFile(join(dir, 'text.jpg'), 'not a picture');
    const bad = (name: string): Sample => ({ file: join(dir, name), label: 1 });
    const samples = [
      ...[fromMemory[0], bad('text.jpg'), fromMemory[1], bad('missing.jpg')],
      ...[bad('a.jpg'), bad('b.jpg'), bad('c.jpg'), bad('d.jpg')],
      fromMemory[2],
    ];
    const told: [string, Sample][] = [];
    const onUnreadable = (error: UnreadableImageError, sample: Sample) => told.push([error.message, sample]);
    const batches = await collect(samples, { onUnreadable });
    assert.equal(
      batches.map(({ index, size, skipped }) => [index, size, skipped]),
      [
        [0, 2, 2],
        [2, 1, 0],
      ],
    );
    assert.equal(batches[0].samples, [fromMemory[0], fromMemory[1]]);
    assert.is(batches[0].images.length, 2 * 16 * 16 * 3);
    assert.equal(batches[0].images, (await collect([fromMemory[0], fromMemory[1]]))[0].images);
    assert.is(told.length, 6);
    assert.match(told[0][0], /text\.jpg is not a PNG, JPEG/);
    assert.match(told[1][0], /missing\.jpg cannot be read: there is no such file or folder \(ENOENT/);
    assert.is(told[1][1], samples[3]);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('a picture that the transform cannot take costs that picture, and the sentence names it', async () => {
  const flat: Sample = { file: 'flat', label: 0, image: { width: 0, height: 5, pixels: new Uint8Array() } };
  for (const load of [loadBatches, loadInThread])
    for (const train of [false, true]) {
      const told: string[] = [];
      const onUnreadable = ({ message }: UnreadableImageError): number => told.push(message);
      const sizes: number[] = [];
      const samples = [fromMemory[0], flat, fromMemory[1]];
      const options = { batchSize: 3, preprocessing, train, onUnreadable };
      for await (const { size } of load(samples, options)) sizes.push(size);
      assert.equal(sizes, [2]);
      assert.is(told.length, 1);
      assert.is(told[0], "flat cannot be brought into the network's form: 0 × 5 pixels are not 0 values");
    }
});

test('leaving early drops what waits, and the loader works afterwards', async () => {
  const seen: number[] = [];
  for await (const batch of loadBatches(all, { batchSize: 1, preprocessing, prefetch: 9, workers: 2 })) {
    seen.push(batch.index);
    if (batch.index === 2) break;
  }
  assert.equal(seen, [0, 1, 2]);
  assert.is((await collect(all)).length, 6);
});

test('two loops at once do not disturb each other', async () => {
  const [one, two] = await Promise.all([
    collect(all, { workers: 2 }),
    collect(all, { workers: 2, train: true }),
  ]);
  assert.equal(values(one), values(await collect(all)));
  assert.equal(values(two), values(await collect(all, { train: true })));
});

test('closing while batches are on their way rejects; the next loop starts new workers', async () => {
  const loop = collect(all, { workers: 2 }).then(
    () => 'finished',
    (error: Error) => error.message,
  );
  await closeLoader();
  assert.match(await loop, /closed|stopped/);
  assert.is((await collect(all, { workers: 2 })).length, 6);
});

test('options that make no sense are sentences', async () => {
  for (const [options, message] of [
    [{ batchSize: 0 }, /batchSize must be an integer of at least 1, not 0/],
    [{ startBatch: -1 }, /startBatch must be/],
    [{ workers: 0 }, /at least one worker, not 0/],
  ] as const) {
    const error = await collect(all, options).then(
      () => undefined,
      (e: Error) => e,
    );
    assert.match(error?.message ?? 'accepted', message);
  }
});

test('labels that are no whole numbers are refused with the name of the picture', async () => {
  for (const label of [0.5, Number.NaN]) {
    const samples = all.map((sample, index) => (index === 1 ? { ...sample, label } : sample));
    const error = await collect(samples, { workers: 1 }).then(
      () => undefined,
      (e: Error) => e,
    );
    assert.is(
      error?.message,
      `loadBatches: the label of ${all[1]!.file} is ${label}; labels are whole numbers, indices into the classes`,
    );
  }
});

/** Runs a program of its own and gives what it prints; a process that does not end fails after two minutes. */
async function runProgram(body: string): Promise<string> {
  const loader = new URL('../../../src/data/node/loader.ts', import.meta.url).href;
  const program = `
    import { loadBatches } from ${JSON.stringify(loader)};
    const samples = ${JSON.stringify(fromFiles)};
    const options = { batchSize: 2, preprocessing: ${JSON.stringify(preprocessing)} };
    ${body}`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  return (await promisify(execFile)(process.execPath, args, { timeout: 120_000 })).stdout;
}

test('idle workers do not keep the process alive, and busy ones do', async () => {
  const wait = await runProgram(
    'let n = 0; for await (const b of loadBatches(samples, options)) n += b.size; console.log(n);',
  );
  assert.is(wait.trim(), '6');
  const leave = await runProgram(
    'for await (const b of loadBatches(samples, options)) { console.log(b.size); break; }',
  );
  assert.is(leave.trim(), '2');
});

test.after(closeLoader);
test.run();
