/** The plots of a lesson, in the look of reports. */
import { COLOURS, type Pen } from '../../src/report/chart.ts';
import { type Html, html } from '../../src/report/html.ts';
import { figure, legend } from '../../src/report/parts.ts';
import { marginFor } from '../../src/report/search/intervals-chart.ts';
import type { Chart, Lesson } from './lesson.ts';
import type { Result, Run } from './result.ts';

/** A chart with its heading, what its colours mean, and its caption. */
export function chartFigure(chart: Chart, result: Result, lesson: Lesson, pen: Pen): Html {
  const names = chart.of ?? Object.keys(lesson.settings);
  const keys = names.map((name, index) => ({
    name,
    colour: (index % COLOURS.length) + 1,
    dashed: index >= COLOURS.length,
  }));
  return figure(
    html`<h3>${chart.title}</h3>${chart.kind === 'lines' && legend(keys)}${drawing(chart, result, lesson, pen)}`,
    chart.caption,
  );
}

/** The chart alone. */
export function drawing(chart: Chart, { runs }: Result, lesson: Lesson, pen: Pen): Html {
  const names = chart.of ?? Object.keys(lesson.settings);
  const own = runs.filter(({ setting }) => names.includes(setting));
  const about = { label: chart.title, description: chart.caption };
  if (chart.kind === 'lines') return lines(chart, own, names, pen, about);
  return chart.kind === 'figures'
    ? figures(chart, own, names, pen, about)
    : plane(chart, own, names, pen, about);
}

type About = { label: string; description: string };
type Of<Kind> = Chart & { kind: Kind };

const colourOf = (names: readonly string[], name: string): string =>
  COLOURS[names.indexOf(name) % COLOURS.length]!;

/** A line for each seed, thin, and one of their mean. */
function lines(
  { curve, x, y, logX, logY }: Of<'lines'>,
  runs: readonly Run[],
  names: readonly string[],
  { plot, draw }: Pen,
  about: About,
): Html {
  const marks = names.flatMap((name, index) => {
    const courses = runs.filter(({ setting }) => setting === name).map(({ curves }) => curves[curve] ?? []);
    const [first = []] = courses;
    const mean = first.map(([at], i) => {
      const values = courses.flatMap((points) => points[i]?.[1] ?? []);
      return [
        at,
        values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null,
      ] as const;
    });
    const style = {
      stroke: colourOf(names, name),
      ...(index >= COLOURS.length && { strokeDasharray: '5 3' }),
    };
    return [
      ...(courses.length > 1
        ? courses.map((points) => plot.line(points, { ...style, strokeWidth: 0.75, strokeOpacity: 0.45 }))
        : []),
      plot.line(mean, { ...style, strokeWidth: 2 }),
    ];
  });
  return draw(
    {
      ...{ height: 270, marginLeft: 52 },
      x: { label: x, ...(logX && { type: 'log' }), ticks: 6 },
      y: { label: y, ...(logY ? { type: 'log' } : { nice: true }), grid: true, ticks: 5 },
      marks,
    },
    about,
  );
}

/** A row a setting: a dot for each seed, a tick for their mean. */
function figures(
  { figure: name, label, as }: Of<'figures'>,
  runs: readonly Run[],
  names: readonly string[],
  { plot, draw }: Pen,
  about: About,
): Html {
  const points = runs.flatMap(({ setting, figures }) =>
    figures[name] == null ? [] : [{ setting, value: figures[name] }],
  );
  return draw(
    {
      ...{ height: 56 + 24 * names.length, marginLeft: marginFor(names), marginTop: 8 },
      x: { label, nice: true, grid: true, ticks: 5, ...(as === 'share' && { tickFormat: '.0%' }) },
      y: { domain: names, label: null, tickSize: 0 },
      marks: [
        plot.tickX(
          points,
          plot.groupY(
            { x: 'mean' },
            { x: 'value', y: 'setting', stroke: COLOURS[0], strokeWidth: 3, inset: 4 },
          ),
        ),
        plot.dot(points, {
          x: 'value',
          y: 'setting',
          r: 3.5,
          stroke: COLOURS[1],
          strokeWidth: 1.5,
          fill: 'var(--bg)',
          fillOpacity: 0.6,
        }),
      ],
    },
    about,
  );
}

/** A dot for each run where two of its figures meet, and the names of the settings at their means. */
function plane(
  { x, y, labels, logX }: Of<'plane'>,
  runs: readonly Run[],
  names: readonly string[],
  { plot, draw }: Pen,
  about: About,
): Html {
  const points = runs.flatMap(({ setting, figures }) => {
    const [at, value] = [figures[x], figures[y]];
    return at == null || value == null ? [] : [{ setting, at, value }];
  });
  const text = plot.groupZ(
    { x: 'mean', y: 'mean', text: 'first' },
    { x: 'at', y: 'value', z: 'setting', text: 'setting', dy: -10, fill: 'currentColor' },
  );
  return draw(
    {
      ...{ height: 300, marginLeft: 52, marginTop: 24, marginRight: 40 },
      x: { label: labels[0], nice: true, grid: true, ticks: 5, ...(logX && { type: 'log' }) },
      y: { label: labels[1], nice: true, grid: true, ticks: 5 },
      marks: [
        plot.dot(points, {
          x: 'at',
          y: 'value',
          r: 4,
          fill: (point: { setting: string }) => colourOf(names, point.setting),
          fillOpacity: 0.8,
        }),
        plot.text(points, text),
      ],
      color: { type: 'identity' },
    },
    about,
  );
}
