/** report.html: says everything that a `ReportDocument` holds. A part that is not there has no section. */
import { openPen } from './chart.ts';
import type { ReportDocument } from './document.ts';
import { pageHtml, type SectionMaker, sectionsOf } from './frame.ts';
import { html } from './html.ts';
import { calibration } from './sections/calibration.ts';
import { perClass } from './sections/classes.ts';
import { configuration } from './sections/configuration.ts';
import { confusion } from './sections/confusion.ts';
import { curves } from './sections/curves.ts';
import { data } from './sections/data.ts';
import { findRate } from './sections/find-rate.ts';
import { checkpointLine, overview } from './sections/overview.ts';
import { pictures } from './sections/pictures.ts';
import { ranking } from './sections/ranking.ts';
import { savings } from './sections/savings.ts';
import { stressed } from './sections/stress.ts';
import { threshold } from './sections/threshold.ts';

/** The sections in their order; one whose part of the document is not there gives nothing. */
const SECTIONS: readonly SectionMaker<ReportDocument>[] = [
  [
    'result',
    'Result',
    ({ evaluation, validation, checkpoint, sentences }, pen) =>
      (evaluation || checkpoint) &&
      html`${evaluation && overview(evaluation, validation, sentences, pen)}${checkpoint && checkpointLine(checkpoint)}`,
  ],
  [
    'curves',
    'Course of the run',
    ({ run }, pen) => run && run.epochs.length + run.losses.length > 0 && curves(run, pen),
  ],
  ['confusion', 'Confusion matrix', ({ evaluation }, pen) => evaluation && confusion(evaluation, pen)],
  ['classes', 'Classes', ({ evaluation }) => evaluation && perClass(evaluation)],
  [
    'pictures',
    'Mistakes, hits and doubts',
    ({ pictures: rows }) => rows.some((row) => row.pictures.length > 0) && pictures(rows),
  ],
  [
    'ranking',
    'Ranking',
    ({ evaluation }, pen) => evaluation && evaluation.curves.length > 0 && ranking(evaluation, pen),
  ],
  [
    'threshold',
    'Threshold',
    ({ evaluation }, pen) =>
      evaluation &&
      evaluation.positive !== null &&
      evaluation.thresholds.length > 0 &&
      threshold(evaluation, evaluation.classes[evaluation.positive], pen),
  ],
  ['calibration', 'Calibration', ({ evaluation }, pen) => evaluation && calibration(evaluation, pen)],
  ['stress', 'Under stress', ({ stress }, pen) => stress && stressed(stress, pen)],
  ['data', 'Pictures', ({ data: part }) => part && data(part)],
  ['savings', 'What was saved', ({ savings: part }) => part && savings(part)],
  ['find-rate', 'Learning-rate test', ({ rateTest }, pen) => rateTest && findRate(rateTest, pen)],
  ['configuration', 'Configuration', ({ configuration: part }) => configuration(part)],
];

/** The whole page. Takes a tenth of a second of a processor, the first one 0.7 s more for loading the library that draws. */
export async function reportHtml(document: ReportDocument): Promise<string> {
  const { title, summary } = document;
  return pageHtml({ title, summary, sections: sectionsOf(SECTIONS, document, await openPen()) });
}
