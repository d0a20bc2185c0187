/**
 * BMP, and DIB (the same without its first 14 bytes), decoded here: sharp reads none, and the packages that do take memory
 * for what a header claims. The kinds are those of Pillow, with its pixels: 1, 4, 8, 16, 24 and 32 bits, palettes, run
 * lengths of 8 and 4 bits, any masks, upside down or not; alpha is dropped.
 *
 *   [BM, file size, 0, place of the pixels]  header (its size says which)  [masks]  [palette]  rows, the last one first
 */
import { newImage, type RgbImage } from '../image.ts';

/** What stands before the pixels. */
export interface BmpHeader {
  width: number;
  height: number;
  /** Bits a pixel. */
  bits: number;
  compression: number;
  /** Whether the first row comes first. */
  topDown: boolean;
  /** Which bits of a pixel are red, green and blue; of 16, 24 and 32 bits only. */
  masks: readonly [red: number, green: number, blue: number];
  /** Blue, green, red, and in most files a fourth byte for each colour. */
  palette: Uint8Array;
  /** Bytes of a colour in the palette: 3 or 4. */
  colourBytes: number;
  /** From the first byte of the rows on. */
  data: Uint8Array;
}

const FILE_HEADER = 14;
const CORE_HEADER = 12;
/** Windows 3, its extensions with masks, OS/2 2, Windows 4 and 5. */
const INFO_HEADERS = [40, 52, 56, 64, 108, 124];
const OS2_HEADER = 64;
/** Masks follow the first 40 bytes, as a part of the header or behind it. */
const MASKS_AT = 40;
const RAW = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
const ALPHA_BITFIELDS = 6;
/** Masks where the file states none, by bits a pixel. */
const MASKS: Readonly<Record<number, BmpHeader['masks']>> = {
  16: [0x7c00, 0x3e0, 0x1f],
  24: [0xff0000, 0xff00, 0xff],
  32: [0xff0000, 0xff00, 0xff],
};

/** Whether the bytes are a BMP, or a DIB by its header's size and its one plane. */
export function isBmp(bytes: Uint8Array): boolean {
  if (bytes.length < 16) return false;
  if (bytes[0] === 0x42 && bytes[1] === 0x4d) return true;
  const view = viewOf(bytes);
  const size = view.getUint32(0, true);
  return (
    (size === CORE_HEADER && view.getUint16(8, true) === 1) ||
    (INFO_HEADERS.includes(size) && view.getUint16(12, true) === 1)
  );
}

/** @throws where the header is cut short, or says what no decoder here reads */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const hasFileHeader = bytes[0] === 0x42;
  const start = hasFileHeader ? FILE_HEADER : 0;
  const view = viewOf(bytes);
  const need = (end: number): void => {
    if (end > bytes.length) throw new Error('the file ends before the picture does');
  };
  need(start + 4);
  const size = view.getUint32(start, true);
  const core = size === CORE_HEADER;
  if (!core && !INFO_HEADERS.includes(size)) throw new Error(`its header has ${size} bytes`);
  need(start + size);
  const short = (at: number): number => view.getUint16(start + at, true);
  const long = (at: number): number => view.getUint32(start + at, true);

  const height = core ? short(6) : view.getInt32(start + 8, true);
  const bits = core ? short(10) : short(14);
  const compression = core ? RAW : long(16);
  const masked = compression === BITFIELDS || compression === ALPHA_BITFIELDS;
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits)) throw new Error(`it has ${bits} bits a pixel`);
  const readable =
    compression === RAW ||
    (compression === RLE8 && bits === 8) ||
    (compression === RLE4 && bits === 4) ||
    (masked && bits >= 16 && size !== OS2_HEADER);
  if (!readable) throw new Error(`its compression ${compression} is not read with ${bits} bits a pixel`);

  const afterHeader = start + size;
  const masksEnd = masked ? start + MASKS_AT + (compression === BITFIELDS ? 12 : 16) : 0;
  need(masksEnd);
  const stated = masked ? ([long(MASKS_AT), long(MASKS_AT + 4), long(MASKS_AT + 8)] as const) : [0];
  const paletteAt = Math.max(afterHeader, masksEnd);
  const colourBytes = core ? 3 : 4;
  const colours = bits > 8 ? 0 : (core ? 0 : long(32)) || 1 << bits;
  if (colours > 2 ** 16) throw new Error(`its palette has ${colours} colours`);
  // Files of few colours often claim 256, so that the palette may reach into the pixels and beyond them.
  const paletteEnd = paletteAt + colours * colourBytes;
  const place = hasFileHeader ? view.getUint32(10, true) : 0;
  // Some programs write the end of the header and mean that of the palette.
  const dataAt = place === 0 || (place === afterHeader && bits <= 8) ? paletteEnd : place;
  need(dataAt);
  return {
    width: core ? short(4) : long(4),
    height: Math.abs(height),
    bits,
    compression,
    topDown: height < 0,
    masks: stated.some((mask) => mask !== 0) ? (stated as BmpHeader['masks']) : (MASKS[bits] ?? [0, 0, 0]),
    palette: bytes.subarray(paletteAt, paletteEnd),
    colourBytes,
    data: bytes.subarray(dataAt),
  };
}

/** Decodes the pixels. Called once the size was found acceptable. @throws where they are cut short or damaged */
export function decodeBmp(header: BmpHeader): RgbImage {
  const { width, height, bits, compression } = header;
  if (compression === RLE8 || compression === RLE4) return fromPalette(header, runLengths(header));
  const stride = Math.ceil((width * bits) / 32) * 4;
  // The padding of the last row is often left out.
  const needed = stride * (height - 1) + Math.ceil((width * bits) / 8);
  if (header.data.length < needed) throw new Error(`its rows hold ${header.data.length} bytes of ${needed}`);
  return bits <= 8 ? fromPalette(header, unpacked(header, stride)) : fromMasks(header, stride);
}

/** Indices into the palette, row by row as the file has them. */
function unpacked({ width, height, bits, data }: BmpHeader, stride: number): Uint8Array {
  const indices = new Uint8Array(width * height);
  const mask = (1 << bits) - 1;
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++, to++) {
      const bit = x * bits;
      indices[to] = (data[y * stride + (bit >> 3)]! >> (8 - bits - (bit & 7))) & mask;
    }
  return indices;
}

/**
 * Runs of one index (of two in turn with 4 bits), stretches as they are, jumps, and marks: 0 0 ends a row, 0 1 the
 * picture. What lies beyond a row's end is left out, what is jumped over has index 0; every row has to be reached.
 */
function runLengths({ width, height, bits, data }: BmpHeader): Uint8Array {
  const indices = new Uint8Array(width * height);
  const nibble = (byte: number, i: number): number => (i % 2 === 0 ? byte >> 4 : byte & 15);
  let [x, y, at] = [0, 0, 0];
  const put = (count: number, index: (i: number) => number): void => {
    for (let i = 0; i < Math.min(count, width - x); i++) indices[y * width + x + i] = index(i);
    x += count;
  };
  const next = (): number => {
    if (at >= data.length) throw new Error(`its data end in row ${y + 1} of ${height}`);
    return data[at++]!;
  };
  // A last row that is full needs no mark that it ends.
  const missing = (): boolean => y < height - 1 || (y === height - 1 && x < width);
  while (missing()) {
    const [count, value] = [next(), next()];
    if (count > 0) put(count, bits === 8 ? () => value : (i) => nibble(value, i));
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) break;
    else if (value === 2) [x, y] = [x + next(), y + next()];
    else {
      const bytes = bits === 8 ? value : Math.ceil(value / 2);
      const from = at;
      at += bytes + (bytes & 1);
      if (from + bytes > data.length) throw new Error(`its data end in row ${y + 1} of ${height}`);
      put(value, bits === 8 ? (i) => data[from + i]! : (i) => nibble(data[from + (i >> 1)]!, i));
    }
  }
  if (missing()) throw new Error(`its data end in row ${y + 1} of ${height}`);
  return indices;
}

function fromPalette(header: BmpHeader, indices: Uint8Array): RgbImage {
  const { width, height, palette, colourBytes } = header;
  const image = newImage(width, height);
  for (let y = 0, from = 0; y < height; y++)
    for (let x = 0, to = firstOf(header, y); x < width; x++, from++, to += 3) {
      const colour = indices[from]! * colourBytes;
      if (colour >= palette.length) continue; // a colour that the file does not have is black, as in Pillow
      image.pixels[to] = palette[colour + 2]!;
      image.pixels[to + 1] = palette[colour + 1]!;
      image.pixels[to + 2] = palette[colour]!;
    }
  return image;
}

function fromMasks(header: BmpHeader, stride: number): RgbImage {
  const { width, height, bits, masks, data } = header;
  const image = newImage(width, height);
  const channels = masks.map(channelOf);
  const bytes = bits / 8;
  for (let y = 0; y < height; y++)
    for (let x = 0, to = firstOf(header, y), from = y * stride; x < width; x++, from += bytes) {
      let pixel = data[from]! | (data[from + 1]! << 8);
      if (bytes > 2) pixel |= data[from + 2]! << 16;
      if (bytes > 3) pixel |= data[from + 3]! << 24;
      for (const channel of channels) image.pixels[to++] = channel(pixel);
    }
  return image;
}

/** The value of a channel, from 0 to 255, in a pixel: ⌊255·v / most⌋ as in Pillow. */
function channelOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = (mask >>> shift) >>> 0;
  return (pixel) => Math.floor((((pixel & mask) >>> shift) * 255) / most);
}

/** Where the pixels of the file's row `y` begin in the picture. */
const firstOf = ({ width, height, topDown }: BmpHeader, y: number): number =>
  3 * width * (topDown ? y : height - 1 - y);

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);
