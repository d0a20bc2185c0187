/**
 * The package as a user has it: built, packed by npm into a tarball, unpacked into the `node_modules` of an empty project.
 * Its dependencies are linked from the repository's, so that no test needs the network.
 */
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

export interface InstalledProject {
  /** The project's folder. */
  readonly folder: string;
  /** Where the package lies in it. */
  readonly package: string;
  /** Makes another package of the repository's node_modules importable, as `npm install --save-dev` would. */
  link(name: string): void;
  /** Runs `node …` in the project. */
  node(...args: string[]): SpawnSyncReturns<string>;
  /** Checks files of the project as strictly as TypeScript can, declarations of packages included. */
  check(files: readonly string[], ...flags: string[]): SpawnSyncReturns<string>;
  remove(): void;
}

/** Builds, packs and installs the package. Takes about ten seconds. */
export function installPackage(): InstalledProject {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-installed-'));
  const modules = join(folder, 'node_modules');
  const run = (command: string, args: string[], cwd: string) =>
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  const link = (name: string): void => {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir');
  };

  // A copy is packed, since npm would build into the repository's dist/, where another test may be at work.
  const staging = join(folder, 'staging');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of [
    'src',
    'bin',
    'bench',
    'data',
    'weights',
    'package.json',
    'README.md',
    'LICENSE',
    'tsconfig.json',
  ])
    cpSync(join(root, name), join(staging, name), { recursive: true });
  run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', join(staging, 'dist')], root);
  run('npm', ['pack', '--ignore-scripts', '--silent', '--offline', '--pack-destination', folder], staging);
  const installed = join(modules, manifest.name);
  mkdirSync(installed, { recursive: true });
  const tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`);
  run('tar', ['-xzf', tarball, '--strip-components', '1', '-C', installed], folder);
  rmSync(staging, { recursive: true });
  for (const name of Object.keys(manifest.dependencies)) if (!existsSync(join(modules, name))) link(name);
  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');

  return {
    folder,
    package: installed,
    link,
    node: (...args) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' }),
    check: (files, ...flags) =>
      spawnSync(
        process.execPath,
        [
          tsc,
          '--noEmit',
          '--strict',
          '--ignoreConfig',
          '--target',
          'es2022',
          '--module',
          'nodenext',
          ...flags,
          ...files,
        ],
        { cwd: folder, encoding: 'utf8' },
      ),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
