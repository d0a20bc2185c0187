/**
 * Installs the npm packages when they are missing or older than package-lock.json says.
 *
 * Every package of the lock file that belongs on this platform must be in node_modules in its version. That is
 * some forty small files to read (about 5 ms), and unlike a time stamp it also notices a node_modules that was
 * copied from another system or half removed.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';

/**
 * Runs `npm ci` in `root` if a package is missing or stale. Throws a sentence with the remedy when that fails.
 * As an installed package (under some node_modules) there is no lock file, and npm has seen to it already.
 * @param what the packages are called, and what else npm is told (bench/peers has packages of its own)
 */
export async function ensurePackages(root, { what = 'the npm packages', options = [] } = {}) {
  const lockFile = join(root, 'package-lock.json');
  if (root.includes(`${sep}node_modules${sep}`) || !existsSync(lockFile)) return;
  const missing = missingPackages(root, JSON.parse(readFileSync(lockFile, 'utf8')));
  // What npm itself left out last time (an optional package that failed to install) is no reason to try again.
  const stamp = join(root, 'node_modules', '.cache', 'tessera', 'packages.json');
  if (missing.length === 0 || readText(stamp) === JSON.stringify(missing)) return;

  const none = !existsSync(join(root, 'node_modules'));
  const [first] = missing;
  const reason = none ? 'there are none yet' : `${first} is missing or stale`;
  process.stderr.write(`tessera: installing ${what} with npm ci (${reason}) …\n`);
  const started = performance.now();
  const failure = npmCi(root, options);
  if (failure) {
    throw new Error(
      `${what} could not be installed (${failure}). Check the network, or npm's registry and proxy ` +
        `settings (npm config list), then run npm ci in ${root}`,
    );
  }
  process.stderr.write(`tessera: packages installed in ${seconds(started)}\n`);
  const left = missingPackages(root, JSON.parse(readFileSync(lockFile, 'utf8')));
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, JSON.stringify(left));
}

/** Paths (`node_modules/tsx`) of the packages in `lock` that this platform needs and `root` does not have. */
export function missingPackages(root, lock) {
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && !entry.link && fits(entry))
    .filter(([path, entry]) => {
      const text = readText(join(root, path, 'package.json'));
      return text === null || !text.includes(`"${entry.version}"`);
    })
    .map(([path]) => path);
}

/** Whether a package of the lock file must be there on this system. */
function fits({ optional, os, cpu, libc }) {
  // An optional package for no system in particular comes with another one that may not be for this system.
  if (optional && !os && !cpu) return false;
  const matches = (allowed, own) =>
    !allowed || (!allowed.includes(`!${own}`) && (allowed[0].startsWith('!') || allowed.includes(own)));
  return (
    matches(os, process.platform) &&
    matches(cpu, process.arch) &&
    (!libc || matches(libc, usesMusl() ? 'musl' : 'glibc'))
  );
}

let musl = null;

/** Whether this Node was built for musl (Alpine): the name of its dynamic linker stands in its first bytes. */
export function usesMusl() {
  if (musl === null) {
    const head = Buffer.alloc(4096);
    const file = openSync(process.execPath, 'r');
    readSync(file, head, 0, head.length, 0);
    closeSync(file);
    musl = process.platform === 'linux' && head.includes('ld-musl');
  }
  return musl;
}

/** Runs `npm ci`; returns what went wrong, or null. What npm says of a failure goes to stderr. */
function npmCi(root, more) {
  // The default waits over a minute before it admits that there is no network.
  const args = [
    'ci',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--fetch-retry-mintimeout=2000',
    ...more,
  ];
  const script = npmScript();
  const options = { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' };
  const result = script
    ? spawnSync(process.execPath, [script, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (result.error) {
    return result.error.code === 'ENOENT' ? 'npm was not found on this machine' : result.error.message;
  }
  // npm closes some errors with its whole manual.
  if (result.status !== 0) process.stderr.write(result.stderr.split(/^npm error Usage:/m)[0]);
  return result.status === 0 ? null : `npm ci ended with ${result.status ?? result.signal}`;
}

/** npm's own JavaScript: the npm that runs us, else the one beside this Node, else null. */
function npmScript() {
  const ours = process.env.npm_execpath;
  if (ours && basename(ours) === 'npm-cli.js' && existsSync(ours)) return ours;
  const bin = dirname(process.execPath);
  const places = [join(bin, '..', 'lib', 'node_modules'), join(bin, 'node_modules')];
  return (
    places.map((place) => join(place, 'npm', 'bin', 'npm-cli.js')).find((path) => existsSync(path)) ?? null
  );
}

/** Seconds since `started` (of performance.now) for a sentence. */
export function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

/** The text of a file, or null where there is none that we may read: then the next step says what is wrong with it. */
export function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
