/** The options of `train` and `evaluate` on which class counts as the positive one, and from which probability it is called. */
import type { Command } from 'commander';
import { unknownName } from '../text/suggest.ts';
import { type Decision, givenDecision, type ThresholdTarget } from '../train/evaluation/threshold.ts';
import { givenDecisions, type LabelDecisions } from '../train/labels/thresholds.ts';
import { fractionNumber } from './command-line.ts';
import { UserError } from './ui.ts';

/** As commander gives them, or as a run's settings hold them. */
export interface ThresholdOptions {
  positive?: string | null;
  /** 'f1': the one that gives the highest F1. */
  threshold?: number | 'f1' | null;
  targetPrecision?: number | null;
  targetRecall?: number | null;
}

/** Adds the options to a command. */
export function addThresholdOptions(command: Command): void {
  command
    .option('--positive <class>', 'what counts as found (default: of two the second)')
    .option('--threshold <p>', "it is called from this probability on; 'f1': the best F1's", thresholdValue)
    .option('--target-precision <p>', 'the threshold that reaches it and finds most', fractionNumber)
    .option('--target-recall <p>', 'the threshold that reaches it, most precisely', fractionNumber);
}

const thresholdValue = (text: string): number | 'f1' => (text === 'f1' ? 'f1' : fractionNumber(text));

/** What is asked of the threshold, for classes that are known. */
export interface ThresholdWish {
  /** Index of the class; undefined where nobody named one. */
  positive: number | undefined;
  /** A threshold that was given. */
  decision: Decision | null;
  /** What one is to be chosen for. */
  target: ThresholdTarget | null;
}

/** What the options ask for, before it is known of which class. @throws UserError for options that contradict each other */
function askedOf({ threshold, targetPrecision, targetRecall }: ThresholdOptions): {
  /** The option that asks; null where none does. */
  option: string | null;
  given: number | null;
  target: ThresholdTarget | null;
} {
  const asked = (
    [
      ['--threshold', threshold],
      ['--target-precision', targetPrecision],
      ['--target-recall', targetRecall],
    ] as const
  ).flatMap(([option, value]) => (value === undefined || value === null ? [] : [option]));
  if (asked.length > 1)
    throw new UserError(`${asked.join(' and ')} each decide on the threshold; leave out all but one`);
  return {
    option: asked[0] ?? null,
    given: typeof threshold === 'number' ? threshold : null,
    target:
      threshold === 'f1'
        ? 'f1'
        : targetPrecision !== undefined && targetPrecision !== null
          ? { precision: targetPrecision }
          : targetRecall !== undefined && targetRecall !== null
            ? { recall: targetRecall }
            : null,
  };
}

/** @throws UserError, a sentence, for a class that there is not, and for options that contradict each other */
export function thresholdWish(options: ThresholdOptions, classes: readonly string[]): ThresholdWish {
  const { positive: name } = options;
  const { option, given, target } = askedOf(options);
  const named = name === undefined || name === null ? undefined : classes.indexOf(name.normalize('NFC'));
  if (named !== undefined && named < 0)
    throw new UserError(`--positive: ${unknownName('class', name!, [...classes])}`);
  if (option !== null && named === undefined && classes.length !== 2)
    throw new UserError(
      `${option} is for one class, and of ${classes.length} none is the positive one; name it with --positive CLASS`,
    );
  const positive = named ?? (option !== null ? 1 : undefined);
  return { positive, decision: given === null ? null : givenDecision(classes[positive!], given), target };
}

/** What is asked of the thresholds of labels, of which several may hold of a picture. */
export interface LabelThresholdWish {
  /** Thresholds that were given. */
  decisions: LabelDecisions | null;
  /** What one is to be chosen for, label by label. */
  target: ThresholdTarget | null;
}

/** @throws UserError, a sentence, for options that contradict each other or name one label */
export function labelThresholdWish(
  options: ThresholdOptions,
  classes: readonly string[],
): LabelThresholdWish {
  if (options.positive !== undefined && options.positive !== null)
    throw new UserError(
      '--positive is for classes of which one is found; of several labels each is found for itself, so leave it out',
    );
  const { given, target } = askedOf(options);
  return { decisions: given === null ? null : givenDecisions(given, classes), target };
}
