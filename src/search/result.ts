/** What a search gives: everything its report shows. Plain JSON, `search.json` in the folder. */
import type { MBConvTable } from '../models/mbconv-table.ts';
import type { SurrogateFigures, Trial } from './method.ts';
import type { SearchSpace } from './space.ts';

export type CostUnit = 'ms' | 'multiply-adds' | 'parameters';

/** What a network may cost. */
export interface Target {
  unit: CostUnit;
  value: number;
  /** Null: nothing above `value` is taken. Else w of loss · (cost / value)^w, after MnasNet's exponent (Tan et al. 2019). */
  exponent: number | null;
  /** Pictures in a batch whose latency is meant. */
  batch: number;
}

/** What was measured before the search began; from this and the seed all else follows. */
export interface Plan {
  adapter: string;
  driver: string;
  /** Seconds of the whole search, as the user asked. */
  seconds: number;
  /** Training batch. */
  batch: number;
  /** Seconds of a training step and of a measurement: a + b · multiply-adds + c · blocks, of one picture forward. */
  step: { a: number; b: number; c: number };
  score: { a: number; b: number; c: number };
  /** Of the weight-shared network. */
  sharedStep: number;
  sharedScore: { a: number; b: number; c: number };
  /** The measured latencies; null where the target is not in milliseconds. */
  latency: LatencyTable | null;
}

/** Milliseconds of the blocks of a space on one adapter. */
export interface LatencyTable {
  batch: number;
  inputSize: number;
  /** Of what surrounds the blocks. */
  base: number;
  /** Milliseconds by `blockKey`. */
  blocks: Record<string, number>;
  /** Whole networks, predicted and measured. */
  check: { network: string; predicted: number; measured: number }[];
  r2: number;
  /** Mean of |predicted − measured| / measured. */
  meanError: number;
}

/** A difference between two networks on the same pictures. */
export interface Comparison {
  of: [string, string];
  pictures: number;
  /** Pictures that only the first, and only the second has right. */
  onlyFirst: number;
  onlySecond: number;
  /** McNemar's exact test, two-sided. */
  p: number;
  /** Loss of the first less that of the second, with its 95 % bootstrap interval over pictures. */
  difference: number;
  interval: [number, number];
}

export type FinalRole = 'winner' | 'hand-made' | 'random' | 'efficientnet_b0' | 'mobilenet_v2';

/** A network that was trained to the end. */
export interface Final {
  role: FinalRole;
  /** `keyOf`; null for networks that are none of the space's. */
  network: string | null;
  table: MBConvTable | null;
  multiplyAdds: number;
  parameters: number;
  /** In the unit of the target: predicted, and measured on the network itself (milliseconds only). */
  cost: number;
  measured: number | null;
  /** Steps it was trained for; 0 where it was not, and nothing is known of its loss. */
  steps: number;
  /** On the held pictures, which the search has seen; on fresh ones, which it has not. */
  held: { loss: number; accuracy: number } | null;
  fresh: { loss: number; accuracy: number; pictures: number } | null;
  /** Where a teacher taught it: the same network without. */
  untaught?: { loss: number; accuracy: number } | null;
}

/** Rank agreement of two lists of losses of the same networks (Kendall's τ-b) with its 95 % bootstrap interval. */
export interface Agreement {
  what: string;
  tau: number;
  interval: [number, number];
  count: number;
}

export interface SearchResult {
  format: 1;
  finished: boolean;
  method: string;
  seed: number;
  space: SearchSpace;
  target: Target;
  plan: Plan;
  teacher: string | null;
  data: {
    folder: string | null;
    classes: string[];
    train: number;
    held: number;
    fresh: number;
    freshIs: string;
  };
  trials: Trial[];
  surrogate: SurrogateFigures | null;
  /** The halves of the held pictures; each rung with the next; multiply-adds with the loss. */
  agreements: Agreement[];
  finals: Final[];
  comparisons: Comparison[];
  /** Which of winner and hand-made is best.safetensors, and in a sentence why. */
  returned: { role: FinalRole; reason: string };
  /** Where the time went. */
  time: { what: string; seconds: number }[];
}
