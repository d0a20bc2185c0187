/**
 * The words between the bench and a peer, which runs in a process of its own: one JSON object a line. A request goes to the
 * peer's stdin, its answer comes on stdout behind a mark; what engines print there besides is kept for error messages.
 *
 *   open                     → what it runs on, versions
 *   load   case              → milliseconds until the network is on the device
 *   first  input             → milliseconds of the first call, and what it answered
 *   answer input             → what a call answers
 *   time   count, budgetMs   → milliseconds of one call after another
 *
 * A call takes numbers of the host and gives numbers to the host: logits of pictures, or the loss of a training step. A peer
 * ends when its stdin does, and leaves Ctrl-C to the bench.
 */
import {
  among,
  demand,
  list,
  number,
  object,
  orNull,
  parseBounded,
  type Rule,
  record,
  text,
} from '../../src/text/rules.ts';

/** What stands before an answer on stdout; children/peer.py has it too. */
export const MARK = '#peer ';

/** A network, what is done with it, and the files that say so. */
export interface CaseFiles {
  pass: 'forward' | 'step';
  batch: number;
  /** Side of the pictures. */
  size: number;
  classes: number;
  /** Inputs that calls rotate through. */
  inputs: number;
  /** Of SGD. */
  rate: number;
  momentum: number;
  /** Paths; `inputs` of them of pictures in each order, float32. */
  files: {
    graph: string;
    weights: string;
    onnx: string;
    safetensors: string;
    ncnnParam: string;
    ncnnBin: string;
    nchw: readonly string[];
    nhwc: readonly string[];
    /** Int32, a class for each picture. */
    labels: readonly string[];
  };
  network: string;
}

export type Request =
  | { do: 'open' }
  | { do: 'load'; case: CaseFiles }
  | { do: 'first' | 'answer'; input: number }
  | { do: 'time'; count: number; budgetMs: number };

/** What a peer runs on. */
export interface Opened {
  /** The adapter's name as its driver gives it, or the processor's; empty where the engine tells none. */
  adapter: string;
  /** `webgpu`, `vulkan`, `cpu`. */
  kind: string;
  /** Of the engine and what it stands on. */
  versions: Record<string, string>;
}

export interface Loaded {
  ms: number;
  /** What the engine tells of how it runs the network, where it does. */
  note: string | null;
}

export interface Answered {
  ms: number;
  values: number[];
}

export interface Timed {
  ms: number[];
}

const words = text(65_536);
const figure = number(0, Number.MAX_VALUE);
const MOST_VALUES = 1_000_000;

const ANSWERS = {
  open: object({ adapter: words, kind: among(['webgpu', 'vulkan', 'cpu']), versions: record(words, 100) }),
  load: object({ ms: figure, note: orNull(words) }),
  first: object({ ms: figure, values: list(rule64(), 1, MOST_VALUES) }),
  answer: object({ ms: figure, values: list(rule64(), 1, MOST_VALUES) }),
  time: object({ ms: list(figure, 1, MOST_VALUES) }),
} satisfies Record<Request['do'], Rule>;

/** A number, or null: JSON has no other word for one that is not finite. */
function rule64(): Rule {
  return orNull(number(-Number.MAX_VALUE, Number.MAX_VALUE));
}

const FAILED = object({ error: words });

/** Reads the answer to a request. @throws Error with the peer's own words where it failed, RangeError where it is no answer */
export function answerOf<Answer>(line: string, asked: Request['do'], peer: string): Answer {
  const value = parseBounded(line, `the answer of ${peer}`);
  if (FAILED(value, '') === null) throw new Error((value as { error: string }).error);
  demand(ANSWERS[asked], value, `the answer of ${peer}`);
  return value as Answer;
}

/** The whole lines of a stream so far, and what is left of it. */
export function linesOf(text: string): { lines: string[]; rest: string } {
  const lines = text.split('\n');
  return { rest: lines.pop()!, lines: lines.map((line) => line.replace(/\r$/, '')) };
}
