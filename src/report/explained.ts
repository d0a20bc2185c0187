/** What `explain` draws: pictures beside where the network looked and what it answers, and what is inside a network. */
import type { RgbImage } from '../data/image.ts';
import { contactSheet, type FeatureMaps, mapPictures } from '../explain/features.ts';
import type { Heatmap } from '../explain/heatmap.ts';
import { borderShare } from '../explain/heatmap.ts';
import { heatColour, overlay } from '../explain/overlay.ts';
import { percent } from '../train/metrics.ts';
import { Sheet } from './sheet.ts';

/** Pixels of the longer side of a picture on the sheet. */
export const SHOWN_SIDE = 400;

const MARGIN = 24;
const GAP = 16;
const TEXT = { left: MARGIN + 2 * (SHOWN_SIDE + GAP) + GAP, width: 384 };
const WIDTH = TEXT.left + TEXT.width + MARGIN;
const GREY = '#5c5c5c';
const [BLUE, PALE, TRACK] = ['#0072b2', '#9db8c7', '#eceff1'];

/** A picture and what was found in it. */
export interface Explained {
  title: string;
  /** What the map is of, such as `Grad-CAM of layer4 for tabby`. */
  subtitle: string;
  /** What the network saw, the longer side of `SHOWN_SIDE` pixels. */
  picture: RgbImage;
  map: Heatmap;
  /** The likeliest classes, and the one that the map is of. */
  answers: readonly { label: string; probability: number; explained: boolean }[];
}

/** One row a picture: the picture, the map over it, and the likeliest answers as bars; as `file` will hold it. */
export async function explainedSheet(rows: readonly Explained[], file: string): Promise<Buffer> {
  const sheet = new Sheet(WIDTH, MARGIN + rows.length * (SHOWN_SIDE + MARGIN));
  for (const [place, row] of rows.entries()) drawRow(sheet, MARGIN + place * (SHOWN_SIDE + MARGIN), row);
  return sheet.encoded(file);
}

function drawRow(sheet: Sheet, top: number, { title, subtitle, picture, map, answers }: Explained): void {
  const centred = (left: number, drawn: RgbImage): void =>
    sheet.picture(
      left + Math.max(0, (SHOWN_SIDE - drawn.width) >> 1),
      top + Math.max(0, (SHOWN_SIDE - drawn.height) >> 1),
      drawn,
    );
  centred(MARGIN, picture);
  centred(MARGIN + SHOWN_SIDE + GAP, overlay(map, picture));
  const { left, width } = TEXT;
  sheet.text(left, top + 18, title, { size: 20, bold: true, width });
  sheet.text(left, top + 44, subtitle, { size: 15, colour: GREY, width });
  for (const [place, { label, probability, explained }] of answers.entries()) {
    const y = top + 84 + 46 * place;
    sheet.text(left, y, label, { size: 16, bold: explained, width: width - 84 });
    sheet.text(left + width, y, percent(probability), { size: 16, bold: explained, anchor: 'end' });
    sheet.rectangle(left, y + 8, width, 10, TRACK, 5);
    sheet.rectangle(left, y + 8, Math.max(3, width * probability), 10, explained ? BLUE : PALE, 5);
  }
  const y = top + SHOWN_SIDE;
  const share = borderShare(map);
  const note = Number.isNaN(share)
    ? 'Nothing in the picture speaks for this class.'
    : `${percent(share)} of the map is in the outer half.`;
  sheet.text(left, y - 48, note, { size: 15, colour: GREY, width });
  const steps = 64;
  for (let step = 0; step < steps; step++) {
    const colour = `rgb(${heatColour((step + 0.5) / steps).join(' ')})`;
    sheet.rectangle(left + (step * width) / steps, y - 32, width / steps + 1, 10, colour);
  }
  sheet.text(left, y - 4, 'counts for nothing', { size: 13, colour: GREY });
  sheet.text(left + width, y - 4, 'counts most', { size: 13, colour: GREY, anchor: 'end' });
}

/** What is inside a network, and what it makes of a picture. */
export interface Inside {
  title: string;
  /** What the network saw, the longer side of `SHOWN_SIDE` pixels. */
  picture: RgbImage;
  filters: { name: string; filters: readonly RgbImage[] };
  stages: readonly FeatureMaps[];
}

const TILE = { side: 68, gap: 6, columns: 16 };
const SHEET_WIDTH = 2 * MARGIN + TILE.columns * (TILE.side + TILE.gap) - TILE.gap;
/** Pixels above a stage's maps, for two lines of words, and below them. */
const [ABOVE, BELOW] = [44, 20];

/** The picture and the filters of the first convolution, and below them a row of feature maps for each stage. */
export async function insideSheet(
  { title, picture, filters: { name, filters }, stages }: Inside,
  file: string,
): Promise<Buffer> {
  const rows = stages.map((maps) => ({ maps, tiles: contactSheet(mapPictures(maps), TILE) }));
  const top = MARGIN + SHOWN_SIDE + MARGIN;
  const below = rows.reduce((sum, { tiles }) => sum + ABOVE + tiles.height + BELOW, 0);
  const sheet = new Sheet(SHEET_WIDTH, top + below);
  sheet.picture(MARGIN, MARGIN, picture);
  const left = MARGIN + SHOWN_SIDE + 2 * GAP;
  const width = SHEET_WIDTH - left - MARGIN;
  sheet.text(left, MARGIN + 18, title, { size: 20, bold: true, width });
  heading(sheet, left, MARGIN + 40, {
    head: `${name}: ${filters.length} filters of ${filters[0].width} × ${filters[0].height}`,
    note: 'Mid-grey is a weight of 0; each filter is scaled by its own largest weight.',
  });
  const first = MARGIN + 40 + ABOVE;
  sheet.picture(left, first, contactSheet(filters, roomFor(filters.length, width, top - MARGIN - first)));
  let y = top;
  for (const { maps, tiles } of rows) {
    const some = maps.shown.length < maps.channels ? `The ${maps.shown.length} that vary most, each` : 'Each';
    heading(sheet, MARGIN, y, {
      head: `${maps.stage}: ${maps.channels} maps of ${maps.width} × ${maps.height}`,
      note: `${some} from its smallest value (black) to its largest (white).`,
    });
    sheet.picture(MARGIN, y + ABOVE, tiles);
    y += ABOVE + tiles.height + BELOW;
  }
  return sheet.encoded(file);
}

function heading(sheet: Sheet, x: number, y: number, { head, note }: { head: string; note: string }): void {
  sheet.text(x, y + 16, head, { size: 16, bold: true });
  sheet.text(x, y + 36, note, { size: 13, colour: GREY });
}

/** The largest tiles of which `count` fit into a box. */
function roomFor(count: number, width: number, height: number): typeof TILE {
  const { gap } = TILE;
  for (let columns = 1; ; columns++) {
    const side = Math.floor((width + gap) / columns) - gap;
    if (Math.ceil(count / columns) * (side + gap) - gap <= height || side <= 1) return { side, gap, columns };
  }
}
