/** How well the probabilities rank: ROC, and precision against recall, of one class against the others. */

import type { CurvePoint } from '../../train/evaluation/curves.ts';
import type { Evaluation, OneAgainstRest } from '../../train/evaluation/evaluation.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, fixed, interval, legend, table } from '../parts.ts';

const SIDE = 380;

export function ranking({ classes, curves, threshold }: Evaluation, pen: Pen): Html {
  const table_ = table(
    'Areas, each class against the others',
    ['class', 'pictures', 'others', 'AUC', '95 %', 'average precision'],
    curves.map(({ positive, positives, negatives, auc, aucInterval, averagePrecision }) => [
      classes[positive],
      positives,
      negatives,
      fixed(auc, 4),
      interval(aucInterval, 3),
      fixed(averagePrecision, 4),
    ]),
  );
  const colours = curves.length <= COLOURS.length;
  const key =
    colours &&
    curves.length > 1 &&
    legend(curves.map(({ positive }, i) => ({ name: classes[positive], colour: i + 1 })));
  const at = threshold && curves.length === 1 ? threshold.at : null;
  const recallAt = at && nearest(curves[0].points, at.threshold);
  const [{ positives, negatives, positive }] = curves;
  const one = curves.length === 1;
  return html`<p>${one ? html`${classes[positive]} against the rest, at every threshold at once.` : 'Each class against the others, at every threshold at once.'} AUC is the chance that a picture of the class has a higher probability for it than one of another class; 0.5 is a coin's.</p>
${key}<div class="charts">
${figure(
  html`<h3>ROC</h3>${square(
    pen,
    'ROC curve',
    curves,
    colours,
    ({ falsePositiveRate, truePositiveRate }) => [falsePositiveRate, truePositiveRate],
    {
      x: 'false positive rate',
      y: 'true positive rate',
      start: [0, 0],
      marks: (plot) => [
        plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: 'var(--muted)', strokeDasharray: '3 3' },
        ),
        recallAt
          ? plot.dot([recallAt], {
              x: 'falsePositiveRate',
              y: 'truePositiveRate',
              r: 5,
              stroke: 'currentColor',
              fill: 'none',
            })
          : null,
      ],
    },
  )}`,
  `How many of the class are called against how many of the others are.${recallAt ? ' The ring is the threshold.' : ''} Dashed: chance.`,
)}
${figure(
  html`<h3>Precision and recall</h3>${square(
    pen,
    'Precision against recall',
    curves,
    colours,
    ({ truePositiveRate, precision }) => [truePositiveRate, precision],
    {
      x: 'recall',
      y: 'precision',
      marks: (plot) => [
        one
          ? plot.ruleY([positives / (positives + negatives)], {
              stroke: 'var(--muted)',
              strokeDasharray: '3 3',
            })
          : null,
        recallAt
          ? plot.dot([recallAt], {
              x: 'truePositiveRate',
              y: 'precision',
              r: 5,
              stroke: 'currentColor',
              fill: 'none',
            })
          : null,
      ],
    },
  )}`,
  `How much of what is called is right against how much of the class is called.${one ? ' Dashed: the share of the class.' : ''}`,
)}
</div>
${table_}`;
}

type Place = (point: CurvePoint) => [x: number, y: number];

function square(
  { plot, draw }: Pen,
  label: string,
  curves: readonly OneAgainstRest[],
  colours: boolean,
  place: Place,
  {
    x,
    y,
    start,
    marks,
  }: {
    x: string;
    y: string;
    start?: [number, number];
    marks(of: Pen['plot']): ReturnType<Pen['plot']['frame']>[] | (ReturnType<Pen['plot']['frame']> | null)[];
  },
): Html {
  return draw(
    {
      height: SIDE,
      marginLeft: 48,
      x: { domain: [0, 1], label: x, grid: true, ticks: 5 },
      y: { domain: [0, 1], label: y, grid: true, ticks: 5 },
      marks: [
        ...marks(plot),
        ...curves.map(({ points }, index) =>
          plot.line([...(start ? [start] : []), ...points.map(place)], {
            stroke: colours ? COLOURS[index] : COLOURS[0],
            strokeWidth: colours ? 2 : 1,
            strokeOpacity: colours ? 1 : 0.5,
          }),
        ),
      ],
    },
    {
      label,
      description: curves.length === 1 ? `AUC ${curves[0].auc.toFixed(4)}` : 'the table has the areas',
    },
  );
}

/** The point of a curve whose threshold is the next above. */
function nearest(points: readonly CurvePoint[], threshold: number): CurvePoint | null {
  return points.findLast((point) => point.threshold >= threshold) ?? points[0] ?? null;
}
