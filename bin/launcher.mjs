/**
 * What happens between typing a command and its first line: install the packages if they are missing or stale,
 * let Node read TypeScript, then run src/cli/main.ts in this very process, so that a Ctrl-C arrives once. main.ts
 * asks for the adapter (adapter.mjs) after it has read the command's arguments.
 *
 * No package may be imported here before `ensurePackages` is through. What is set up is said on stderr; when
 * nothing is missing this costs under half a second and says nothing.
 */
import { closeSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { createAdapterCheck } from './adapter.mjs';
import { closest, commands } from './commands.mjs';
import { ensurePackages } from './packages.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs `argv` (without node and script) and ends the process with its exit code. */
export async function launch(argv) {
  const [name] = argv;
  surviveReaders(commands.find((command) => command.name === name)?.outlivesReader ?? false);
  surviveTerminal();
  const code = await run(argv);
  // Written output first; then exit, since Dawn's threads or a half-read file must not keep the process alive.
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise((resolve) => stream.write('', resolve));
  }
  process.exit(code);
}

/**
 * A reader that leaves (`| head`, a terminal that closes) is no error: a command is over then, unless it `goesOn`. What is
 * said aside on stderr is never worth an end.
 */
function surviveReaders(goesOn) {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', ({ code }) => {
    if (goesOn) return;
    if (code !== 'EPIPE') process.stderr.write(`error: the output cannot be written (${code})\n`);
    process.exit(code === 'EPIPE' ? 0 : 1);
  });
}

/**
 * Node gives a terminal its modes back as it exits, and crashes (SIGSEGV in 20.20) where the terminal has hung up. It leaves
 * alone what is closed.
 */
function surviveTerminal() {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.on('exit', () => {
    for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
  });
}

async function run([name, ...argv]) {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return 0;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${JSON.parse(readFileSync(`${root}/package.json`, 'utf8')).version}\n`);
    return 0;
  }
  const entry = commands.find((command) => command.name === name);
  if (!entry) {
    const names = commands.map((command) => command.name);
    const guess = closest(name, names);
    const hint = guess ? `Did you mean ${guess}?` : `The commands are ${names.join(', ')}.`;
    process.stderr.write(`error: there is no command '${name}'. ${hint}\n`);
    return 64; // BAD_INPUT of src/cli/main.ts, which cannot be read yet
  }
  try {
    await ensurePackages(root);
  } catch (error) {
    process.stderr.write(`error: ${error.message}\n`);
    return 1;
  }
  const { register } = await import('tsx/esm/api');
  register({ tsconfig: `${root}/tsconfig.json` });
  const { main } = await import('../src/cli/main.ts');
  return main(entry, argv, createAdapterCheck(root));
}

function help() {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Usage: npm run <command> -- [options]      (or: node bin/tessera.mjs <command> [options])',
    '',
    ...rows,
    '',
    'npm run <command> -- --help lists the options of a command.',
    "npm run --silent <command> -- --json leaves npm's own lines off stdout.",
    '',
  ].join('\n');
}
