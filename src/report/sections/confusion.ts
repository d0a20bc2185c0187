/** What was taken for what: as a table for a few classes, as a map for many, and the pairs that are mixed up most. */
import type { Evaluation } from '../../train/evaluation/evaluation.ts';
import type { Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { details, figure, share, table } from '../parts.ts';

/** Up to this many classes the matrix is a table that can be read. */
const TABLE_CLASSES = 20;
/** Up to this many a map of it can be seen. */
const MAP_CLASSES = 100;
const MOST_PAIRS = 25;

export function confusion({ classes, confusion: matrix, positive, threshold }: Evaluation, pen: Pen): Html {
  const at =
    threshold && positive !== null
      ? html`<p>${classes[positive]} is called from a probability of ${threshold.decision.threshold}.</p>`
      : null;
  const pairs = mostConfused(classes, matrix);
  if (classes.length <= TABLE_CLASSES)
    return html`${at}${matrixTable(classes, matrix)}${classes.length > 2 && pairs}`;
  return html`${at}${classes.length <= MAP_CLASSES && matrixMap(classes, matrix, pen)}${pairs}`;
}

/** Rows: what pictures are; columns: what they were taken for; the shade is the share of the row. */
function matrixTable(classes: readonly string[], matrix: readonly (readonly number[])[]): Html {
  return html`<div class="matrix">${table(
    'Rows: what the pictures are. Columns: what they were taken for.',
    ['', ...classes],
    matrix.map((row, actual) => [
      classes[actual],
      ...row.map((count, predicted) => {
        const all = row.reduce((sum, value) => sum + value, 0);
        const shade = all === 0 ? 0 : Math.ceil((10 * count) / all);
        return html`<span class="${actual === predicted ? 'right' : 'wrong'} h${shade}">${count}</span>`;
      }),
    ]),
  )}</div>`;
}

/** A square a pair of classes that occurs. */
function matrixMap(
  classes: readonly string[],
  matrix: readonly (readonly number[])[],
  { plot, draw }: Pen,
): Html {
  const cells = matrix.flatMap((row, actual) => {
    const all = row.reduce((sum, value) => sum + value, 0);
    return row.flatMap((count, predicted) => (count > 0 ? [{ actual, predicted, share: count / all }] : []));
  });
  const [right, wrong] = [
    cells.filter((c) => c.actual === c.predicted),
    cells.filter((c) => c.actual !== c.predicted),
  ];
  const squares = (of: typeof cells, fill: string) =>
    plot.rect(of, {
      x1: 'predicted',
      x2: ({ predicted }) => predicted + 1,
      y1: 'actual',
      y2: ({ actual }) => actual + 1,
      fill,
      // Few of many are to be seen too.
      fillOpacity: ({ share: part }) => 0.15 + 0.85 * Math.sqrt(part),
    });
  const chart = draw(
    {
      height: 440,
      margin: 34,
      x: { domain: [0, classes.length], label: 'taken for', axis: 'top', ticks: 6 },
      y: { domain: [classes.length, 0], label: 'is', ticks: 6 },
      opacity: { type: 'identity' },
      marks: [
        plot.frame({ stroke: 'var(--line)' }),
        squares(right, 'var(--c1)'),
        squares(wrong, 'var(--c2)'),
      ],
    },
    {
      label: `Confusion matrix of ${classes.length} classes`,
      description: 'the table of pairs has the figures',
    },
  );
  return html`${figure(
    chart,
    'Rows: what the pictures are; columns: what they were taken for; blue where that is right. Classes are numbered in their order, from 0. The darker, the larger the share of the row.',
  )}${details('The numbers of the classes', html`<ol start="0" class="names">${classes.map((name) => html`<li>${name}</li>`)}</ol>`)}`;
}

/** The pairs of classes that are mixed up most often. */
function mostConfused(classes: readonly string[], matrix: readonly (readonly number[])[]): Html | null {
  const rows = matrix
    .flatMap((row, actual) => {
      const all = row.reduce((sum, value) => sum + value, 0);
      return row.map((count, predicted) => ({ actual, predicted, count, all }));
    })
    .filter(({ actual, predicted, count }) => actual !== predicted && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_PAIRS)
    .map(({ actual, predicted, count, all }) => [
      classes[actual],
      classes[predicted],
      count,
      share(count / all),
    ]);
  if (rows.length === 0) return html`<p>No picture was taken for another class.</p>`;
  const pairs = table('Mixed up most often', ['is', 'taken for', 'pictures', 'of the class'], rows);
  return classes.length <= TABLE_CLASSES ? details('The pairs that are mixed up most often', pairs) : pairs;
}
