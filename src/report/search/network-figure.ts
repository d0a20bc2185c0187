/**
 * A network of MBConv stages as a picture. Each block is drawn as what it is, narrow at its ends and wide in the middle: as
 * high as the roots of the channels that enter, that the depthwise kernel sees and that leave; as wide as its kernel; with a
 * dot where channels are squeezed and excited.
 *
 *        ╱▔▔╲╱▔▔╲     ▕ ╱▔▔▔╲
 *     ▏ ▕  • ▏ • ▏    ▕▕     ▏      stem, a stage of two blocks with squeeze, one that halves the sides
 *        ╲▁▁╱╲▁▁╱     ▕ ╲▁▁▁╱
 */
import type { MBConvTable } from '../../models/mbconv-table.ts';
import { strided } from '../../search/cost/cost.ts';
import { WIDTH } from '../chart.ts';
import { type Html, html } from '../html.ts';

/** Pixels of the highest block or bar, of a line of text, and of the stem and the head at the ends. */
const TALLEST = 104;
const LINE = 14;
const END = 30;
const TOP = 22;
/** Of a kernel of 5, at most. */
const WIDEST = 24;
/** Narrower stages have no room for words; the table has them. */
const NARROWEST = 40;

/** Most channels that a map of the network has: what drawings beside each other share as their scale. */
export const mostChannels = ({ rows, stem, head }: MBConvTable): number =>
  rows.reduce(
    (most, [expandRatio, , , channels], index) =>
      Math.max(most, channels, expandRatio * channels, expandRatio * (rows[index - 1]?.[3] ?? stem)),
    Math.max(stem, head),
  );

/** @param most channels of the tallest map of all drawings that stand beside each other */
export function networkFigure(table: MBConvTable, label: string, inputSize: number, most: number): Html {
  const { rows, stem, head } = table;
  const high = (channels: number): number => TALLEST * Math.sqrt(channels / most);
  const column = (WIDTH - 2 * END) / rows.length;
  const kernels = rows.map(([, kernel, , , repeats]) => repeats * breadth(kernel));
  const unit = Math.min(WIDEST, (column - 8) / Math.max(...kernels));
  const middle = TOP + TALLEST / 2;
  const words = column >= NARROWEST;
  const side = sides(table, inputSize);
  let entering = stem;
  const stages = rows.map((row, index) => {
    const [expandRatio, kernel, stride, channels, repeats, squeeze] = row;
    const centre = END + (index + 0.5) * column;
    const width = unit * breadth(kernel);
    let x = centre - (repeats * width) / 2;
    const blocks = Array.from({ length: repeats }, () => {
      const block = blockShape(
        x,
        middle,
        width,
        high(entering),
        high(expandRatio * entering),
        high(channels),
        squeeze > 0,
      );
      x += width;
      entering = channels;
      return block;
    });
    const edge = END + index * column;
    return html`${stride > 1 && html`<line x1="${px(edge)}" x2="${px(edge)}" y1="${TOP}" y2="${TOP + TALLEST}" stroke="var(--muted)" stroke-dasharray="2 3"/>`}${blocks}
${words && columnWords(centre, [`${side[index]}²`], [`${channels}`, `${kernel}×${kernel}`, `×${expandRatio}`, repeats > 1 ? `${repeats} blocks` : '1 block', squeeze > 0 ? `SE ${squeezeText(squeeze)}` : '–'])}`;
  });
  const bar = (x: number, channels: number) =>
    html`<rect x="${px(x - 3)}" y="${px(middle - high(channels) / 2)}" width="6" height="${px(high(channels))}" fill="var(--muted)"/>${columnWords(x, [], [`${channels}`])}`;
  const height = TOP + TALLEST + (words ? 6 : 2) * LINE;
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" class="plot network" role="img" aria-label="${label}" aria-description="the table has the figures" fill="currentColor" text-anchor="middle">${bar(END / 2, stem)}${stages}${bar(WIDTH - END / 2, head)}</svg>`;
}

/** The side of a kernel of 5 is 1; that of others is in between, so that a block of 1×1 can be seen. */
const breadth = (kernel: number): number => 0.25 + 0.15 * kernel;

/** Sides of the maps that leave the stages: the stem halves, and every stage of stride 2. */
function sides({ rows }: MBConvTable, inputSize: number): number[] {
  let side = strided(inputSize, 2);
  return rows.map(([, , stride]) => {
    side = strided(side, stride);
    return side;
  });
}

function blockShape(
  x: number,
  middle: number,
  width: number,
  enters: number,
  expanded: number,
  leaves: number,
  squeezed: boolean,
): Html {
  const at = (share: number, height: number): string =>
    `${px(x + 0.5 + share * (width - 1))} ${px(middle + height / 2)}`;
  const points = [
    at(0, -enters),
    at(0.25, -expanded),
    at(0.75, -expanded),
    at(1, -leaves),
    at(1, leaves),
    at(0.75, expanded),
    at(0.25, expanded),
    at(0, enters),
  ];
  return html`<path d="M${points.join('L')}Z" fill="var(--c1)" fill-opacity="0.3" stroke="var(--c1)"/>${squeezed && html`<circle cx="${px(x + width / 2)}" cy="${px(middle)}" r="2.2"/>`}`;
}

function columnWords(x: number, above: readonly string[], below: readonly string[]): Html {
  const line = (words: string, y: number, muted: boolean) =>
    html`<text x="${px(x)}" y="${y}"${muted && html` fill="var(--muted)"`}>${words}</text>`;
  return html`${above.map((words) => line(words, TOP - 9, true))}${below.map((words, row) => line(words, TOP + TALLEST + (row + 1) * LINE, row > 0))}`;
}

/** `¼`, or the number. */
export const squeezeText = (squeeze: number): string => (squeeze === 0.25 ? '¼' : String(squeeze));

/** Pixels to a tenth. */
const px = (value: number): string => String(Math.round(value * 10) / 10);
