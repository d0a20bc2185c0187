/** `report A B …` on runs whose files are written here, so that every figure is known. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holm } from '../../src/search/statistics.ts';
import { tessera } from './in-process.ts';

const test = suite('cli/report');
const photo = fileURLToPath(new URL('../../data/photos/cat.jpg', import.meta.url));
let folder = '';
const at = (...names: string[]): string => join(folder, ...names);

interface Given {
  /** What is right: a letter a picture, + or −. */
  right: string;
  settings?: Record<string, unknown>;
  scored?: string;
  /** Of the first picture. */
  file?: string;
  actual?: string;
}

/** A run as train leaves it, as far as it is read. */
async function leave(
  name: string,
  { right, settings = {}, scored = 'test', file = photo, actual = 'cat' }: Given,
): Promise<void> {
  await mkdir(at(name), { recursive: true });
  const count = right.length;
  const accuracy = [...right].filter((one) => one === '+').length / count;
  const metrics = { accuracy, loss: 1 - accuracy / 2, count, balancedAccuracy: accuracy, auc: accuracy };
  const epochs = [1, 2].map((epoch) => ({
    epoch,
    trainLoss: 1 / epoch,
    val: { ...metrics, accuracy: accuracy / (3 - epoch) },
  }));
  const report = {
    ...{
      finished: true,
      model: 'resnet18',
      classes: ['cat', 'dog'],
      epochs,
      best: { epoch: 2 },
      seconds: 61,
    },
    settings: { phases: [{ lr: 0.01, epochs: 2 }], batch: 16, ...settings },
    evaluation: { scored, metrics, intervals: { accuracy: { low: accuracy - 0.1, high: accuracy } } },
  };
  await writeFile(at(name, 'report.json'), JSON.stringify(report));
  const rows = [...right].map((one, index) => {
    const path = index === 0 ? file : `pictures/${index}.jpg`;
    const said = (one === '+') === (actual === 'cat') ? 'cat' : 'dog';
    return `"${path}",${actual},${said},${one === '+' ? 1 : 0},0.${9 - (index % 4)}\r\n`;
  });
  await writeFile(at(name, 'predictions.csv'), `path,true,predicted,right,probability\r\n${rows.join('')}`);
}

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-report-'));
  await leave('good', { right: '+'.repeat(40) });
  await leave('worse', {
    right: `-${'-'.repeat(11)}${'+'.repeat(28)}`,
    settings: { batch: 32, phases: [{ lr: 0.1, epochs: 2 }] },
  });
  await leave('alike', { right: `${'+'.repeat(39)}-` });
});
test.after(() => rm(folder, { recursive: true }));

test('figures, settings that differ, pairs, and what may be said of the best', async () => {
  const { code, out, err } = await tessera(
    'report',
    at('good'),
    at('worse'),
    at('alike'),
    '--out',
    at('page.html'),
  );
  assert.is(code, 0, err);
  assert.match(out, /^good +resnet18 +100\.0 %/m);
  assert.match(out, /^phases\[0\]\.lr +0\.01 +0\.1 +0\.01$/m);
  assert.match(out, /^batch +16 +32 +16$/m);
  assert.not.match(out, /epochs +2/);
  // 2 · 2⁻¹² for 12 against 0, corrected for three pairs.
  assert.match(out, /^good − worse +40 +12, 0 +30\.0 % +0\.000488 +0\.00146$/m);
  assert.match(out, /^good has the most right, 100\.0 %\.$/m);
  assert.match(
    out,
    /good is better than worse \(p 0\.00146\) by McNemar's exact test, corrected for 3 pairs/,
  );
  assert.match(out, /do not tell good apart from alike \(p 1\): nobody knows/);
  const page = await readFile(at('page.html'), 'utf8');
  for (const title of [
    'Result',
    'Course of the runs',
    'Settings that differ',
    'Pictures on which they disagree',
  ])
    assert.ok(page.includes(`>${title}</h2>`), title);
  assert.match(page, /To 13 of 40 pictures not all runs answer alike\./);
  assert.is(page.match(/<img /g)?.length, 1, 'the one picture that is there');
});

test('--json: the same as data, and no page that nobody asked for', async () => {
  const { code, out } = await tessera('report', at('good'), at('alike'), '--json');
  assert.is(code, 0);
  const { pairs, shared, disagreements, settings } = JSON.parse(out);
  assert.equal([shared, disagreements.length, settings.length], [40, 1, 0]);
  assert.equal([pairs[0].bothRight, pairs[0].onlyFirst, pairs[0].onlySecond, pairs[0].p], [39, 1, 0, 1]);
  assert.not.ok(existsSync(at('comparison.html')));
});

test('a size of two sides is one setting, and runs that say nothing of it crop', async () => {
  await leave('wide', { right: '+'.repeat(40), settings: { size: [160, 320], fit: 'pad' } });
  await leave('square', { right: '+'.repeat(40), settings: { size: 224 } });
  await leave('cropped', { right: '+'.repeat(40), settings: { size: 224, fit: 'crop' } });
  const differing = async (...names: string[]): Promise<unknown> =>
    JSON.parse((await tessera('report', ...names.map((name) => at(name)), '--json')).out).settings;
  assert.equal(await differing('wide', 'square'), [
    { name: 'fit', values: ['pad', 'crop'] },
    { name: 'size', values: ['160x320', 224] },
  ]);
  assert.equal(await differing('square', 'cropped'), []);
});

test('runs that have equally many right are both called so', async () => {
  await leave('level', { right: '+'.repeat(40) });
  const { sentences } = JSON.parse((await tessera('report', at('good'), at('level'), '--json')).out);
  assert.is(sentences[0], 'good, level have equally many right, and the most: 100.0 %.');
  assert.match(sentences[1], /do not tell good apart from level \(p 1\)/);
});

test('runs of other pictures are not tested against each other, and validation pictures flatter', async () => {
  await leave('other', { right: '+++', file: 'elsewhere.jpg', scored: 'val' });
  await leave('relabelled', { right: '+'.repeat(40), actual: 'dog' });
  const some = (await tessera('report', at('good'), at('other'), '--json')).out;
  assert.is(JSON.parse(some).pairs[0].pictures, 2);
  assert.match(
    JSON.parse(some).sentences.join(' '),
    /Not all runs have answered to the same pictures: 2 are common/,
  );
  assert.match(JSON.parse(some).sentences.join(' '), /flatters other; a folder test/);
  const none = JSON.parse((await tessera('report', at('good'), at('relabelled'), '--json')).out);
  assert.equal(none.pairs, []);
  assert.match(none.sentences[0], /No two of the runs have answered to the same pictures/);
});

test('what is no finished run is refused with a sentence', async () => {
  await mkdir(at('empty'));
  await leave('damaged', { right: '++' });
  await writeFile(at('damaged', 'predictions.csv'), 'path,true\r\n"a\r\n');
  await leave('short', { right: '++' });
  await writeFile(
    at('short', 'predictions.csv'),
    'path,true,predicted,right,probability\r\na.jpg,cat,cat,yes,0.5\r\n',
  );
  await leave('strange', { right: '++' });
  await writeFile(at('strange', 'report.json'), '{"finished": "yes"}');
  const cases: [runs: string[], said: RegExp][] = [
    [['good'], /name two runs at least/],
    [['good', 'gone'], /there is no folder .*gone$/m],
    [['good', 'empty'], /empty holds no report\.json: it is no run of train, or one that has not ended yet/],
    [['good', 'damaged'], /predictions\.csv is no table of predictions/],
    [
      ['good', 'short'],
      /predictions\.csv, row 2: it has no path, true, predicted, right \(1 or 0\) and probability/,
    ],
    [['good', 'strange'], /strange.report\.json|finished is true or false/],
  ];
  for (const [runs, said] of cases) {
    const { code, err } = await tessera('report', ...runs.map((name) => at(name)));
    assert.is(code, 64, err);
    assert.match(err, said);
  }
  const over = await tessera('report', at('good'), at('alike'), '--out', at('good', 'report.json'));
  assert.match(over.err, /is a file of a run and would be written over/);
});

test("Holm's correction, as statsmodels has it", () => {
  assert.equal(
    holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(6))),
    [0.03, 0.06, 0.06, 0.02],
  );
  assert.equal(holm([0.6, 0.9]), [1, 1]);
  assert.equal(holm([]), []);
});

test.run();
