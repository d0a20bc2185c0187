/** On what it was measured, and the ceilings with every kernel that was tried. */
import type { BenchHeader, Ceiling, Ceilings } from '../../bench/result.ts';
import { formatNumber } from '../../text/figures.ts';
import { type Html, html } from '../html.ts';
import { table } from '../parts.ts';

/** `2026-11-27 02:10 UTC`, or the text as it stands where it is no time. */
export function dateText(date: string): string {
  const time = /^\d{4}-\d\d-\d\dT/.test(date) ? Date.parse(date) : Number.NaN;
  return Number.isFinite(time) ? `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC` : date;
}

export function measuredOn({ adapter, ...header }: BenchHeader): Html {
  const listed = (values: readonly string[]): string => values.join(', ') || 'none';
  const told = (value: string | null): string => value || 'not told';
  return table(
    'What the figures are of',
    ['', 'value'],
    [
      ['adapter', `${adapter.description}${adapter.software ? ' (software: it runs on the processor)' : ''}`],
      [
        'vendor, architecture, device',
        listed([adapter.vendor, adapter.architecture, adapter.device].filter(Boolean)),
      ],
      ['driver', told(header.driver)],
      ['WebGPU by', told(header.dawn)],
      ['toggles', listed(header.toggles)],
      ['features and traits', listed(header.features)],
      ['lanes', header.lanes],
      ['runtime', told(header.runtime)],
      ['processor', told(header.processor)],
      ['commit', told(header.commit)],
      ['date', dateText(header.date)],
    ],
    { words: true },
  );
}

export function ceilingsPart(ceilings: Ceilings): Html {
  return html`<p>The best of a fixed set of kernels, measured in the same run. A share of a ceiling is its rate over this one, so a ceiling that is too low would flatter; where there is a reason to doubt one, no share of it is given.</p>
<div class="charts">${one('Arithmetic', 'GFLOP/s', ceilings.arithmetic)}${one('Bandwidth', 'GB/s', ceilings.bandwidth)}</div>`;
}

function one(name: string, unit: string, { value, kernel, tried, doubt }: Ceiling): Html {
  const most = tried.reduce((high, { value: reached }) => Math.max(high, reached), value);
  return html`<div><h3>${name}: ${formatNumber(value)} ${unit}</h3>
${doubt !== null && html`<p class="note">In doubt: ${doubt}</p>`}
${table(
  `${unit} of the kernels that were tried`,
  ['kernel', unit, ''],
  tried
    .toSorted((a, b) => b.value - a.value)
    .map((kernelTried) => [
      html`${kernelTried.kernel}${kernelTried.kernel === kernel && html`<span class="badge">the ceiling</span>`}`,
      formatNumber(kernelTried.value),
      bar(most > 0 ? kernelTried.value / most : 0),
    ]),
)}</div>`;
}

/** A bar of `share` of its place; the figure stands beside it. */
export function bar(share: number): Html {
  const width = (100 * Math.min(1, Math.max(0, share))).toFixed(1);
  return html`<svg class="bar" aria-hidden="true" width="80" height="10"><rect class="track" width="100%" height="10" rx="2"/><rect class="fill" width="${width}%" height="10" rx="2"/></svg>`;
}
