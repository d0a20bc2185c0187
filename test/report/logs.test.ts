/** What other programs read of a run: metrics.jsonl, TensorBoard's events, predictions.csv. */
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32c, openEventRecord, type TensorBoardEvent } from '../../src/report/event-file.ts';
import { GrowingFile } from '../../src/report/growing-file.ts';
import { MetricsLog } from '../../src/report/metrics-log.ts';
import { cell, predictionsCsv } from '../../src/report/predictions.ts';
import { TensorBoard } from '../../src/report/tensorboard.ts';
import type { Callback, EndEvent, EpochEvent, SavePoint, StepEvent } from '../../src/train/callback.ts';
import { RateTracer } from '../../src/train/callbacks/rate-trace.ts';

const test = suite('report: logs');
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-logs-'));
});
test.after(() => rm(folder, { recursive: true }));

const EPOCH = 4;
const METRICS = {
  count: 2,
  loss: 0.5,
  accuracy: 0.75,
  largestShare: 0.5,
  balancedAccuracy: 0.75,
  macroF1: 0.7,
};

/** Calls a callback as `fit` does for the steps after `from` up to `to`, the epochs' ends among them. */
async function drive(callback: Callback, from: number, to: number): Promise<void> {
  const progress = { epoch: Math.floor(from / EPOCH), batch: from % EPOCH };
  const event = { progress, stepsPerEpoch: EPOCH } as unknown as StepEvent &
    EpochEvent &
    SavePoint &
    EndEvent;
  await callback.onStart?.(event);
  for (let step = from + 1; step <= to; step++) {
    const optimizer = { lrFactor: 1 / step, groups: [{ lr: 0.01 }, { lr: 0.1 }] };
    const at = { ...event, step, optimizer } as unknown as typeof event;
    callback.onStep?.(at);
    callback.onLoss?.({ step, value: 1 / (1 + step) });
    if (step % EPOCH > 0) continue;
    const record = { epoch: step / EPOCH, trainLoss: 0.6, val: METRICS, trainSeconds: 1, valSeconds: 0.5 };
    await callback.onEpoch?.({ ...at, record });
    await callback.onSave?.(at);
  }
  await callback.onEnd?.(event);
}

test('metrics.jsonl has a line for each step that is logged and for each epoch', async () => {
  const file = join(folder, 'plain.jsonl');
  await drive(new MetricsLog({ file, every: 2 }), 0, 8);
  const lines = (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(
    lines.map(({ type, step, epoch }) => [type, step, epoch]),
    [
      ['step', 1, 1],
      ['step', 2, 1],
      ['step', 4, 1],
      ['epoch', 4, 1],
      ['step', 6, 2],
      ['step', 8, 2],
      ['epoch', 8, 2],
    ],
  );
  assert.equal(lines[1], { type: 'step', step: 2, epoch: 1, loss: 1 / 3, lr: 0.05 });
  assert.equal(lines[6].val, METRICS);
});

test('a run that is killed at any byte of metrics.jsonl and resumed has the lines of one that was not', async () => {
  const whole = join(folder, 'whole.jsonl');
  await drive(new MetricsLog({ file: whole, every: 1 }), 0, 3 * EPOCH);
  const text = await readFile(whole, 'utf8');
  const firstEpoch = text.indexOf('\n', text.indexOf('"epoch","step":4')) + 1;
  const second = text.indexOf('\n', text.indexOf('"epoch","step":8')) + 1;
  const killed = join(folder, 'killed.jsonl');
  for (let end = firstEpoch; end <= second; end += 13) {
    await writeFile(killed, text.slice(0, end));
    await drive(new MetricsLog({ file: killed, every: 1 }), EPOCH, 3 * EPOCH);
    assert.is(await readFile(killed, 'utf8'), text, `killed at byte ${end}`);
  }
  // Stopped within an epoch, and between its last step and its validation.
  for (const stop of [EPOCH + 2, 2 * EPOCH - 1]) {
    await writeFile(killed, text);
    await drive(new MetricsLog({ file: killed, every: 1 }), stop, 3 * EPOCH);
    assert.is(await readFile(killed, 'utf8'), text, `stopped at step ${stop}`);
  }
});

test('a log that cannot be written is reported where the run waits', async () => {
  const file = new GrowingFile(async () => join(folder, 'plain.jsonl', 'below'));
  file.add('line\n');
  const error = await file.flush().catch((reason) => reason);
  assert.is(error.name, 'WriteError');
  assert.match(error.message, /plain\.jsonl.* a part of the path is a file/);
});

const CRC: [text: string, crc: number][] = [
  ['', 0],
  ['a', 0xc1d04330],
  ['123456789', 0xe3069283],
];
for (const [text, crc] of CRC)
  test(`CRC-32C of '${text}'`, () => assert.is(crc32c(new TextEncoder().encode(text)), crc));

const EVENTS: [wallTime: number, event: TensorBoardEvent][] = [
  [1.5, { fileVersion: 'brain.Event:2' }],
  [1732640000.25, { step: 1, scalars: [['train/loss', 0.6931471824645996]] }],
  [
    1732640001,
    {
      step: 300,
      scalars: [
        ['val/loss', 1.25],
        ['val/ä', -3e-7],
      ],
    },
  ],
  [2, { step: 5_000_000_000, restart: true }],
];
test("events are, to the byte, what TensorBoard's own writer makes of them", async () => {
  const expected = JSON.parse(await readFile(new URL('fixtures/events.json', import.meta.url), 'utf8'));
  const eventRecord = await openEventRecord();
  const written = EVENTS.map(([time, event]) => Buffer.from(eventRecord(time, event)).toString('base64'));
  assert.equal(written, expected);
});

test('a run that goes on writes another event file, which says from which step on', async () => {
  const at = join(folder, 'tensorboard');
  let time = 1e12;
  await drive(new TensorBoard({ folder: at, now: () => time }), 0, EPOCH);
  const [first] = await readdir(at);
  await appendFile(join(at, first), 'half a rec');
  time += 5000;
  await drive(new TensorBoard({ folder: at, now: () => time }), EPOCH, EPOCH + 2);
  const files = (await readdir(at)).sort();
  assert.is(files.length, 2);
  assert.is(files[0], first);
  for (const name of files) assert.match(name, /^events\.out\.tfevents\.100000000\d\.[\w.-]+$/);
  const second = await readFile(join(at, files[1]));
  const eventRecord = await openEventRecord();
  const restart = eventRecord(time / 1000, { step: EPOCH + 1, restart: true });
  const begin = eventRecord(time / 1000, { fileVersion: 'brain.Event:2' });
  assert.equal(second.subarray(0, begin.length + restart.length), Buffer.concat([begin, restart]));
});

const CELLS: [value: string, written: string][] = [
  ['cat', 'cat'],
  ['a,b', '"a,b"'],
  ['say "cat"', '"say ""cat"""'],
  ['=1+2', "'=1+2"],
  ['+1', "'+1"],
  ['-x.jpg', "'-x.jpg"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['=HYPERLINK("http://x",1)', `"'=HYPERLINK(""http://x"",1)"`],
  ['＝1', "'＝1"],
  ['\t=1', "'\\t=1"],
  ['two\nlines', 'two\\nlines'],
  ['\r\n=1', "'\\r\\n=1"],
  ['gpj\u202e.exe', 'gpj\\u202e.exe'],
  ['', ''],
];
for (const [value, written] of CELLS)
  test(`a cell of CSV: ${JSON.stringify(value)}`, () => assert.is(cell(value), written));

test('predictions.csv has a line a picture, and the threshold decides where there is one', () => {
  const inference = {
    logits: Float32Array.of(0, 0, Math.log(3), 0),
    labels: Int32Array.of(1, 0),
    classes: 2,
    samples: [
      { file: 'a,b.png', label: 1 },
      { file: '=c.png', label: 0 },
    ],
  };
  const head = 'path,true,predicted,right,probability,p(cat),p(dog)';
  assert.equal(predictionsCsv(inference, ['cat', 'dog']).split('\r\n'), [
    head,
    '"a,b.png",dog,cat,0,0.500000,0.500000,0.500000',
    "'=c.png,cat,cat,1,0.750000,0.750000,0.250000",
    '',
  ]);
  const called = predictionsCsv(inference, ['cat', 'dog'], Int32Array.of(1, 1)).split('\r\n');
  assert.is(called[1], '"a,b.png",dog,dog,1,0.500000,0.500000,0.500000');
  assert.is(called[2], "'=c.png,cat,dog,0,0.250000,0.750000,0.250000");
});

for (const steps of [0, 1, 512, 513, 1025, 5000])
  test(`the learning rates of ${steps} steps, stopped half way, in a bounded number of points`, async () => {
    const first = new RateTracer();
    const half = Math.floor(steps / 2);
    const take = (tracer: RateTracer, from: number, to: number): void => {
      for (let step = from + 1; step <= to; step++)
        tracer.onStep({
          step,
          optimizer: { lrFactor: 2, groups: [{ lr: step / 2 }] },
        } as unknown as StepEvent);
    };
    take(first, 0, half);
    const tracer = new RateTracer();
    tracer.restore(first.state());
    take(tracer, half, steps);
    const points = tracer.points();
    assert.ok(points.length <= 512 && points.length >= Math.min(steps, 256));
    for (const [step, rate] of points) assert.is(rate, step);
  });

test.run();
