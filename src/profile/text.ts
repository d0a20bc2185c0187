/** A profile as people read it on a terminal. */
import { formatCount, formatNumber } from '../text/figures.ts';
import { table } from '../text/table.ts';
import type { LayerRow, Profile, ProfileRow } from './profile.ts';

/** Rows of a table that are printed; profile.json has all. */
const MOST_ROWS = 12;

const ms = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 10⁹ a second, or nothing where none are counted. */
function rate(amount: number | null, milliseconds: number): string {
  return amount !== null && amount > 0 && milliseconds > 0 ? formatNumber(amount / milliseconds / 1e6) : '';
}

/**
 * Lines with where the time went, and the programs, ops and layers that took most of it. Times are of one step, the mean of
 * those that were profiled.
 */
export function profileText(profile: Profile, title = titleOf(profile)): string[] {
  const { wall, wallMs, steps, programs, ops, layers } = profile;
  const count = steps[1] - steps[0] + 1;
  const each = (value: number): string => ms(value / count);
  const used = wall.filter(({ totalMs }) => totalMs > 0);
  return [
    title,
    ...notesOf(profile),
    '',
    ...table([
      ['Wall clock', 'ms', 'share', 'in all, ms'],
      ...used.map((row) => [row.part, each(row.ms), percent(row.share), each(row.totalMs)]),
      ['together', each(wallMs), '100.0 %', ''],
    ]).split('\n'),
    '',
    ...rowsOf('Program', programs, count, [
      ['compiling', ({ compileMs }) => (compileMs > 0 ? ms(compileMs) : '')],
    ]),
    '',
    ...rowsOf(
      'Op',
      ops.map((row) => ({ ...row, name: `${row.name}, ${row.pass}` })),
      count,
      [],
    ),
    '',
    ...rowsOf('Layer', layers, count, [
      ['forward', (row) => backAndForth(row, true, each)],
      ['gradients', (row) => backAndForth(row, false, each)],
    ]),
  ];
}

function titleOf({ steps: [first, last], wallMs, adapter }: Profile): string {
  const count = last - first + 1;
  const what = count === 1 ? `step ${first}` : `steps ${first}–${last}`;
  return `Profile of ${what} on ${adapter}: ${ms(wallMs / count)} ms${count === 1 ? '' : ' a step'}`;
}

/** How it was measured, what that cost, and what is not known. */
function notesOf(profile: Profile): string[] {
  const { measuring, dispatches, steps, untimed, onlyOnce, missed } = profile;
  const { method, why, quantum, overhead, floor, clockError } = measuring;
  const each = dispatches / (steps[1] - steps[0] + 1);
  const cost = `${formatNumber(1000 * overhead)} µs a dispatch, ${ms(overhead * each)} ms of a step`;
  const how =
    method === 'timestamps'
      ? `Timed by the GPU's timestamps (quantum ${quantum! >= 1000 ? `${formatNumber(quantum! / 1000)} µs` : `${quantum} ns`}, against JavaScript's clock within ${ms(clockError)} ms); that costs at least ${cost}.`
      : `Timed by waiting for each dispatch, as ${why}: slow, by some ${cost}; the ${formatNumber(1000 * floor)} µs that an empty one takes are taken off each.`;
  const notes = [how];
  if (onlyOnce.programs > 0)
    notes.push(
      `${onlyOnce.programs === 1 ? 'A program' : `${onlyOnce.programs} programs`} ran once, for the first time: ${ms(onlyOnce.ms)} ms in which compiling cannot be told from computing.`,
    );
  if (untimed > 0) notes.push(`${formatCount(untimed)} dispatches could not be timed and count as nothing.`);
  if (missed > 0)
    notes.push(`${formatCount(missed)} events came after the profile was full and are in no figure.`);
  return notes;
}

function backAndForth({ passes }: LayerRow, forward: boolean, each: (ms: number) => string): string {
  const time = Object.entries(passes).reduce(
    (sum, [pass, ms]) => ((pass === 'forward') === forward ? sum + ms : sum),
    0,
  );
  return time > 0 ? each(time) : '';
}

function rowsOf<Row extends ProfileRow>(
  title: string,
  rows: readonly Row[],
  count: number,
  more: readonly [string, (row: Row) => string][],
): string[] {
  const shown = rows.slice(0, MOST_ROWS);
  const rest = rows.slice(MOST_ROWS);
  const left = rest.reduce((sum, row) => sum + row.ms, 0);
  const share = rest.reduce((sum, row) => sum + row.share, 0);
  return table([
    [title, 'calls', 'ms', 'share', 'GFLOP/s', 'GB/s', ...more.map(([name]) => name)],
    ...shown.map((row) => [
      row.name,
      String(Math.round((10 * row.calls) / count) / 10),
      ms(row.ms / count),
      percent(row.share),
      rate(row.flops, row.ms),
      rate(row.bytes, row.ms),
      ...more.map(([, cell]) => cell(row)),
    ]),
    ...(rest.length > 0
      ? [[`${rest.length} more`, '', ms(left / count), percent(share), '', '', ...more.map(() => '')]]
      : []),
  ]).split('\n');
}
