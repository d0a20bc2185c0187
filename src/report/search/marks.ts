/** Marks of the charts of a search, and what is drawn at most. */
import { type Html, html } from '../html.ts';
import type { Mark } from '../marks.ts';

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

/** A network's key, which breaks between its stages. */
export const key = (network: string): Html => html`<code class="key">${network}</code>`;

/** What is drawn at most; a page of more could not be opened. */
const MOST_DRAWN = 2000;

/** Evenly thinned where there are more than can be drawn. */
export function drawable<T>(points: readonly T[]): readonly T[] {
  const every = Math.ceil(points.length / MOST_DRAWN);
  return every <= 1 ? points : points.filter((_, index) => index % every === 0);
}
