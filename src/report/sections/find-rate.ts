/** The range test that proposed a learning rate. */
import type { LearningRateTest } from '../../train/find-lr.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure } from '../parts.ts';

export function findRate({ rates, losses, proposal }: LearningRateTest, { plot, draw }: Pen): Html {
  const points = rates.map((rate, index) => [rate, losses[index]] as const);
  const chart = draw(
    {
      height: 260,
      marginLeft: 48,
      x: { type: 'log', label: 'learning rate', tickFormat: '~g', ticks: 6 },
      y: { label: 'loss', grid: true, ticks: 5 },
      marks: [
        proposal === null ? null : plot.ruleX([proposal], { stroke: 'currentColor', strokeDasharray: '3 3' }),
        plot.line(points, { stroke: COLOURS[0], strokeWidth: 2 }),
      ],
    },
    {
      label: 'Loss over the learning rate',
      description: proposal === null ? 'it nowhere falls' : `the proposal is ${proposal}`,
    },
  );
  const said =
    proposal === null
      ? 'The loss nowhere falls, so that no rate can be proposed.'
      : `Proposed: ${Number(proposal.toPrecision(2))}, halfway down the longest fall.`;
  return html`<p>One update at a very small rate, the next at a slightly larger one, until the loss explodes. ${said}</p>
${figure(chart, 'The loss is smoothed.')}`;
}
