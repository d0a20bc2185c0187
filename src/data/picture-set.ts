/**
 * Sets of pictures by their bytes, to tell later whether a network has seen one: of each the first six bytes of a SHA-256,
 * which the loader makes of what it reads anyway. Among a million pictures, one of a hundred thousand others is taken for
 * known once in some 2,800 times (10⁶·10⁵ / 2⁴⁸).
 */

/** Bytes that stand for a picture. */
export const PICTURE_MARK = 6;

/** Pictures, each once. Marks are handed over as `Batch.marks` has them: one after the other. */
export class PictureSet {
  private readonly known = new Set<number>();

  get size(): number {
    return this.known.size;
  }

  add(marks: Uint8Array): void {
    for (const mark of numbersOf(marks)) this.known.add(mark);
  }

  /** How many of these pictures are in the set. */
  count(marks: Uint8Array): number {
    let count = 0;
    for (const mark of numbersOf(marks)) if (this.known.has(mark)) count++;
    return count;
  }

  /** The marks in ascending order: the same for the same pictures, whatever their order was. */
  marks(): Uint8Array {
    const marks = new Uint8Array(this.known.size * PICTURE_MARK);
    const view = new DataView(marks.buffer);
    Float64Array.from(this.known)
      .sort()
      .forEach((mark, i) => {
        view.setUint16(i * PICTURE_MARK, mark / 2 ** 32);
        view.setUint32(i * PICTURE_MARK + 2, mark >>> 0);
      });
    return marks;
  }
}

/** 48 bits are a number. */
function* numbersOf(marks: Uint8Array): Generator<number> {
  const view = new DataView(marks.buffer, marks.byteOffset, marks.byteLength);
  for (let at = 0; at + PICTURE_MARK <= marks.length; at += PICTURE_MARK)
    yield view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}
