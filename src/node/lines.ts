/** Lines of bytes from outside, one after the other: a file of any length takes the memory of its longest line. */
import type { FileHandle } from 'node:fs/promises';
import { reading } from './files.ts';
import { openRegular } from './regular.ts';

/** One line. */
export interface Line {
  /** Without its end. */
  text: string;
  /** Bytes up to here, the line's end among them. */
  end: number;
  /** Whether it ends in a line break: the last one of a file that was written half does not. */
  whole: boolean;
}

const MOST_BYTES = 2 ** 20;
const CHUNK = 2 ** 16;
const BREAK = 10;

/**
 * The lines of `chunks`, which end in \n or \r\n.
 * @param place what sentences call it
 * @throws RangeError, a sentence, where a line is longer than `most` bytes
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  place: string,
  most = MOST_BYTES,
): AsyncGenerator<Line, void, undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let end = 0;
  let count = 0;
  const take = (piece: Uint8Array): void => {
    length += piece.length;
    if (length > most)
      throw new RangeError(
        `line ${count + 1} of ${place} is longer than ${most.toLocaleString('en-US')} bytes`,
      );
    parts.push(piece);
  };
  const line = (whole: boolean): Line => {
    const text = Buffer.concat(parts).toString('utf8').replace(/\r$/, '');
    parts = [];
    length = 0;
    count++;
    return { text, end, whole };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(BREAK); at >= 0; at = chunk.indexOf(BREAK, from)) {
      take(chunk.subarray(from, at));
      end += at + 1 - from;
      from = at + 1;
      yield line(true);
    }
    end += chunk.length - from;
    take(chunk.subarray(from));
  }
  if (length > 0) yield line(false);
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The lines of a regular file. @throws Error, a sentence, where it cannot be read */
export async function* linesOfFile(path: string): AsyncGenerator<Line, void, undefined> {
  const { file } = await reading(path, openRegular(path, Number.POSITIVE_INFINITY));
  const lines = linesOf(chunksOf(file), path);
  try {
    for (;;) {
      const next = await reading(path, lines.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await lines.return();
    await file.close();
  }
}
