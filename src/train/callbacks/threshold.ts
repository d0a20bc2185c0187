/**
 * Chooses, after every epoch, the threshold from which a class is called: for a target precision or recall, on the validation
 * pictures. What it decided stands until the weights move on.
 */
import type { Callback, EpochEvent } from '../callback.ts';
import { chooseThreshold, type Decision, type ThresholdTarget } from '../evaluation/threshold.ts';
import { unanswered } from '../infer.ts';

export interface ThresholdChoiceOptions {
  classes: readonly string[];
  /** Index of the class. */
  positive: number;
  target: ThresholdTarget;
}

export class ThresholdChoice implements Callback {
  readonly name = 'threshold';
  /** Of the weights as they are; null where they have not been validated, and where no threshold reaches the target. */
  decision: Decision | null = null;

  constructor(private readonly options: ThresholdChoiceOptions) {}

  onStep(): void {
    this.decision = null;
  }

  onEpoch({ answers }: EpochEvent): void {
    const { target, ...about } = this.options;
    if (!answers || unanswered(answers).length > 0) return;
    this.decision = chooseThreshold(answers, { ...about, scored: 'val' }, target).decision;
  }
}
