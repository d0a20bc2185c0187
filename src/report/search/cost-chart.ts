/** Charts of what was tried: loss against cost. */
import { roleName, targetText } from '../../search/headline.ts';
import type { Trial } from '../../search/method.ts';
import type { Final, SearchResult } from '../../search/result.ts';
import { counted } from '../../text/figures.ts';
import type { Pen, Plot } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { colourOf, type Mark, signs } from '../marks.ts';
import { figure } from '../parts.ts';
import { drawable, FINAL_MARK, RANDOM_MARK, rungMark } from './marks.ts';

interface Point {
  cost: number;
  loss: number;
}

/** Those that no other beats in both, in order of cost. */
export function paretoFront<T extends Point>(points: readonly T[]): T[] {
  const front: T[] = [];
  for (const point of points.toSorted((a, b) => a.cost - b.cost || a.loss - b.loss))
    if (front.length === 0 || point.loss < front.at(-1)!.loss) front.push(point);
  return front;
}

/** Whose trials are drawn alike. */
interface Group {
  name: string;
  mark: Mark;
  trials: readonly Trial[];
}

function groupsOf({ method }: SearchResult, trials: readonly Trial[]): Group[] {
  const own = trials.filter(({ by }) => by === 'method');
  const rungs = [...new Set(own.map(({ rung }) => rung))].sort((a, b) => a - b);
  const random = trials.filter(({ by }) => by === 'random');
  const stepsOf = (of: readonly Trial[]): string => {
    const steps = [...new Set(of.map((trial) => trial.steps))].sort((a, b) => a - b);
    const [least, most] = [steps[0], steps.at(-1)!].map((count) => count.toLocaleString('en-US'));
    return least === most ? `${least} steps` : `${least}–${most} steps`;
  };
  return [
    ...rungs.map((rung) => {
      const members = own.filter((trial) => trial.rung === rung);
      const name = rungs.length > 1 ? `${method}, rung ${rung + 1}` : method;
      return { name: `${name} (${stepsOf(members)})`, mark: rungMark(rung), trials: members };
    }),
    ...(random.length > 0
      ? [{ name: `random search (${stepsOf(random)})`, mark: RANDOM_MARK, trials: random }]
      : []),
  ];
}

const HEIGHT = 400;
const MARGIN = { left: 48, right: 92, bottom: 42 };
/** Of a name beside the chart, and of one above it. */
const NAME = 15;
/** Costs further apart than this stand on a logarithmic axis. */
const WIDE = 6;

/** What marks of finals stand at; nothing where a network that is none of the space's was not timed. */
function costOf({ measured, cost }: Final): number[] {
  const known = measured ?? cost;
  return known > 0 ? [known] : [];
}

const SHORT: Readonly<Record<Final['role'], string>> = {
  winner: 'winner',
  'hand-made': 'hand-made',
  random: "random's best",
  efficientnet_b0: 'B0',
  mobilenet_v2: 'MobileNetV2',
};

/** Loss against cost, with the finals, the target and the Pareto front. */
export function costChart(result: SearchResult, trials: readonly Trial[], { plot, draw }: Pen): Html {
  const { target, finals } = result;
  const groups = groupsOf(result, trials);
  const ends = finals.flatMap((final) =>
    costOf(final).flatMap((cost) =>
      final.held ? [{ name: SHORT[final.role], cost, loss: final.held.loss }] : [],
    ),
  );
  const untrained = finals.filter((final) => final.steps === 0 && costOf(final).length > 0);
  const front = paretoFront([...trials, ...ends]);
  const above = [
    { name: target.exponent === null ? 'target' : 'soft target', cost: target.value },
    ...untrained.flatMap((final) => costOf(final).map((cost) => ({ name: SHORT[final.role], cost }))),
  ];
  const costs = [...trials, ...ends, ...above].map(({ cost }) => cost);
  const losses = [...trials, ...ends].map(({ loss }) => loss);
  const [cheapest, dearest] = [least(costs), most(costs)];
  const type = cheapest > 0 && dearest / cheapest > WIDE ? ('log' as const) : ('linear' as const);
  const pad = 0.06 * (most(losses) - least(losses) || 1);
  const domain = [least(losses) - pad, most(losses) + pad] as const;
  const top = 12 + NAME * above.length;
  const height = HEIGHT + top;
  const named = beside(ends, domain, (domain[1] - domain[0]) / (height - top - MARGIN.bottom));
  const chart = draw(
    {
      height,
      marginLeft: MARGIN.left,
      marginRight: ends.length > 0 ? MARGIN.right : 20,
      marginTop: top,
      x: {
        type,
        domain: spread(cheapest, dearest, type),
        label: costLabel(result),
        ticks: 5,
        tickFormat: '~s',
      },
      y: { domain, label: 'loss on the held pictures', grid: true, ticks: 6 },
      marks: [
        // Each line reaches up to its name.
        ...above.flatMap((one, i) => {
          const up = 4 + NAME * (above.length - 1 - i);
          const dashes = i === 0 ? '5 3' : '1 3';
          return [
            plot.ruleX([one], {
              ...{ x: 'cost', insetTop: -up, stroke: 'currentColor', strokeDasharray: dashes },
            }),
            plot.text([one], { x: 'cost', text: 'name', frameAnchor: 'top', dy: -up - 6 }),
          ];
        }),
        plot.line(trials, {
          x: 'cost',
          y: 'loss',
          z: ({ network, by }) => `${by} ${network}`,
          stroke: 'var(--line)',
        }),
        plot.line(front, {
          x: 'cost',
          y: 'loss',
          curve: 'step-after',
          stroke: 'var(--muted)',
          strokeWidth: 1.5,
        }),
        ...groups.toReversed().map(({ mark, trials: members }) => dots(plot, members, mark)),
        plot.link(named, {
          x1: 'cost',
          y1: 'loss',
          x2: () => spread(cheapest, dearest, type)[1],
          y2: 'at',
          stroke: colourOf(FINAL_MARK),
          strokeOpacity: 0.6,
        }),
        plot.dot(ends, {
          x: 'cost',
          y: 'loss',
          symbol: FINAL_MARK.symbol,
          r: 6.5,
          fill: colourOf(FINAL_MARK),
          stroke: 'var(--bg)',
        }),
        plot.text(named, { y: 'at', text: 'name', frameAnchor: 'right', dx: 6, textAnchor: 'start' }),
      ],
    },
    {
      label: 'Loss on the held pictures against cost, of every network that was measured',
      description: 'the tables have the figures',
    },
  );
  const legend = signs([
    ...groups.map(({ mark, name }) => [mark, name] as const),
    ...(ends.length > 0 ? [[FINAL_MARK, 'trained to the end'] as const] : []),
  ]);
  return figure(
    html`<h3>Loss against cost</h3>${legend}${chart}`,
    `Left and below is better. A network that was trained further is joined to itself by a line. The stair leads along those that no other measurement beats in both; a network that was trained for more steps has it easier, so compare marks of one shape. Long dashes: the target, ${targetText(target)}.${untrained.length > 0 ? ` Dotted: what ${untrained.map(({ role }) => roleName(role)).join(' and ')} cost${untrained.length > 1 ? '' : 's'}; they were not trained here, and nothing is known of their loss.` : ''}`,
  );
}

function dots(plot: Plot, points: readonly Point[], mark: Mark) {
  return plot.dot(drawable(points), {
    ...{ x: 'cost', y: 'loss', symbol: mark.symbol, r: 3.6 },
    ...(mark === RANDOM_MARK
      ? { stroke: colourOf(mark), strokeWidth: 1.4 }
      : { fill: colourOf(mark), fillOpacity: 0.75, stroke: 'var(--bg)', strokeWidth: 0.5 }),
  });
}

const least = (values: readonly number[]): number =>
  values.reduce((low, value) => Math.min(low, value), Infinity);
const most = (values: readonly number[]): number =>
  values.reduce((high, value) => Math.max(high, value), -Infinity);

/** An axis with some room at its ends. */
function spread(low: number, high: number, type: 'log' | 'linear'): [number, number] {
  if (type === 'log') return [low / 1.15, high * 1.15];
  const pad = 0.06 * (high - low) || 0.5 * Math.abs(high) || 1;
  return [low - pad, high + pad];
}

const costLabel = ({ target: { unit, batch } }: SearchResult): string =>
  unit === 'ms' ? `milliseconds for ${counted(batch, 'picture')}` : unit;

/** Where names stand beside the chart, so that none lies over another; `pixel`: of the loss. */
function beside<T extends Point>(
  points: readonly T[],
  [low, high]: readonly [number, number],
  pixel: number,
): (T & { at: number })[] {
  const gap = NAME * pixel;
  let ceiling = high;
  // From above; where they reach below the chart, all are pushed up again from there.
  const placed = points
    .toSorted((a, b) => b.loss - a.loss)
    .map((point) => {
      const at = Math.min(point.loss, ceiling);
      ceiling = at - gap;
      return { ...point, at };
    });
  let floor = low;
  for (const point of placed.toReversed()) {
    point.at = Math.max(point.at, floor);
    floor = point.at + gap;
  }
  return placed;
}

/**
 * The same less the mean of those that were measured alike (the same search, rung): what is left of a loss when the training
 * that all of them had is taken away.
 */
export function besideAlike(
  result: SearchResult,
  trials: readonly Trial[],
  { plot, draw }: Pen,
): Html | null {
  const groups = groupsOf(result, trials).filter(({ trials: members }) => members.length > 2);
  if (groups.length === 0) return null;
  const drawn = groups.map(({ name, mark, trials: members }) => {
    const mean = members.reduce((sum, { loss }) => sum + loss, 0) / members.length;
    return { name, mark, points: members.map(({ cost, loss }) => ({ cost, loss: loss - mean })) };
  });
  const chart = draw(
    {
      height: HEIGHT,
      marginLeft: MARGIN.left,
      x: { label: costLabel(result), ticks: 5, tickFormat: '~s', nice: true },
      y: { label: 'loss less the mean of its kind', grid: true, nice: true, ticks: 6 },
      marks: [
        plot.ruleY([0], { stroke: 'currentColor', strokeDasharray: '3 3' }),
        ...drawn.toReversed().map(({ mark, points }) => dots(plot, points, mark)),
      ],
    },
    {
      label: 'Loss less the mean of those that were measured alike, against cost',
      description: 'the tables have the figures',
    },
  );
  return figure(
    html`<h3>Loss beside those measured alike</h3>${signs(drawn.map(({ mark, name }) => [mark, name] as const))}${chart}`,
    'Each less the mean of its rung or of the random search, whose networks were trained for as many steps. Where the marks fall towards the right, dearer networks learn more in the same steps.',
  );
}
