/**
 * Which pictures weights have learnt from, as a checkpoint keeps it: in its header under a key of its own, as `all` or
 * `some` (whether there were no others, before the run), a space, and the set's marks in base64. That is 8 bytes a picture,
 * 8 MB for a million, in each of a run's two files.
 */
import { PICTURE_MARK, PictureSet } from '../../data/picture-set.ts';
import type { Step } from '../step.ts';

const KEY = 'tessera.trained_on';

export interface TrainedOn {
  pictures: PictureSet;
  /** Whether these are all that the weights ever learnt from: not where they began as weights of unknown history. */
  complete: boolean;
}

/** Of weights that begin at random. */
export const trainedOnNothing = (): TrainedOn => ({ pictures: new PictureSet(), complete: true });

/** A step that notes the pictures that it is given. */
export const noting =
  ({ pictures }: TrainedOn, step: Step): Step =>
  (batch, context) => {
    if (batch.marks) pictures.add(batch.marks);
    return step(batch, context);
  };

/** A header has 32 MiB at most. Of more pictures the lowest marks are kept, which are a fair sample. */
const MOST_PICTURES = 2 ** 21;

/** The field of a file's header that says it. */
export function trainedOnMetadata(
  { pictures, complete }: TrainedOn,
  most = MOST_PICTURES,
): Record<string, string> {
  const marks = Buffer.from(pictures.marks().subarray(0, PICTURE_MARK * most));
  const all = complete && pictures.size <= most;
  return { [KEY]: `${all ? 'all' : 'some'} ${marks.toString('base64')}` };
}

/** What a file's header says; where it says nothing (or nothing that can be read) the history is not known. */
export function trainedOnIn(metadata: Record<string, string>): TrainedOn {
  const [, known, text] = /^(all|some) ([A-Za-z0-9+/]*)$/.exec(metadata[KEY] ?? '') ?? [];
  const trainedOn: TrainedOn = { pictures: new PictureSet(), complete: false };
  const marks = Buffer.from(text ?? '', 'base64');
  if (text === undefined || marks.length % PICTURE_MARK !== 0) return trainedOn;
  trainedOn.pictures.add(marks);
  return { ...trainedOn, complete: known === 'all' };
}
