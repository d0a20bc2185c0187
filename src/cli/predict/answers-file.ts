/**
 * A file of answers that grows, a line a picture in the order of the list, and goes on after a kill where it was: the lines
 * that are whole and in their places stay, a last one that was written half goes. Beside it stands OUT.plan.json, which
 * says what the answers are of: with anything else the file does not go on.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Preprocessing } from '../../data/transforms.ts';
import {
  bytesIfThere,
  makeFolder,
  reading,
  statOrNull,
  systemReason,
  WriteError,
  writeWhole,
} from '../../node/files.ts';
import { linesOfFile } from '../../node/lines.ts';
import { FolderLock } from '../../node/lock.ts';
import { placeOf, type Shard, shardText } from '../../runner/shard.ts';
import {
  all,
  among,
  demand,
  list,
  number,
  object,
  optional,
  parseBounded,
  text,
  whole,
} from '../../text/rules.ts';
import type { Calling } from '../../train/metrics.ts';
import { commandLine } from '../command-line.ts';
import { UserError } from '../ui.ts';
import { type Answer, type AnswersFormat, formatOf } from './answers-format.ts';

/** What a file's answers are of. */
export interface AnswersPlan {
  format: 1;
  /** The network, in words, and the hash of each of its files. */
  network: { name: string; files: string[] };
  classes: readonly string[];
  preprocessing: Preprocessing;
  /** The class that is called from a threshold on, null where the likeliest is. */
  calling: Calling | null;
  /** Of several labels a picture: from which probability each is called; else absent. */
  thresholds?: readonly number[];
  topK: number;
  /** All pictures, those of other shards among them: how many, and a hash of their names in order. */
  list: { count: number; hash: string };
  shard: Shard;
}

/** What a plan is compared by, in the words of a sentence. */
const WORDS: Record<Exclude<keyof AnswersPlan, 'format'>, string> = {
  network: 'another network',
  classes: 'other classes',
  preprocessing: 'pictures prepared in another way',
  calling: 'another threshold',
  thresholds: 'other thresholds',
  topK: 'another --top-k',
  list: 'another list of pictures',
  shard: 'another shard',
};

/** The first thing in which two plans differ, in words; null where they are of the same answers. */
export function differenceOf(a: AnswersPlan, b: AnswersPlan, except: readonly string[] = []): string | null {
  const keys = Object.keys(WORDS) as (keyof typeof WORDS)[];
  const other = keys.find(
    (key) => !except.includes(key) && JSON.stringify(a[key]) !== JSON.stringify(b[key]),
  );
  return other === undefined ? null : WORDS[other];
}

/** The names of a list as a plan holds them. */
export function listMark(files: readonly string[]): AnswersPlan['list'] {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update('\0');
  return { count: files.length, hash: hash.digest('hex') };
}

export const planPath = (path: string): string => `${path}.plan.json`;

const PLAN = all(
  object({ format: among([1]) }),
  object({
    network: object({ name: text(4096), files: list(text(128), 1, 64) }),
    classes: list(text(4096), 1, 100_000),
    preprocessing: object({}),
    thresholds: optional(list(number(0, 1), 1, 100_000)),
    topK: whole(1, 100_000),
    list: object({ count: whole(0, Number.MAX_SAFE_INTEGER), hash: text(128) }),
    shard: object({ index: whole(1, 100_000), of: whole(1, 100_000) }),
  }),
);

/** The plan beside a file of answers; null where there is none. @throws RangeError, Error: sentences */
export async function readPlan(path: string): Promise<AnswersPlan | null> {
  const place = planPath(path);
  const bytes = await bytesIfThere(place, 2 ** 24);
  if (!bytes) return null;
  const plan = parseBounded(new TextDecoder().decode(bytes), place);
  demand(PLAN, plan, place);
  return plan as AnswersPlan;
}

export class AnswersFile {
  private constructor(
    private readonly path: string,
    private readonly format: AnswersFormat,
    private readonly shard: Shard,
    private readonly file: FileHandle,
    private readonly lock: FolderLock,
    /** Pictures of the shard that have their line, and those of them whose line says why there is no answer. */
    public done: number,
    public refused: number,
    /** Bytes of their lines. */
    private end: number,
  ) {}

  /**
   * Begins a file, or goes on with one that is there.
   * @param files the pictures of the shard, in order
   * @throws UserError where the file is of something else, or no file of answers; FolderHeld where another process writes it
   */
  static async open(path: string, plan: AnswersPlan, files: readonly string[]): Promise<AnswersFile> {
    const format = formatOf(path, plan);
    await makeFolder(dirname(resolve(path)));
    const lock = await FolderLock.take(
      dirname(resolve(path)),
      commandLine('predict', []),
      `.${basename(path)}.lock`,
    );
    try {
      const before = await readPlan(path);
      const there = await statOrNull(path);
      if (!before && there && there.size > 0)
        throw new UserError(
          `${path} is there and no file of predict's (there is no ${planPath(path)}); name another one with --out`,
        );
      const other = before && differenceOf(before, plan);
      if (other)
        throw new UserError(
          `${path} is of ${other}; name another file with --out, or remove it together with ${planPath(path)}`,
        );
      if (!before) await writeWhole(planPath(path), `${JSON.stringify(plan, null, 2)}\n`);
      const { done, refused, end } = there
        ? await linesThere(path, format, plan.shard, files)
        : { done: 0, refused: 0, end: 0 };
      const file = await reading(path, open(path, there ? 'r+' : 'wx+'));
      await file.truncate(end);
      const answers = new AnswersFile(path, format, plan.shard, file, lock, done, refused, end);
      if (end === 0 && format.head !== null) await answers.write(`${format.head}\n`);
      return answers;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Adds the answers to the next pictures, in their order. */
  async append(answers: readonly Answer[]): Promise<void> {
    const lines = answers.map(
      (answer, index) => `${this.format.line(placeOf(this.done + index, this.shard), answer)}\n`,
    );
    await this.write(lines.join(''));
    this.done += answers.length;
    for (const answer of answers) if ('error' in answer) this.refused++;
  }

  /** Puts what was added on the disk and gives the file back. */
  async close(): Promise<void> {
    try {
      await this.file.sync();
      await this.file.close();
    } finally {
      this.lock.release();
    }
  }

  private async write(added: string): Promise<void> {
    await this.lock.check();
    try {
      const bytes = Buffer.from(added);
      for (let at = 0; at < bytes.length; )
        at += (await this.file.write(bytes, at, bytes.length - at, this.end + at)).bytesWritten;
      this.end += bytes.length;
    } catch (error) {
      throw new WriteError(
        `${this.path} could not be written: ${systemReason(error)}; the lines before are there, and the same command goes on`,
        { cause: error },
      );
    }
  }
}

/** How many pictures have their line in a file, how many of these are no answers, and where the last of these lines ends. */
async function linesThere(
  path: string,
  format: AnswersFormat,
  shard: Shard,
  files: readonly string[],
): Promise<{ done: number; refused: number; end: number }> {
  let [done, refused, end] = [0, 0, 0];
  let head = format.head;
  for await (const line of linesOfFile(path)) {
    if (!line.whole) break;
    const told = done < files.length ? format.tells(line.text, placeOf(done, shard), files[done]) : null;
    if (head === null ? told === null : line.text !== head)
      throw new UserError(
        `line ${done + (format.head === null ? 1 : 2)} of ${path} is not what predict wrote for shard ${shardText(shard)}; name another file with --out`,
      );
    if (head === null) done++;
    if (told === 'error') refused++;
    head = null;
    end = line.end;
  }
  return { done, refused, end };
}
