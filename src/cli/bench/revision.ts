/** A git revision of this tree in a temporary folder, ready to run, that does not outlive this process. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bytesIfThere, statOrNull } from '../../node/files.ts';
import { isAlive, markName, ownMark, parseMark } from '../../node/processes.ts';
import { shown } from '../../text/shown.ts';
import { say, UserError } from '../ui.ts';

/** A revision that stands in a folder. */
export interface Revision {
  /** `v1.2 (abc1234)` */
  name: string;
  folder: string;
  /** Removes the folder. */
  dispose(): void;
}

const PREFIX = 'tessera-against-';
const run = promisify(execFile);

/**
 * The revision that `named` names in the repository at `root`, with the packages of `root` where it wants the same ones.
 * @param marker a file that it has to have
 * @throws UserError, a sentence, where there is no git, no such revision, or no such file in it
 */
export async function checkOut(root: string, named: string, marker: string): Promise<Revision> {
  const commit = await commitOf(root, named);
  const name = `${shown(named)} (${commit.slice(0, 9)})`;
  if (!(await holds(root, commit, marker))) {
    const first = await firstWith(root, marker);
    throw new UserError(
      `--against ${name}: its bench cannot be asked for single rounds yet; ${first ? `the first revision whose can is ${first}` : 'no revision so far can; commit this tree'}`,
    );
  }
  await removeDead();
  const folder = await mkdtemp(join(await realpath(tmpdir()), `${PREFIX}${markName(ownMark())}.`));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.on('exit', remove);
  const dispose = (): void => {
    process.off('exit', remove);
    remove();
  };
  try {
    const tree = join(folder, 'tree');
    // A clone that borrows the objects leaves nothing behind in the repository, as a worktree would that was not removed.
    await git(root, 'clone', '--quiet', '--shared', '--no-checkout', '--template=', '--', root, tree);
    await git(tree, '-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--detach', commit);
    await sharePackages(root, tree, name);
    return { name, folder: tree, dispose };
  } catch (error) {
    dispose();
    throw new Error(`--against ${name} cannot be checked out: ${sentenceOf(error)}`, { cause: error });
  }
}

/** Whether files of the tree differ from its commit. */
export async function isChanged(root: string): Promise<boolean> {
  return (await git(root, 'status', '--porcelain', '--untracked-files=no')) !== '';
}

async function commitOf(root: string, named: string): Promise<string> {
  try {
    const top = await git(root, 'rev-parse', '--show-toplevel');
    if ((await realpath(top)) !== (await realpath(root))) throw new Error('not a git repository');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(
      missing
        ? '--against needs git, which was not found on this machine'
        : `--against needs a git repository, and ${root} is none`,
      { cause: error },
    );
  }
  try {
    return await git(root, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${named}^{commit}`);
  } catch (error) {
    throw new UserError(
      `--against ${shown(named)}: there is no such revision here; git log --oneline and git branch -a show some`,
      { cause: error },
    );
  }
}

const holds = (root: string, commit: string, path: string): Promise<boolean> =>
  git(root, 'cat-file', '-e', `${commit}:${path}`).then(
    () => true,
    () => false,
  );

/** The oldest commit that brought the file, short; null where none of this branch did. */
async function firstWith(root: string, path: string): Promise<string | null> {
  const found = await git(root, 'log', '--format=%h', '--diff-filter=A', '--', path);
  return found.split('\n').at(-1) || null;
}

/** Where the lock files are equal the packages are; otherwise the launcher there installs its own (npm ci). */
async function sharePackages(root: string, tree: string, name: string): Promise<void> {
  const [ours, theirs] = await Promise.all(
    [root, tree].map(async (at) => {
      const bytes = await bytesIfThere(join(at, 'package-lock.json'));
      return bytes && new TextDecoder().decode(bytes);
    }),
  );
  const packages = join(root, 'node_modules');
  if (ours === theirs && (await statOrNull(packages)))
    await symlink(await realpath(packages), join(tree, 'node_modules'), 'junction');
  else say(`${name} wants other packages than this tree: npm ci installs them in a temporary folder first.`);
}

/** Removes the folders of processes that were killed, and says which cannot be: another user's, in a common /tmp. */
async function removeDead(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const mark = parseMark(entry.slice(PREFIX.length).split('.')[0]!);
    if (!mark || isAlive(mark) !== false) continue;
    const left = join(tmpdir(), entry);
    try {
      await rm(left, { recursive: true, force: true });
    } catch (error) {
      say(
        `${shown(left)} is left of a run that was killed and cannot be removed: ${(error as Error).message}`,
      );
    }
  }
}

/** What git says in the repository at `root`. */
export async function git(root: string, ...args: string[]): Promise<string> {
  // A hook of the user's has nothing to do with a folder that is thrown away.
  const found = await run('git', ['-C', root, '-c', 'core.hooksPath=/dev/null', ...args], {
    maxBuffer: 64 * 2 ** 20,
    env: { ...process.env, GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined },
  });
  return found.stdout.trim();
}

/** What git said, without its command line. */
function sentenceOf(error: unknown): string {
  const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
  return said || (error instanceof Error ? error.message : String(error));
}
