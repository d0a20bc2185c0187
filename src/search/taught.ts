/** A teacher as a search has one: every network of it learns what the teacher says to its pictures. */
import { distilCriterion, type Teacher } from '../train/distil.ts';
import { stepOf } from '../train/step.ts';
import type { SearchTeacher } from './options.ts';

/** @param name for the result */
export function taughtBy(name: string, teacher: Teacher): SearchTeacher {
  const criterion = distilCriterion({ teacher });
  return { name, criterion, step: () => stepOf(criterion) };
}
