/** A document of the bench as a terminal shows it: the head, the ceilings, and a line for each entry. */
import type { BenchEntry, BenchResult, Ceiling, Ceilings } from '../../bench/result.ts';
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
    ...(failed.length > 0 ? [failed.map(failedLine).join('\n')] : []),
  ].join('\n\n');
}

function headLines({ header }: BenchResult): string {
  const { adapter, driver, dawn, runtime, commit, toggles, features, lanes, processor } = header;
  const with_ = [...features, ...(lanes > 0 ? [`${lanes} lanes`] : []), ...toggles];
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
      error === null ? '' : error.value.toExponential(0),
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

const failedLine = ({ name, variant, failed }: BenchEntry): string =>
  `FAILED  ${name}${variant === null ? '' : ` by ${variant}`}: ${failed}`;
