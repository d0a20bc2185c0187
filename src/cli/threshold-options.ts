/** The options of `train` and `evaluate` on which class counts as the positive one, and from which probability it is called. */
import type { Command } from 'commander';
import { unknownName } from '../text/suggest.ts';
import { type Decision, givenDecision, type ThresholdTarget } from '../train/evaluation/threshold.ts';
import { fractionNumber } from './command-line.ts';
import { UserError } from './ui.ts';

/** As commander gives them, or as a run's settings hold them. */
export interface ThresholdOptions {
  positive?: string | null;
  threshold?: number | null;
  targetPrecision?: number | null;
  targetRecall?: number | null;
}

/** Adds the options to a command. */
export function addThresholdOptions(command: Command): void {
  command
    .option('--positive <class>', 'what counts as found (default: of two the second)')
    .option('--threshold <p>', 'it is called from this probability on', fractionNumber)
    .option('--target-precision <p>', 'the threshold that reaches it and finds most', fractionNumber)
    .option('--target-recall <p>', 'the threshold that reaches it, most precisely', fractionNumber);
}

/** What is asked of the threshold, for classes that are known. */
export interface ThresholdWish {
  /** Index of the class; undefined where nobody named one. */
  positive: number | undefined;
  /** A threshold that was given. */
  decision: Decision | null;
  /** What one is to be chosen for. */
  target: ThresholdTarget | null;
}

/** @throws UserError, a sentence, for a class that there is not, and for options that contradict each other */
export function thresholdWish(options: ThresholdOptions, classes: readonly string[]): ThresholdWish {
  const { positive: name, threshold, targetPrecision, targetRecall } = options;
  const given = (
    [
      ['--threshold', threshold],
      ['--target-precision', targetPrecision],
      ['--target-recall', targetRecall],
    ] as const
  ).flatMap(([option, value]) => (value === undefined || value === null ? [] : [option]));
  if (given.length > 1)
    throw new UserError(`${given.join(' and ')} each decide on the threshold; leave out all but one`);
  const named = name === undefined || name === null ? undefined : classes.indexOf(name.normalize('NFC'));
  if (named !== undefined && named < 0)
    throw new UserError(`--positive: ${unknownName('class', name!, [...classes])}`);
  if (given.length > 0 && named === undefined && classes.length !== 2)
    throw new UserError(
      `${given[0]} is for one class, and of ${classes.length} none is the positive one; name it with --positive CLASS`,
    );
  const positive = named ?? (given.length > 0 ? 1 : undefined);
  return {
    positive,
    decision:
      threshold === undefined || threshold === null ? null : givenDecision(classes[positive!], threshold),
    target:
      targetPrecision !== undefined && targetPrecision !== null
        ? { precision: targetPrecision }
        : targetRecall !== undefined && targetRecall !== null
          ? { recall: targetRecall }
          : null,
  };
}
