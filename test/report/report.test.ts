/** The trace of the loss, the page of a report, the examples it shows. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeLoader } from '../../src/data/node/loader.ts';
import type { Device } from '../../src/gpu/index.ts';
import type { ReportDocument } from '../../src/report/document.ts';
import { exampleRows, telling } from '../../src/report/examples.ts';
import { explainWith } from '../../src/report/explain-with.ts';
import { reportHtml } from '../../src/report/page.ts';
import { decimal, interval } from '../../src/report/parts.ts';
import { type LossTrace, LossTracer } from '../../src/train/callbacks/loss-trace.ts';
import { percent } from '../../src/train/metrics.ts';
import { testDevice } from '../helpers/device.ts';
import { PREPROCESSING, stripes, tinyNet } from '../train/tiny.ts';
import { EVIL, faultsOf } from './page-faults.ts';
import { sampleDocument } from './sample-document.ts';

const test = suite('report');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(async () => {
  await closeLoader();
  device.close();
});

for (const steps of [0, 1, 511, 512, 513, 1500, 10_000])
  test(`the trace of ${steps} steps keeps the mean loss and the order in a bounded number of points`, () => {
    const tracer = new LossTracer();
    for (let step = 1; step <= steps; step++) tracer.onLoss({ step, value: step });
    const points = tracer.points();
    assert.ok(points.length <= 512);
    // The loss of step s is s here, so that each piece's mean is its middle.
    for (const [step, loss] of points) assert.ok(Math.abs(step - loss) < 1e-9, `${step}: ${loss}`);
    const { every, last } = tracer.state().json as LossTrace;
    assert.is(steps, Math.max(points.length - 1, 0) * every + (points.length > 0 ? last : 0));
  });

const PAGES: [what: string, classes: string[], name?: string][] = [
  ['two classes', ['cat', 'dog']],
  ['five classes', ['a', 'b', 'c', 'd', 'e']],
  ['a hundred classes', Array.from({ length: 100 }, (_, i) => `class ${i}`)],
  ['hostile names', [EVIL, `=${EVIL}`], EVIL],
  ['many hostile names', Array.from({ length: 30 }, (_, i) => `${EVIL}${i}`), EVIL],
];
for (const [what, classes, name] of PAGES)
  test(`the page of ${what} is whole, asks no network and can be read by everybody`, async () => {
    const html = await reportHtml(await sampleDocument(classes, name));
    assert.equal(faultsOf(html), []);
    assert.ok(html.length < 300_000, `${html.length}`);
  });

test('a run of many epochs has a page that one can open, the best epoch on it', async () => {
  const sample = await sampleDocument(['cat', 'dog']);
  const [record] = sample.run!.epochs;
  const epochs = Array.from({ length: 5000 }, (_, index) => ({ ...record, epoch: index + 1 }));
  const html = await reportHtml({ ...sample, run: { ...sample.run!, epochs, best: 1234 } });
  assert.ok(html.length < 300_000, `${html.length}`);
  assert.match(html, /Some of 5000 epochs; the figures of this report are of epoch 1234/);
  assert.match(html, /<th scope="row">1234 <span/);
  assert.match(html, '<th scope="row">5000</th>');
});

/** [parts that are not there, the sections that go with them] */
const ABSENT: [parts: Partial<ReportDocument>, sections: string[]][] = [
  [{ run: null }, ['curves']],
  [{ evaluation: null }, ['confusion', 'classes', 'ranking', 'threshold', 'calibration']],
  [
    { evaluation: null, checkpoint: null },
    ['result', 'confusion', 'classes', 'ranking', 'threshold', 'calibration'],
  ],
  [{ pictures: [] }, ['pictures']],
  [{ data: null, savings: null }, ['data', 'savings']],
  [{ stress: null, rateTest: null }, ['stress', 'find-rate']],
];
const SECTIONS =
  'result curves confusion classes pictures ranking threshold calibration stress data savings find-rate configuration'.split(
    ' ',
  );
for (const [parts, gone] of ABSENT)
  test(`a report without ${Object.keys(parts)} has no section of it`, async () => {
    const html = await reportHtml({ ...(await sampleDocument(['cat', 'dog'])), ...parts });
    assert.equal(faultsOf(html), []);
    const there = [...html.matchAll(/<section id="([a-z-]+)"/g)].map(([, id]) => id);
    assert.equal(
      there,
      SECTIONS.filter((id) => !gone.includes(id)),
    );
  });

test('the surest mistakes come first; right answers take turns between the classes; the closest are least certain', async () => {
  const samples = stripes(6, 1);
  const inference = {
    logits: Float32Array.from([3, 0, 1, 0, 2, 0, 0, 4, 0, 1, 5, 0]),
    labels: Int32Array.from(samples.map(({ label }) => label)),
    classes: 2,
    samples,
  };
  // Labels 0 1 0 1 0 1; taken for 0 0 0 1 1 0.
  const files = (of: { sample: { file: string } }[]): string[] => of.map(({ sample }) => sample.file);
  const { wrong, right, unsure } = telling(inference, 2);
  assert.equal(files(wrong), ['stripes 5', 'stripes 1']);
  assert.equal(files(right), ['stripes 3', 'stripes 0']);
  assert.equal(files(unsure), ['stripes 1', 'stripes 4']);

  const options = { classes: ['across', 'down'], preprocessing: PREPROCESSING, count: 2 };
  const model = tinyNet(device);
  const { pictures, missing } = await exampleRows(inference, {
    ...options,
    explain: explainWith(model, device),
  });
  assert.equal(missing, []);
  assert.equal(
    pictures.map((row) => row.pictures.map(({ file, actual, predicted }) => [file, actual, predicted])),
    [
      [
        ['stripes 5', 'down', 'across'],
        ['stripes 1', 'down', 'across'],
      ],
      [
        ['stripes 3', 'down', 'down'],
        ['stripes 0', 'across', 'across'],
      ],
      [
        ['stripes 1', 'down', 'across'],
        ['stripes 4', 'across', 'down'],
      ],
    ],
  );
  for (const { border } of pictures.flatMap((row) => row.pictures))
    assert.ok(border === null || (border >= 0 && border <= 1));
  for (const { jpeg, heatmap } of pictures.flatMap((row) => row.pictures))
    for (const bytes of [jpeg, heatmap!]) assert.equal([...bytes.subarray(0, 2)], [0xff, 0xd8]);

  const failing = { ...options, explain: () => Promise.reject(new Error('the device is lost')) };
  const without = await exampleRows(inference, failing);
  assert.is(without.pictures[0].pictures[0].heatmap, null);
  assert.match(without.missing[0], 'could not be shown: the device is lost');
});

test('a share just below one is not rounded up to 100 %', () => {
  assert.equal([1, 0.9996, 0.9991, 0].map(percent), ['100.0 %', '>99.9 %', '99.9 %', '0.0 %']);
  assert.equal(
    [decimal(0.99997, 4), decimal(1, 4), decimal(0.5), decimal(null)],
    ['>0.9999', '1.0000', '0.500', '–'],
  );
  assert.is(interval({ low: 0.95, high: 0.9997 }, 3), '0.950–>0.999');
});

test.run();
