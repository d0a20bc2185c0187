/** What a network's answers to the held pictures say of it. */
import { type Answers, argmax, rowOf } from '../train/metrics.ts';
import type { Score } from './method.ts';

/**
 * The loss of a network that diverged: ten times that of answering every class alike, since JSON holds no infinity. No loss
 * is counted above it, so that such a network stands behind all others.
 */
export const lossOfDiverged = (classes: number): number => 10 * Math.log(Math.max(classes, 2));

/** The score of a network whose weights or answers are not finite. */
export function divergedScore(classes: number): Score {
  const loss = lossOfDiverged(classes);
  return { loss, halves: [loss, loss], accuracy: 0, diverged: true };
}

/** Of each picture, its cross-entropy and whether its likeliest class is right. */
export interface PictureAnswers {
  losses: Float64Array;
  right: Uint8Array;
}

/** Null where an answer is not finite. */
export function pictureAnswers(answers: Answers): PictureAnswers | null {
  if (!answers.logits.every(Number.isFinite)) return null;
  const losses = new Float64Array(answers.labels.length);
  const right = new Uint8Array(answers.labels.length);
  for (const [i, label] of answers.labels.entries()) {
    const row = rowOf(answers, i);
    const best = argmax(row);
    let total = 0;
    for (const logit of row) total += Math.exp(logit - row[best]!);
    losses[i] = Math.log(total) + row[best]! - row[label]!;
    right[i] = Number(best === label);
  }
  return { losses, right };
}

/** The score; the halves are those of the order of the pictures. */
export function scoreOf(answers: Answers): Score {
  const each = pictureAnswers(answers);
  if (!each) return divergedScore(answers.classes);
  const most = lossOfDiverged(answers.classes);
  const { losses, right } = each;
  const middle = Math.ceil(losses.length / 2);
  const loss = (from: number, to: number): number => Math.min(mean(losses.subarray(from, to)), most);
  return {
    loss: loss(0, losses.length),
    halves: [loss(0, middle), loss(middle, losses.length)],
    accuracy: mean(right),
  };
}

export function mean(values: Float64Array | Uint8Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
