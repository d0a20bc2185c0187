/** The lessons by their names, in the order in which they are best read. */
import { dropout } from '../dropout.ts';
import { normalisation } from '../normalisation.ts';
import { residual } from '../residual.ts';
import { scaling } from '../scaling.ts';
import { separable } from '../separable.ts';
import { shortcut } from '../shortcut.ts';
import { transfer } from '../transfer.ts';
import type { Lesson } from './lesson.ts';

// biome-ignore lint/suspicious/noExplicitAny: each has settings of its own, which nobody but its `run` looks into.
export const LESSONS: Readonly<Record<string, Lesson<any>>> = {
  residual,
  scaling,
  transfer,
  normalisation,
  separable,
  dropout,
  shortcut,
};
