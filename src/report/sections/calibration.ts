/** Whether probabilities mean what they say. */
import type { CalibrationBin } from '../../train/evaluation/calibration.ts';
import type { Evaluation } from '../../train/evaluation/evaluation.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, fixed, interval, legend, share, table } from '../parts.ts';

export function calibration(
  { calibration: { bins, ece, temperature }, metrics }: Evaluation,
  pen: Pen,
): Html {
  const full = bins.filter(({ count }) => count > 0);
  const fitted = temperature
    ? html`<p>Divided by a temperature of ${fixed(temperature.value, 3)}, the logits give an expected calibration error of ${share(temperature.ece)} and a loss of ${fixed(temperature.loss)} (without: ${fixed(metrics.loss)}). ${temperature.value > 1 ? 'Above 1: the network is surer than it is right.' : 'Below 1: it is right more often than it is sure.'} ${temperature.fittedHere ? 'It was fitted on these very pictures, which flatters both figures.' : 'It was fitted on other pictures.'} Which class is likeliest stays as it is.</p>`
    : html`<p>No temperature could be fitted.</p>`;
  return html`<p>Of pictures that are answered with 80 %, 80 % should be right. The expected calibration error, the mean distance between the two, is <strong>${share(ece)}</strong>.</p>
${fitted}
<div class="charts">${figure(
    html`<h3>Reliability</h3>${
      temperature &&
      legend([
        { name: 'as it answers', colour: 1 },
        { name: 'with the temperature', colour: 2, dashed: true },
      ])
    }${reliability(full, temperature?.bins.filter(({ count }) => count > 0) ?? [], pen)}`,
    'Share that is right against the probability of the answer, with 95 % intervals. On the dashed line they are the same; below it the network is too sure.',
  )}${figure(html`<h3>How sure it is</h3>${histogram(bins, pen)}`, 'Pictures by the probability of their answer.')}</div>
${table(
  'Bins of probability',
  ['probability', 'pictures', 'mean probability', 'right', '95 %'],
  full.map((bin) => [
    `${bin.low.toFixed(2)} – ${bin.high.toFixed(2)}`,
    bin.count,
    share(bin.confidence),
    share(bin.accuracy),
    interval(bin.interval),
  ]),
)}`;
}

function reliability(
  full: readonly CalibrationBin[],
  tempered: readonly CalibrationBin[],
  { plot, draw }: Pen,
): Html {
  return draw(
    {
      height: 380,
      marginLeft: 48,
      x: { domain: [0, 1], label: 'probability of the answer', grid: true, ticks: 5 },
      y: { domain: [0, 1], label: 'share that is right', grid: true, ticks: 5 },
      marks: [
        plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: 'var(--muted)', strokeDasharray: '3 3' },
        ),
        plot.ruleX(
          full.filter((bin) => bin.interval),
          {
            x: 'confidence',
            y1: ({ interval: range }) => range.low,
            y2: ({ interval: range }) => range.high,
            stroke: COLOURS[0],
            strokeOpacity: 0.5,
            strokeWidth: 2,
          },
        ),
        plot.line(tempered, {
          x: 'confidence',
          y: 'accuracy',
          stroke: COLOURS[1],
          strokeWidth: 1.5,
          strokeDasharray: '5 3',
        }),
        plot.line(full, { x: 'confidence', y: 'accuracy', stroke: COLOURS[0], strokeWidth: 2 }),
        plot.dot(full, { x: 'confidence', y: 'accuracy', fill: COLOURS[0], r: 3.5 }),
      ],
    },
    { label: 'Reliability diagram', description: 'the table of bins has the figures' },
  );
}

function histogram(bins: readonly CalibrationBin[], { plot, draw }: Pen): Html {
  return draw(
    {
      height: 380,
      marginLeft: 48,
      x: { domain: [0, 1], label: 'probability of the answer', ticks: 5 },
      y: { label: 'pictures', grid: true, ticks: 5 },
      marks: [
        plot.rectY(bins, {
          x1: 'low',
          x2: 'high',
          y: 'count',
          fill: COLOURS[0],
          fillOpacity: 0.7,
          insetLeft: 1,
          insetRight: 1,
        }),
        plot.ruleY([0]),
      ],
    },
    { label: 'How many pictures have an answer of which probability' },
  );
}
