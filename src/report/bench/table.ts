/** Every figure of every entry: what the charts lead to, and what the filter and the order of its columns work on. */
import { type Html, html } from '../html.ts';
import { table } from '../parts.ts';
import { bar } from './measured-on.ts';
import { ms, type Row, rate, type Shown, shareText, small } from './rows.ts';

const HEAD = [
  'name',
  'pass',
  'variant',
  'ms',
  'p10–p90',
  'GFLOP/s',
  'GB/s',
  'share of the ceiling',
  'largest error',
  'allowed',
  'result',
  'FLOP/byte',
  'samples',
  'op',
  'networks',
];

/** Of the table, for the script. */
export const TABLE = 'figures';

export function figuresTable({ rows, result }: Shown): Html {
  return html`${table(
    'Each entry: milliseconds of one run (the median of the samples, their 10th to 90th percentile), rates, and how far its result is from the reference',
    HEAD,
    rows.map((row) => cells(row, result)),
    {
      id: TABLE,
      row: (index) => html` id="${rows[index].id}" data-facets="${rows[index].facets.join(' ')}"`,
    },
  )}
<p><button type="button" class="more" data-of="table" hidden>Show all</button></p>
<p class="caption">The error is the largest difference from the reference over the largest value. Rates count the FLOPs of the direct algorithm, so that a variant that needs fewer may pass the ceiling.</p>`;
}

function cells(row: Row, result: Shown['result']): (string | number | Html)[] {
  const { name, op, pass, variant, networks, error, timing, failed } = row.entry;
  const times = failed === null ? timing : null;
  const none = html`<span class="muted">not measured</span>`;
  return [
    name,
    pass,
    variant ?? '–',
    times ? ms(times.median) : none,
    times ? `${ms(times.p10)}–${ms(times.p90)}` : '–',
    rate(row.gflops),
    rate(row.gbytes),
    row.share !== null
      ? html`${bar(row.share)} ${shareText(row, result)}`
      : html`<span class="muted">${shareText(row, result)}</span>`,
    error ? small(error.value) : none,
    error ? small(error.allowed) : '–',
    failed !== null
      ? html`<b class="bad">✕ ${failed}</b>`
      : error
        ? html`<span class="good">✓ as ${error.against}</span>`
        : html`<span class="muted">nothing to hold it against</span>`,
    rate(row.intensity),
    times ? `${times.rounds.reduce((sum, round) => sum + round.length, 0)} × ${times.repeats}` : '–',
    op,
    networks.map(({ name: network, times: often }) => `${network} ×${often}`).join(', ') || '–',
  ];
}
