/** The table of a run, for a terminal. */
import { formatNumber, table } from '../../src/cli/ui.ts';
import type { PeerCase, PeerRow, PeersResult } from './result.ts';

const HEADING = ['', 'on', 'ms', 'p10–p90', '× ours', 'p10–p90', 'load ms', 'first ms', 'differs by'];

export function peersText(result: PeersResult): string {
  const blocks = result.cases.map((one) => `${titleOf(one)}\n${caseText(one)}`);
  return [...blocks, ...footnotes(result)].join('\n\n');
}

export const titleOf = ({ network, pass, batch, size, weights }: Omit<PeerCase, 'rows'>): string =>
  `${network} ${pass === 'step' ? 'training step (SGD with momentum)' : 'forward'} ${batch}×${size}², ${weights} weights`;

function caseText({ rows }: PeerCase): string {
  const shown = rows.filter(({ failed }) => failed === null);
  const failed = rows.filter((row) => row.failed !== null);
  const lines = shown.length > 0 ? [table([HEADING, ...shown.map(cells)])] : [];
  return [...lines, ...failed.map(({ label, failed }) => `${label}: no time. ${failed}`)].join('\n');
}

function cells({ label, on, timing, ratio, loadMs, firstMs, error, note }: PeerRow): string[] {
  const figure = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : formatNumber(value);
  return [
    note ? `${label} (${note})` : label,
    on,
    figure(timing?.median),
    timing ? `${figure(timing.p10)}–${figure(timing.p90)}` : '–',
    ratio ? ratio.median.toFixed(2) : '–',
    ratio ? `${ratio.p10.toFixed(2)}–${ratio.p90.toFixed(2)}` : '–',
    figure(loadMs),
    figure(firstMs),
    error ? error.value.toExponential(0) : '–',
  ];
}

function footnotes({ header, shaderCache, load, cases }: PeersResult): string[] {
  const adapters = new Map<string, string>();
  const versions = new Map<string, string>();
  for (const row of cases.flatMap(({ rows }) => rows)) {
    if (row.adapter !== null) adapters.set(row.label, row.adapter || 'not told');
    for (const [name, version] of Object.entries(row.versions)) versions.set(name, version);
  }
  const list = (map: Map<string, string>, join: string): string =>
    [...map].map(([name, value]) => `${name}${join}${value}`).join('; ');
  return [
    [
      'A call takes pictures of the host and gives logits (or the loss of the step) to the host. × ours: above 1 is slower than Tessera, paired by rounds.',
      `load: the network onto the device; first: the first call, with the driver's shader cache ${shaderCache}.`,
      `Says it runs on: ${list(adapters, ' on ')}.`,
      `Versions: ${list(versions, ' ')}; ${header.runtime}; commit ${header.commit ?? 'unknown'}.`,
      `Load of the machine (${load.cores} cores): ${load.before.toFixed(1)} before, ${load.after.toFixed(1)} after.`,
    ].join('\n'),
  ];
}
