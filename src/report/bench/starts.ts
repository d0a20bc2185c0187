/** What a network costs before it is warm, and what a warm one still makes. */
import type { StartEntry } from '../../bench/result.ts';
import { counted, formatNumber } from '../../text/figures.ts';
import { type Html, html } from '../html.ts';
import { details, table } from '../parts.ts';
import { bar } from './measured-on.ts';
import { ms } from './rows.ts';

export function startsPart(starts: readonly StartEntry[]): Html {
  const making = starts.filter(({ made }) => made.buffers + made.bindGroups + made.pipelines > 0);
  return html`<p>A first call in a fresh process compiles every program that it runs. <i>Cold</i>: the driver’s cache of compiled shaders was empty; <i>warm</i>: it was filled. From the second call on nothing should be made any more.</p>
${making.map(
  ({ name, made }) =>
    html`<p class="note">${name}: after the second call ${counted(made.buffers, 'buffer')}, ${counted(made.bindGroups, 'bind group')} and ${counted(made.pipelines, 'pipeline')} were made; there should be none.</p>\n`,
)}
${table(
  'First calls in milliseconds, what they compile, and what a warm call costs',
  [
    '',
    'first call, cold',
    'first call, warm',
    'programs',
    'their compilation, ms',
    'dispatches',
    'JavaScript a dispatch, µs',
    'made after the second call',
  ],
  starts.map(({ name, coldMs, warmMs, programs, made, dispatches, javascriptUs }) => [
    name,
    timeText(coldMs),
    timeText(warmMs),
    programs.length,
    programs.length > 0 ? ms(compilation(programs)) : '–',
    dispatches.toLocaleString('en-US'),
    formatNumber(javascriptUs),
    made.buffers + made.bindGroups + made.pipelines === 0
      ? html`<span class="good">nothing</span>`
      : html`<b class="bad">${[
          [made.buffers, 'buffer'] as const,
          [made.bindGroups, 'bind group'] as const,
          [made.pipelines, 'pipeline'] as const,
        ]
          .filter(([count]) => count > 0)
          .map(([count, noun]) => counted(count, noun))
          .join(', ')}</b>`,
  ]),
)}
${starts.map((start) => start.programs.length > 0 && details(`The ${counted(start.programs.length, 'program')} of ${start.name}`, programsTable(start)))}`;
}

const compilation = (programs: StartEntry['programs']): number =>
  programs.reduce((sum, { compileMs }) => sum + compileMs, 0);

const timeText = (value: number | null): string | Html =>
  value === null ? html`<span class="muted">not measured</span>` : ms(value);

function programsTable({ name, programs }: StartEntry): Html {
  const sorted = programs.toSorted((a, b) => b.compileMs - a.compileMs);
  return table(
    `Programs of ${name}: what the first dispatch took beyond a later one`,
    ['program', 'ms', ''],
    sorted.map(({ name: program, compileMs }) => [
      html`<code>${program}</code>`,
      ms(compileMs),
      bar(sorted[0].compileMs > 0 ? compileMs / sorted[0].compileMs : 0),
    ]),
  );
}
