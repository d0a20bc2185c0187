/**
 * Finds out cheaply whether a WebGPU adapter answers, and brings Mesa's software driver to Debian and Ubuntu where
 * none does.
 *
 * Asking Dawn takes a quarter of a second and prints warnings, so a yes is remembered in node_modules/.cache with
 * a fingerprint of the driver files; the command's own openDevice is the proof, and when that finds none the memory
 * is erased (`adapterAdvice`). The question is put in a child process: a broken driver may crash it.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, release } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { readText, seconds } from './packages.mjs';
import { BACKPORTS, describeSystem, driverPlan, PACKAGES, SOURCE_FILE } from './system.mjs';

/** The launcher's side of `Launcher` in src/cli/main.ts. */
export function createAdapterCheck(root) {
  const stamp = join(cacheFolder(root), 'adapter.json');
  return {
    async ensureAdapter() {
      const seen = fingerprint(root);
      if (readText(stamp) === seen) return;
      let answer = probe(root);
      if (!answer.found) {
        const { action, advice, ...how } = driverPlan(describeSystem());
        if (action === 'tell' || (action === 'ask' && !(await askToInstall(how)))) {
          throw noAdapter(answer.reason, advice);
        }
        installDriver(how, advice);
        answer = probe(root);
        if (!answer.found) throw noAdapter(`${answer.reason}, even with Mesa's driver`, STILL_NONE);
      }
      remember(stamp, fingerprint(root));
    },
    adapterAdvice() {
      rmSync(stamp, { force: true });
      return driverPlan(describeSystem()).advice;
    },
  };
}

const STILL_NONE =
  'Look at what vulkaninfo says (package vulkan-tools), and at variables that start with VK_.';

/** The sentences that every command ends with where there is no adapter. */
function noAdapter(reason, advice) {
  return new Error(`no WebGPU adapter was found (${reason}). ${advice}`);
}

/** node_modules/.cache/tessera of the node_modules that holds our packages. */
function cacheFolder(root) {
  const installed = root.lastIndexOf(`${sep}node_modules${sep}`);
  const modules = installed < 0 ? join(root, 'node_modules') : root.slice(0, installed + 13);
  return join(modules, '.cache', 'tessera');
}

function remember(stamp, seen) {
  try {
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, seen);
  } catch {
    // node_modules belongs to someone else: then every start asks Dawn.
  }
}

/** All that may change Dawn's answer: its version, the drivers' files, the devices, the variables of the loader. */
function fingerprint(root) {
  const dawn = readText(join(root, 'node_modules', 'webgpu', 'package.json'))?.match(
    /"version": "(.*)"/,
  )?.[1];
  const variables = [
    'VK_DRIVER_FILES',
    'VK_ICD_FILENAMES',
    'VK_ADD_DRIVER_FILES',
    'VK_LOADER_DRIVERS_DISABLE',
  ];
  const folders = [
    '/usr/share/vulkan/icd.d',
    '/usr/local/share/vulkan/icd.d',
    '/etc/vulkan/icd.d',
    join(homedir(), '.local/share/vulkan/icd.d'),
  ];
  return JSON.stringify({
    node: `${process.platform} ${process.arch} ${release()}`,
    dawn,
    variables: variables.map((name) => process.env[name] ?? ''),
    drivers: folders.flatMap((folder) =>
      list(folder).map((name) => `${name} ${changed(join(folder, name))}`),
    ),
    devices: [...list('/dev/dri'), ...list('/dev').filter((name) => name.startsWith('nvidia'))],
  });
}

function list(folder) {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function changed(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

const PROBE = `
  import('webgpu')
    .then(({ create }) => { globalThis.gpu = create([]); return globalThis.gpu.requestAdapter(); })
    .then((adapter) => { console.log(adapter ? 'found' : 'none'); process.exit(); })
    .catch((error) => { console.error(error.message); process.exit(1); });
`;

/** Asks Dawn for an adapter, in a child process: `{ found, reason }`. */
function probe(root) {
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', PROBE], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (child.stdout?.includes('found')) return { found: true, reason: '' };
  return { found: false, reason: reasonFrom(child) };
}

/** The line in which Dawn or the Vulkan loader says why, in few words. */
function reasonFrom({ stderr, signal, error }) {
  if (error) return `asking Dawn failed: ${error.message}`;
  if (signal) return `the driver crashed with ${signal}`;
  const lines = (stderr ?? '').split('\n').map((line) => line.replace(/^Warning: /, '').trim());
  const telling = lines.find((line) =>
    /required|not support|libvulkan|no drivers|INCOMPATIBLE|cannot open/i.test(line),
  );
  if (!telling) return 'Dawn sees none';
  return `Dawn says: ${telling.replace(/[.:]$/, '')}`;
}

async function askToInstall({ backports, sudo }) {
  const from = backports ? ` from ${BACKPORTS}, added to apt's sources if it is not there,` : '';
  const how = sudo ? ' with sudo' : '';
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await questions.question(
    `No WebGPU adapter was found. Install Mesa's software Vulkan driver (${PACKAGES.join(', ')},${from} about ` +
      `150 MB)${how}? [y/N] `,
  );
  questions.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** apt-get update, backports where needed, apt-get install. Throws a sentence with the remedy when it fails. */
function installDriver({ backports, sudo }, advice) {
  const started = performance.now();
  const target = backports ? ['-t', BACKPORTS] : [];
  process.stderr.write(
    `tessera: no WebGPU adapter was found; installing ${PACKAGES.join(' and ')}` +
      `${backports ? ` from ${BACKPORTS}` : ''} …\n`,
  );
  const apt = (...args) => asRoot(sudo, ['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120', ...args]);
  // A third-party source that fails to update must not stop us; whether the packages are there shows below.
  apt('update');
  if (backports && !offersBackports()) {
    const line = `deb ${debianMirror()} ${BACKPORTS} main\n`;
    process.stderr.write(`tessera: adding ${SOURCE_FILE}: ${line}`);
    asRoot(sudo, ['tee', SOURCE_FILE], line);
    apt('update');
  }
  const quiet = ['-o', 'Dpkg::Use-Pty=0', '-y', '--no-install-recommends'];
  const code = apt('install', ...quiet, ...target, ...PACKAGES);
  if (code !== 0) {
    throw noAdapter(`apt-get install ended with ${code}; its reasons are above`, advice);
  }
  process.stderr.write(`tessera: driver installed in ${seconds(started)}\n`);
}

/** Runs `command` as root, its errors on stderr; returns its exit code. */
function asRoot(sudo, command, input) {
  // In CI nobody can type a password: -n makes sudo fail at once there.
  const prefix = sudo ? ['sudo', ...(process.stdin.isTTY ? [] : ['-n'])] : [];
  const variables = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8'];
  const [program, ...args] = [...prefix, ...variables, ...command];
  const child = spawnSync(program, args, {
    // apt's steps, and tee's copy of its input, are of no use to anyone; errors and sudo's prompt are on stderr.
    stdio: [input === undefined ? 'inherit' : 'pipe', 'ignore', 2],
    input,
  });
  return child.status ?? child.signal ?? child.error?.code ?? 1;
}

function offersBackports() {
  const { stdout } = spawnSync('apt-cache', ['madison', PACKAGES[0]], { encoding: 'utf8' });
  return (stdout ?? '').includes(BACKPORTS);
}

/** Where this machine gets bookworm from (a company's mirror, perhaps), else Debian's own address. */
function debianMirror() {
  const format = '$(CODENAME) $(ORIGIN) $(REPO_URI)';
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', format], { encoding: 'utf8' });
  const mirror = (stdout ?? '').match(/^bookworm Debian (\S+?)\/?$/m)?.[1];
  return mirror ?? 'http://deb.debian.org/debian';
}
