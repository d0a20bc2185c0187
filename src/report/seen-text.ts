/** What is said of pictures that a network may have learnt from. */

import { counted } from '../text/figures.ts';
import type { TrainedOn } from '../train/node/trained-on.ts';

/** How many of `count` pictures a network has trained on, as far as that is known. */
export function describeSeen(seen: number, count: number, { complete, pictures }: TrainedOn): string {
  const all = counted(count, 'picture');
  if (seen > 0)
    return `It has trained on ${seen.toLocaleString('en-US')} of the ${all} (the same bytes), which flatters the figures.`;
  if (complete) return `It has trained on none of the ${all}.`;
  return pictures.size > 0
    ? `It has trained on none of the ${all} as far as is known; what the weights that it began with had learnt from is not.`
    : `Whether it has trained on any of the ${all} is not known: the file does not say what it has trained on.`;
}
