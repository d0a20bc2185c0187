/** A sheet of pictures with words and bars between them, drawn as SVG, the pictures laid over it by sharp. */
import sharp, { type OverlayOptions } from 'sharp';
import type { RgbImage } from '../data/image.ts';
import { shown } from '../text/shown.ts';
import { escaped } from './html.ts';

const FONT = 'font-family="system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"';

export interface TextStyle {
  size?: number;
  bold?: boolean;
  colour?: string;
  /** 'end': the words end at x. */
  anchor?: 'start' | 'end';
  /** Pixels that there are for it; longer words end in an ellipsis. */
  width?: number;
}

export class Sheet {
  private readonly shapes: string[] = [];
  private readonly pictures: OverlayOptions[] = [];

  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  /** Words on the baseline y. */
  text(x: number, y: number, words: string, style: TextStyle = {}): void {
    const { size = 16, bold = false, colour = '#1a1a1a', anchor = 'start', width } = style;
    const fitted = width === undefined ? words : shortened(shown(words), width / (size * (bold ? 1.08 : 1)));
    const weight = bold ? ' font-weight="600"' : '';
    this.shapes.push(
      `<text x="${x}" y="${y}" font-size="${size}" fill="${colour}" text-anchor="${anchor}"${weight}>${escaped(fitted)}</text>`,
    );
  }

  rectangle(x: number, y: number, width: number, height: number, colour: string, radius = 0): void {
    this.shapes.push(
      `<rect x="${x}" y="${y}" width="${Math.max(0, width)}" height="${height}" rx="${radius}" fill="${colour}"/>`,
    );
  }

  /** A picture as it is, its upper left corner at (x, y), over everything that is drawn. */
  picture(x: number, y: number, { width, height, pixels }: RgbImage): void {
    this.pictures.push({
      input: Buffer.from(pixels.buffer, pixels.byteOffset, pixels.length),
      raw: { width, height, channels: 3 },
      left: x,
      top: y,
    });
  }

  /** The sheet as a file: JPEG where the ending of its name says so, else PNG. */
  async encoded(file: string): Promise<Buffer> {
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" ${FONT}>` +
      `<rect width="100%" height="100%" fill="#fff"/>${this.shapes.join('\n')}</svg>`;
    const sheet = sharp(Buffer.from(svg)).composite(this.pictures).removeAlpha();
    return (
      /\.jpe?g$/i.test(file)
        ? sheet.jpeg({ quality: 88, chromaSubsampling: '4:4:4' })
        : sheet.png({ compressionLevel: 9 })
    ).toBuffer();
  }
}

/** Whether this system has a font: without one, all letters are drawn as the same empty box. */
export async function hasFonts(): Promise<boolean> {
  const [one, other] = await Promise.all(
    ['H', 'O'].map((letter) => {
      const sheet = new Sheet(16, 16);
      sheet.text(2, 14, letter, { size: 14 });
      return sheet.encoded('');
    }),
  );
  return !one.equals(other);
}

/** How wide characters are, in parts of the font's size, about: what is not Latin may be as wide as it is high. */
const wide = (character: string): number =>
  /[ijl.,:;|!'()[\] ]/.test(character)
    ? 0.36
    : /[mwMW@%]/.test(character)
      ? 0.95
      : character > '\u2e7f'
        ? 1.05
        : 0.63;

/** Words in at most `width` times the font's size. */
function shortened(words: string, width: number): string {
  let used = 0;
  const characters = [...words];
  for (const [place, character] of characters.entries()) {
    used += wide(character);
    if (used > width)
      return `${characters
        .slice(0, Math.max(1, place - 1))
        .join('')
        .trimEnd()}…`;
  }
  return words;
}
