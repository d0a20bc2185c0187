/**
 * The launcher: what it would install on which system, which packages it finds missing, which options npm took, and
 * the real thing in child processes. apt and sudo are stubs on PATH there: nothing is installed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findSwallowed } from '../../src/cli/main.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const launcher = join(root, 'bin/tessera.mjs');

interface System {
  [key: string]: string | string[] | boolean;
}

interface Plan {
  action: string;
  advice: string;
  backports?: boolean;
  sudo?: boolean;
}

// bin/ is plain JavaScript without declarations; a computed name keeps the compiler from asking for them.
const bin = async (name: string) => import(new URL(`../../bin/${name}`, import.meta.url).href);
const { driverPlan, parseOsRelease } = (await bin('system.mjs')) as {
  driverPlan(system: System): Plan;
  parseOsRelease(text: string): Record<string, string>;
};
const { missingPackages } = (await bin('packages.mjs')) as {
  missingPackages(root: string, lock: { packages: Record<string, object> }): string[];
};
const { closest } = (await bin('commands.mjs')) as { closest(typed: string, names: string[]): string | null };

const plan = suite('launcher: what to install');

const debian12: System = {
  platform: 'linux',
  arch: 'x64',
  id: 'debian',
  like: [],
  version: '12',
  codename: 'bookworm',
  name: 'Debian GNU/Linux 12 (bookworm)',
  musl: false,
  root: true,
  sudo: false,
  apt: true,
  terminal: false,
  ci: false,
  container: false,
  driverVariable: '',
};
const user = { root: false, sudo: true };
const ubuntu = { id: 'ubuntu', like: ['debian'], version: '24.04', codename: 'noble' };

const systems: [name: string, change: System, action: string, advice: RegExp, rest?: Partial<Plan>][] = [
  ['root, no terminal', {}, 'install', /-t bookworm-backports/, { backports: true, sudo: false }],
  ['root on a terminal', { terminal: true }, 'ask', /bookworm-backports/],
  ['root in a container, on a terminal', { terminal: true, container: true }, 'install', /backports/],
  ['root in CI, on a terminal', { terminal: true, ci: true }, 'install', /backports/],
  ['user on a terminal', { ...user, terminal: true }, 'ask', /sudo apt-get install/, { sudo: true }],
  ['user without a terminal', user, 'tell', /sudo apt-get install/],
  ['user in CI', { ...user, ci: true }, 'install', /sudo/, { sudo: true }],
  ['user in a container', { ...user, container: true }, 'tell', /sudo/],
  ['user without sudo', { ...user, sudo: false, terminal: true }, 'tell', /apt-get install/],
  [
    'Debian 13',
    { version: '13', codename: 'trixie' },
    'install',
    /: apt-get install mesa/,
    { backports: false },
  ],
  [
    'Debian testing, no version',
    { version: '', codename: 'forky' },
    'install',
    /: apt-get/,
    { backports: false },
  ],
  ['Debian 11', { version: '11', codename: 'bullseye' }, 'tell', /too old.*upgrade to Debian 12/],
  ['Ubuntu 24.04', ubuntu, 'install', /: apt-get install mesa/, { backports: false }],
  ['Ubuntu 20.04', { ...ubuntu, version: '20.04' }, 'tell', /too old/],
  ['Mint', { ...ubuntu, id: 'linuxmint', like: ['ubuntu', 'debian'], version: '22' }, 'install', /apt-get/],
  ['Fedora', { id: 'fedora', apt: false }, 'tell', /dnf install mesa-vulkan-drivers/],
  ['Rocky', { id: 'rocky', like: ['rhel', 'centos', 'fedora'], apt: false }, 'tell', /dnf install/],
  ['Arch, as a user', { ...user, id: 'arch', apt: false }, 'tell', /sudo pacman -S .*vulkan-swrast/],
  ['openSUSE', { id: 'opensuse-tumbleweed', like: ['opensuse', 'suse'], apt: false }, 'tell', /zypper/],
  ['another Linux', { id: 'void', apt: false }, 'tell', /Vulkan loader.*lavapipe/],
  ['Alpine', { id: 'alpine', musl: true, apt: false }, 'tell', /built for glibc/],
  ['a Debian with a musl Node', { musl: true }, 'tell', /built for glibc/],
  ['32-bit ARM', { arch: 'arm', id: 'raspbian' }, 'tell', /no build for linux on arm/],
  ['macOS', { platform: 'darwin', id: '', apt: false }, 'tell', /Metal/],
  ['Windows', { platform: 'win32', id: '', apt: false }, 'tell', /Direct3D 12/],
  ['drivers named by hand', { driverVariable: 'VK_DRIVER_FILES' }, 'tell', /VK_DRIVER_FILES/],
];

for (const [name, change, action, advice, rest] of systems) {
  plan(`${name}: ${action}`, () => {
    const given = driverPlan({ ...debian12, ...change });
    assert.is(given.action, action);
    assert.match(given.advice, advice);
    for (const [key, value] of Object.entries(rest ?? {})) assert.is(given[key as keyof Plan], value, key);
  });
}

plan('os-release: with and without quotes', () => {
  const release = parseOsRelease('PRETTY_NAME="A B 1"\nID=debian\nVERSION_ID="12"\n# no\n');
  assert.equal(release, { PRETTY_NAME: 'A B 1', ID: 'debian', VERSION_ID: '12' });
});

plan('a mistyped command is recognised', () => {
  const names = ['train', 'predict', 'evaluate', 'doctor'];
  assert.equal(
    ['trian', 'eval', 'predcit', 'doktor', 'xyzzy', 't'].map((typed) => closest(typed, names)),
    ['train', 'evaluate', 'predict', 'doctor', null, null],
  );
});

plan.run();

const packages = suite('launcher: packages');

packages('missing, stale and foreign packages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-packages-'));
  const install = (path: string, version: string) => {
    mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, path, 'package.json'), JSON.stringify({ name: path, version }));
  };
  install('node_modules/there', '1.0.0');
  install('node_modules/stale', '1.0.0');
  const own = { os: [process.platform], cpu: [process.arch] };
  const lock = {
    packages: {
      '': { version: '0.1.0' },
      'node_modules/there': { version: '1.0.0' },
      'node_modules/stale': { version: '1.0.1' },
      'node_modules/gone': { version: '2.0.0', dev: true },
      'node_modules/there/node_modules/nested': { version: '3.0.0' },
      'node_modules/binary': { version: '1.0.0', optional: true, ...own },
      'node_modules/foreign-system': { version: '1.0.0', optional: true, ...own, os: ['plan9'] },
      'node_modules/foreign-cpu': { version: '1.0.0', optional: true, ...own, cpu: ['pdp11'] },
      'node_modules/excluded': { version: '1.0.0', optional: true, os: [`!${process.platform}`] },
      'node_modules/foreign-dependency': { version: '1.0.0', optional: true },
    },
  };
  assert.equal(missingPackages(folder, lock), [
    'node_modules/stale',
    'node_modules/gone',
    'node_modules/there/node_modules/nested',
    'node_modules/binary',
  ]);
  rmSync(folder, { recursive: true });
});

packages('nothing is missing here', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  assert.equal(missingPackages(root, lock), []);
});

packages.run();

const swallowed = suite('launcher: options that npm took');

const npm = { npm_lifecycle_event: 'train' };
const cases: [name: string, argv: string[], env: Record<string, string>, found: string[]][] = [
  ['nothing', [], npm, []],
  ['--data DIR', ['DIR'], { ...npm, npm_config_data: 'true' }, ['--data']],
  ['--train-from=all', [], { ...npm, npm_config_train_from: 'all' }, ['--train-from']],
  ['--no-flip', [], { ...npm, npm_config_flip: '' }, ['--no-flip']],
  ['two of them', [], { ...npm, npm_config_json: 'true', npm_config_data: 'x' }, ['--data', '--json']],
  ['given properly, by name', ['--data', 'DIR'], { ...npm, npm_config_data: 'true' }, []],
  ['given properly, with =', ['--data=DIR'], { ...npm, npm_config_data: 'true' }, []],
  ["npm's own cache setting", [], { ...npm, npm_config_cache: '/home/me/.npm' }, []],
  ['an empty setting', [], { ...npm, npm_config_json: '' }, []],
  ['not through npm', [], { npm_config_data: 'true' }, []],
  ['under another script', [], { npm_lifecycle_event: 'test', npm_config_data: 'true' }, []],
];
for (const [name, argv, env, found] of cases) {
  swallowed(name, () => {
    const command = new Command()
      .option('--data <dir>')
      .option('--train-from <stage>')
      .option('--no-flip')
      .option('--cache <dir>')
      .option('--json');
    assert.equal(findSwallowed('train', command, argv, env), found);
  });
}

swallowed.run();

const process_ = suite('launcher: in a process');

/** Runs the launcher without the npm variables of the test run. */
function launch(args: string[], env: Record<string, string> = {}, node: string[] = []) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
  return spawnSync(process.execPath, [...node, launcher, ...args], {
    encoding: 'utf8',
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const noStack = (text: string) => assert.not.match(text, /^ {4}at /m);

process_('without a command it lists them', () => {
  for (const args of [[], ['--help']]) {
    const { status, stdout } = launch(args);
    assert.is(status, 0);
    for (const name of ['train', 'predict', 'evaluate', 'bench', 'doctor', 'test', 'check']) {
      assert.match(stdout, new RegExp(`^ {2}${name} +[a-z]`, 'm'));
    }
  }
});

process_('an unknown command gets a suggestion', () => {
  const { status, stdout, stderr } = launch(['trian']);
  assert.is(status, 64);
  assert.is(stdout, '');
  assert.is(stderr, "error: there is no command 'trian'. Did you mean train?\n");
});

process_('an old Node gets a sentence', () => {
  const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.1' } });`;
  const { status, stderr } = launch([], {}, ['--import', `data:text/javascript,${encodeURIComponent(old)}`]);
  assert.is(status, 1);
  assert.match(stderr, /needs Node 20\.6 or newer, and this is Node 18\.19\.1/);
});

process_('--help says how npm keeps its own lines off the document of --json', () => {
  const silent = /^npm run --silent doctor -- --json … leaves npm's own lines off stdout\.$/m;
  assert.match(launch(['doctor', '--help'], { npm_lifecycle_event: 'doctor' }).stdout, silent);
  assert.not.match(launch(['doctor', '--help']).stdout, /silent/);
});

process_('doctor --json prints one JSON document, and quickly', () => {
  launch(['doctor', '--json']);
  const { status, stdout } = launch(['doctor', '--json']);
  assert.is(status, 0);
  const report = JSON.parse(stdout);
  assert.type(report.adapter.name, 'string');
  assert.ok(report.limits.maxStorageBufferBindingSize >= 2 ** 27);
  assert.ok(report.memory.bytes > 0);
  assert.is(report.versions.node, process.versions.node);
});

process_('a wrong option ends with a sentence and 64', () => {
  const { status, stderr } = launch(['doctor', '--jsn']);
  assert.is(status, 64);
  assert.match(stderr, /unknown option '--jsn'\n\(Did you mean --json\?\)/);
  noStack(stderr);
});

process_('an option that npm took ends with a sentence', () => {
  const { status, stderr } = launch(['doctor'], { npm_lifecycle_event: 'doctor', npm_config_json: 'true' });
  assert.is(status, 64);
  assert.match(stderr, /Put -- before the options: npm run doctor -- --json/);
});

process_('an adapter of another name ends with the names there are', () => {
  const { status, stderr } = launch(['doctor', '--adapter', 'no such card']);
  assert.is(status, 1);
  assert.match(stderr, /^error: no adapter is called 'no such card' here: 0: .*\n$/m);
  noStack(stderr);
});

const linux = process.platform === 'linux';

(linux ? process_ : process_.skip)('without an adapter: a sentence and 1', () => {
  const { status, stdout, stderr } = launch(['doctor', '--json'], { VK_DRIVER_FILES: '/nonexistent' });
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, /^error: no WebGPU adapter was found \(.*\)\. VK_DRIVER_FILES names the drivers/m);
  noStack(stderr);
});

const release = linux && existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
const bookworm = /^ID=debian$/m.test(release) && /^VERSION_CODENAME=bookworm$/m.test(release);

/** A folder with programs that only write their arguments into a log. */
function stubs(installFails: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-stubs-'));
  const log = join(folder, 'log');
  const stub = (name: string, body: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> ${log}\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  stub('apt-get', installFails ? 'case "$*" in *install*) echo "E: no space" >&2; exit 100;; esac' : '');
  stub('apt-cache', '');
  stub('tee', `cat >> ${log}`);
  stub('sudo', 'while [ "$1" = "-n" ]; do shift; done; exec "$@"');
  return { folder, lines: () => readFileSync(log, 'utf8').trim().split('\n') };
}

for (const installFails of [false, true]) {
  const name = `the driver is installed from backports${installFails ? ', and apt fails' : ''}`;
  (bookworm ? process_ : process_.skip)(name, () => {
    const { folder, lines } = stubs(installFails);
    const { status, stderr } = launch(['doctor'], {
      PATH: `${folder}:${process.env.PATH}`,
      CI: 'true',
      VK_LOADER_DRIVERS_DISABLE: '*',
    });
    assert.is(status, 1);
    const calls = lines().filter((line) => !line.startsWith('sudo '));
    const steps = calls.map((line) => line.replace(/-o \S+ |-qq |-y |--\S+ /g, ''));
    assert.equal(steps, [
      'apt-get update',
      'apt-cache madison mesa-vulkan-drivers',
      'apt-get indextargets $(CODENAME) $(ORIGIN) $(REPO_URI)',
      'tee /etc/apt/sources.list.d/tessera-backports.list',
      'deb http://deb.debian.org/debian bookworm-backports main',
      'apt-get update',
      'apt-get install -t bookworm-backports mesa-vulkan-drivers libvulkan1',
    ]);
    assert.match(
      stderr,
      installFails
        ? /apt-get install ended with 100; its reasons are above\)\. Install Mesa/
        : /error: no WebGPU adapter was found \(.*even with Mesa's driver\)\. Look at what vulkaninfo says .*VK_\.\n$/,
    );
    noStack(stderr);
    rmSync(folder, { recursive: true });
  });
}

/** Runs the fixture command stoppable.ts as the launcher would. */
function startFixture(args: string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'test/cli/fixtures/start.mjs'), ...args]);
}

/** Everything a process prints, and its exit code; `onText` sees what stdout came to so far. */
function finish(child: ChildProcess, onText: (text: string) => void = () => undefined) {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onText(stdout);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process_(`${signal}: the step ends, then exit code ${exitCode}`, async () => {
    const child = startFixture(['a.png', 'b.png']);
    let sent = false;
    const { code, stdout, stderr } = await finish(child, (text) => {
      if (!text.includes('ready') || sent) return;
      sent = true;
      child.kill(signal);
    });
    assert.match(stdout, /^ready a\.png b\.png$/m);
    assert.match(stdout, signal === 'SIGINT' ? /^signals 1$/m : /^signals 0$/m);
    assert.match(stderr, /Stopping after this step/);
    assert.is(code, exitCode);
  });
}

/** Ways to start a program under nohup, as a line of bash. */
const UNDER_NOHUP: [what: string, line: string][] = [
  ['nohup', 'nohup "$@"'],
  ['nohup and npm’s shell', `nohup sh -c '"$@"; exit $?' sh "$@"`],
  ['a script under nohup', `nohup bash -c 'trap : TERM; "$@" & wait; wait $!' bash "$@"`],
  ['a shell that ignores the signal', `trap '' HUP; bash -c '"$@"; exit $?' bash "$@"`],
];
for (const [what, line] of UNDER_NOHUP)
  (linux ? process_ : process_.skip)(`${what}: a terminal that hangs up is nothing to it`, async () => {
    const start = [process.execPath, join(root, 'test/cli/fixtures/start.mjs'), '--pid'];
    const child = spawn('bash', ['-c', line, 'bash', ...start]);
    let sent = false;
    const { stdout, stderr } = await finish(child, (text) => {
      const pid = Number(/^pid (\d+)$/m.exec(text)?.[1]);
      if (!text.includes('ready') || sent) return;
      sent = true;
      process.kill(pid, 'SIGHUP');
      setTimeout(() => process.kill(pid, 'SIGTERM'), 200);
    });
    assert.match(stdout, /^stopped 143$/m, stderr);
  });

(linux ? process_ : process_.skip)(
  'npm that is told to end takes its command along, but not under nohup',
  async () => {
    const env = { ...process.env, npm_lifecycle_event: 'train' };
    const start = [process.execPath, join(root, 'test/cli/fixtures/start.mjs'), '--pid'];
    // The shell ends as npm's does, and the command is left alone.
    const left = async (program: string[], then: (pid: number) => void) => {
      const [name, ...args] = [...program, 'bash', '-c', '"$@" & read -r line', 'bash', ...start];
      const child = spawn(name!, args, { env });
      let alone = false;
      const { stdout } = await finish(child, (text) => {
        if (!text.includes('ready') || alone) return;
        alone = true;
        child.stdin.end();
        then(Number(/^pid (\d+)$/m.exec(text)?.[1]));
      });
      return stdout;
    };
    assert.match(await left([], () => undefined), /^stopped 143$/m);
    const stdout = await left(['nohup'], (pid) => setTimeout(() => process.kill(pid, 'SIGINT'), 1000));
    assert.match(stdout, /^stopped 130$/m);
  },
);

process_('a reader that has seen enough is no error', () => {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', 'set -o pipefail; "$@" --help | head -1', 'bash', process.execPath, launcher],
    { encoding: 'utf8' },
  );
  assert.equal([status, stderr], [0, '']);
  assert.match(stdout, /^Usage: /);
});

process_('an expected error is a sentence; with --debug it has a stack', async () => {
  const plain = await finish(startFixture(['--fail']));
  assert.is(plain.stderr, 'error: the picture is upside down\n');
  assert.is(plain.code, 64);
  const debug = await finish(startFixture(['--fail', '--debug']));
  assert.match(debug.stderr, /^ {4}at .*stoppable\.ts/m);
});

process_.run();
