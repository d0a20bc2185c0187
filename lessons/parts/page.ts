/** The page of a lesson: what the paper says beside what was measured, table, plots, and what it was run on. */
import { openPen } from '../../src/report/chart.ts';
import { pageHtml, type SectionMaker, sectionsOf } from '../../src/report/frame.ts';
import { html } from '../../src/report/html.ts';
import { table } from '../../src/report/parts.ts';
import { chartFigure } from './charts.ts';
import type { Lesson } from './lesson.ts';
import { type Result, verdictsOf } from './result.ts';
import { figureRows, sizeText, verdictText } from './text.ts';

interface Shown {
  result: Result;
  lesson: Lesson;
}

const SECTIONS: readonly SectionMaker<Shown>[] = [
  [
    'claims',
    'The paper and this run',
    ({ result, lesson }) =>
      html`${verdictsOf(result, lesson).map(
        (one) =>
          html`<h3>${one.claim.here}</h3><p>“${one.claim.quote}” (${one.claim.source})</p><p><strong>${verdictText(one)}</strong></p>`,
      )}`,
  ],
  [
    'figures',
    'Figures',
    ({ result, lesson }) => {
      const { head, rows } = figureRows(result, lesson);
      return table('Means over the seeds, and their standard deviations', head, rows);
    },
  ],
  [
    'plots',
    'Plots',
    ({ result, lesson }, pen) =>
      html`<div class="charts">${lesson.charts.map((chart) => chartFigure(chart, result, lesson, pen))}</div>`,
  ],
  [
    'limits',
    'What this cannot show',
    ({ lesson }) => html`<ul>${lesson.limits.map((limit) => html`<li>${limit}</li>`)}</ul>`,
  ],
  [
    'run',
    'What it was run on',
    ({ result }) => table('Machine and versions', ['', ''], result.machine, { words: true }),
  ],
];

export async function lessonHtml(result: Result, lesson: Lesson): Promise<string> {
  const { title, idea, papers } = lesson;
  return pageHtml({
    title,
    summary: [idea, sizeText(result, lesson), ...papers.map((paper) => `${paper.title}: ${paper.url}`)],
    sections: sectionsOf(SECTIONS, { result, lesson }, await openPen()),
  });
}
