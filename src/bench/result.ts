/**
 * What a run of the bench found, as one JSON document: the table, the page, README's figures and every comparison are
 * functions of it. A document of another machine or an older version is read by `benchResultOf`, which believes nothing.
 *
 * Times are in milliseconds, rates in GFLOP/s and GB/s (10⁹). FLOPs are those of the direct algorithm, whatever runs: twice
 * its multiply-adds; bytes are those that must move: each operand read once, each result written once, in float32.
 */
import {
  among,
  demand,
  flag,
  list,
  number,
  object,
  optional,
  orNull,
  parseBounded,
  type Rule,
  text,
  whole,
} from '../text/rules.ts';

/** Of the format; another one is refused with a sentence. */
export const BENCH_VERSION = 1;

/** On what it was measured. */
export interface BenchHeader {
  /** ISO 8601. */
  date: string;
  /** Of the sources, with a `+` where files differed from it; null where there is no repository. */
  commit: string | null;
  adapter: { description: string; vendor: string; architecture: string; device: string; software: boolean };
  /** Of the driver and the API behind the adapter, as far as they are told. */
  driver: string | null;
  /** What answers WebGPU: Dawn's version in Node, the browser's name there. */
  dawn: string | null;
  /** `Node 20.19`, or null in a browser. */
  runtime: string | null;
  /** Of Dawn. */
  toggles: readonly string[];
  /** Of the device, those that kernels use, and the traits that they ask. */
  features: readonly string[];
  lanes: number;
  /** Problems whose row a tuning record chose; absent where it was left aside or there is none. */
  tuned?: number;
  /** The processor, where it computes. */
  processor: string | null;
}

/** What the adapter does at best: the best of a fixed set of kernels. */
export interface Ceiling {
  /** GFLOP/s, or GB/s read plus written. */
  value: number;
  /** The kernel that won, and what all of them reached. */
  kernel: string;
  tried: readonly { kernel: string; value: number }[];
  /** Why no share of it may be printed; null where it stands. */
  doubt: string | null;
}

export interface Ceilings {
  arithmetic: Ceiling;
  bandwidth: Ceiling;
}

export interface Timing {
  /** Milliseconds of one run: the median, the 10th and the 90th percentile of `samples`. */
  median: number;
  p10: number;
  p90: number;
  /** Every sample, in the order in which they were taken, a list for each round of the run. */
  rounds: readonly (readonly number[])[];
  /** Runs in a sample. */
  repeats: number;
}

export const PASSES = [
  'forward',
  'input gradient',
  'weight gradient',
  'gradients',
  'update',
  'step',
] as const;
export type Pass = (typeof PASSES)[number];

/** A problem or a model that was timed. */
export interface BenchEntry {
  /** Unique in a document but for `variant`, and the same in every run: comparisons go by both. */
  name: string;
  group: 'kernels' | 'models';
  /** `conv2d`, `linear`, `batchNorm`; of a model, its name. */
  op: string;
  pass: Pass;
  /** The row of the table of kernels that computed it; null where there is one way only, or many took part. */
  variant: string | null;
  /** The networks that have this problem, with how often a forward pass of each runs it. */
  networks: readonly { name: string; times: number }[];
  /** Largest difference from the reference over its largest value, what is allowed, and what the reference is; null: there is none. */
  error: { value: number; allowed: number; against: string } | null;
  timing: Timing | null;
  flops: number;
  bytes: number;
  /** Which ceiling is nearer for so many FLOPs and bytes, and the share of it that was reached; null where it does not stand. */
  limit: 'arithmetic' | 'bandwidth' | null;
  share: number | null;
  /** Why there are no figures: a wrong result, a refusal. */
  failed: string | null;
}

/** A program, and what its first dispatch took beyond a later one. */
export interface ProgramCost {
  name: string;
  compileMs: number;
}

/** What a model costs before it is warm, and what a warm one still makes. */
export interface StartEntry {
  /** That of a model's entry. */
  name: string;
  /**
   * Milliseconds of the first call in a fresh process with an empty shader cache, and with a filled one; null: not measured. In a
   * browser, which lets no page begin a process, warm is the first call on a fresh device.
   */
  coldMs: number | null;
  warmMs: number | null;
  programs: readonly ProgramCost[];
  /** Made after the second call: none is what should be. */
  made: { buffers: number; bindGroups: number; pipelines: number };
  dispatches: number;
  /** Microseconds of JavaScript for each dispatch of a warm call. */
  javascriptUs: number;
}

export interface BenchResult {
  format: 'tessera-bench';
  version: typeof BENCH_VERSION;
  header: BenchHeader;
  ceilings: Ceilings | null;
  entries: readonly BenchEntry[];
  starts: readonly StartEntry[];
}

const words = text(4096);
const figure = number(0, Number.MAX_VALUE);
const count = whole(0, Number.MAX_SAFE_INTEGER);
/** Bounds of a document. */
const MOST = { entries: 10_000, rounds: 1000, samples: 10_000, names: 1000 };

const CEILING: Rule = object({
  value: figure,
  kernel: words,
  tried: list(object({ kernel: words, value: figure }), 1, MOST.names),
  doubt: orNull(words),
} satisfies Record<keyof Ceiling, Rule>);

/** What a header has to be, also in documents of another kind (bench/peers). */
export const HEADER: Rule = object({
  date: text(64),
  commit: orNull(text(64)),
  adapter: object({
    description: words,
    vendor: words,
    architecture: words,
    device: words,
    software: flag,
  } satisfies Record<keyof BenchHeader['adapter'], Rule>),
  driver: orNull(words),
  dawn: orNull(words),
  runtime: orNull(words),
  toggles: list(words, 0, MOST.names),
  features: list(words, 0, MOST.names),
  lanes: count,
  tuned: optional(count),
  processor: orNull(words),
} satisfies Record<keyof BenchHeader, Rule>);

/** What a timing has to be, likewise. */
export const TIMING: Rule = object({
  median: figure,
  p10: figure,
  p90: figure,
  rounds: list(list(figure, 1, MOST.samples), 1, MOST.rounds),
  repeats: whole(1, Number.MAX_SAFE_INTEGER),
} satisfies Record<keyof Timing, Rule>);

const ENTRY: Rule = object({
  name: words,
  group: among(['kernels', 'models']),
  op: words,
  pass: among(PASSES),
  variant: orNull(words),
  networks: list(object({ name: words, times: count }), 0, MOST.names),
  error: orNull(object({ value: figure, allowed: figure, against: words })),
  timing: orNull(TIMING),
  flops: figure,
  bytes: figure,
  limit: orNull(among(['arithmetic', 'bandwidth'])),
  share: orNull(figure),
  failed: orNull(words),
} satisfies Record<keyof BenchEntry, Rule>);

const START: Rule = object({
  name: words,
  coldMs: orNull(figure),
  warmMs: orNull(figure),
  programs: list(object({ name: words, compileMs: figure }), 0, MOST.names),
  made: object({ buffers: count, bindGroups: count, pipelines: count }),
  dispatches: count,
  javascriptUs: figure,
} satisfies Record<keyof StartEntry, Rule>);

const RESULT: Rule = object({
  format: among(['tessera-bench']),
  version: among([BENCH_VERSION]),
  header: HEADER,
  ceilings: orNull(
    object({ arithmetic: CEILING, bandwidth: CEILING } satisfies Record<keyof Ceilings, Rule>),
  ),
  entries: list(ENTRY, 0, MOST.entries),
  starts: list(START, 0, MOST.entries),
} satisfies Record<keyof BenchResult, Rule>);

/**
 * A document out of a file.
 * @param place what sentences call it: the file's name
 * @throws RangeError, a sentence, where it is no such document
 */
export function benchResultOf(json: string, place: string): BenchResult {
  const value = parseBounded(json, place);
  demand(RESULT, value, place);
  return value as BenchResult;
}
