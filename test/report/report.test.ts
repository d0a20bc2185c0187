/** The trace of the loss, ticks and the SVG of a report, the examples it shows. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeLoader } from '../../src/data/node/loader.ts';
import type { Device } from '../../src/gpu/index.ts';
import { chartPage, ticks } from '../../src/report/chart.ts';
import { surest, tilesOf } from '../../src/report/examples.ts';
import { type LossTrace, LossTracer } from '../../src/train/callbacks/loss-trace.ts';
import { percent } from '../../src/train/metrics.ts';
import { testDevice } from '../helpers/device.ts';
import { PREPROCESSING, stripes } from '../train/tiny.ts';

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

const TICKS: [low: number, high: number, expected: number[]][] = [
  [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [0, 0.7, [0, 0.2, 0.4, 0.6]],
  [0.5, 1, [0.5, 0.6, 0.7, 0.8, 0.9, 1]],
  [0, 3, [0, 1, 2, 3]],
  [2, 2, [2]],
];
for (const [low, high, expected] of TICKS)
  test(`ticks from ${low} to ${high}`, () => assert.equal(ticks(low, high, 5), expected));

test('the SVG escapes what names may hold, and draws no number that is none', () => {
  const svg = chartPage({
    title: '<cats> & "dogs"\u0007',
    subtitle: ['two', 'lines'],
    xLabel: 'epoch',
    panels: [
      { title: 'empty', series: [{ name: 'a', colour: '#000', points: [] }] },
      {
        title: 'one',
        series: [
          {
            name: 'b',
            colour: '#000',
            points: [
              [1, 2],
              [2, Number.NaN],
            ],
            dots: true,
          },
        ],
      },
    ],
  });
  assert.match(svg, '&lt;cats&gt; &amp; &quot;dogs&quot;\\u0007');
  assert.not.match(svg, /NaN|Infinity|undefined/);
  assert.is(svg.match(/<circle/g)?.length, 1);
  assert.is(svg.match(/<g /g)?.length, svg.match(/<\/g>/g)?.length);
});

test('the surest mistakes come first; right answers take turns between the classes', async () => {
  const samples = stripes(6, 1);
  const inference = {
    logits: Float32Array.from([3, 0, 1, 0, 2, 0, 0, 4, 0, 1, 5, 0]),
    labels: Int32Array.from(samples.map(({ label }) => label)),
    classes: 2,
    samples,
  };
  // Labels 0 1 0 1 0 1; taken for 0 0 0 1 1 0.
  const { wrong, right } = surest(inference, 2);
  assert.equal(
    wrong.map(({ sample }) => sample.file),
    ['stripes 5', 'stripes 1'],
  );
  assert.equal(
    right.map(({ sample }) => sample.file),
    ['stripes 3', 'stripes 0'],
  );
  const tiles = await tilesOf(wrong, ['across', 'down'], PREPROCESSING);
  assert.is(tiles.length, 2);
  assert.match(tiles[0].href, /^data:image\/jpeg;base64,\/9j\//);
  assert.is(tiles[0].caption, 'across 99.3 %\nis down');
  assert.equal(await tilesOf([], [], PREPROCESSING), []);
});

test('a share just below one is not rounded up to 100 %', () => {
  assert.equal([1, 0.9996, 0.9991, 0].map(percent), ['100.0 %', '>99.9 %', '99.9 %', '0.0 %']);
});

test.run();
