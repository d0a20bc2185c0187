/**
 * report.html: one file that opens from a disk, asks no network, and says everything that a `ReportDocument` holds. A part
 * that is not there has no section.
 *
 * Its policy (CSP) allows pictures in the file, this style and this script, by their hashes; a name that became markup
 * after all could load and run nothing.
 */
import { createHash } from 'node:crypto';
import { openPen, type Pen } from './chart.ts';
import type { ReportDocument } from './document.ts';
import { escaped, type Html, html } from './html.ts';
import { SCRIPT } from './script.ts';
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
import { STYLE } from './style.ts';

/** The sections in their order; one whose part of the document is not there gives nothing. */
const SECTIONS: readonly [
  id: string,
  title: string,
  make: (of: ReportDocument, pen: Pen) => Html | null | false,
][] = [
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
  const pen = await openPen();
  const sections = SECTIONS.flatMap(([id, title, make]) => {
    const body = make(document, pen);
    return body ? [{ id, title, body }] : [];
  });
  const { title, summary } = document;
  const body = html`<a class="skip" href="#main">To the result</a>
<header><h1>${title}</h1>
${summary.map((sentence) => html`<p>${sentence}</p>`)}</header>
<nav aria-label="Sections"><ul>${sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
<main id="main" tabindex="-1">
${sections.map(
  ({ id, title: name, body: content }) => html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${name}</h2>
${content}
</section>\n`,
)}</main>
<footer>Written by Tessera. This file needs no network and sends nothing.</footer>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body.text}
<script>${SCRIPT}</script>
</body>
</html>
`;
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
