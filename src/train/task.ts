/**
 * The two things that a network can be asked of a picture, and what each is made of: `classes`, which one it shows (softmax and
 * cross-entropy), and `labels`, which ones hold of it, none, one or several (a sigmoid and binary cross-entropy for each). What
 * only one of them has stands in evaluation/ and in labels/; who works with either asks here.
 */
import type { Task } from '../data/sample.ts';
import type { Evaluation } from './evaluation/evaluation.ts';
import { headline } from './evaluation/headline.ts';
import type { Inference } from './infer.ts';
import { labelAnswers, sigmoidRow } from './labels/answers.ts';
import type { LabelEvaluation } from './labels/evaluation.ts';
import { labelHeadline } from './labels/headline.ts';
import { measureLabels } from './labels/metrics.ts';
import { type Metrics, measure, softmaxRow } from './metrics.ts';

/** Of classes, or of labels: `of.task === 'labels'` tells. */
export type AnyEvaluation = Evaluation | LabelEvaluation;

/** The sentences that are said first of an evaluation. */
export const headlineOf = (of: AnyEvaluation): string[] =>
  of.task === 'labels' ? labelHeadline(of) : headline(of);

/** How many of the pictures that were measured each class or label has. */
export const countsOf = (of: AnyEvaluation): number[] =>
  (of.task === 'labels' ? of.perLabel : of.perClass).map(({ count }) => count);

/** The figures of an epoch (`FitOptions.measure`), with the thresholds that nobody chose. */
export const MEASURES: Readonly<Record<Task, (answers: Inference) => Metrics>> = {
  classes: (answers) => measure(answers),
  labels: (answers) => measureLabels(labelAnswers(answers)),
};

/** The probabilities of a row of logits: shares of all classes, or each label's own. */
export const PROBABILITIES: Readonly<Record<Task, (logits: ArrayLike<number>) => Float64Array>> = {
  classes: softmaxRow,
  labels: sigmoidRow,
};
