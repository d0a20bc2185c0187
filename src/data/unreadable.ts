/** The error of one picture that could not be read: the loader leaves the picture out and says why. */

import { shown } from '../text/shown.ts';

/** How far a file was read: opened → recognised → header (format's own, and the size) → pixels. */
export type DecodeStage = 'open' | 'sniff' | 'header' | 'pixels';

/** A file that is no picture, or not a whole one; the message is a sentence that names it. */
export class UnreadableImageError extends Error {
  override name = 'UnreadableImageError';
  readonly file: string;
  /** What is wrong with the file, without its name. */
  readonly reason: string;
  /** Where reading ended; undefined where that is not known any more (in errors that crossed from a worker). */
  readonly stage?: DecodeStage;
  constructor(file: string, reason: string, options: ErrorOptions & { stage?: DecodeStage } = {}) {
    super(`${shown(file)} ${reason}`, options);
    this.file = file;
    this.reason = reason;
    this.stage = options.stage;
  }
}
