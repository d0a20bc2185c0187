/**
 * What is said first of an evaluation: how many of which pictures are right, how far that may be from the truth, and what was
 * chosen on these very pictures.
 */
import { type Inference, unanswered } from '../infer.ts';
import { argmax, percent } from '../metrics.ts';
import {
  type Choice,
  type Evaluation,
  type EvaluationBase,
  type EvaluationOptions,
  evaluation,
} from './evaluation.ts';
import { type Interval, percentRange } from './intervals.ts';
import { chooseThreshold, type Decision, describeScored, type ThresholdTarget } from './threshold.ts';

/** Intervals wider than this leave much open. */
const WIDE = 0.1;

/** The sentences of the headline, each for a line of its own. */
export function headline(of: Evaluation): string[] {
  // A temperature changes no figure of the headline.
  const choice = of.chosen.some((one) => one !== 'temperature') ? choiceSentence(of) : null;
  return [accuracySentence(of), of.threshold?.sentence, choice].filter(
    (sentence) => sentence !== undefined && sentence !== null,
  );
}

/**
 * `12 of the 12 test pictures are answered rightly: accuracy 100.0 %, 95 % interval 75.8–100.0 %. So few pictures leave that
 * much open.`
 */
export function accuracySentence({ metrics, intervals, scored, classes, perClass }: Evaluation): string {
  const { count, accuracy, largestShare } = metrics;
  const right = Math.round(accuracy * count);
  const interval = intervals.accuracy!;
  const said = `${right.toLocaleString('en-US')} of ${describeScored(scored, count)} ${right === 1 ? 'is' : 'are'} answered rightly: accuracy ${percent(accuracy)}, 95 % interval ${percentRange(interval)}.`;
  const largest = classes[argmax(perClass.map((one) => one.count))];
  const open = interval.high - interval.low > WIDE ? ' So few pictures leave that much open.' : '';
  const several = perClass.filter((one) => one.count > 0).length > 1;
  return said + open + (several ? besideLargest(interval, largest, largestShare) : '');
}

/** What always answering the largest class would give, where the figure does not lie clearly above it. */
function besideLargest(interval: Interval, largest: string, share: number): string {
  if (interval.low > share) return '';
  const verdict = interval.high < share ? 'worse' : 'not surely better';
  return ` That is ${verdict} than always answering '${largest}', which is right for ${percent(share)}.`;
}

/**
 * What was chosen on the pictures that are scored, a sentence; null where nothing was. `The epoch and the temperature were
 * chosen on the 100 validation pictures, which flatters these figures; a folder test/ beside train/ and val/ keeps pictures
 * apart on which nothing is chosen.`
 */
export function choiceSentence({
  chosen,
  scored,
  metrics,
}: Pick<EvaluationBase, 'chosen' | 'scored' | 'metrics'>): string | null {
  if (chosen.length === 0) return null;
  const names = chosen.map((one) => `the ${one}`);
  const listed = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  const subject = listed[0].toUpperCase() + listed.slice(1);
  const pictures = describeScored(scored, metrics.count);
  if (chosen.every((one) => one === 'temperature'))
    return `${subject} was fitted on ${pictures} themselves, which flatters the calibration after it.`;
  const many = chosen.length > 1 || chosen[0] === 'thresholds';
  return (
    `${subject} ${many ? 'were' : 'was'} chosen on ${pictures}, which flatters these figures; ` +
    'a folder test/ beside train/ and val/ keeps pictures apart on which nothing is chosen.'
  );
}

/** What the best network of a run says to the pictures that chose it and, where there are some, to those that are held out. */
export interface RunAnswers {
  val: Inference | null;
  test: Inference | null;
}

export interface RunEvaluations<Of = Evaluation> {
  /** Of the test pictures where there are some, else of the validation ones: the headline. Null where nothing is known. */
  evaluation: Of | null;
  /** Of the validation pictures, where the headline is of others. */
  validation: Of | null;
  /** Why no threshold was chosen where one was asked for; null where one was, or none was. */
  notChosen: string | null;
}

/**
 * The figures of a run's best network. Epoch and threshold were chosen on the validation pictures, and a temperature is fitted
 * on them, so that those of the test pictures owe nothing to a choice.
 * @param epochs validated ones, of which the best was taken
 * @param decision what is called from a threshold that somebody gave
 * @param target what a threshold is chosen for, on the validation pictures
 */
export function evaluationsOf(
  { val, test }: RunAnswers,
  {
    epochs,
    decision = null,
    target = null,
    ...options
  }: Pick<EvaluationOptions, 'classes' | 'positive' | 'decision'> & {
    epochs: number;
    target?: ThresholdTarget | null;
  },
): RunEvaluations {
  const sound = (answers: Inference | null): answers is Inference =>
    answers !== null && answers.labels.length > 0 && unanswered(answers).length === 0;
  const wish = sound(val) && target ? decide(val, { ...options, scored: 'val' }, target) : null;
  const decided: Decision | null = wish ? wish.decision : decision;
  const chosen: Choice[] = [
    ...(epochs > 1 ? (['epoch'] as const) : []),
    ...(wish?.decision ? (['threshold'] as const) : []),
  ];
  const validation = sound(val)
    ? evaluation(val, { ...options, decision: decided, scored: 'val', chosen })
    : null;
  const notChosen = wish?.notChosen ?? null;
  if (!sound(test)) return { evaluation: validation, validation: null, notChosen };
  const temperature = validation?.calibration.temperature?.value;
  const held = evaluation(test, { ...options, decision: decided, scored: 'test', temperature });
  return { evaluation: held, validation, notChosen };
}

/** A threshold for a target, or the sentence why there is none. */
function decide(
  answers: Inference,
  { positive = 1, classes, scored }: Pick<EvaluationOptions, 'positive' | 'classes'> & { scored: 'val' },
  target: ThresholdTarget,
): { decision: Decision | null; notChosen: string | null } {
  const chosen = chooseThreshold(answers, { positive, classes, scored }, target);
  return { decision: chosen.decision, notChosen: 'sentence' in chosen ? chosen.sentence : null };
}
