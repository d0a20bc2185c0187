/** report.html: says everything that a `ReportDocument` holds. A part that is not there has no section. */
import type { Evaluation } from '../train/evaluation/evaluation.ts';
import type { LabelEvaluation } from '../train/labels/evaluation.ts';
import { openPen, type Pen } from './chart.ts';
import type { ReportDocument } from './document.ts';
import { pageHtml, type SectionMaker, sectionsOf } from './frame.ts';
import { type Html, html } from './html.ts';
import { labelsTogether, labelThresholds, perLabel } from './labels/sections.ts';
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

/** A section of what only classes have, or only labels. */
const ofClasses =
  (section: (evaluation: Evaluation, pen: Pen) => Html | false | null) =>
  ({ evaluation }: ReportDocument, pen: Pen) =>
    evaluation && evaluation.task !== 'labels' && section(evaluation, pen);
const ofLabels =
  (section: (evaluation: LabelEvaluation) => Html | false) =>
  ({ evaluation }: ReportDocument) =>
    evaluation?.task === 'labels' && section(evaluation);

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
  ['confusion', 'Confusion matrix', ofClasses(confusion)],
  ['classes', 'Classes', ofClasses(perClass)],
  ['labels', 'Labels', ofLabels(perLabel)],
  [
    'pictures',
    'Mistakes, hits and doubts',
    ({ pictures: rows }) => rows.some((row) => row.pictures.length > 0) && pictures(rows),
  ],
  [
    'ranking',
    'Ranking',
    ofClasses((evaluation, pen) => evaluation.curves.length > 0 && ranking(evaluation, pen)),
  ],
  [
    'threshold',
    'Threshold',
    ofClasses(
      (evaluation, pen) =>
        evaluation.positive !== null &&
        evaluation.thresholds.length > 0 &&
        threshold(evaluation, evaluation.classes[evaluation.positive], pen),
    ),
  ],
  ['thresholds', 'Thresholds', ofLabels(labelThresholds)],
  ['together', 'Labels that come together', ofLabels((of) => of.together !== null && labelsTogether(of))],
  ['calibration', 'Calibration', ofClasses(calibration)],
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
