/** What a step of a run computes: the loss of its pictures by their labels, and by a teacher where it has one. */
import type { Device } from '../../gpu/index.ts';
import { distilStep, type Teacher } from '../../train/distil.ts';
import { labelsOptions, stepOptions } from '../../train/from-settings.ts';
import { labelsCriterion } from '../../train/labels/criterion.ts';
import { plainStep, type Step, stepOf } from '../../train/step.ts';
import { classSizes } from '../class-text.ts';
import type { Plan } from './setup.ts';

export interface RunStep {
  step: Step;
  /** On the device of the run; null where none teaches. */
  teacher: Teacher | null;
}

export async function stepOn(device: Device, { settings, set, teacher: opened }: Plan): Promise<RunStep> {
  const teacher = (await opened?.on(device)) ?? null;
  if (set.task === 'labels') {
    const options = labelsOptions(settings, set.classes, classSizes(set).train, set.train.length);
    return { teacher: null, step: stepOf(labelsCriterion(options), options) };
  }
  const options = stepOptions(settings, set.classes, classSizes(set).train);
  return { teacher, step: teacher ? distilStep({ ...options, teacher }) : plainStep(options) };
}
