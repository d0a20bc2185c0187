/** The page of a bench: everything that a `BenchResult` holds. */
import type { Comparison } from '../../bench/compare.ts';
import type { BenchResult } from '../../bench/result.ts';
import { openPen } from '../chart.ts';
import { pageHtml, type SectionMaker, sectionsOf } from '../frame.ts';
import { html } from '../html.ts';
import { bars } from './bars.ts';
import { compared } from './compared.ts';
import { filterBar, filterChips } from './filter.ts';
import { ceilingsPart, dateText, measuredOn } from './measured-on.ts';
import { outcome } from './outcome.ts';
import { roofline } from './roofline.ts';
import { type Shown, shownOf } from './rows.ts';
import { BENCH_SCRIPT } from './script.ts';
import { startsPart } from './starts.ts';
import { BENCH_STYLE } from './style.ts';
import { figuresTable } from './table.ts';

interface BenchPage extends Shown {
  comparison: Comparison | null;
}

/** The sections in their order; one that has nothing to show is not there. */
const SECTIONS: readonly SectionMaker<BenchPage>[] = [
  ['result', 'Result', outcome],
  ['changed', 'What changed', ({ comparison, rows }) => comparison && compared(comparison, rows)],
  ['ceilings', 'Ceilings', ({ result }) => result.ceilings && ceilingsPart(result.ceilings)],
  [
    'entries',
    'Kernels and networks',
    (shown, pen) => {
      if (shown.rows.length === 0) return null;
      const roof = roofline(shown, pen);
      const parts = [
        ...(roof ? [['roofline', 'Roofline', roof] as const] : []),
        ['times', 'Times', bars(shown)] as const,
        ['table', 'Table', figuresTable(shown)] as const,
      ];
      return html`${filterBar(
        shown,
        parts.map(([id, title]) => [id, title]),
      )}${filterChips(shown)}
${parts.map(([id, title, body]) => html`<h3 id="${id}">${title}</h3>\n${body}\n`)}`;
    },
  ],
  [
    'starts',
    'Cold start and steady state',
    ({ result: { starts } }) => starts.length > 0 && startsPart(starts),
  ],
  ['measured-on', 'Measured on', ({ result }) => measuredOn(result.header)],
];

/**
 * The whole page, one file that asks no network.
 * @param comparison what changed since another run, where this one was compared with it
 */
export async function benchReportHtml(
  result: BenchResult,
  comparison: Comparison | null = null,
): Promise<string> {
  const { adapter, driver, dawn, commit, date, processor } = result.header;
  const told = (parts: readonly (string | null | false)[]): string => parts.filter(Boolean).join(', ');
  return pageHtml({
    title: `Bench: ${adapter.description}`,
    summary: [
      told([
        driver && driver !== adapter.description && `driver ${driver}`,
        dawn && `WebGPU by ${dawn}`,
        adapter.software && processor && `on ${processor}`,
      ]),
      told([commit ? `commit ${commit}` : 'commit not told', dateText(date)]),
    ].filter(Boolean),
    sections: sectionsOf(SECTIONS, { ...shownOf(result), comparison }, await openPen()),
    ...{ style: BENCH_STYLE, script: BENCH_SCRIPT },
  });
}
