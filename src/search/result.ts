/** What a search gives: everything its report shows. Plain JSON, `search.json` in the folder. */
import { checkTable, type MBConvTable } from '../models/mbconv-table.ts';
import {
  all,
  among,
  demand,
  flag,
  list,
  number,
  object,
  optional,
  orNull,
  type Rule,
  record,
  rule,
  text,
  whole,
} from '../text/rules.ts';
import { type SurrogateFigures, TRIAL, type Trial } from './method.ts';
import { FACTORS, type ScalingFactors } from './scaling/scaling.ts';
import { checkSpace, choiceOf, type SearchSpace } from './space.ts';

export const COST_UNITS = ['ms', 'multiply-adds', 'parameters'] as const;
export type CostUnit = (typeof COST_UNITS)[number];

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
  /** Mean of |fitted − measured| / measured over the networks whose steps were timed. */
  stepError?: number;
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

/** How a network of the grid came from the one that is scaled (grid.ts); 'scaled': by --scale. */
export type GridKind = 'base' | 'compound' | 'depth' | 'width' | 'resolution' | 'scaled';

/** A network of the grid, with the factors that its layers, channels and pictures were scaled by. */
export interface GridNetwork extends ScalingFactors {
  kind: GridKind;
  table: MBConvTable;
  multiplyAdds: number;
  parameters: number;
  /** Its multiply-adds over those of the base. */
  growth: number;
}

/** A network of the grid, trained; null where it diverged. */
export interface GridPoint extends GridNetwork {
  held: { loss: number; halves: readonly [number, number]; accuracy: number } | null;
  fresh: { loss: number; accuracy: number; pictures: number } | null;
}

/** A line of trials.jsonl: `network` is the name of its table. */
export interface GridTrial extends Trial {
  fresh: GridPoint['fresh'];
}

/** Networks of one family, each trained from scratch for as many steps. */
export interface GridResult {
  steps: number;
  points: GridPoint[];
  /** Place of the compound network of the lowest held loss among them; null where there is none. */
  best: number | null;
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
  /** Of `--grid` and `--scale`, which search nothing: there are no trials and finals then. */
  grid?: GridResult;
}

const figure = number(-Number.MAX_VALUE, Number.MAX_VALUE);
const positive = number(0, Number.MAX_VALUE);
const count = whole(0, Number.MAX_SAFE_INTEGER);
const share = number(0, 1);
const interval = list(figure, 2, 2);
const network = text(4096);
const words = text(10_000);
/** As many entries as one list of a result may have. */
const MOST = 50_000;

/** `Target` out of a file. */
export const TARGET: Rule = object({
  unit: among(COST_UNITS),
  value: number(Number.MIN_VALUE, 1e15),
  exponent: orNull(number(0, 10)),
  batch: whole(1, 65_536),
} satisfies Record<keyof Target, Rule>);

const seconds = object({ a: figure, b: figure, c: figure });

/** `LatencyTable` out of a file. */
export const LATENCY: Rule = object({
  batch: whole(1, 65_536),
  inputSize: whole(1, 4096),
  base: positive,
  blocks: record(positive, MOST),
  check: list(object({ network, predicted: positive, measured: positive }), 0, MOST),
  r2: figure,
  meanError: positive,
} satisfies Record<keyof LatencyTable, Rule>);

/** `Plan` out of a file. */
export const PLAN: Rule = object({
  adapter: words,
  driver: words,
  seconds: positive,
  batch: whole(1, 65_536),
  step: seconds,
  score: seconds,
  sharedStep: positive,
  sharedScore: seconds,
  stepError: optional(positive),
  latency: orNull(LATENCY),
} satisfies Record<keyof Plan, Rule>);

const role = among([
  'winner',
  'hand-made',
  'random',
  'efficientnet_b0',
  'mobilenet_v2',
] satisfies FinalRole[]);
const table = rule((value) => passes(() => checkTable(value)), "a network's table");
const measured = object({ loss: figure, accuracy: share });

const FINAL = object({
  role,
  network: orNull(network),
  table: orNull(table),
  multiplyAdds: count,
  parameters: count,
  cost: positive,
  measured: orNull(positive),
  steps: count,
  held: orNull(measured),
  fresh: orNull(object({ loss: figure, accuracy: share, pictures: count })),
  untaught: optional(orNull(measured)),
} satisfies Record<keyof Final, Rule>);

const SURROGATE = object({
  count,
  r: figure,
  rMultiplyAdds: figure,
  coefficients: list(
    object({ stage: count, column: text(32), value: figure, effect: figure, interval }),
    0,
    MOST,
  ),
  evolved: object({ network, predicted: figure }),
  optimum: orNull(object({ network, predicted: figure })),
} satisfies Record<keyof SurrogateFigures, Rule>);

const freshly = orNull(object({ loss: figure, accuracy: share, pictures: count }));

/** `GridTrial` out of a file. */
export const GRID_TRIAL: Rule = all(TRIAL, object({ fresh: freshly }));

const GRID = object({
  steps: count,
  points: list(
    all(
      FACTORS,
      object({
        kind: among(['base', 'compound', 'depth', 'width', 'resolution', 'scaled'] satisfies GridKind[]),
        table,
        multiplyAdds: count,
        parameters: count,
        growth: positive,
        held: orNull(object({ loss: figure, halves: interval, accuracy: share })),
        fresh: freshly,
      } satisfies Record<Exclude<keyof GridPoint, keyof ScalingFactors>, Rule>),
    ),
    0,
    100,
  ),
  best: orNull(whole(0, 99)),
} satisfies Record<keyof GridResult, Rule>);

/** `SearchResult` out of a file. */
const RESULT = object({
  format: among([1]),
  finished: flag,
  method: words,
  seed: count,
  space: object({}),
  target: TARGET,
  plan: PLAN,
  teacher: orNull(words),
  data: object({
    folder: orNull(words),
    classes: list(text(1000), 1, 65_536),
    train: count,
    held: count,
    fresh: count,
    freshIs: words,
  } satisfies Record<keyof SearchResult['data'], Rule>),
  trials: list(TRIAL, 0, MOST),
  surrogate: orNull(SURROGATE),
  agreements: list(
    object({ what: words, tau: figure, interval, count } satisfies Record<keyof Agreement, Rule>),
    0,
    MOST,
  ),
  finals: list(FINAL, 0, 16),
  comparisons: list(
    object({
      of: list(words, 2, 2),
      pictures: count,
      onlyFirst: count,
      onlySecond: count,
      p: share,
      difference: figure,
      interval,
    } satisfies Record<keyof Comparison, Rule>),
    0,
    MOST,
  ),
  returned: object({ role, reason: words }),
  time: list(object({ what: words, seconds: positive }), 0, 1000),
  grid: optional(GRID),
} satisfies Record<keyof SearchResult, Rule>);

function passes(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/**
 * The result that a value out of a file is.
 * @throws RangeError, a sentence that names the place, where it is none, or names a network that is none of its space
 */
export function checkResult(value: unknown): SearchResult {
  demand(RESULT, value, 'the result');
  const result = value as SearchResult;
  const space = checkSpace(result.space);
  for (const { network } of [...result.trials, ...result.finals])
    if (network !== null) choiceOf(space, network);
  return result;
}
