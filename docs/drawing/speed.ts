/**
 * The tables of speed, on README and docs/bench.md: functions of docs/data/bench.json, which `npm run bench -- --json` wrote on
 * a quiet machine.
 */
import { readFileSync } from 'node:fs';
import { type BenchEntry, type BenchResult, benchResultOf, type StartEntry } from '../../src/bench/result.ts';
import { formatNumber } from '../../src/text/figures.ts';
import { markdown } from './tables.ts';

const NOT_MEASURED = 'not measured';

/** The run that the pages show. */
export function recordedBench(): BenchResult {
  const file = new URL('../data/bench.json', import.meta.url);
  return benchResultOf(readFileSync(file, 'utf8'), 'docs/data/bench.json');
}

/** The tables by their names on the pages. */
export function speedTables(result: BenchResult): Record<string, string> {
  const of = (group: BenchEntry['group']): BenchEntry[] =>
    result.entries.filter((entry) => entry.group === group);
  return {
    'speed-on': headText(result),
    speed: shortTable(of('models')),
    'speed-networks': networksTable(of('models')),
    'speed-ceilings': ceilingsTable(result.ceilings),
    'speed-kernels': kernelsTable(of('kernels')),
    'speed-starts': startsTable(result.starts),
  };
}

/** `On …, commit …, of 2026-11-27; at best 104 GFLOP/s and 9.6 GB/s`: on what it was measured. */
export function headText({ header, ceilings }: BenchResult): string {
  const { adapter, driver, processor, dawn, runtime, commit, date } = header;
  const on = [
    `${adapter.description}${adapter.software ? ' (software: it runs on the processor)' : ''}`,
    ...(driver && driver !== adapter.description ? [driver] : []),
    ...(processor ? [processor] : []),
    ...(dawn ? [dawn] : []),
    ...(runtime ? [runtime] : []),
    ...(commit ? [`commit ${commit}`] : []),
    date.slice(0, 10),
  ];
  const best = ceilings
    ? `At best it reaches ${formatNumber(ceilings.arithmetic.value)} GFLOP/s and ${formatNumber(ceilings.bandwidth.value)} GB/s.`
    : 'What it reaches at best was not measured.';
  const doubts = new Set(
    [ceilings?.arithmetic.doubt, ceilings?.bandwidth.doubt].filter((doubt) => doubt != null),
  );
  return [`Measured on ${on.join(', ')}.`, best, ...[...doubts].map((doubt) => `In doubt: ${doubt}.`)].join(
    ' ',
  );
}

/** The time of an entry, and the share of its ceiling: `182 (24 %)`; why there is none where it failed. */
function timeText({ timing, failed, share }: BenchEntry): string {
  if (failed !== null) return 'fails';
  if (timing === null) return NOT_MEASURED;
  return `${formatNumber(timing.median)}${share === null ? '' : ` (${Math.round(100 * share)} %)`}`;
}

/** A row a network and what it does. */
function networksTable(entries: readonly BenchEntry[]): string {
  const rows = entries.map(({ name, flops, timing, failed, share, limit }) => {
    const time = failed === null ? timing : null;
    return [
      name,
      time ? formatNumber(time.median) : (failed ?? NOT_MEASURED),
      time ? `${formatNumber(time.p10)}–${formatNumber(time.p90)}` : '',
      time ? formatNumber(flops / time.median / 1e6) : '',
      time && share !== null && limit ? `${Math.round(100 * share)} % of ${limit}` : '',
    ];
  });
  return markdown(['', '>ms', '>p10–p90', '>GFLOP/s', '>of the ceiling'], rows);
}

/** A row a network, a column for what it does: `182` milliseconds, with the sides of pictures that are not those of the column. */
function shortTable(entries: readonly BenchEntry[]): string {
  const columns = new Map<string, { head: string; size: string }>();
  const networks = new Map<string, Map<string, string>>();
  for (const entry of entries) {
    const { name, op, timing, failed } = entry;
    const [, what = name, batch = '', size = ''] =
      /^(.*) (\d+)×(\S+)$/.exec(name.replace(`${op} `, '')) ?? [];
    const key = `${what} ${batch}`;
    const head =
      batch === '' ? what : `${what}, ${batch === '1' ? 'one picture' : `${batch} pictures`} of ${size}`;
    const column = columns.get(key) ?? { head, size };
    columns.set(key, column);
    const time = failed !== null ? 'fails' : timing ? formatNumber(timing.median) : NOT_MEASURED;
    const cells = networks.get(op) ?? new Map<string, string>();
    networks.set(op, cells.set(key, size === column.size ? time : `${time} (${size})`));
  }
  return markdown(
    ['', ...[...columns.values()].map(({ head }) => `>${head}`)],
    [...networks].map(([op, cells]) => [
      `\`${op}\``,
      ...[...columns.keys()].map((key) => cells.get(key) ?? ''),
    ]),
  );
}

function ceilingsTable(ceilings: BenchResult['ceilings']): string {
  const rows = (['arithmetic', 'bandwidth'] as const).flatMap((name) => {
    if (!ceilings) return [[name, NOT_MEASURED, '']];
    const { kernel, tried, doubt } = ceilings[name];
    const unit = name === 'arithmetic' ? 'GFLOP/s' : 'GB/s';
    return tried
      .toSorted((a, b) => b.value - a.value)
      .map((one) => [
        one.kernel,
        `${formatNumber(one.value)} ${unit}`,
        one.kernel === kernel ? (doubt === null ? 'the ceiling' : `in doubt: ${doubt}`) : '',
      ]);
  });
  return markdown(['kernel', '>reached', ''], rows);
}

/** So many problems are shown. */
const MOST = 16;
const DIRECTIONS = ['forward', 'input gradient', 'weight gradient'] as const;

/**
 * The convolutions and products that networks spend most time on in a forward pass, each by its quickest variant, with their
 * gradients.
 */
function kernelsTable(entries: readonly BenchEntry[]): string {
  /** Title → pass → the quickest. */
  const problems = new Map<string, Map<string, BenchEntry>>();
  for (const entry of entries) {
    const { name, pass, timing, failed } = entry;
    const title = name.endsWith(` ${pass}`) ? name.slice(0, -pass.length - 1) : name;
    const passes = problems.get(title) ?? new Map<string, BenchEntry>();
    problems.set(title, passes);
    const best = passes.get(pass);
    const right = failed === null && timing !== null;
    if (!best || (right && (best.timing === null || timing.median < best.timing.median)))
      passes.set(pass, entry);
  }
  const weightOf = (passes: Map<string, BenchEntry>): number => {
    const forward = passes.get('forward');
    const times = forward?.networks.reduce((sum, one) => sum + one.times, 0) ?? 0;
    return times * (forward?.timing?.median ?? 0);
  };
  const rows = [...problems]
    .filter(([, passes]) => passes.size > 1 && weightOf(passes) > 0)
    .sort(([, a], [, b]) => weightOf(b) - weightOf(a))
    .slice(0, MOST)
    .map(([title, passes]) => {
      const forward = passes.get('forward')!;
      const cells = DIRECTIONS.map((pass) => {
        const entry = passes.get(pass);
        return entry ? `${timeText(entry)}${entry.variant ? ` ${entry.variant}` : ''}` : '';
      });
      const networks = forward.networks.map(({ name, times }) => (times > 1 ? `${name} ×${times}` : name));
      return [`\`${title}\``, ...cells, networks.join(', ')];
    });
  return markdown(['', ...DIRECTIONS.map((pass) => `>${pass}, ms`), 'in'], rows);
}

function startsTable(starts: readonly StartEntry[]): string {
  const time = (value: number | null): string => (value === null ? NOT_MEASURED : formatNumber(value));
  const rows = starts.map(({ name, coldMs, warmMs, programs, made, dispatches, javascriptUs }) => [
    name,
    time(coldMs),
    time(warmMs),
    String(programs.length),
    formatNumber(programs.reduce((sum, { compileMs }) => sum + compileMs, 0)),
    String(dispatches),
    formatNumber(javascriptUs),
    String(made.buffers + made.bindGroups + made.pipelines),
  ]);
  return markdown(
    [
      '',
      '>first call, cold, ms',
      '>warm, ms',
      '>programs',
      '>their compilation, ms',
      '>dispatches',
      '>JavaScript a dispatch, µs',
      '>made after the second call',
    ],
    rows,
  );
}
