/** A chart of settings: a row each, its runs as points, their mean with its interval. */
import { COLOURS, type Pen } from '../chart.ts';
import type { Html } from '../html.ts';
import { marginFor } from '../search/intervals-chart.ts';
import type { TrialsSummary } from './figures.ts';

/** Longer names stand above their rows. */
const MOST_BESIDE = 26;

export function spreadChart({ settings, trials }: TrialsSummary, { plot, draw }: Pen): Html {
  const rows = settings.flatMap(({ name, figures, interval }) =>
    figures.accuracy ? [{ name, mean: figures.accuracy.mean, interval, ...interval }] : [],
  );
  const names = rows.map(({ name }) => name);
  const points = trials.flatMap(({ setting, figures }) =>
    figures?.accuracy === undefined ? [] : [{ name: settings[setting].name, value: figures.accuracy }],
  );
  const above = names.some((name) => name.length > MOST_BESIDE);
  const measured = rows.filter(({ interval }) => interval !== null);
  return draw(
    {
      height: 52 + (above ? 42 : 28) * rows.length,
      marginLeft: above ? 20 : marginFor(names),
      marginTop: above ? 18 : 8,
      x: { label: 'share that is right', tickFormat: '.0%', nice: true, grid: true, ticks: 5 },
      y: { domain: names, label: null, axis: above ? null : 'left', tickSize: 0 },
      color: { type: 'identity' },
      marks: [
        plot.ruleY(measured, {
          ...{ y: 'name', x1: 'low', x2: 'high' },
          ...{ stroke: COLOURS[0], strokeOpacity: 0.4, strokeWidth: 5, strokeLinecap: 'round' },
        }),
        plot.tickX(rows, { x: 'mean', y: 'name', stroke: COLOURS[0], strokeWidth: 3, inset: 4 }),
        plot.dot(points, {
          ...{ x: 'value', y: 'name', r: 3.5, dy: 0 },
          ...{ stroke: COLOURS[1], strokeWidth: 1.5, fill: 'var(--bg)', fillOpacity: 0.6 },
        }),
        above
          ? plot.text(rows, {
              ...{ y: 'name', text: 'name', dy: -16, frameAnchor: 'left', textAnchor: 'start' },
              ...{ stroke: 'var(--bg)', fill: 'currentColor' },
            })
          : null,
      ],
    },
    { label: 'Accuracy of the runs of each setting', description: 'the table has the figures' },
  );
}
