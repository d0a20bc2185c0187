/** The tables of speed: functions of a document, whatever it holds. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { speedTables } from '../../docs/drawing/speed.ts';
import { doubted, sampleBench } from '../report/sample-bench.ts';

const test = suite('tables of speed');
const sample = sampleBench();
const tables = speedTables(sample);
const lines = (table: string): string[] => table.split('\n');

test('a row a network, a column for what it does', () => {
  const [head, , ...rows] = lines(tables.speed);
  assert.is(
    head,
    '|  | forward, one picture of 224² | forward, 8 pictures of 224² | step, 4 pictures of 112² | step of the head, 4 pictures of 112² |',
  );
  assert.equal(
    rows.map((row) => row.split(' | ')[0]),
    ['resnet18', 'efficientnet_b0', 'mobilenetv2_100', 'alexnet'].map((name) => `| \`${name}\``),
  );
  assert.match(rows[3], /^\| `alexnet` \| [\d.]+ \| fails \| [\d.]+ \| [\d.]+ \|$/);
});

test('every network has its line, with its share or why it has no time', () => {
  const rows = lines(tables['speed-networks']).slice(2);
  const models = sample.entries.filter(({ group }) => group === 'models');
  assert.is(rows.length, models.length);
  for (const [index, { name, failed }] of models.entries())
    assert.match(
      rows[index],
      failed === null
        ? /\| [\d.,]+ \| [\d.,]+–[\d.,]+ \| [\d.]+ \| \d+ % of (arithmetic|bandwidth) \|$/
        : `| ${name} | ${failed} |`,
    );
});

test('kernels stand with their gradients, by the quickest variant that is right', () => {
  const row = lines(tables['speed-kernels']).find((line) => line.includes('`conv 3×3/1 1×56² 64→64`'))!;
  assert.match(
    row,
    /\| [\d.]+ \(\d+ %\) winograd \| [\d.]+ \(\d+ %\) winograd \| [\d.]+ \(\d+ %\) tile \| resnet18 ×4, resnet34 ×6 \|$/,
  );
});

test('what was not measured is no zero, and a doubt is said', () => {
  assert.match(tables['speed-starts'], '| mobilenetv2_100 forward 1×224² | 3,300 | not measured |');
  const none = {
    ...sample,
    ceilings: null,
    entries: sample.entries.map((entry) => ({
      ...entry,
      timing: null,
      share: null,
      limit: null,
      failed: null,
    })),
  };
  const {
    speed,
    'speed-on': head,
    'speed-networks': networks,
    'speed-ceilings': ceilings,
  } = speedTables(none);
  assert.match(speed, '| `resnet18` | not measured | not measured |');
  assert.match(networks, '| resnet18 forward 1×224² | not measured |  |  |  |');
  assert.match(head, 'What it reaches at best was not measured.');
  assert.match(ceilings, '| arithmetic | not measured |');
  const { 'speed-on': inDoubt, 'speed-ceilings': best } = speedTables(doubted(sample));
  assert.match(inDoubt, 'In doubt: matrix products reach 131 GFLOP/s');
  assert.match(best, '| fma, 12 chains × 16 | 104 GFLOP/s | in doubt: matrix products');
});

test.run();
