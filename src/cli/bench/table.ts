/** A document of the bench as a terminal shows it: the head, the ceilings, and a line for each entry. */
import type { BenchEntry, BenchResult, Ceiling, Ceilings, StartEntry } from '../../bench/result.ts';
import { formatNumber, table } from '../ui.ts';

/** The whole document in lines. */
export function describeResult(result: BenchResult): string {
  const failed = result.entries.filter((entry) => entry.failed !== null);
  return [
    headLines(result),
    ...(result.ceilings ? [ceilingLines(result.ceilings)] : []),
    ...(['kernels', 'models'] as const).flatMap((group) => {
      const entries = result.entries.filter((entry) => entry.group === group && entry.timing);
      return entries.length > 0 ? [entryLines(entries)] : [];
    }),
    ...(result.starts.length > 0 ? [startLines(result.starts)] : []),
    ...(failed.length > 0 ? [failed.map(failedLine).join('\n')] : []),
  ].join('\n\n');
}

function headLines({ header }: BenchResult): string {
  const { adapter, driver, dawn, runtime, commit, toggles, features, lanes, tuned, processor } = header;
  const with_ = [
    ...features,
    ...(lanes > 0 ? [`${lanes} lanes`] : []),
    ...(tuned ? [`${tuned} problems tuned`] : []),
    ...toggles,
  ];
  const software = [dawn, runtime, commit === null ? null : `commit ${commit}`].filter(
    (part) => part !== null,
  );
  return [
    `${adapter.description}${adapter.software ? ' (software)' : ''}`,
    ...(driver && driver !== adapter.description ? [driver] : []),
    ...(processor ? [processor] : []),
    [...software, ...with_].join(', '),
  ].join('\n');
}

function ceilingLines({ arithmetic, bandwidth }: Ceilings): string {
  const line = (what: string, unit: string, { value, kernel, doubt }: Ceiling): string =>
    `${what} ${formatNumber(value)} ${unit}, by ${kernel}${doubt === null ? '' : `; no share of it is printed: ${doubt}`}`;
  return [line('at best', 'GFLOP/s', arithmetic), line('at best', 'GB/s', bandwidth)].join('\n');
}

const LIMITS = { arithmetic: 'GFLOP/s', bandwidth: 'GB/s' } as const;

/** Rates are those of the direct algorithm and of the bytes that must move. */
function entryLines(entries: readonly BenchEntry[]): string {
  const variants = entries.some(({ variant }) => variant !== null);
  const rows = entries.map(({ name, variant, timing, flops, bytes, limit, share, error }) => {
    const { median, p10, p90 } = timing!;
    return [
      name,
      ...(variants ? [variant ?? ''] : []),
      formatNumber(median),
      `${formatNumber(p10)}–${formatNumber(p90)}`,
      formatNumber(flops / median / 1e6),
      formatNumber(bytes / median / 1e6),
      limit === null ? '' : LIMITS[limit],
      share === null ? '' : `${Math.round(100 * share)} %`,
      error === null ? '' : error.value === 0 ? '0' : error.value.toExponential(0),
    ];
  });
  const head = [
    entries[0]!.group,
    ...(variants ? ['row'] : []),
    'ms',
    'p10–p90',
    'GFLOP/s',
    'GB/s',
    'bound by',
    'reached',
    'error',
  ];
  return table([head, ...rows], { left: (column) => column === 0 || (variants && column === 1) });
}

/** How networks start, and what a warm one still makes. */
function startLines(starts: readonly StartEntry[]): string {
  const ms = (value: number | null): string => (value === null ? '' : formatNumber(value));
  const rows = starts.map(({ name, coldMs, warmMs, programs, made, dispatches, javascriptUs }) => [
    name,
    ms(coldMs),
    ms(warmMs),
    String(programs.length),
    formatNumber(programs.reduce((sum, { compileMs }) => sum + compileMs, 0)),
    String(made.buffers + made.bindGroups + made.pipelines),
    String(dispatches),
    formatNumber(javascriptUs),
  ]);
  const head = [
    'starts',
    'cold ms',
    'warm ms',
    'programs',
    'compiling ms',
    'made later',
    'dispatches',
    'µs of JS each',
  ];
  return table([head, ...rows]);
}

/** What is said of an entry without figures. */
export const failedLine = ({ name, variant, failed }: BenchEntry): string =>
  `FAILED  ${name}${variant === null ? '' : ` by ${variant}`}: ${failed}`;
