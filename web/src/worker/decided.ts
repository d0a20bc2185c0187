/** What a file decided is called of its answers: a checkpoint of `train` says it; other weights call labels from 0.5 on. */
import { INFO_KEY, infoIn } from '../../../src/train/checkpoint-info.ts';
import { decidedIn } from '../../../src/train/decided.ts';
import type { KnownWeights } from '../../../src/weights/door.ts';

/** @throws InputError, a sentence, where the checkpoint's description is damaged */
export function decidedOf(
  { file, card }: KnownWeights,
  classes: readonly string[],
): ReturnType<typeof decidedIn> {
  const json = file.metadata[INFO_KEY];
  if (json !== undefined) return decidedIn(infoIn(file.name ?? 'the file', json));
  return decidedIn({ ...(card.task === 'labels' && { task: 'labels' }), classes: [...classes] });
}
