/** What a file is, by its first bytes: names and endings often lie. */
import { isBmp } from './bmp.ts';

/** The formats that `decodeImage` reads. */
export type ImageFormat = 'PNG' | 'JPEG' | 'GIF' | 'WebP' | 'TIFF' | 'AVIF' | 'BMP';

/** Where the boxes of a HEIF file name what its pictures are coded with. */
const HEIF_START = 4096;

/** The format of a picture; undefined for what is read as none. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = textOf(bytes, 16);
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (head.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'GIF';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'WebP';
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return 'TIFF';
  if (head.slice(4, 8) === 'ftyp' && /^(?:avi[fs]|mif1|msf1|miaf)/.test(head.slice(8))) return 'AVIF';
  if (isBmp(bytes)) return 'BMP';
  return undefined;
}

const SAVE_AS = 'save it as PNG or JPEG';

/** What is often called a picture and is none that is read: how it begins, what it is, and the remedy. */
const STRANGERS: readonly (readonly [start: RegExp | string, sentence: string])[] = [
  ['version https://git-lfs', 'is a pointer of Git LFS and not the picture; git lfs pull fetches it'],
  [/^\s*<(?:!doctype html|html)/i, 'is a web page and no picture; fetch the picture itself'],
  [
    /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype svg[^>]*>\s*)?<svg/is,
    `is an SVG drawing, which is not drawn here; ${SAVE_AS}`,
  ],
  ['\xff\x0a', `is a JPEG XL picture, which is not read; ${SAVE_AS}`],
  ['\0\0\0\x0cJXL ', `is a JPEG XL picture, which is not read; ${SAVE_AS}`],
  ['\0\0\0\x0cjP  ', `is a JPEG 2000 picture, which is not read; ${SAVE_AS}`],
  ['\xff\x4f\xff\x51', `is a JPEG 2000 picture, which is not read; ${SAVE_AS}`],
  ['II+\0', 'is a BigTIFF, which is not read; save it as a TIFF of less than 4 GB'],
  ['MM\0+', 'is a BigTIFF, which is not read; save it as a TIFF of less than 4 GB'],
  ['8BPS', `is a Photoshop document, which is not read; ${SAVE_AS}`],
  ['\0\0\x01\0', `is an icon, which is not read; ${SAVE_AS}`],
  ['%PDF', `is a PDF and no picture; ${SAVE_AS}`],
  [/^....ftyp(?:qt|isom|iso\d|mp4\d|M4V)/s, 'is a video and no picture; take single pictures out of it'],
];

const HEIC =
  'is a HEIC picture, whose HEVC no free decoder here reads; save it as JPEG (an iPhone does so by Settings, Camera, Formats, Most Compatible)';

/** Why a file is not read although it is whole, without its name; null for a picture of a format that is read. */
export function strangerSentence(bytes: Uint8Array): string | null {
  if (isHevc(bytes)) return HEIC;
  if (sniffFormat(bytes)) return null;
  const head = textOf(bytes, 512);
  const known = STRANGERS.find(([start]) =>
    typeof start === 'string' ? head.startsWith(start) : start.test(head),
  );
  return known?.[1] ?? 'is not a PNG, JPEG, GIF, WebP, TIFF, AVIF or BMP picture';
}

/** Whether a file of the HEIF family is coded with HEVC: by its brands, else by what its boxes call its items. */
function isHevc(bytes: Uint8Array): boolean {
  const start = textOf(bytes, HEIF_START);
  if (start.slice(4, 8) !== 'ftyp') return false;
  const brands = start.slice(8, Math.min(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), 256));
  if (/avi[fs]/.test(brands)) return false;
  return /hei[cxms]|hev[cxms]/.test(brands) || (/mif1|msf1|miaf/.test(brands) && start.includes('hvc1'));
}

/** The first bytes as characters of the same number. */
const textOf = (bytes: Uint8Array, length: number): string =>
  Buffer.from(bytes.subarray(0, length)).toString('latin1');
