/**
 * Charts as SVG, drawn by Observable Plot into linkedom's document: no browser, text that stays text, and colours that are
 * the page's (`currentColor` and variables), so that one drawing serves light and dark.
 *
 * Plot and linkedom are 16 MB of packages and take 0.3 s to load (0.7 s through tsx), so that they are loaded where a report is written. That
 * they are JavaScript matters: after a Ctrl-C no TypeScript can be imported any more (src/cli/main.ts). Vega (25 MB) draws
 * as well but fixes its colours; ECharts is 67 MB; uPlot and Chart.js draw on a canvas, in the reader's browser.
 */
import type { PlotOptions } from '@observablehq/plot';
import { shown } from '../text/shown.ts';
import { escaped, Html } from './html.ts';

export type Plot = typeof import('@observablehq/plot');

export interface About {
  label: string;
  description?: string;
  /** Its marks are links into the page, which a mouse reaches at once and the tab key only where a script leads there. */
  links?: boolean;
}

/** What a section draws with. */
export interface Pen {
  readonly plot: Plot;
  /**
   * Draws a chart. It is one picture to those who cannot see it: `label` says what it is, `description` what it shows.
   * Figures that matter stand in a table beside it.
   */
  draw(options: PlotOptions, about: About): Html;
}

/** Colours of the page (style.ts), in the order in which they are told apart best. */
export const COLOURS = ['var(--c1)', 'var(--c2)', 'var(--c3)', 'var(--c4)', 'var(--c5)', 'var(--c6)'];

/** The width that charts are drawn at: that of a column of the page, and about that of a phone. */
export const WIDTH = 440;

export async function openPen(): Promise<Pen> {
  const [plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const draw: Pen['draw'] = (options, { label, description, links }) => {
    const svg = plot.plot({
      document,
      width: WIDTH,
      marginBottom: options.margin ?? 42,
      ...options,
      x: { labelOffset: 38, ...options.x },
    });
    // Styles of its own would need another permission in the page, which has the same rules.
    for (const style of svg.querySelectorAll('style')) style.remove();
    shorten(svg);
    for (const text of svg.querySelectorAll('text, tspan, title'))
      if (text.children.length === 0) text.textContent = shown(text.textContent ?? '');
    svg.setAttribute('class', 'plot');
    svg.setAttribute('role', links ? 'group' : 'img');
    for (const link of svg.querySelectorAll('a')) link.setAttribute('tabindex', '-1');
    // linkedom writes what stands in attributes as it is.
    svg.setAttribute('aria-label', escaped(label));
    if (description) svg.setAttribute('aria-description', escaped(description));
    // Only `viewBox` decides the shape; the page decides the size.
    svg.removeAttribute('height');
    return new Html(svg.outerHTML);
  };
  return { plot, draw };
}

/** Attributes that hold coordinates. */
const COORDINATES = [
  'd',
  'transform',
  'points',
  'x',
  'y',
  'x1',
  'x2',
  'y1',
  'y2',
  'cx',
  'cy',
  'r',
  'width',
  'height',
  'fill-opacity',
];

/** Coordinates to a hundredth of a pixel, which nobody sees and which halves the file. */
function shorten(svg: Element): void {
  for (const element of svg.querySelectorAll('*'))
    for (const name of COORDINATES) {
      const value = element.getAttribute(name);
      if (value?.includes('.'))
        element.setAttribute(
          name,
          value.replace(/-?\d+\.\d{3,}(e-?\d+)?/g, (digits) =>
            String(Math.round(100 * Number(digits)) / 100),
          ),
        );
    }
}
