/** What one reads first: the figures with their intervals, on which pictures, and which network they are of. */
import { counted } from '../../text/figures.ts';
import type { EvaluationBase, Intervals } from '../../train/evaluation/evaluation.ts';
import type { Metrics } from '../../train/metrics.ts';
import { type Pen, WIDTH } from '../chart.ts';
import type { CheckpointPart } from '../document.ts';
import { type Html, html } from '../html.ts';
import { decimal, interval, share, table } from '../parts.ts';

type Figure = { key: keyof Intervals; name: string; digits?: number };

type Overviewed = Pick<EvaluationBase, 'metrics' | 'intervals'>;

/** The figures of the headline, the most telling first. */
const FIGURES: readonly Figure[] = [
  { key: 'accuracy', name: 'Accuracy' },
  { key: 'balancedAccuracy', name: 'Balanced accuracy' },
  { key: 'auc', name: 'AUC', digits: 4 },
  { key: 'top5', name: 'Top-5' },
  { key: 'macroF1', name: 'Macro F1', digits: 3 },
];

/** Of several labels a picture. */
const LABEL_FIGURES: readonly Figure[] = [
  { key: 'map', name: 'Mean average precision', digits: 3 },
  { key: 'auc', name: 'AUC, mean over labels', digits: 4 },
  { key: 'macroF1', name: 'Macro F1', digits: 3 },
  { key: 'microF1', name: 'Micro F1', digits: 3 },
  { key: 'accuracy', name: 'Every label right' },
];

const shownFigure = ({ key, digits }: Figure, metrics: Metrics): string =>
  digits === undefined ? share(metrics[key]) : decimal(metrics[key], digits);

/** @param sentences what was measured, and what was chosen on the same pictures */
export function overview(
  evaluation: Overviewed,
  validation: Overviewed | null,
  sentences: readonly string[],
  pen: Pen,
): Html {
  const { metrics, intervals } = evaluation;
  const there = (metrics.microF1 === undefined ? FIGURES : LABEL_FIGURES).filter(
    ({ key }) => metrics[key] !== undefined,
  );
  return html`<ul class="tiles">${there.map((figure) => {
    const { key, name, digits } = figure;
    return html`<li><span class="name">${name}</span> <strong>${shownFigure(figure, metrics)}</strong>
<span class="range">95 %: ${interval(intervals[key], digits && 3) || 'no interval'}</span>${strip(figure, evaluation, pen)}</li>\n`;
  })}</ul>
${sentences.map((sentence) => html`<p>${sentence}</p>`)}
${validation && beside(evaluation, validation, there)}`;
}

/** Where a figure lies between 0 and 1, with its interval; for accuracy also what the largest class alone would give. */
function strip({ key, name }: Figure, { metrics, intervals }: Overviewed, { plot, draw }: Pen): Html {
  const range = intervals[key];
  const least = key === 'accuracy' ? [metrics.largestShare] : key === 'auc' ? [0.5] : [];
  return draw(
    {
      width: WIDTH / 2,
      height: 22,
      margin: 5,
      x: { domain: [0, 1], axis: null },
      y: { domain: [-1, 1], axis: null },
      marks: [
        plot.ruleY([0], { stroke: 'var(--line)', strokeWidth: 4, strokeLinecap: 'round' }),
        plot.ruleX(least, { y1: -1, y2: 1, stroke: 'var(--muted)', strokeWidth: 1.5 }),
        range
          ? plot.ruleY([0], {
              x1: range.low,
              x2: range.high,
              stroke: 'var(--c1)',
              strokeOpacity: 0.5,
              strokeWidth: 6,
            })
          : null,
        plot.dotX([metrics[key]!], { y: 0, r: 4, fill: 'var(--c1)' }),
      ],
    },
    {
      label: `${name} on a line from 0 to 1 with its interval`,
      description: key === 'accuracy' ? 'the mark is the share of the largest class' : undefined,
    },
  );
}

/** The figures of the pictures that chose the epoch, where the headline is of others. */
function beside(evaluation: Overviewed, validation: Overviewed, figures: readonly Figure[]): Html {
  const row = (figure: Figure, { metrics, intervals }: Overviewed): string[] => [
    shownFigure(figure, metrics),
    interval(intervals[figure.key], figure.digits && 3),
  ];
  const of = ({ metrics }: Overviewed): string => counted(metrics.count, 'picture');
  return table(
    'Pictures that nobody looked at before, and those that chose the epoch',
    ['', `test: ${of(evaluation)}`, '95 %', `validation: ${of(validation)}`, '95 %'],
    figures.map((figure) => [figure.name, ...row(figure, evaluation), ...row(figure, validation)]),
  );
}

/** Which network all figures are of. */
export function checkpointLine({ file, epoch, epochs }: CheckpointPart): Html {
  const of = epochs === null ? '' : ` of ${epochs}`;
  const when = epoch === 0 ? 'before its first epoch was done' : html`as it was after epoch ${epoch}${of}`;
  return html`<p class="checkpoint">All figures and answers are of one network: <code>${file}</code>, ${when}.</p>`;
}
