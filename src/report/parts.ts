/** What sections of the page are put together from: tables, charts with their figures, numbers. */
import { formatShare } from '../text/figures.ts';
import { type Interval, percentRange } from '../train/evaluation/intervals.ts';
import { percent } from '../train/metrics.ts';
import { type Html, html } from './html.ts';

const isNumber = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);
/** A figure and its sign stay on one line. */
const unbroken = (text: string): string => text.replaceAll(' ', '\u00a0');

/** `97.3 %`; a dash where there is none. */
export const share = (value: number | null | undefined): string =>
  isNumber(value) ? unbroken(percent(value)) : '–';

/** With `digits` digits behind the point; a dash where there is none. */
export const fixed = (value: number | null | undefined, digits = 3): string =>
  isNumber(value) ? value.toFixed(digits) : '–';

/** A share as a number, never rounded up to 1; a dash where there is none. */
export const decimal = (value: number | null | undefined, digits = 3): string =>
  isNumber(value) ? formatShare(value, digits) : '–';

/** `92.1–98.3 %`, or with `digits` `0.921–0.983`; nothing where there is none. */
export function interval(range: Interval | null | undefined, digits?: number): string {
  if (!range) return '';
  if (digits === undefined) return unbroken(percentRange(range));
  return `${formatShare(range.low, digits)}–${formatShare(range.high, digits)}`;
}

export type Cell = string | number | Html;

/**
 * A table that scrolls in itself where it is wider than the page; the first column names the rows.
 * @param options.row attributes of a row, with a space before each
 */
export function table(
  caption: string,
  head: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  { id, words = false, row }: { id?: string; words?: boolean; row?: (index: number) => Html } = {},
): Html {
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table${id === undefined ? null : html` id="${id}"`}${words && html` class="words"`}>
<caption><span>${caption}</span></caption>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first, ...rest], index) =>
      html`<tr${row?.(index)}><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  )}</tbody>
</table></div>`;
}

/** What a reader opens who wants it. */
export function details(summary: string, body: Html | readonly Html[]): Html {
  return html`<details><summary>${summary}</summary>${body}</details>`;
}

/** A chart and its caption, and the figures in it as a table to open. */
export function figure(chart: Html, caption: string | Html, figures: Html | null = null): Html {
  return html`<figure>${chart}<figcaption>${caption}</figcaption>${figures && details('The figures', figures)}</figure>`;
}

/** What colours and dashes mean. */
export function legend(entries: readonly { name: string; colour: number; dashed?: boolean }[]): Html {
  return html`<ul class="legend">${entries.map(
    ({ name, colour, dashed }) => html`<li class="k${colour}${dashed && ' dashed'}">${name}</li>`,
  )}</ul>`;
}
