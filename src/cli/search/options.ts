/** The options of `search`: what they are called, and which of them contradict each other. */
import { type Command, InvalidArgumentError } from 'commander';
import { SOFT_EXPONENT } from '../../search/target.ts';
import { flagOf, oneOf, positiveNumber, positiveUpTo, wholeNumber } from '../command-line.ts';
import { UserError } from '../ui.ts';

export const METHOD_NAMES = ['halving', 'supernet', 'random'] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

export const DEFAULTS = { minutes: 10, batch: 64, lr: 2e-3, seed: 0 };

/** As commander gives them. */
export interface SearchArgs {
  data?: string;
  minutes?: number;
  method?: MethodName;
  space?: string;
  size?: number;
  targetMs?: number;
  targetMults?: number;
  targetParams?: number;
  soft?: number | true;
  latencyBatch?: number;
  batch?: number;
  lr?: number;
  seed?: number;
  teacher?: string;
  references?: boolean;
  out?: string;
  overwrite?: boolean;
  resume?: string;
  /** GiB */
  memory?: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

export function searchOptions(command: Command): void {
  command
    .option('--data <dir>', 'a folder for each class; or train/ and val/ (and test/) with these')
    .option(
      '--minutes <n>',
      `of the search, its controls included (default: ${DEFAULTS.minutes})`,
      positiveUpTo(100_000),
    )
    .option(
      '--method <name>',
      'halving, supernet or random (default: halving; from 60 minutes on supernet, whose shared weights rank nothing before)',
      oneOf(METHOD_NAMES),
    )
    .option('--seed <n>', 'of all that is drawn (default: 0)', wholeNumber(0))
    .option('--out <dir>', 'results (default: runs/search-DATE-TIME)')
    .option('--overwrite', 'write into --out although it holds another run')
    .option('--resume <run>', 'go on with a stopped search')
    .option('--memory <GiB>', 'GPU memory to plan with', positiveNumber)
    .option('--adapter <name>', "a part of its name or backend, a number, or 'software'")
    .option('--json', 'print what was found as one JSON document on stdout');
  command
    .optionsGroup('What is searched for:')
    .option(
      '--target-ms <ms>',
      'at most so many milliseconds a batch on this adapter (default: those of the middle network)',
      positiveNumber,
    )
    .option('--target-mults <n>', 'at most so many multiply-adds a picture, such as 5M', largeNumber)
    .option('--target-params <n>', 'at most so many parameters, such as 300k', largeNumber)
    .option(
      '--soft [w]',
      `more is taken where loss × (cost/target)^w is lower (${SOFT_EXPONENT})`,
      positiveUpTo(10),
    )
    .option(
      '--latency-batch <n>',
      'pictures in the batch that --target-ms is of (default: 1)',
      wholeNumber(1),
    )
    .option('--space <name>', 'small, b0, or a file of your own (default: small; above 64 pixels b0)')
    .option('--size <pixels>', "side of the networks' input (default: the space's)", wholeNumber(8));
  command
    .optionsGroup('How networks are trained:')
    .option('--batch <n>', `pictures in a step (default: ${DEFAULTS.batch})`, wholeNumber(2))
    .option('--lr <rate>', `highest learning rate (default: ${DEFAULTS.lr})`, positiveNumber)
    .option('--teacher <file>', 'a checkpoint whose answers the networks learn as well')
    .option('--references', 'EfficientNet-B0 and MobileNetV2 are trained beside them, not only measured');
  command.optionsGroup('Options:');
}

/** A commander parser for whole numbers above 0 that may end in k, M or G. */
export function largeNumber(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?(?:e\d+)?)([kMG]?)$/.exec(text.trim()) ?? [];
  const value = Math.round(Number(digits) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[unit ?? '']!);
  if (!(value >= 1 && Number.isSafeInteger(value)))
    throw new InvalidArgumentError('It must be a number above 0, such as 300k, 5M or 1.2G.');
  return value;
}

/** Those that a resumed search may be given: all others it was begun with. */
const OF_THE_PROCESS: ReadonlySet<string> = new Set([
  ...['resume', 'data', 'memory', 'adapter', 'json', 'debug'],
]);

const TARGETS = ['targetMs', 'targetMults', 'targetParams'] as const;

/** @throws UserError for options of which one leaves nothing for the other to say */
export function checkOptions(options: SearchArgs): void {
  if (options.resume !== undefined) {
    const given = Object.keys(options).filter((name) => !OF_THE_PROCESS.has(name));
    if (given.length > 0)
      throw new UserError(
        `--resume goes on with what the search was begun with; leave out ${given.map(flagOf).join(', ')}, or begin a new one`,
      );
  }
  const targets = TARGETS.filter((name) => options[name] !== undefined);
  if (targets.length > 1)
    throw new UserError(
      `${targets.map(flagOf).join(' and ')} each say what a network may cost; give one of them`,
    );
  if (options.latencyBatch !== undefined && (options.targetMults ?? options.targetParams) !== undefined)
    throw new UserError(
      `--latency-batch is for a target in milliseconds; leave it out, or give --target-ms in place of ${flagOf(targets[0]!)}`,
    );
  if (options.overwrite && options.out === undefined)
    throw new UserError('--overwrite is for the folder that --out names; name it');
}
