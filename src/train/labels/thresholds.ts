/**
 * From which probability each label is called, where several may hold of a picture: 0.5, what somebody gave for all of them, or
 * what is chosen for each on the validation pictures.
 */
import { list, type Rule } from '../../text/rules.ts';
import type { Callback, EpochEvent } from '../callback.ts';
import {
  chooseAmong,
  DECISION,
  type Decision,
  describeScored,
  givenDecision,
  type Scored,
  type ThresholdTarget,
} from '../evaluation/threshold.ts';
import { unanswered } from '../infer.ts';
import { percent } from '../metrics.ts';
import { columnOf, DEFAULT_THRESHOLD, type LabelAnswers, labelAnswers, scoresOfLabel } from './answers.ts';

/** The decisions of all labels, in their order; null of one whose threshold nobody chose. */
export type LabelDecisions = readonly (Decision | null)[];

/** `LabelDecisions` out of a file, where none is null: those that were not chosen are left out. */
export const DECISIONS: Rule = list(DECISION, 0, 65_536);

/** The thresholds of labels that are known. */
export const thresholdsOf = (decisions: LabelDecisions): number[] =>
  decisions.map((decision) => decision?.threshold ?? DEFAULT_THRESHOLD);

/** The decisions of a file, in the order of the labels. */
export const decisionsFor = (kept: readonly Decision[], classes: readonly string[]): LabelDecisions =>
  classes.map((name) => kept.find(({ positive }) => positive === name) ?? null);

/** One threshold for all labels. */
export const givenDecisions = (threshold: number, classes: readonly string[]): LabelDecisions =>
  classes.map((name) => givenDecision(name, threshold));

/** Chooses the threshold of each label for a target; of one for which there is none it stays 0.5, and a sentence says why. */
export function chooseThresholds(
  answers: LabelAnswers,
  { classes, scored }: { classes: readonly string[]; scored: Scored },
  target: ThresholdTarget,
): { decisions: LabelDecisions; notChosen: string[] } {
  const chosen = classes.map((name, label) =>
    chooseAmong(
      scoresOfLabel(answers, label),
      columnOf(answers.targets, answers.classes, label),
      { name, scored },
      target,
    ),
  );
  return {
    decisions: chosen.map(({ decision }) => decision),
    notChosen: chosen.flatMap((one) => ('sentence' in one ? [one.sentence] : [])),
  };
}

/** Who chose the thresholds and why, a sentence. */
export function decisionsSentence(decisions: LabelDecisions): string {
  const first = decisions.find((decision) => decision !== null);
  if (!first)
    return `Each label is called from a probability of ${DEFAULT_THRESHOLD} on, as nobody chose others.`;
  const { by, target, on, pictures, threshold } = first;
  if (by === 'given' || on === null)
    return `Each label is called from a probability of ${threshold} on, as was asked for.`;
  const rest = decisions.includes(null) ? `; where there is none, ${DEFAULT_THRESHOLD}` : '';
  const there = describeScored(on, pictures ?? 0);
  return by === 'f1' || target === null
    ? `Each label is called from the probability that gives it the highest F1 on ${there}${rest}.`
    : `Each label is called from the probability that gives it a ${by} of at least ${percent(target)} on ${there}${rest}.`;
}

/** Chooses the thresholds after every epoch, on the validation pictures. They stand until the weights move on. */
export class LabelThresholdChoice implements Callback {
  readonly name = 'threshold';
  /** Of the weights as they are; null where they have not been validated. */
  decisions: LabelDecisions | null = null;

  constructor(private readonly options: { classes: readonly string[]; target: ThresholdTarget }) {}

  onStep(): void {
    this.decisions = null;
  }

  onEpoch({ answers }: EpochEvent): void {
    const { target, classes } = this.options;
    if (!answers || unanswered(answers).length > 0) return;
    this.decisions = chooseThresholds(labelAnswers(answers), { classes, scored: 'val' }, target).decisions;
  }
}
