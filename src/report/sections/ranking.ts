/** How well the probabilities rank: ROC, and precision against recall, of one class against the others. */
import type { CurvePoint } from '../../train/evaluation/curves.ts';
import type { Evaluation, OneAgainstRest } from '../../train/evaluation/evaluation.ts';
import { COLOURS, type Pen, WIDTH } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { decimal, figure, interval, legend, table } from '../parts.ts';

export function ranking({ classes, curves, threshold }: Evaluation, pen: Pen): Html {
  const one = curves.length === 1 ? curves[0] : null;
  const ring = one && threshold ? pointAt(one.points, threshold.decision.threshold) : null;
  const roc = {
    label: 'ROC curve',
    x: { of: 'falsePositiveRate', label: 'false positive rate' },
    y: { of: 'truePositiveRate', label: 'true positive rate' },
    chance: [0, 1],
  } as const;
  const share = one ? one.positives / (one.positives + one.negatives) : null;
  const precisionRecall = {
    label: 'Precision against recall',
    x: { of: 'truePositiveRate', label: 'recall' },
    y: { of: 'precision', label: 'precision' },
    chance: share === null ? null : ([share, share] as const),
  } as const;
  return html`<p>${one ? html`'${classes[one.positive]}' against the rest` : 'Each class against the others'}, at every threshold at once. AUC is the chance that a picture of the class has a higher probability for it than one of another class; 0.5 is a coin's.</p>
${!one && curves.length <= COLOURS.length && legend(curves.map(({ positive }, i) => ({ name: classes[positive], colour: i + 1 })))}
<div class="charts">
${figure(
  html`<h3>ROC</h3>${chart(pen, roc, curves, ring)}`,
  `How many of the class are called against how many of the others are. Dashed: chance.${ring ? ' The ring is the threshold.' : ''}`,
)}
${figure(
  html`<h3>Precision and recall</h3>${chart(pen, precisionRecall, curves, ring)}`,
  `How much of what is called is right against how much of the class is called.${one ? ' Dashed: the share of the class.' : ''}`,
)}
</div>
${table(
  'Areas, each class against the others',
  ['class', 'pictures', 'others', 'AUC', '95 %', 'average precision'],
  curves.map(({ positive, positives, negatives, auc, aucInterval, averagePrecision }) => [
    classes[positive],
    positives,
    negatives,
    decimal(auc, 4),
    interval(aucInterval, 3),
    decimal(averagePrecision, 4),
  ]),
)}`;
}

/** A curve's two axes, from 0 to 1, and what chance would draw from the left edge to the right one. */
interface Space {
  label: string;
  x: Axis;
  y: Axis;
  chance: readonly [left: number, right: number] | null;
}
interface Axis {
  of: Exclude<keyof CurvePoint, 'threshold'>;
  label: string;
}

/** Where nothing is called. */
const ORIGIN: CurvePoint = { threshold: 1, truePositiveRate: 0, falsePositiveRate: 0, precision: Number.NaN };

function chart(
  { plot, draw }: Pen,
  { label, x, y, chance }: Space,
  curves: readonly OneAgainstRest[],
  ring: CurvePoint | null,
): Html {
  const told = curves.length <= COLOURS.length;
  const axis = ({ label: name }: Axis) => ({ domain: [0, 1], label: name, grid: true, ticks: 5 });
  const dashed = { stroke: 'var(--muted)', strokeDasharray: '3 3' };
  return draw(
    {
      height: 0.86 * WIDTH,
      marginLeft: 48,
      x: axis(x),
      y: axis(y),
      marks: [
        chance && plot.line(chance, { x: (_, index) => index, y: (height) => height, ...dashed }),
        ...curves.map(({ points }, index) =>
          plot.line([ORIGIN, ...points], {
            ...{ x: x.of, y: y.of, stroke: COLOURS[told ? index : 0] },
            ...(told ? { strokeWidth: 2 } : { strokeWidth: 1, strokeOpacity: 0.5 }),
          }),
        ),
        ring && plot.dot([ring], { x: x.of, y: y.of, r: 5, stroke: 'currentColor' }),
      ],
    },
    {
      label,
      description: curves.length === 1 ? `AUC ${decimal(curves[0].auc, 4)}` : 'the table has the areas',
    },
  );
}

/** The point of what is called from a threshold: the last one whose own reaches it. */
function pointAt(points: readonly CurvePoint[], threshold: number): CurvePoint | null {
  return points.findLast((point) => point.threshold >= threshold) ?? null;
}
