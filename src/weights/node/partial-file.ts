/**
 * The bytes of a download that is not finished: PATH.part, and beside it PATH.part.json, which says where they come
 * from. Without the second the first is worth nothing.
 */
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { bytesIfThere, statOrNull } from '../../node/files.ts';
import { object, optional, orNull, parseBounded, type Rule, rule, text, whole } from '../../text/rules.ts';

/** Where the bytes come from. */
export interface Origin {
  url: string;
  /** Entity tag or date, for If-Range; null where the server gives none. */
  validator: string | null;
  /** Size of the whole file, where the server says it. */
  total: number | null;
  /** SHA-256 of the whole file, where the server states it. */
  sha256: string | null;
}

const MOST_NOTE_BYTES = 2 ** 16;

export class PartialFile {
  readonly path: string;
  private readonly notePath: string;
  origin: Origin | null = null;

  constructor(private readonly target: string) {
    this.path = `${target}.part`;
    this.notePath = `${target}.part.json`;
  }

  /** Bytes so far. */
  async size(): Promise<number> {
    return (await statOrNull(this.path))?.size ?? 0;
  }

  /** Keeps what an earlier run left if `accepts` its origin, else throws it away. @returns its size */
  async takeUp(accepts: (origin: Origin) => boolean): Promise<number> {
    const note = await bytesIfThere(this.notePath, MOST_NOTE_BYTES);
    const origin = parseOrigin(note ? new TextDecoder().decode(note) : '');
    if (!origin || !accepts(origin)) await this.discard();
    else this.origin = origin;
    return this.size();
  }

  /** Starts anew: the origin is on the disk before the first byte is. */
  async begin(origin: Origin): Promise<void> {
    await this.discard();
    this.origin = origin;
    await writeFile(this.notePath, JSON.stringify(origin));
  }

  async discard(): Promise<void> {
    this.origin = null;
    await rm(this.path, { force: true });
    await rm(this.notePath, { force: true });
  }

  /** Runs `write` with a function that appends at `from` and returns the new size. */
  async append(
    from: number,
    write: (add: (bytes: Uint8Array) => Promise<number>) => Promise<void>,
  ): Promise<void> {
    const file = await open(this.path, from > 0 ? 'r+' : 'w');
    let position = from;
    try {
      await write(async (bytes) => {
        await writeAll(file, bytes, position);
        position += bytes.length;
        return position;
      });
    } finally {
      await file.close();
    }
  }

  /** Puts the whole file in its place, after it has reached the disk. */
  async settle(): Promise<void> {
    const file = await open(this.path, 'r+');
    await file.sync().finally(() => file.close());
    await rename(this.path, this.target);
    await rm(this.notePath, { force: true });
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

const hash = rule(
  (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  'a SHA-256 in hexadecimal digits',
);
const ORIGIN: Rule = object({
  url: text(10_000),
  validator: optional(orNull(text(1000))),
  total: optional(orNull(whole(0, Number.MAX_SAFE_INTEGER))),
  sha256: optional(orNull(hash)),
} satisfies Record<keyof Origin, Rule>);

/** Null where the note was cut off by a crash, or is anybody's: the bytes beside it cannot be told from others. */
function parseOrigin(json: string): Origin | null {
  try {
    const value = parseBounded(json, 'the note');
    if (ORIGIN(value, 'the note') !== null) return null;
    return {
      validator: null,
      total: null,
      sha256: null,
      ...(value as Partial<Origin> & Pick<Origin, 'url'>),
    };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
