/** The options of `search`: what they are called, and which of them contradict each other. */
import { type Command, InvalidArgumentError } from 'commander';
import { SOFT_EXPONENT } from '../../search/cost/target.ts';
import { METHOD_NAMES, USUAL_METHODS } from '../../search/methods/table.ts';
import {
  flagOf,
  GROUP_BY,
  numberUpTo,
  oneOf,
  positiveNumber,
  positiveUpTo,
  wholeNumber,
} from '../command-line.ts';
import { UNTUNED } from '../device.ts';
import { UserError } from '../ui.ts';

export const DEFAULTS = { minutes: 10, batch: 64, lr: 2e-3, seed: 0 };

/** A commander parser for `--size`: what a space is made of are squares. */
function squareSide(text: string): number {
  if (/^\s*\d+\s*[x×]\s*\d+\s*$/i.test(text))
    throw new InvalidArgumentError(
      'The networks of a search see squares; give one side, such as 64, and train the network that is found at another size.',
    );
  return wholeNumber(8)(text);
}

/** As commander gives them. */
export interface SearchArgs {
  data?: string;
  groupBy?: string[];
  minutes?: number;
  method?: string;
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
  /** What is scaled in place of a search. */
  network?: string;
  grid?: boolean;
  scale?: number;
  alpha?: number;
  beta?: number;
  gamma?: number;
  out?: string;
  overwrite?: boolean;
  resume?: string;
  /** GiB */
  memory?: number;
  adapter?: string;
  untuned?: boolean;
  json?: boolean;
  debug?: boolean;
}

export function searchOptions(command: Command): void {
  const usual = USUAL_METHODS.map(({ name, from }) =>
    from === 0 ? name : `from ${from} minutes on ${name}`,
  ).join(', ');
  command
    .option('--data <path>', 'a folder for each class (in train/, val/, test/ or not), or a CSV of files')
    .option(...GROUP_BY)
    .option(
      '--minutes <n>',
      `of the search, its controls included (default: ${DEFAULTS.minutes})`,
      positiveUpTo(100_000),
    )
    .option('--method <name>', `${METHOD_NAMES.join(', ')} (default: ${usual})`, oneOf(METHOD_NAMES))
    .option('--seed <n>', 'of all that is drawn (default: 0)', wholeNumber(0))
    .option('--out <dir>', 'results (default: runs/search-DATE-TIME)')
    .option('--overwrite', 'write into --out although it holds another run')
    .option('--resume <run>', 'go on with a stopped search')
    .option('--memory <GiB>', 'GPU memory to plan with', positiveNumber)
    .option('--adapter <name>', "a part of its name or backend, a number, or 'software'")
    .option(...UNTUNED)
    .option('--json', 'print what was found as one JSON document on stdout');
  command
    .optionsGroup('What is searched for:')
    .option(
      '--target-ms <ms>',
      'at most so many milliseconds a batch on this adapter (default: those that half of the space keeps)',
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
    .option('--size <pixels>', "side of the networks' square input (default: the space's)", squareSide);
  command
    .optionsGroup('How networks are trained:')
    .option('--batch <n>', `pictures in a step (default: ${DEFAULTS.batch})`, wholeNumber(2))
    .option('--lr <rate>', `highest learning rate (default: ${DEFAULTS.lr})`, positiveNumber)
    .option('--teacher <file>', 'a checkpoint whose answers the networks learn as well')
    .option('--references', 'EfficientNet-B0 and MobileNetV2 are trained beside them, not only measured');
  command
    .optionsGroup('In place of a search:')
    .option('--network <file>', 'a network that was found, or the folder of its search, to be scaled')
    .option('--grid', "which factors of compound scaling are best here (the paper's small grid)")
    .option('--scale <phi>', 'train it scaled by alpha^phi, beta^phi, gamma^phi', numberUpTo(10))
    .option('--alpha <a>', "of layers (default: of the folder's grid, else 1.2)", positiveNumber)
    .option('--beta <b>', "of channels (default: of the folder's grid, else 1.1)", positiveNumber)
    .option('--gamma <c>', "of pictures' sides (default: the grid's, else 1.15)", positiveNumber);
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

/** Those that a resumed search may be given, `data` and `teacher` where these are elsewhere now: all others it was begun with. */
const OF_THE_PROCESS: ReadonlySet<string> = new Set([
  ...['resume', 'data', 'teacher', 'memory', 'adapter', 'json', 'debug'],
]);

/** What a search has and the scaling of a network has not. */
const OF_A_SEARCH = [
  ...['method', 'space', 'size', 'targetMs', 'targetMults', 'targetParams', 'soft', 'latencyBatch'],
  'references',
] as const;
const OF_SCALING = ['alpha', 'beta', 'gamma'] as const;

/** @throws UserError as `checkOptions` */
function checkScaling(options: SearchArgs): void {
  const { network, grid, scale } = options;
  if (grid && scale !== undefined)
    throw new UserError('--grid finds the factors, --scale takes them; give one after the other');
  const wanted = grid ? '--grid' : scale !== undefined ? '--scale' : null;
  if (wanted && network === undefined)
    throw new UserError(`${wanted} is of a network; name a checkpoint that \`search\` wrote with --network`);
  if (!wanted && network !== undefined)
    throw new UserError('--network is what --grid and --scale are of; give one of them');
  const factors = OF_SCALING.filter((name) => options[name] !== undefined);
  if (factors.length > 0 && scale === undefined)
    throw new UserError(`${factors.map(flagOf).join(', ')}: factors are of --scale; give it too`);
  const idle = wanted ? OF_A_SEARCH.filter((name) => options[name as keyof SearchArgs] !== undefined) : [];
  if (idle.length > 0)
    throw new UserError(`${wanted} searches nothing; leave out ${idle.map(flagOf).join(', ')}`);
}

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
  checkScaling(options);
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
