/** Marks of the charts of a search: shapes that are told apart without their colours, and what they mean. */
import { COLOURS } from '../chart.ts';
import { type Html, html } from '../html.ts';

/** A shape of Plot's, the character that looks like it in a legend, and its colour, counted from 1. */
export interface Mark {
  symbol: 'circle' | 'diamond' | 'square' | 'triangle' | 'star' | 'times' | 'wye' | 'cross';
  sign: string;
  colour: number;
}

export const colourOf = ({ colour }: Mark): string => COLOURS[colour - 1];

/** What the rungs of a method are drawn with, in turn. */
const RUNGS: readonly Mark[] = [
  { symbol: 'circle', sign: '●', colour: 1 },
  { symbol: 'diamond', sign: '◆', colour: 3 },
  { symbol: 'square', sign: '■', colour: 5 },
  { symbol: 'triangle', sign: '▲', colour: 4 },
];
export const rungMark = (rung: number): Mark => RUNGS[rung % RUNGS.length];
export const RANDOM_MARK: Mark = { symbol: 'times', sign: '✕', colour: 6 };
export const FINAL_MARK: Mark = { symbol: 'star', sign: '★', colour: 2 };

/** What the signs of a chart mean. */
export function signs(entries: readonly (readonly [mark: Mark, name: string])[]): Html {
  return html`<ul class="legend signs">${entries.map(
    ([{ sign, colour }, name]) =>
      html`<li><span class="t${colour}" aria-hidden="true">${sign}</span> ${name}</li>`,
  )}</ul>`;
}

/** A network's key, which breaks between its stages. */
export const key = (network: string): Html => html`<code class="key">${network}</code>`;

/** What is drawn at most; a page of more could not be opened. */
const MOST_DRAWN = 2000;

/** Evenly thinned where there are more than can be drawn. */
export function drawable<T>(points: readonly T[]): readonly T[] {
  const every = Math.ceil(points.length / MOST_DRAWN);
  return every <= 1 ? points : points.filter((_, index) => index % every === 0);
}
