/** The page of a bench, and its script, where there is a Chromium. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { parseHTML } from 'linkedom';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareRuns } from '../../src/bench/compare.ts';
import { timingOf } from '../../src/bench/measure.ts';
import { type BenchEntry, type BenchResult, benchResultOf } from '../../src/bench/result.ts';
import { benchReportHtml } from '../../src/report/bench/page.ts';
import { logTicks, ms, problemsOf, shownOf } from '../../src/report/bench/rows.ts';
import { findChromium } from '../browser/chromium.ts';
import { EVIL, faultsOf } from './page-faults.ts';
import { doubted, sampleBench } from './sample-bench.ts';

const test = suite('bench report');

const whole = sampleBench();
const sectionsIn = (html: string): string[] =>
  [...html.matchAll(/<section id="([a-z-]+)"/g)].map(([, id]) => id);
const SECTIONS = 'result ceilings entries starts measured-on'.split(' ');
const entriesOf = (change: (entry: BenchEntry) => Partial<BenchEntry>): BenchResult => ({
  ...whole,
  entries: whole.entries.map((entry) => ({ ...entry, ...change(entry) })),
});
const most = Number.MAX_VALUE;
const ceilingOf = (value: number) => ({ value, kernel: 'k', tried: [{ kernel: 'k', value }], doubt: null });

/** What of a document is missing or odd, and the sections that go with it. */
const CASES: [what: string, result: BenchResult, gone: string[]][] = [
  ['everything', whole, []],
  ['hostile names', sampleBench(EVIL), []],
  ['a ceiling in doubt', doubted(whole), []],
  ['no ceilings', { ...entriesOf(() => ({ share: null, limit: null })), ceilings: null }, ['ceilings']],
  ['nothing', { ...whole, ceilings: null, entries: [], starts: [] }, ['ceilings', 'entries', 'starts']],
  ['nothing timed', entriesOf(() => ({ timing: null, share: null, limit: null })), []],
  ['nothing right', entriesOf(() => ({ failed: 'wrong' })), []],
  ['no work that is counted', entriesOf(() => ({ flops: 0, bytes: 0, networks: [] })), []],
  [
    'figures that are zero',
    {
      ...entriesOf(({ timing }) => ({
        share: 0,
        timing: timing && { ...timing, ...{ median: 0, p10: 0, p90: 0, rounds: [[0]] } },
      })),
      ceilings: { arithmetic: ceilingOf(0), bandwidth: ceilingOf(0) },
    },
    [],
  ],
  [
    'figures beyond all others',
    {
      ...entriesOf(({ timing }) => ({
        ...{
          share: most,
          flops: most,
          bytes: 1e-300,
          error: { value: most, allowed: most, against: 'plain' },
        },
        timing: timing && { ...timing, p10: 5e-324, p90: most },
      })),
      ceilings: { arithmetic: ceilingOf(most), bandwidth: ceilingOf(5e-324) },
    },
    [],
  ],
];
for (const [what, result, gone] of CASES)
  test(`the page of ${what} is whole, asks no network and can be read by everybody`, async () => {
    const html = await benchReportHtml(benchResultOf(JSON.stringify(result), 'a test'));
    assert.equal(faultsOf(html), []);
    assert.equal(
      sectionsIn(html),
      SECTIONS.filter((id) => !gone.includes(id)),
    );
  });

const { document } = parseHTML(await benchReportHtml(whole));
const texts = (selector: string): string[] =>
  [...document.querySelectorAll(selector)].map((element) =>
    (element.tagName === 'TR' ? [...element.children] : [element])
      .map(({ textContent }) => textContent!.replace(/\s+/g, ' ').trim())
      .join(' '),
  );

test('every entry has its row of the table and its line, those with a place in the roofline their point', () => {
  const rows = texts('#figures tbody tr');
  assert.is(rows.length, whole.entries.length);
  for (const [index, { name, variant, timing, failed }] of whole.entries.entries()) {
    assert.ok(rows[index].startsWith(`${name}`), rows[index]);
    const [line] = texts(`.line[data-of="e-${index}"]`);
    assert.ok(line.startsWith(variant ?? ''), line);
    assert.match(line, failed ?? (timing ? `${ms(timing.median)} ms` : 'not measured'));
    assert.match(rows[index], failed ?? (timing ? ms(timing.median) : 'not measured'));
  }
  const drawn = shownOf(whole).rows.filter(({ intensity, gflops }) => intensity !== null && gflops !== null);
  for (const size of ['desk', 'phone'])
    assert.equal(
      [...document.querySelectorAll(`.${size} .points a`)].map((link) => link.getAttribute('href')),
      drawn.map(({ id }) => `#${id}`),
    );
});

test('what was not measured is said to be so, and is no zero', async () => {
  const html = await benchReportHtml(
    entriesOf(() => ({ timing: null, share: null, limit: null, error: null, failed: null })),
  );
  const { document: page } = parseHTML(html);
  for (const row of page.querySelectorAll('#figures tbody tr'))
    assert.equal(
      [3, 4, 5, 6, 7, 8, 12].map((column) => row.children[column].textContent),
      ['not measured', '–', '–', '–', 'not measured', 'not measured', '–'],
    );
  assert.is(page.querySelectorAll('.line .muted').length, whole.entries.length);
  const [mobilenet] = texts('#starts tbody tr').filter((row) => row.startsWith('mobilenetv2_100'));
  assert.match(mobilenet, /^mobilenetv2_100 forward 1×224² 3,300 not measured 12 /);
});

test('what is wrong or in doubt stands at the top', async () => {
  const notes = texts('#result .note').join(' ');
  for (const said of [
    'A software adapter',
    'The sources differed from the commit',
    '2 entries of 61 have no figures',
    'exceeds the limit of 128 MiB',
  ])
    assert.match(notes, said);
  assert.match(
    texts('#starts .note').join(),
    'alexnet forward 1×224²: after the second call 2 buffers, 4 bind groups and 0 pipelines',
  );
  const html = await benchReportHtml(doubted(whole));
  assert.match(html, 'The arithmetic ceiling does not stand: matrix products reach 131 GFLOP/s');
  assert.match(html, '104 GFLOP/s, in doubt');
  assert.match(html, 'stroke-dasharray="7 5"');
  assert.not.match(html, '% of arithmetic');
  assert.match(html, '% of bandwidth');
});

/** `result` as it was when a kernel was twice as slow, another one four times as fast, one was not there and one of another variant. */
const before = (result: BenchResult): BenchResult => ({
  ...result,
  header: { ...result.header, driver: 'another driver' },
  entries: result.entries.flatMap((entry, index) => {
    const { timing } = entry;
    const factor = index === 3 ? 2 : index === 6 ? 0.25 : 1;
    const rounds = timing?.rounds.map((times) => times.map((time) => factor * time));
    const own = { ...entry, timing: timing && rounds ? timingOf(rounds, timing.repeats) : null };
    return index === 5 ? [] : index === whole.entries.length - 1 ? { ...own, variant: 'tile' } : own;
  }),
});

test('what changed since another run stands with its interval, what changed first', async () => {
  for (const result of [whole, sampleBench(EVIL)]) {
    const html = await benchReportHtml(result, compareRuns(before(result), result));
    assert.equal(faultsOf(html), []);
    assert.equal(sectionsIn(html), ['result', 'changed', ...SECTIONS.slice(1)]);
  }
  const { document: page } = parseHTML(await benchReportHtml(whole, compareRuns(before(whole), whole)));
  const lines = [...page.querySelectorAll('#changed .bars li')].map((line) => ({
    text: line.textContent!.replace(/\s+/g, ' ').trim(),
    to: line.querySelector('a')?.getAttribute('href'),
  }));
  assert.match(lines[0].text, /× 4\.00 slower$/);
  assert.is(lines[0].to, '#e-6');
  assert.match(lines[1].text, /× 0\.50 faster$/);
  assert.is(lines[1].to, '#e-3');
  assert.ok(lines.slice(2).every(({ text }) => text.endsWith('no difference shown')));
  const said = page.querySelector('#changed')!.textContent!;
  for (const words of [
    'The driver differs: another driver, then Vulkan, Mesa 25.0.7.',
    'it is not in the first run',
  ])
    assert.match(said, words);
});

test('variants of a problem stand together', () => {
  const problems = problemsOf(shownOf(whole).rows);
  assert.equal(
    problems[0].map(({ entry }) => entry.variant),
    ['tile', 'winograd', 'plain'],
  );
  assert.is(document.querySelectorAll('.bars > li').length, problems.length);
});

test('a document of many entries has a page that one can open', async () => {
  const entries = Array.from({ length: 2000 }, (_, index) => ({
    ...whole.entries[index % whole.entries.length],
    name: `problem ${index}`,
  }));
  const html = await benchReportHtml({ ...whole, entries });
  assert.ok(html.length < 6_000_000, `${html.length}`);
});

test('marked values of logarithmic axes', () => {
  assert.equal(logTicks(0.9, 21), [1, 2, 5, 10, 20]);
  assert.equal(logTicks(0.9, 21_000, 7), [1, 10, 100, 1000, 10_000]);
  assert.ok(logTicks(1e-300, 1e300).length <= 15);
});

/** What the page shows after each of these steps becomes its title. */
const STEPS = `{
const all = (selector) => [...document.querySelectorAll(selector)];
const said = {};
const state = () => ({
  count: document.getElementById('filter-count').textContent,
  rows: all('#figures tbody tr').filter((row) => !row.hidden).map((row) => row.id),
  lines: all('.line[data-of]').filter((line) => !line.hidden && !line.closest('li').hidden).map((line) => line.dataset.of),
  points: all('.desk .points a:not(.off)').map((link) => link.getAttribute('href').slice(1)),
});
const type = (text) => {
  const input = document.getElementById('filter-text');
  input.value = text;
  input.dispatchEvent(new Event('input'));
};
const chip = (name) => all('.chip label').find((label) => label.textContent.startsWith(name + ' ')).click();
const head = (name) => all('#figures thead button').find((button) => button.textContent === name).click();
said.start = state();
type('56² winograd'); said.words = state();
type('64->64'); type('WINOGRAD 3x3'); said.more = state();
type(''); chip('update'); chip('step'); said.chips = state();
chip('resnet18'); said.both = state();
document.getElementById('filter-clear').click(); said.cleared = state();
head('ms'); said.slowest = state();
head('ms'); said.quickest = state();
head('ms'); said.again = state();
type('winograd'); document.querySelector('#result .note li:last-child a').click(); said.revealed = state();
const stops = () => all('.desk .points a[tabindex="0"]');
const [first] = stops();
first.focus();
first.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
said.keys = { before: 1, after: stops().length, moved: stops()[0] !== first, tip: document.querySelector('.tip').firstChild.textContent };
document.title = JSON.stringify(said);
}`;

const chromium = findChromium();
const browse = async (html: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-page-'));
  const file = join(folder, 'page.html');
  await writeFile(file, html);
  const { stdout } = await promisify(execFile)(
    chromium!,
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--window-size=1200,900'],
      ...[`--user-data-dir=${folder}`, '--dump-dom', pathToFileURL(file).href],
    ],
    { timeout: 600_000, maxBuffer: 2 ** 26 },
  );
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  return stdout;
};

test('its policy lets its script run and no other one; it filters, orders, reveals and leads from point to point', async () => {
  if (!chromium) return console.log('skipped: there is no Chromium');
  const hash = createHash('sha256').update(STEPS).digest('base64');
  const html = (await benchReportHtml(whole))
    .replace('script-src', `script-src 'sha256-${hash}'`)
    .replace('</body>', `<script>${STEPS}</script><script>document.title = 'foreign'</script></body>`);
  const seen = parseHTML(await browse(html)).document.querySelector('title')!.textContent!;
  const said = JSON.parse(seen);
  const ids = (fits: (entry: BenchEntry) => boolean): string[] =>
    whole.entries.flatMap((entry, index) => (fits(entry) ? [`e-${index}`] : []));
  const places = new Set(
    shownOf(whole).rows.flatMap(({ id, intensity, gflops }) => (intensity && gflops ? [id] : [])),
  );
  const everything = ids(() => true);
  const shows = (
    state: { rows: string[]; lines: string[]; points: string[]; count: string },
    expected: string[],
  ) => {
    assert.equal(state.rows, expected);
    assert.equal(state.lines, expected);
    assert.equal(
      state.points,
      expected.filter((id) => places.has(id)),
    );
    assert.match(
      state.count,
      expected.length === everything.length ? /^61 entries/ : `${expected.length} of 61 entries`,
    );
  };
  shows(said.start, everything);
  shows(
    said.words,
    ids(({ name, variant }) => name.includes('56²') && variant === 'winograd'),
  );
  shows(
    said.more,
    ids(({ variant }) => variant === 'winograd'),
  );
  shows(
    said.chips,
    ids(({ pass }) => pass === 'update' || pass === 'step'),
  );
  shows(
    said.both,
    ids(({ pass, networks }) => pass === 'step' && networks.some(({ name }) => name === 'resnet18')),
  );
  shows(said.cleared, everything);
  const medians = (rows: string[]): number[] =>
    rows.flatMap((id) => whole.entries[Number(id.slice(2))].timing?.median ?? []);
  const [down, up] = [medians(said.slowest.rows), medians(said.quickest.rows)];
  assert.equal(
    down,
    down.toSorted((a, b) => b - a),
  );
  assert.equal(
    up,
    up.toSorted((a, b) => a - b),
  );
  assert.equal(
    said.slowest.rows.slice(-3).sort(),
    said.quickest.rows.slice(-3).sort(),
    'what was not measured comes last',
  );
  assert.equal(said.again, said.start);
  assert.equal(said.revealed.rows, everything);
  const { moved, after, tip } = said.keys;
  assert.equal([moved, after], [true, 1]);
  assert.ok(
    whole.entries.some(({ name, variant }) => tip === name || tip === `${name} (${variant})`),
    tip,
  );
});

test.run();
