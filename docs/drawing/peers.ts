/** The tables of docs/peers.md: functions of docs/data/peers.json, which `npm run bench:peers -- --json` wrote on a quiet machine. */
import { readFileSync } from 'node:fs';
import { type PeerCase, type PeerRow, type PeersResult, peersResultOf } from '../../bench/peers/result.ts';
import { formatNumber, formatSeconds } from '../../src/text/figures.ts';
import { markdown } from './tables.ts';

const NOT_MEASURED = 'Not measured.';

/** The run that the page shows. */
export function recordedPeers(): PeersResult {
  const file = new URL('../data/peers.json', import.meta.url);
  return peersResultOf(readFileSync(file, 'utf8'), 'docs/data/peers.json');
}

/** The tables by their names on the page. */
export function peersTables(result: PeersResult): Record<string, string> {
  return {
    'peers-on': headText(result),
    'peers-times': matrix(result.cases, timeText),
    'peers-first': matrix(result.cases, firstText),
    'peers-errors': matrix(result.cases, ({ error }) => error?.value.toExponential(0) ?? ''),
    'peers-failures': failures(result.cases),
  };
}

function headText({ header, load, shaderCache, cases }: PeersResult): string {
  if (cases.length === 0) return NOT_MEASURED;
  const { adapter, processor, dawn, runtime, commit, date } = header;
  const on = [adapter.description, processor, dawn, runtime, commit && `commit ${commit}`, date.slice(0, 10)];
  return `Measured on ${on.filter(Boolean).join(', ')}; load of its ${load.cores} cores ${load.before.toFixed(1)} before and ${load.after.toFixed(1)} after; shader cache ${shaderCache}.`;
}

const headingOf = ({ network, pass, batch, size }: PeerCase): string =>
  `${network} ${pass === 'step' ? 'step' : 'forward'} ${batch}×${size}²`;

/** A row a peer, a column a case. */
function matrix(cases: readonly PeerCase[], cell: (row: PeerRow) => string): string {
  if (cases.length === 0) return NOT_MEASURED;
  const labels = new Map(cases.flatMap(({ rows }) => rows.map(({ id, label }) => [id, label] as const)));
  const rows = [...labels].map(([id, label]) => [
    label,
    ...cases.map((one) => {
      const row = one.rows.find((other) => other.id === id);
      return row ? cell(row) : '';
    }),
  ]);
  return markdown(['', ...cases.map((one) => `>${headingOf(one)}`)], rows);
}

/** `1,340 · 7.3 (7.1–7.6)`: milliseconds, and how many times ours with the spread over rounds. */
function timeText({ id, timing, ratio, failed }: PeerRow): string {
  if (failed !== null) return 'no time';
  if (!timing || !ratio) return '';
  const time = formatNumber(timing.median);
  if (id === 'tessera') return `${time} (${formatNumber(timing.p10)}–${formatNumber(timing.p90)})`;
  const [middle, low, high] = [ratio.median, ratio.p10, ratio.p90].map((one) => formatNumber(one));
  return `${time} · ${middle} (${low}–${high})`;
}

function firstText({ loadMs, firstMs }: PeerRow): string {
  return loadMs === null || firstMs === null ? '' : formatSeconds((loadMs + firstMs) / 1000);
}

/** Why peers have no time, each reason once. */
function failures(cases: readonly PeerCase[]): string {
  const reasons = new Map<string, string[]>();
  for (const one of cases)
    for (const { label, failed } of one.rows) {
      if (failed === null) continue;
      const key = `${label}: ${failed}`;
      reasons.set(key, [...(reasons.get(key) ?? []), headingOf(one)]);
    }
  if (reasons.size === 0) return cases.length === 0 ? NOT_MEASURED : 'None.';
  return [...reasons]
    .map(([reason, where]) => `- ${reason.replace(/[|<>]/g, ' ')} *(${where.join(', ')})*`)
    .join('\n');
}
