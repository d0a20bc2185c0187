/** What mattered: the effects of the linear surrogate with their intervals, how well it predicts, and its exact optimum. */
import { beyond, rangeText, signed } from '../../search/headline.ts';
import type { SurrogateFigures } from '../../search/method.ts';
import { COLUMNS, type Column, type SearchSpace, VALUES } from '../../search/space.ts';
import { counted } from '../../text/figures.ts';
import type { Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { details, fixed, table } from '../parts.ts';
import { intervalsChart } from './intervals-chart.ts';
import { squeezeText } from './network-figure.ts';

const NAMES: Readonly<Record<Column, string>> = {
  kernel: 'Kernel',
  expandRatio: 'Expansion',
  width: 'Channels',
  depth: 'Blocks',
  squeeze: 'Squeeze-and-excitation',
};

type Effect = SurrogateFigures['coefficients'][number];

export function mattered(surrogate: SurrogateFigures, space: SearchSpace, pen: Pen): Html {
  const { count, r, rMultiplyAdds, coefficients, evolved, optimum } = surrogate;
  const sound = coefficients.filter(({ effect, interval }) => [effect, ...interval].every(Number.isFinite));
  const ends = sound.flatMap(({ interval }) => interval);
  const low = ends.reduce((least, end) => Math.min(least, end), 0);
  const high = ends.reduce((most, end) => Math.max(most, end), 0);
  const pad = 0.05 * (high - low || 1);
  const domain = [low - pad, high + pad] as const;
  const clear = sound.filter(({ interval }) => beyond(interval)).length;
  return html`<p>A linear model of the loss over the choices, fitted to ${counted(count, 'network')}. Cross-validated, its predictions correlate with the measured losses with r ${fixed(r, 2)}; multiply-adds alone, on the same parts, with r ${fixed(rMultiplyAdds, 2)}.${r <= rMultiplyAdds && ' It knows no more of the loss than multiply-adds do.'} ${clear} of ${counted(sound.length, 'effect')} are beyond their intervals.</p>
<p>${optimumSentence(evolved, optimum)}</p>
<p>Below, what a value does to the loss instead of the first one of its list, with 95 % intervals: left of the dashed line the loss falls. A hollow dot: not beyond its interval. The model takes choices to work independently of each other.</p>
<div class="charts">${COLUMNS.map((column) => {
    const rows = sound.filter((one) => one.column === column);
    return rows.length > 0 && columnChart(column, rows, space, domain, pen);
  })}</div>
${details(
  'The figures',
  table(
    'What a value does to the loss, against the first value of its column',
    ['choice', 'effect', '95 %', ''],
    coefficients.map((one) => [
      `stage ${one.stage + 1}, ${NAMES[one.column as Column]?.toLowerCase() ?? one.column}: ${changeText(one, space)}`,
      signed(one.effect),
      rangeText(one.interval),
      beyond(one.interval) ? 'beyond its interval' : 'not beyond its interval',
    ]),
  ),
)}`;
}

function optimumSentence(evolved: SurrogateFigures['evolved'], optimum: SurrogateFigures['optimum']): string {
  const found = `Evolution's best network has a predicted objective of ${fixed(evolved.predicted)}`;
  if (!optimum) return `${found}. The exact optimum was not computed.`;
  const exact = `the exact optimum of the model within the target (dynamic programming) ${fixed(optimum.predicted)}`;
  return `${found}, ${exact}: ${optimum.network === evolved.network ? 'the same network' : 'another network'}.`;
}

/** `24 → 32`: the first value of the list, and the one that the effect is of. */
function changeText({ stage, column, value }: Effect, { stages }: SearchSpace): string {
  const text = (of: number): string => (column === 'squeeze' && of > 0 ? squeezeText(of) : String(of));
  const first = stages[stage]?.[VALUES[column as Column]]?.[0];
  return first === undefined ? text(value) : `${text(first)} → ${text(value)}`;
}

function columnChart(
  column: Column,
  effects: readonly Effect[],
  space: SearchSpace,
  domain: readonly [number, number],
  pen: Pen,
): Html {
  const chart = intervalsChart(
    pen,
    effects.map((one) => ({
      name: `stage ${one.stage + 1}: ${changeText(one, space)}`,
      value: one.effect,
      low: one.interval[0],
      high: one.interval[1],
    })),
    {
      label: `Effects of ${NAMES[column].toLowerCase()} on the loss`,
      description: 'the table has the figures',
    },
    { label: 'effect on the loss', domain, zero: true },
  );
  return html`<figure><h3>${NAMES[column]}</h3>${chart}</figure>`;
}
