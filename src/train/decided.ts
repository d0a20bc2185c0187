/** From which probability classes or labels are called, as whoever trained the network decided. */
import type { CheckpointInfo } from './checkpoint-info.ts';
import { callingOf, decisionSentence } from './evaluation/threshold.ts';
import { decisionsFor, decisionsSentence, thresholdsOf } from './labels/thresholds.ts';
import type { Calling } from './metrics.ts';

export interface Decided {
  /** A class that is called from a threshold on; absent where the likeliest is. */
  calling?: Calling;
  /** Where several labels may hold of a picture: from which probability each is called. Absent where one class does. */
  thresholds?: readonly number[];
}

/** What a checkpoint decided, and who chose it and why, a sentence; null where the likeliest class is called. */
export function decidedIn({
  task,
  classes,
  decision,
  decisions = [],
}: Pick<CheckpointInfo, 'task' | 'classes' | 'decision' | 'decisions'>): {
  decided: Decided;
  sentence: string | null;
} {
  if (task === 'labels') {
    const several = decisionsFor(decisions, classes);
    return { decided: { thresholds: thresholdsOf(several) }, sentence: decisionsSentence(several) };
  }
  if (!decision) return { decided: {}, sentence: null };
  return { decided: { calling: callingOf(decision, classes) }, sentence: decisionSentence(decision) };
}
