/** Marks of charts: shapes that are told apart without their colours, and what they mean. */
import { COLOURS } from './chart.ts';
import { type Html, html } from './html.ts';

/** A shape of Plot's, the character that looks like it in a legend, and its colour, counted from 1. */
export interface Mark {
  symbol: 'circle' | 'diamond' | 'square' | 'triangle' | 'star' | 'times' | 'wye' | 'cross';
  sign: string;
  colour: number;
}

export const colourOf = ({ colour }: Pick<Mark, 'colour'>): string => COLOURS[colour - 1];

/** What the signs of a chart mean. */
export function signs(
  entries: readonly (readonly [mark: Pick<Mark, 'sign' | 'colour'>, name: string])[],
): Html {
  return html`<ul class="legend signs">${entries.map(
    ([{ sign, colour }, name]) =>
      html`<li><span class="t${colour}" aria-hidden="true">${sign}</span> ${name}</li>`,
  )}</ul>`;
}
