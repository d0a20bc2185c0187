/**
 * Downloads one file: resumed after a break, checked before it takes its place, bounded in every respect.
 *
 * Bytes go to PATH.part, and beside it PATH.part.json says where they come from, so that the next try, or the next run,
 * goes on at their end (`Range`), provided that the file on the server is still the same (`If-Range`). Only a file whose
 * SHA-256 is right is renamed to PATH: what is there under that name is whole.
 */
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { hashFile } from './hash.ts';
import {
  type Answer,
  checkUrl,
  createAgent,
  DownloadError,
  get,
  LIMITS,
  type Limits,
  networkFailure,
  reason,
  showUrl,
  statusFailure,
  Transient,
} from './http.ts';

export { DownloadError, type Limits } from './http.ts';

export interface DownloadOptions {
  url: string;
  /** Where the file ends up. */
  path: string;
  /** First digits of the file's SHA-256, eight or more; null where nobody states them. */
  sha256: string | null;
  /** Looks at the whole file before it takes its place; what it throws is the download's failure. */
  check?: (path: string) => Promise<unknown>;
  onProgress?: (received: number, total: number | null) => void;
  /** Sentences about tries that failed and the like. */
  onNote?: (sentence: string) => void;
  /** Stops the download; what has arrived is kept for the next run. */
  signal?: AbortSignal;
  limits?: Partial<Limits>;
}

export interface DownloadReport {
  bytes: number;
  sha256: string;
  /** What the SHA-256 was compared with: what the caller gave, what the server stated, or nothing. */
  comparedWith: 'given' | 'server' | null;
  /** Bytes that an earlier run had brought. */
  resumedFrom: number;
}

/** The caller's signal stopped the download. */
export class DownloadStopped extends Error {
  override name = 'DownloadStopped';
}

/** What PATH.part.json says of the bytes in PATH.part. */
interface Origin {
  url: string;
  /** Strong entity tag or date, for If-Range. */
  validator: string | null;
  total: number | null;
  /** SHA-256 that the server stated. */
  sha256: string | null;
}

/** @throws DownloadError, a sentence, where the file cannot be had or is a wrong one; DownloadStopped */
export async function download(options: DownloadOptions): Promise<DownloadReport> {
  const limits = { ...LIMITS, ...options.limits };
  const agent = createAgent(limits);
  try {
    checkUrl(options.url);
    await mkdir(dirname(options.path), { recursive: true });
    return await new Download(options, limits, agent).run();
  } catch (error) {
    if (options.signal?.aborted) throw new DownloadStopped('the download was stopped');
    throw fileFailure(error, options.path);
  } finally {
    await agent.destroy();
  }
}

/** A sentence for what the disk refuses. */
function fileFailure(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new DownloadError(`there is no room left for ${path}`);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new DownloadError(`${path} cannot be written: ${reason(error)}`);
  return error;
}

class Download {
  private readonly url: URL;
  private readonly part: string;
  private readonly note: string;
  private origin: Origin | null = null;
  private resumedFrom = 0;

  constructor(
    private readonly options: DownloadOptions,
    private readonly limits: Limits,
    private readonly agent: Dispatcher,
  ) {
    this.url = checkUrl(options.url);
    this.part = `${options.path}.part`;
    this.note = `${options.path}.part.json`;
  }

  async run(): Promise<DownloadReport> {
    await this.takeUp();
    this.resumedFrom = await this.size();
    await this.fetchAll();
    let hash = await hashFile(this.part);
    if (!this.matches(hash) && this.resumedFrom > 0) {
      this.options.onNote?.('What was taken up does not fit what came after it; starting again.');
      await this.discard();
      this.resumedFrom = 0;
      await this.fetchAll();
      hash = await hashFile(this.part);
    }
    return this.settle(hash);
  }

  /** Compares, checks and renames. */
  private async settle(sha256: string): Promise<DownloadReport> {
    const { path, check } = this.options;
    const wanted = this.wanted();
    if (!this.matches(sha256)) {
      const bytes = await this.size();
      await this.discard();
      throw new DownloadError(
        `${showUrl(this.url)} is not the file that was expected: its ${bytes} bytes have the SHA-256 ` +
          `${sha256.slice(0, 16)}…, and ${wanted!.slice(0, 16)}${wanted!.length > 16 ? '…' : ''} was wanted; nothing was kept`,
      );
    }
    try {
      await check?.(this.part);
    } catch (error) {
      await this.discard();
      throw new DownloadError(`${showUrl(this.url)} is no file of weights: ${reason(error)}`, {
        cause: error,
      });
    }
    const bytes = await this.size();
    const file = await open(this.part, 'r+');
    await file.sync().finally(() => file.close());
    await rename(this.part, path);
    await rm(this.note, { force: true });
    const comparedWith = this.options.sha256 !== null ? 'given' : wanted !== null ? 'server' : null;
    return { bytes, sha256, comparedWith, resumedFrom: this.resumedFrom };
  }

  private wanted(): string | null {
    return this.options.sha256 ?? this.origin?.sha256 ?? null;
  }

  private matches(sha256: string): boolean {
    return sha256.startsWith(this.wanted() ?? '');
  }

  /** Tries until the file is whole. */
  private async fetchAll(): Promise<void> {
    const { attempts, allAttempts, pause, longestPause } = this.limits;
    let idle = 0;
    let most = await this.size();
    for (let attempt = 1; ; attempt++) {
      const before = await this.size();
      if (before > 0 && before === this.origin?.total) return;
      try {
        return await this.attempt(before);
      } catch (error) {
        if (!(error instanceof Transient) || this.options.signal?.aborted) throw error;
        // More than ever before: a server that is started again and again brings the same bytes each time.
        const size = await this.size();
        idle = size > most ? 0 : idle + 1;
        most = Math.max(most, size);
        if (idle >= attempts || attempt >= allAttempts)
          throw new DownloadError(
            `${error.message}; gave up after ${attempt} tries. What has arrived is kept: the same command goes on from there`,
            { cause: error },
          );
        const wait = Math.min(error.wait ?? pause * 2 ** idle, longestPause);
        this.options.onNote?.(
          `${error.message}; trying again in ${(wait / 1000).toFixed(wait < 1000 ? 1 : 0)} s.`,
        );
        await sleep(wait, undefined, { signal: this.options.signal });
      }
    }
  }

  /** One request, from `offset` on if the server agrees. */
  private async attempt(offset: number): Promise<void> {
    const stall = new AbortController();
    const { signal } = this.options;
    const either = signal ? AbortSignal.any([signal, stall.signal]) : stall.signal;
    const watch = new Watch(this.limits, () =>
      stall.abort(new Transient(`${this.url.host} has sent nothing for ${this.limits.stall / 1000} s`)),
    );
    try {
      const answer = await get(this.agent, this.url, this.requestHeaders(offset), either, this.limits);
      try {
        const from = await this.agree(answer, offset);
        if (from !== null) await this.receive(answer, from, watch);
      } finally {
        answer.body.on('error', () => undefined).destroy();
      }
    } catch (error) {
      if (either.aborted) throw either.reason;
      throw error;
    } finally {
      watch.stop();
    }
  }

  private requestHeaders(offset: number): Record<string, string> {
    const headers: Record<string, string> = {
      // The hash is that of the file as it is, so no compression on the way.
      'accept-encoding': 'identity',
      'user-agent': 'tessera',
    };
    if (offset === 0) return headers;
    headers.range = `bytes=${offset}-`;
    if (this.origin?.validator) headers['if-range'] = this.origin.validator;
    return headers;
  }

  /**
   * Reads an answer's head: where its bytes belong, or null where nothing is missing any more. Notes where the bytes
   * come from before the first of them is written.
   */
  private async agree(answer: Answer, offset: number): Promise<number | null> {
    const { status, headers } = answer;
    if (status === 416 && this.origin?.total === offset) return null;
    if (
      status === 416 ||
      (status === 206 && !fitsRange(headers['content-range'], offset, this.origin?.total))
    ) {
      await this.discard();
      throw new Transient(`${this.url.host} does not go on where the download broke off; starting again`);
    }
    if (status !== 200 && status !== 206) throw statusFailure(this.url, answer);
    if (/^text\/html/i.test(headers['content-type'] ?? ''))
      throw new DownloadError(
        `${showUrl(this.url)} answered with a web page instead of a file; does the network want a log-in?`,
      );
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      throw new DownloadError(
        `${showUrl(this.url)} is compressed on the way (${encoding}), which was not asked for`,
      );
    if (status === 206) return offset;
    if (offset > 0) this.options.onNote?.(`${this.url.host} sends the file from its beginning.`);
    this.resumedFrom = 0;
    await this.begin(answer);
    return 0;
  }

  private async begin({ headers, sha256 }: Answer): Promise<void> {
    await this.discard();
    const length = Number(headers['content-length'] ?? Number.NaN);
    const total = Number.isSafeInteger(length) ? length : null;
    if (total !== null && total > this.limits.bytes) throw this.tooLarge(total);
    const tag = headers.etag;
    const validator = tag && !tag.startsWith('W/') ? tag : (headers['last-modified'] ?? null);
    this.origin = { url: this.url.href, validator, total, sha256 };
    await writeFile(this.note, JSON.stringify(this.origin));
  }

  private async receive({ body }: Answer, from: number, watch: Watch): Promise<void> {
    const total = this.origin?.total ?? null;
    const file = await open(this.part, from > 0 ? 'r+' : 'w');
    let position = from;
    try {
      this.options.onProgress?.(position, total);
      for await (const chunk of chunks(body, this.url)) {
        watch.count(chunk.length);
        await writeAll(file, chunk, position);
        position += chunk.length;
        if (position > (total ?? this.limits.bytes)) throw this.tooLarge(position);
        this.options.onProgress?.(position, total);
      }
    } finally {
      await file.close();
    }
    if (total !== null && position < total)
      throw new Transient(`${this.url.host} sent ${position} of ${total} bytes and ended`);
  }

  private tooLarge(bytes: number): DownloadError {
    return new DownloadError(
      `${showUrl(this.url)} sends more than it should (${bytes} bytes), so it was left`,
    );
  }

  /** Goes on with what an earlier run left, if it came from here and can be told to be of the same file. */
  private async takeUp(): Promise<void> {
    const text = await readFile(this.note, 'utf8').catch(() => '');
    const origin = parseOrigin(text);
    const same = origin?.url === this.url.href && (origin.validator !== null || this.options.sha256 !== null);
    if (origin && same) this.origin = origin;
    else await this.discard();
  }

  private async size(): Promise<number> {
    return (await stat(this.part).catch(() => null))?.size ?? 0;
  }

  private async discard(): Promise<void> {
    this.origin = null;
    await rm(this.part, { force: true });
    await rm(this.note, { force: true });
  }
}

/** Calls `onStall` when less than `leastBytes` came in `stall` milliseconds. */
class Watch {
  private received = 0;
  private readonly timer: NodeJS.Timeout;

  constructor({ stall, leastBytes }: Limits, onStall: () => void) {
    this.timer = setInterval(() => {
      if (this.received < leastBytes) onStall();
      this.received = 0;
    }, stall);
  }

  count(bytes: number): void {
    this.received += bytes;
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

async function* chunks(body: Answer['body'], url: URL): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk as Uint8Array;
  } catch (error) {
    throw networkFailure(url, error);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Whether `bytes FIRST-LAST/TOTAL` begins at `offset` and is of a file of the size that was announced before. */
function fitsRange(range: string | undefined, offset: number, total: number | null | undefined): boolean {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range ?? '');
  if (!match || Number(match[1]) !== offset) return false;
  return match[3] === '*' || typeof total !== 'number' || Number(match[3]) === total;
}

function parseOrigin(text: string): Origin | null {
  try {
    const value: Partial<Origin> | null = JSON.parse(text);
    const { url, validator = null, total = null, sha256 = null } = value ?? {};
    return typeof url === 'string' ? { url, validator, total, sha256 } : null;
  } catch {
    return null; // cut off by a crash: the bytes beside it cannot be told from anybody's
  }
}
