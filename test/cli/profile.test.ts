/** `--profile` as people give it, to `predict` and `train`. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TINY, writePictures } from '../../bench/kills.ts';
import { createModel, saveWeights } from '../../src/weights/node/create-model.ts';
import { testDevice } from '../helpers/device.ts';
import { tessera } from './in-process.ts';

const test = suite('cli/profile');
const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-profile-'));
  // A tuning record that comes between two runs, of whoever else is at work here, would be other kernels and other bits.
  process.env.TESSERA_CACHE = join(folder, 'cache');
});
test.after(async () => {
  delete process.env.TESSERA_CACHE;
  await rm(folder, { recursive: true });
});

const json = async (...path: string[]) => JSON.parse(await readFile(join(folder, ...path), 'utf8'));
const cat = join(root, 'data/photos/cat.jpg');
/** Named, as without weights the newest run below this folder would answer, were there one. */
const shipped = join(root, 'weights/efficientnet_lite0.safetensors');

/** That a profile names its layers as the network's parameters are. */
const namesLayers = ({ layers }: { layers: { name: string }[] }): void =>
  assert.ok(
    layers.some(({ name }) => name === 'blocks.0.0.conv_dw'),
    `no blocks.0.0.conv_dw among ${layers.map(({ name }) => name).join(', ')}`,
  );

test('predict: both files in the folder that is named, the table on stderr, the answer alone on stdout', async () => {
  const { code, out, err } = await tessera(
    'predict',
    cat,
    ...['--weights', shipped, '--json', '--profile', join(folder, 'made/here')],
  );
  assert.is(code, 0, err);
  assert.is(JSON.parse(out).length, 1);
  assert.match(err, /^Profile of step 1 on /m);
  assert.match(
    err,
    /^Profile: .*here\/profile\.json; trace for https:\/\/ui\.perfetto\.dev: .*trace\.json$/m,
  );
  const { parts } = await json('made/here/profile.json');
  assert.is(parts.length, 1);
  namesLayers(parts[0]);
  const { traceEvents } = await json('made/here/trace.json');
  assert.ok(
    traceEvents.length > parts[0].dispatches,
    `${traceEvents.length} events, ${parts[0].dispatches} dispatches, ${parts[0].untimed} of them untimed`,
  );
});

test('a folder that cannot be made is a sentence, before anything is computed', async () => {
  await writeFile(join(folder, 'file'), '');
  const { code, out, err } = await tessera('predict', cat, '--profile', join(folder, 'file/below'));
  assert.is(code, 64);
  assert.is(out, '');
  assert.match(err, /^error: the folder .*file cannot be made: a part of the path is a file/m);
});

test('train: into the folder of the run, whose bits are those of any other; not with what is no run', async () => {
  const data = join(folder, 'data');
  await writePictures(data);
  const weights = join(folder, 'tiny.safetensors');
  const device = await testDevice({ poison: false });
  await saveWeights(await createModel(TINY, { device, numClasses: 2, seed: 1 }), weights);
  device.close();
  const settings = ['--weights', weights, '--train-from', 'all', '--size', '32', '--epochs', '1'];
  const options = ['--data', data, ...settings];
  const outcomes = [];
  for (const [out, more] of [
    ['plain', []],
    ['profiled', ['--profile']],
  ] as const)
    outcomes.push(await tessera('train', ...options, '--batch', '8', '--out', join(folder, out), ...more));
  for (const { code, err } of outcomes) assert.is(code, 0, err);
  const [plain, profiled] = await Promise.all(
    ['plain', 'profiled'].map((run) => readFile(join(folder, run, 'best.safetensors'))),
  );
  assert.ok(weightsIn(plain!).equals(weightsIn(profiled!)), 'the same bits with and without');
  const { parts } = await json('profiled/profile.json');
  assert.equal(parts[0].steps, [1, 1]);
  namesLayers(parts[0]);
  const { code, err } = await tessera('train', ...options, '--find-lr', '--profile');
  assert.is(code, 64);
  assert.match(err, /^error: --profile is of a run; leave it out of --find-lr and --sanity$/m);
});

/** What follows the header, which names the folder of the run. */
const weightsIn = (file: Buffer): Buffer => file.subarray(8 + Number(file.readBigUInt64LE(0)));

test.run();
