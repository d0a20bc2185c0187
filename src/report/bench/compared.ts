/** What changed since another run: the ratio of each entry with its interval, on a logarithmic axis around 1, and a table. */
import { type ComparedEntry, type Comparison, LEAST, VERDICTS, type Verdict } from '../../bench/compare.ts';
import { comparisonFoot, comparisonHead, comparisonRows } from '../../bench/compare-text.ts';
import { type Html, html } from '../html.ts';
import { details, table } from '../parts.ts';
import { type Axis, drawable, place, type Row } from './rows.ts';

/** So many entries are drawn, what changed first; the table has all. */
const DRAWN = 20;
const HEIGHT = 18;
/** How an axis reaches at least and at most to either side of 1. */
const NARROW = 1.25;
const WIDE = 16;

const COLOURS: Readonly<Record<Verdict, string>> = {
  slower: 'bad',
  faster: 'good',
  'no difference shown': 'muted',
  'not comparable': 'muted',
};

export function compared(comparison: Comparison, rows: readonly Row[]): Html {
  const { entries, warnings, judgedBy } = comparison;
  const [head, ...lines] = comparisonRows(comparison);
  const drawn = entries
    .filter(({ judged }) => judged !== null && Object.values(judged).every(drawable))
    .sort((a, b) => order(a) - order(b) || distance(b) - distance(a))
    .slice(0, DRAWN);
  const reach = drawn.reduce((most, { judged }) => Math.max(most, judged!.high, 1 / judged!.low), NARROW);
  const high = Math.min(WIDE, 1.05 * reach);
  const axis = { low: 1 / high, high, ticks: [1 / 8, 1 / 4, 1 / 2, 0.8, 1, 1.25, 2, 4, 8] };
  return html`${comparisonHead(comparison).map((sentence) =>
    warnings.includes(sentence) ? html`<p class="note">${sentence}</p>\n` : html`<p>${sentence}</p>\n`,
  )}${comparisonFoot(comparison).map((sentence) => html`<p>${sentence}</p>\n`)}
${
  drawn.length > 0 &&
  html`<p class="caption">After over before${judgedBy === 'the others' ? ', beside what all entries did' : ''}: right of 1 is slower. The line is the interval; what lies within the grey band, 5 % to either side, is never called a change.${entries.length > drawn.length && ` Drawn are the ${drawn.length} that moved most; the table has all.`}</p>
<div class="line axis" aria-hidden="true"><span></span><svg height="16" aria-hidden="true">${ticksOf(axis).map((tick) => html`<text x="${place(axis, tick)}" y="12" text-anchor="middle">${tickText(tick)}</text>`)}</svg><span>× before</span></div>
<ol class="bars">${drawn.map((entry) => line(entry, axis, rows))}</ol>`
}
${details(`All ${entries.length.toLocaleString('en-US')}`, table('What changed first', head, lines))}`;
}

const order = ({ verdict }: ComparedEntry): number => VERDICTS.indexOf(verdict);
const distance = ({ judged }: ComparedEntry): number => Math.abs(Math.log(judged!.value));
const ticksOf = ({ low, high, ticks }: Axis): number[] => ticks.filter((tick) => tick >= low && tick <= high);
const tickText = (tick: number): string => String(Number(tick.toPrecision(3)));

function line(entry: ComparedEntry, axis: Axis, rows: readonly Row[]): Html {
  const { name, variant, verdict } = entry;
  const { value, low, high } = entry.judged!;
  const shown = rows.find(
    ({ entry: one }) =>
      one.name === name &&
      one.group === entry.group &&
      one.pass === entry.pass &&
      one.variant === variant.after,
  );
  const variants =
    variant.before === variant.after ? variant.after : `${variant.before ?? '–'} → ${variant.after ?? '–'}`;
  const middle = HEIGHT / 2;
  const at = (ratio: number): string => place(axis, ratio);
  const colour = COLOURS[verdict];
  return html`<li><p>${shown ? html`<a href="#${shown.id}">${name}</a>` : name}${variants && html` <span>${variants}</span>`}</p>
<div class="line"><span class="variant"></span><svg height="${HEIGHT}" class="${colour}" aria-hidden="true"><line class="band" x1="${at(1 / LEAST)}" x2="${at(LEAST)}" y1="${middle}" y2="${middle}"/><line class="ceiling" x1="${at(1)}" x2="${at(1)}" y1="0" y2="${HEIGHT}"/><line class="interval" x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}"/><line class="median" x1="${at(value)}" x2="${at(value)}" y1="2" y2="${HEIGHT - 2}"/></svg><span class="figures"><b>× ${value.toFixed(2)}</b> <span class="${colour}">${verdict}</span></span></div></li>\n`;
}
