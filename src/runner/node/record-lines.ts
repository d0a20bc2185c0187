/**
 * A file that gets a line of JSON for each thing that is done, such as trials.jsonl. A line is on the disk before work goes on;
 * one that a kill cut in two is dropped when the file is read again, and what it was of is done once more.
 */
import { open, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bytesIfThere, syncFolder, systemReason, WriteError } from '../../node/files.ts';
import { InputError } from '../../text/input-error.ts';
import { parseBounded } from '../../text/rules.ts';

/** Bytes of such a file, at most. */
const MOST_BYTES = 2 ** 28;
const BREAK = 0x0a;

export class RecordLines {
  /**
   * @param place where the file lies now
   * @param again what happens to the things whose lines are removed, for the sentence of one that is damaged
   */
  constructor(
    private readonly place: () => Promise<string>,
    private readonly again: string,
  ) {}

  /**
   * The lines, as they were read: nothing is known of what they hold.
   * @throws InputError, a sentence with the line's number, for one that is no JSON
   */
  async read(): Promise<readonly unknown[]> {
    const path = await this.place();
    const bytes = await bytesIfThere(path, MOST_BYTES);
    if (!bytes) return [];
    const whole = bytes.lastIndexOf(BREAK) + 1;
    if (whole < bytes.length) await truncate(path, whole);
    return parsedLines(bytes.subarray(0, whole), path, this.again);
  }

  /** Adds a line. It is on the disk when this returns. @throws WriteError, a sentence */
  async append(record: unknown): Promise<void> {
    const path = await this.place();
    try {
      const file = await open(path, 'a');
      try {
        const { size } = await file.stat();
        await file.writeFile(`${JSON.stringify(record)}\n`);
        await file.sync();
        // The first line makes the file, whose name the disk has to know too.
        if (size === 0) await syncFolder(dirname(path));
      } finally {
        await file.close();
      }
    } catch (error) {
      throw new WriteError(`${path} could not be written: ${systemReason(error)}`, { cause: error });
    }
  }
}

/** The values of whole lines. @throws InputError, a sentence with the line's number, for one that is no JSON */
export function parsedLines(bytes: Uint8Array, path: string, again: string): unknown[] {
  const lines = new TextDecoder().decode(bytes).split('\n').slice(0, -1);
  return lines.map((line, index) => {
    try {
      return parseBounded(line, `line ${index + 1} of ${path}`);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new InputError(`${error.message}; remove it and the lines after it, and ${again}`, {
        cause: error,
      });
    }
  });
}
