/** Pieces of networks, the table that is made of their times, where it is kept, and what a search plans with. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TINY_SPACE } from '../../bench/soak-supernet.ts';
import { run as cacheCommand } from '../../src/cli/cache.ts';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { buildModel } from '../../src/models/table.ts';
import { blockKey, blocksOf, costOf, headKey, rowOf, sidesOf } from '../../src/search/cost/cost.ts';
import { latencyWarning, measureLatencies, tableOfTimes } from '../../src/search/cost/latency.ts';
import { nonNegative } from '../../src/search/cost/least-squares.ts';
import { measurePlan, paceOf, pacesOf } from '../../src/search/cost/pace.ts';
import { buildPiece, piecesOf, STEM } from '../../src/search/cost/pieces.ts';
import { clearLatencies, keptLatencies, latenciesFor } from '../../src/search/node/latency-shelf.ts';
import type { LatencyTable } from '../../src/search/result.ts';
import {
  type Choice,
  checkSpace,
  keyOf,
  largest,
  randomChoice,
  smallest,
  tableOf,
} from '../../src/search/space.ts';
import { noGrad, scope, tensor, zeros } from '../../src/tensor/index.ts';
import { randomStream } from '../../src/tensor/random.ts';
import type { Step } from '../../src/train/step.ts';
import { testDevice } from '../helpers/device.ts';
import { stripeBatches } from '../train/tiny.ts';

const test = suite('search latencies');
let folder: string;
let said: string[];
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-latencies-'));
  said = [];
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const random = (index: number): Choice => randomChoice(TINY_SPACE, randomStream(4, 'test', 0, index));

/** Keys of the pieces of a network, one for each time that it has it. */
function keysOf(choice: Choice): string[] {
  const sides = sidesOf(TINY_SPACE);
  let width = TINY_SPACE.stem;
  const keys = [STEM];
  for (const [index, picked] of choice.entries()) {
    for (const block of blocksOf(rowOf(TINY_SPACE, index, picked), width, sides[index]!))
      keys.push(blockKey(block));
    width = picked.width;
  }
  return [...keys, headKey(width)];
}

test('the pieces of a network are its work: as many dispatches and operations, in its order', async () => {
  const { device, tally } = await dryDevice(PLAIN_DEVICE);
  const work = (record: () => void) => {
    Object.assign(tally, { flops: 0, bytes: 0, dispatches: 0 });
    scope(() => noGrad(record));
    return [tally.dispatches, tally.flops, tally.bytes];
  };
  const pieces = new Map(piecesOf(TINY_SPACE, 5).map((piece) => [piece.key, piece]));
  for (const choice of [smallest(TINY_SPACE), largest(TINY_SPACE), random(0), random(1)]) {
    const model = buildModel(tableOf(TINY_SPACE, choice, 'whole'), { device, numClasses: 5 }).eval();
    const x = zeros([2, 8, 8, 3], { device });
    const whole = work(() => void model.forward(x));
    const parts = keysOf(choice).map((key) => {
      const piece = pieces.get(key)!;
      const layers = buildPiece(piece, device);
      const input = zeros([2, ...piece.input], { device });
      const counts = work(() => void layers.forward(input));
      layers.dispose();
      input.dispose();
      return counts;
    });
    assert.equal(
      whole.map((_, i) => parts.reduce((sum, counts) => sum + counts[i]!, 0)),
      whole,
      keyOf(choice),
    );
    model.dispose();
    x.dispose();
  }
  device.close();
});

/** Milliseconds that are what a network's pieces take together, and a tenth. */
const MS = new Map(piecesOf(TINY_SPACE, 5).map(({ key }, index) => [key, 0.1 + 0.01 * (index % 17)]));
const NOTHING = 0.2;
const trueMs = (choice: Choice): number =>
  1.1 * (NOTHING + keysOf(choice).reduce((sum, key) => sum + MS.get(key)!, 0));

function goodTable(spoil = (ms: number, _index: number) => ms): LatencyTable {
  const choices = Array.from({ length: 18 }, (_, index) => random(index));
  const { [STEM]: stem, ...blocks } = Object.fromEntries(MS);
  return tableOfTimes(
    TINY_SPACE,
    { batch: 1, base: NOTHING + stem!, blocks },
    choices,
    choices.map((choice, index) => spoil(trueMs(choice), index)),
  );
}

test('a table predicts networks with the factor of the first ones, and says how well of others', () => {
  const table = goodTable();
  const cost = costOf(TINY_SPACE, 'ms', { latency: table }, { classes: 5 });
  for (const index of [30, 31, 32]) assert.ok(Math.abs(cost(random(index)) - trueMs(random(index))) < 1e-9);
  assert.is(table.check.length, 12);
  assert.ok(table.r2 > 0.999999 && table.meanError < 1e-9);
  assert.is(latencyWarning(table), null);
  const noisy = goodTable((ms, index) => (index % 2 ? ms : 1.5 * ms));
  assert.ok(noisy.r2 < 0.9 && noisy.meanError > 0.1);
  assert.match(latencyWarning(noisy)!, /misses whole networks by \d+ % on average \(R² -?\d/);
});

test('measuring gives every piece its milliseconds, leaves nothing behind, and ends when it is told to', async () => {
  const { device } = await dryDevice(PLAIN_DEVICE);
  const space = checkSpace({
    ...TINY_SPACE,
    stages: [{ stride: 2, kernels: [3], expandRatios: [2], widths: [4], depths: [1, 2], squeezes: [0.25] }],
  });
  const live = device.memory().live;
  const heard: number[] = [];
  const table = await measureLatencies(device, space, {
    batch: 2,
    classes: 5,
    onProgress: (done, of) => heard.push(done / of),
  });
  assert.equal(Object.keys(table.blocks), ['k3s2e2-4x4-q0.25@4', 'k3s1e2-4x4-q0.25@2', 'head-4']);
  assert.equal([table.batch, table.inputSize, heard.at(-1)], [2, 8, 1]);
  assert.is(device.memory().live, live);
  const stop = new AbortController();
  const promise = measureLatencies(device, space, {
    classes: 5,
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('enough')),
  });
  await promise.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'enough'),
  );
  assert.is(device.memory().live, live);
  device.close();
});

test('a space of too many blocks is refused before anything is measured', () => {
  const values = Array.from({ length: 16 }, (_, i) => 8 * (i + 1));
  const stage = { ...TINY_SPACE.stages[0]!, widths: values, expandRatios: [1, 2, 3, 4, 5, 6] };
  const space = checkSpace({ ...TINY_SPACE, stages: [stage, stage] });
  assert.throws(() => piecesOf(space, 5), /more than 4,000 different blocks, too many to measure each; give/);
});

test('a table is kept for the adapter, the batch and the space, and a damaged one is measured again', async () => {
  const { device } = await dryDevice(PLAIN_DEVICE);
  const other = (await dryDevice({ ...PLAIN_DEVICE, info: { ...PLAIN_DEVICE.info, description: 'another' } }))
    .device;
  let measured = 0;
  const options = {
    folder: join(folder, 'latencies'),
    note: (sentence: string) => said.push(sentence),
    classes: 5,
    measure: async () => {
      measured++;
      return goodTable();
    },
  };
  const ask = async (from = device, more = {}, space = TINY_SPACE): Promise<boolean> => {
    const before = measured;
    const table = await latenciesFor(from, space, { ...options, ...more });
    assert.equal(table, goodTable());
    return measured === before;
  };
  assert.equal([await ask(), await ask(), await ask()], [false, true, true]);
  assert.equal([await ask(other), await ask(device, { classes: 6 })], [false, false]);
  assert.equal([await ask(device, {}, { ...TINY_SPACE, stem: 6 })], [false]);
  assert.equal(said, []);
  const path = join(options.folder, (await keptLatencies(options.folder))[0]!);
  await clearLatencies(options.folder);
  assert.equal([await ask(), readdirSync(options.folder).length], [false, 1]);
  const file = join(options.folder, readdirSync(options.folder)[0]!);
  const text = readFileSync(file, 'utf8');
  for (const [damaged, sentence] of [
    [text.slice(0, 100), /is no JSON/],
    ['[]', /the table is an object/],
    [text.replace('"base":', '"base":-'), /the table.base is a number/],
    [text.replace('"head-8"', '"head-9"'), /it is of another space than tiny/],
    [text.replace('"batch":1', '"batch":2'), /it is of another space than tiny/],
  ] as const) {
    writeFileSync(file, damaged);
    assert.not(await ask());
    assert.match(said.pop()!, sentence);
    assert.ok(await ask(), 'written anew');
  }
  assert.ok(path);
  const bad = { ...goodTable(), meanError: 0.3 };
  const folder2 = join(folder, 'bad');
  await latenciesFor(device, TINY_SPACE, { ...options, folder: folder2, measure: async () => bad });
  assert.equal(await keptLatencies(folder2), [], 'one that predicts badly is not kept');
  writeFileSync(join(folder, 'file'), '');
  await latenciesFor(device, TINY_SPACE, { ...options, folder: join(folder, 'file') });
  assert.match(said.join(), /The latency table is not kept for the next search: .* could not be written/);
  for (const one of [device, other]) one.close();
});

test('cache counts the tables and clears them', async () => {
  const before = process.env.TESSERA_CACHE;
  process.env.TESSERA_CACHE = folder;
  try {
    const { device } = await dryDevice(PLAIN_DEVICE);
    await latenciesFor(device, TINY_SPACE, { classes: 5, measure: async () => goodTable() });
    assert.is((await keptLatencies()).length, 1);
    assert.is(await cacheCommand(['clear'], {}), 0);
    assert.is((await keptLatencies()).length, 0);
    device.close();
  } finally {
    if (before === undefined) delete process.env.TESSERA_CACHE;
    else process.env.TESSERA_CACHE = before;
  }
});

test('least squares without negative unknowns', () => {
  const rows = [
    [1, 1e6, 3],
    [1, 4e6, 5],
    [1, 9e6, 4],
    [1, 2e6, 9],
  ];
  const times = ([a, b, c]: number[]) => rows.map((row) => a! * row[0]! + b! * row[1]! + c! * row[2]!);
  for (const x of [
    [0.1, 2e-8, 0.03],
    [0, 2e-8, 0.03],
    [0.5, 0, 0],
  ]) {
    const found = nonNegative(rows, times(x));
    for (const [i, entry] of x.entries())
      assert.ok(Math.abs(found[i]! - entry) <= 1e-6 * Math.max(...x), `${found}`);
  }
  // Where the free solution has a negative entry, that entry is 0 and the others fit as well as they can.
  assert.equal(
    nonNegative(
      [
        [1, 0],
        [0, 1],
      ],
      [2, -1],
    ),
    [2, 0],
  );
  const [first, second] = nonNegative(
    [
      [1, 1],
      [2, 2],
    ],
    [1, 2],
  );
  assert.ok(Math.abs(first! + second! - 1) < 1e-12, 'columns that are the same');
});

test('paces are fitted to what was timed, and the weight-shared network is reckoned where it was not', () => {
  const costs = costOf(TINY_SPACE, 'multiply-adds', { latency: null }, { classes: 0 });
  const visits = [smallest(TINY_SPACE), largest(TINY_SPACE), random(0), random(1)].map((choice) => ({
    choice,
    step: 0.2 + 1e-6 * costs(choice),
    score: 1e-6 * costs(choice),
  }));
  const pace = paceOf(TINY_SPACE, visits, null);
  const { stepSeconds, scoreSeconds, sharedStepSeconds, sharedScoreSeconds } = pacesOf(pace, TINY_SPACE);
  const asked = random(7);
  assert.ok(Math.abs(stepSeconds(asked) - 0.2 - 1e-6 * costs(asked)) < 1e-6);
  assert.ok(Math.abs(scoreSeconds(asked) - 1e-6 * costs(asked)) < 1e-6);
  assert.ok(pace.stepError! < 1e-6);
  const mean = visits.reduce((sum, { step }) => sum + step, 0) / visits.length;
  assert.ok(Math.abs(sharedStepSeconds - 3 * mean) < 1e-9, 'its longest list has three values');
  assert.is(sharedScoreSeconds(asked), scoreSeconds(asked));
  const shared = { choice: asked, step: 4, score: 2 * scoreSeconds(asked) };
  const measured = pacesOf(paceOf(TINY_SPACE, visits, shared), TINY_SPACE);
  assert.is(measured.sharedStepSeconds, 4);
  assert.ok(Math.abs(measured.sharedScoreSeconds(random(8)) - 2 * scoreSeconds(random(8))) < 1e-6);
});

test('a plan is measured with the steps and the pictures that it is given', async () => {
  const device = await testDevice();
  const live = device.memory().live;
  const { train, val } = stripeBatches();
  const space = checkSpace({ ...TINY_SPACE, stages: TINY_SPACE.stages.slice(0, 1), inputSize: 16 });
  const seen: string[] = [];
  const taken: Step = (batch) => {
    seen.push(batch.samples[0]!.file);
    return tensor([0.5], [], { device });
  };
  const plan = await measurePlan(device, space, {
    seconds: 60,
    classes: 2,
    batch: 8,
    train,
    held: val,
    latency: null,
    budget: 0,
    step: () => taken,
    sharedStep: () => taken,
  });
  assert.is(
    seen.length,
    4 * 5,
    'the smallest, the middle, the largest and the shared network, five steps each',
  );
  assert.is(new Set(seen.slice(0, train.batches)).size, train.batches, 'one stream of batches');
  const { stepSeconds, scoreSeconds, sharedStepSeconds } = pacesOf(plan, space);
  for (const seconds of [stepSeconds(largest(space)), scoreSeconds(largest(space)), sharedStepSeconds])
    assert.ok(seconds > 0 && seconds < 60);
  assert.equal([plan.seconds, plan.batch, plan.latency], [60, 8, null]);
  assert.is(device.memory().live, live);
  device.close();
});

test.run();
