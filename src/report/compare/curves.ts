/** The course of several runs over their epochs, in the same charts. */
import type { Metrics } from '../../train/metrics.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, legend } from '../parts.ts';
import type { FinishedRun } from './finished-run.ts';

/** What is drawn of each run over its epochs. */
const COURSES: readonly { title: string; key: keyof Metrics | 'trainLoss'; tickFormat?: string }[] = [
  { title: 'Validation loss', key: 'loss' },
  { title: 'Validation accuracy', key: 'accuracy', tickFormat: '.0%' },
  { title: 'Training loss', key: 'trainLoss' },
];

/** A run, or several that look alike because they are of one kind. */
export interface Course {
  name: string;
  runs: readonly Pick<FinishedRun['report'], 'epochs'>[];
}

/** Each course in a colour of its own; behind the last colour they begin again, dashed. */
export function curves(courses: readonly Course[], pen: Pen, what = 'run'): Html {
  const lengths = courses.flatMap(({ runs }) => runs.map(({ epochs }) => epochs.length));
  const last = lengths.reduce((most, length) => Math.max(most, length), 1) - 1;
  const colour = (index: number): number => index % COLOURS.length;
  const dashed = (index: number): boolean => index >= COLOURS.length;
  return html`${legend(courses.map(({ name }, index) => ({ name, colour: colour(index) + 1, dashed: dashed(index) })))}
<div class="charts">${COURSES.map(({ title, key, tickFormat }) => {
    const lines = courses.flatMap(({ runs }, course) =>
      runs.map(({ epochs }) => ({
        course,
        points: epochs.flatMap((record): [number, number][] => {
          const value = key === 'trainLoss' ? record.trainLoss : record.val?.[key];
          return value === undefined ? [] : [[record.epoch, value]];
        }),
      })),
    );
    if (lines.every(({ points }) => points.length === 0)) return null;
    const alone = courses.every(({ runs }) => runs.length === 1);
    const chart = pen.draw(
      {
        height: 260,
        marginLeft: 48,
        x: { label: 'epoch', ticks: Math.min(last, 8), tickFormat: ',d' },
        y: {
          label: title.toLowerCase(),
          grid: true,
          nice: true,
          ticks: 5,
          ...(tickFormat && { tickFormat }),
        },
        marks: lines.flatMap(({ points, course }) => [
          pen.plot.line(points, {
            stroke: COLOURS[colour(course)],
            strokeWidth: alone ? 2 : 1.25,
            ...(!alone && { strokeOpacity: 0.75 }),
            ...(dashed(course) && { strokeDasharray: '5 3' }),
          }),
          pen.plot.dot(points, { fill: COLOURS[colour(course)], r: alone ? 2.5 : 1.75 }),
        ]),
      },
      {
        label: `${title} of each ${what} over its epochs`,
        description: 'the reports of the runs have the figures',
      },
    );
    return figure(html`<h3>${title}</h3>${chart}`, '');
  })}</div>`;
}
