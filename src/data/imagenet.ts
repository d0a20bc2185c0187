/**
 * The 1000 classes of ImageNet (ILSVRC 2012) by index, as torchvision names them (`torchvision.models._meta`, BSD
 * licence). Every name is there once: the two cranes are `crane bird` and `crane`.
 */
import { readFileSync } from 'node:fs';

export const imagenetClasses: readonly string[] = JSON.parse(
  readFileSync(new URL('imagenet-classes.json', import.meta.url), 'utf8'),
);
