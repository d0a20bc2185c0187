/**
 * JPEG by libvips, with the scans counted here first: each of a progressive picture goes through all of its blocks, and one
 * that says nothing takes some hundred bytes, so that a small file can ask for minutes.
 */

/** Encoders write some ten; libtiff allows as many in its own. */
const MOST_SCANS = 100;

const [EOI, SOS, TEM] = [0xd9, 0xda, 0x01];
/** Restart marks stand within a scan. */
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

/** @throws where a JPEG has more scans than are decoded */
export function checkJpegScans(bytes: Uint8Array): void {
  const scans = countScans(bytes);
  if (scans > MOST_SCANS) throw new Error(`it has ${scans} scans, of at most ${MOST_SCANS}`);
}

/** The scans up to the picture's end. What stands in segments, such as a small picture in Exif, does not count. */
export function countScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = bytes.indexOf(0xff, 2); at >= 0 && at + 3 < bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1]!;
    if (marker === EOI) break;
    // 255 as a fill byte or, followed by 0, as data; marks without a length.
    if (marker === 0xff) at += 1;
    else if (marker === 0 || marker === TEM || isRestart(marker)) at += 2;
    else {
      if (marker === SOS) scans++;
      at += 2 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
    }
  }
  return scans;
}
