/**
 * Runs one command: reads its arguments, looks for options that npm kept for itself, makes sure that there is an
 * adapter, runs, and turns errors into sentences. bin/tessera.mjs calls `main` in its own process.
 *
 * The contract of a command file (src/cli/train.ts and so on; each is listed in bin/commands.mjs):
 *
 *     export const description: string;                  // one or two sentences for its --help
 *     export function options(command: Command): void;   // arguments and options, commander's calls
 *     export async function run(args: string[], options: TrainOptions): Promise<number | void>;
 *
 * `run` gets the positional arguments and the options as commander names them (`--train-from` is `trainFrom`);
 * it returns an exit code when that is not 0. It prints its result on stdout, everything else on stderr (ui.ts),
 * and with `--json` exactly one JSON document on stdout. Every command also takes `--debug` (stack traces, and
 * validation errors at the op that caused them: `openDevice({ debug: options.debug })`).
 *
 * Import statically, not in the middle of a run: the compiler behind tsx is a child process that dies with the
 * first Ctrl-C, and a dynamic `import()` of TypeScript after it fails.
 */
import { Command, CommanderError, type Option, type OptionValues } from 'commander';
import { WriteError } from '../node/files.ts';
import { InputError } from '../text/input-error.ts';
import { shown } from '../text/shown.ts';
import { WeightsError } from '../weights/formats/error.ts';
import { ignoresHangUp } from './nohup.ts';
import { say, UserError } from './ui.ts';

/** What a command file exports. `run` is a method so that a command may name its own options type. */
export interface CommandModule {
  description: string;
  options(command: Command): void;
  run(args: string[], options: OptionValues): Promise<number | undefined> | Promise<void>;
}

/** One row of bin/commands.mjs. */
export interface CommandEntry {
  name: string;
  summary: string;
  /** Path of the command file, relative to the repository. */
  module: string;
  /** Whether an adapter must be there before the command starts. */
  adapter: boolean;
  /** Whether it goes on where nobody reads its output any more. */
  outlivesReader?: boolean;
}

/** What the launcher does for a command. */
export interface Launcher {
  /** Installs a driver where that is possible; rejects with a sentence when there is no adapter after all. */
  ensureAdapter(): Promise<void>;
  /** What to install on this system, as a sentence, and forgets that an adapter was seen. */
  adapterAdvice(): string;
}

/**
 * Runs `entry` with `argv` (without node, script and command name) and returns the exit code.
 * Never throws: errors are printed as `error: sentence`, with a stack under `--debug` or TESSERA_DEBUG=1.
 */
export async function main(entry: CommandEntry, argv: string[], launcher: Launcher): Promise<number> {
  if (ignoresHangUp()) process.on('SIGHUP', () => undefined);
  const debug = argv.includes('--debug') || process.env.TESSERA_DEBUG === '1';
  process.on('uncaughtException', (error) => {
    reportError(error, debug, launcher);
    process.exit(1);
  });
  try {
    const module: CommandModule = await import(new URL(`../../${entry.module}`, import.meta.url).href);
    const command = createCommand(entry.name, module);
    const swallowed = findSwallowed(entry.name, command, argv, process.env);
    if (swallowed.length > 0) throw new UserError(swallowedSentence(entry.name, swallowed));
    // What commander quotes of the arguments may be names of files that a shell put in.
    const named = argv.filter((arg) => shown(arg) !== arg);
    const outputError = (text: string, write: (text: string) => void): void =>
      write(named.reduce((safe, arg) => safe.replaceAll(arg, shown(arg)), text));
    command.configureOutput({ outputError }).parse(argv, { from: 'user' });
    if (entry.adapter) await launcher.ensureAdapter();
    return (await module.run(command.args, command.opts())) ?? 0;
  } catch (error) {
    // commander has printed its own sentence (or the help) by the time it throws.
    if (!(error instanceof CommanderError)) reportError(error, debug, launcher);
    return exitCodeOf(error);
  }
}

/** EX_USAGE of sysexits.h, which Unix's own programs use: what was given is bad, and trying again cannot help. */
export const BAD_INPUT = 64;

/**
 * What an error ends a command with: BAD_INPUT where arguments or what they name are at fault, so that whoever starts commands
 * by the thousand need not start this one again; 1 where another try may go well, or Tessera is at fault.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_INPUT;
  const reason = error instanceof WriteError ? error.cause : error;
  // A RangeError is the engine's word for a setting that it does not take.
  const bad = reason instanceof InputError || (reason instanceof RangeError && !isProgrammingError(reason));
  return bad ? BAD_INPUT : 1;
}

/** The commander program of one command. */
export function createCommand(name: string, module: CommandModule): Command {
  const throughNpm = process.env.npm_lifecycle_event === name;
  const command = new Command(throughNpm ? `npm run ${name} --` : `tessera ${name}`);
  command
    .description(module.description)
    .configureHelp({ optionDescription })
    .showSuggestionAfterError()
    .showHelpAfterError(`(--help lists the options of ${name})`)
    .allowExcessArguments(false)
    .exitOverride()
    // An action keeps commander from reading the first positional argument as a subcommand.
    .action(() => undefined);
  module.options(command);
  if (throughNpm && command.options.some(({ long }) => long === '--json'))
    command.addHelpText('after', `\nnpm run --silent ${name} -- --json … leaves npm's own lines off stdout.`);
  command.option('--debug', 'print stack traces, and check every operation as it is recorded');
  return command;
}

/** `what it is: one, another (default: one)`; commander's own words take twice the room. */
function optionDescription({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices ? `: ${argChoices.join(', ')}` : '';
  return `${description}${choices}${defaultValue === undefined ? '' : ` (default: ${defaultValue})`}`;
}

/** Settings that npm always passes to its scripts, whatever was typed. */
const NPM_OWN = new Set([
  'cache',
  'prefix',
  'yes',
  'color',
  'audit',
  'fund',
  'loglevel',
  'registry',
  'userconfig',
]);

/**
 * Options of `command` that were typed without `--` before them, so that npm took them as its own settings:
 * `npm run train --data DIR` arrives as npm_config_data=true and a stray DIR.
 */
export function findSwallowed(
  name: string,
  command: Command,
  argv: string[],
  env: Record<string, string | undefined>,
): string[] {
  // Only npm's direct child is asked: a test that runs under `npm test` starts commands of its own.
  if (env.npm_lifecycle_event !== name) return [];
  const typed = new Set(argv.map((arg) => arg.split('=')[0]));
  return command.options
    .filter(({ long, negate }) => {
      if (!long || typed.has(long)) return false;
      const key = long.replace(negate ? /^--no-/ : /^--/, '');
      const value = env[`npm_config_${key.replaceAll('-', '_')}`];
      // npm passes `--no-flip` as an empty npm_config_flip.
      return value !== undefined && !NPM_OWN.has(key) && (negate ? value === '' : value !== '');
    })
    .map(({ long }) => String(long));
}

function swallowedSentence(name: string, options: string[]): string {
  const plural = options.length > 1;
  return (
    `npm kept ${options.join(', ')} for itself, so the ${name} command never saw ${plural ? 'them' : 'it'}. ` +
    `Put -- before the options: npm run ${name} -- ${options.join(' ')} …`
  );
}

/** Prints `error: sentence` on stderr, with the stack and the causes when `debug`. */
export function reportError(error: unknown, debug: boolean, launcher: Launcher): void {
  const message = error instanceof Error ? error.message : String(error);
  // Below a sentence of weights there may stand lines to paste, which are not from outside.
  const lines =
    error instanceof WeightsError ? [error.sentence, ...error.python.map((line) => `  ${line}`)] : [message];
  process.stderr.write(`error: ${lines.map(shown).join('\n') || 'something failed without saying what'}\n`);
  if (error instanceof Error && error.name === 'NoAdapterError') {
    const advice = launcher.adapterAdvice();
    if (!message.includes(advice)) process.stderr.write(`${advice}\n`);
  }
  if (debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      say(...(cause.stack ?? cause.message).split('\n'));
    }
  } else if (isProgrammingError(error)) {
    process.stderr.write('This looks like a mistake in Tessera; with TESSERA_DEBUG=1 it prints where.\n');
  }
}

/** TypeErrors and the like that no one threw on purpose. */
function isProgrammingError(error: unknown): boolean {
  if (error instanceof RangeError) return 'code' in error || V8_RANGE.test(error.message);
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof SyntaxError;
}

/** What the engine of JavaScript itself says in a RangeError; Node's own have a code. */
const V8_RANGE =
  /^(?:Maximum (?:call stack|BigInt) size|Invalid (?:(?:typed )?array|array buffer|string length|count value|time value|code point|index|atomic)\b|Array buffer allocation|(?:start )?offset\b.*\b(?:bounds|multiple)|byte length of|(?:Set|Map) maximum size|to\w+\(\) |The number \S+ cannot be)/i;
