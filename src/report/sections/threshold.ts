/** From which probability a class is called: why it was chosen, and how the figures move with it. */
import type { Evaluation } from '../../train/evaluation/evaluation.ts';
import type { ThresholdRow } from '../../train/evaluation/threshold.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { decimal, details, figure, interval, legend, share, table } from '../parts.ts';

const LINES = [
  { key: 'precision', colour: 0 },
  { key: 'recall', colour: 1 },
  { key: 'f1', colour: 2 },
  { key: 'accuracy', colour: 3 },
] as const;
const HEAD = ['from', 'called', 'precision', 'recall', 'F1', 'accuracy'];

const row = ({ threshold, called, precision, recall, f1, accuracy }: ThresholdRow) => [
  threshold.toFixed(2),
  called,
  share(precision),
  share(recall),
  decimal(f1),
  share(accuracy),
];

export function threshold(evaluation: Evaluation, name: string, { plot, draw }: Pen): Html {
  const { threshold: chosen, thresholds, metrics } = evaluation;
  const value = chosen?.decision.threshold ?? 0.5;
  const chart = draw(
    {
      height: 300,
      marginLeft: 48,
      x: { domain: [0, 1], label: `called ${name} from a probability of`, ticks: 5 },
      y: { domain: [0, 1], grid: true, label: 'share', tickFormat: '.0%', ticks: 5 },
      marks: [
        plot.ruleX([value], { stroke: 'currentColor', strokeDasharray: '3 3' }),
        ...LINES.map(({ key, colour }) =>
          plot.line(
            thresholds.filter((one) => one[key] !== null),
            { x: 'threshold', y: key, stroke: COLOURS[colour], strokeWidth: 2 },
          ),
        ),
      ],
    },
    {
      label: `Precision, recall, F1 and accuracy of ${name} over the threshold`,
      description: `the threshold in use is ${value}`,
    },
  );
  const start = thresholds.reduce(
    (best, one, index) =>
      Math.abs(one.threshold - value) < Math.abs(thresholds[best].threshold - value) ? index : best,
    0,
  );
  const tenths = thresholds.filter(({ threshold: at }) => Math.abs(10 * at - Math.round(10 * at)) < 1e-6);
  return html`<p>${chosen ? chosen.sentence : html`Nobody chose a threshold: a picture is called ${name} where that is the likelier class, from a probability of 0.5 with two.`}</p>
${chosen && at(chosen, name)}
<div class="slider" hidden data-table="thresholds" data-start="${start}"><label for="threshold-slider">Another threshold</label>
<input id="threshold-slider" type="range" min="0" max="${thresholds.length - 1}" value="${start}" aria-describedby="threshold-figures">
<output id="threshold-figures" for="threshold-slider"></output></div>
${figure(html`${legend(LINES.map(({ key, colour }) => ({ name: key === 'f1' ? 'F1' : key, colour: colour + 1 })))}${chart}`, `On the same ${metrics.count} pictures. Dashed: the threshold in use.`)}
${table(`Called ${name} from different probabilities`, HEAD, tenths.map(row))}
${details('Every hundredth', table('Every hundredth', HEAD, thresholds.map(row), { id: 'thresholds' }))}`;
}

/** The figures at the threshold that was chosen. */
function at({ decision, at: figures, intervals }: NonNullable<Evaluation['threshold']>, name: string): Html {
  return table(
    `${name} is called from ${decision.threshold}`,
    ['', 'share', '95 %'],
    (['accuracy', 'precision', 'recall'] as const).map((key) => [
      key,
      share(figures[key]),
      interval(intervals[key]),
    ]),
  );
}
