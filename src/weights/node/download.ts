/**
 * Downloads one file: resumed after a break, checked before it takes its place, bounded in every respect.
 *
 * Bytes go to PATH.part, and beside it PATH.part.json says where they come from, so that the next try, or the next run,
 * goes on at their end (`Range`), provided that the file on the server is still the same (`If-Range`). Only a file whose
 * SHA-256 is right is renamed to PATH: what is there under that name is whole.
 */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { makeFolder, systemReason } from '../../node/files.ts';
import { hashFile } from '../../node/hash.ts';
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
import { type Origin, PartialFile } from './partial-file.ts';

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

  /** @param kept bytes that the next run goes on from */
  constructor(readonly kept: number) {
    super('the download was stopped');
  }
}

/** @throws DownloadError, a sentence, where the file cannot be had or is a wrong one; DownloadStopped */
export async function download(options: DownloadOptions): Promise<DownloadReport> {
  const limits = { ...LIMITS, ...options.limits };
  const agent = createAgent(limits);
  const work = new Download(options, limits, agent);
  try {
    await makeFolder(dirname(options.path)).catch((error: Error) => {
      throw new DownloadError(error.message, { cause: error });
    });
    return await work.run();
  } catch (error) {
    if (options.signal?.aborted) throw new DownloadStopped(await work.kept());
    throw fileFailure(error, options.path);
  } finally {
    await agent.destroy();
  }
}

/** A sentence for what the disk refuses; what the network refuses is one already. */
function fileFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof DownloadError) return error;
  const system = [error, error.cause].find((one) => one instanceof Error && 'syscall' in one);
  if (!system) return error;
  return new DownloadError(`${path} cannot be written: ${systemReason(system)}`, { cause: error });
}

class Download {
  private readonly url: URL;
  private readonly part: PartialFile;
  private resumedFrom = 0;
  /** Whether the bytes come from more than one answer. */
  private pieced = false;

  constructor(
    private readonly options: DownloadOptions,
    private readonly limits: Limits,
    private readonly agent: Dispatcher,
  ) {
    this.url = checkUrl(options.url);
    this.part = new PartialFile(options.path);
  }

  async run(): Promise<DownloadReport> {
    const { onNote } = this.options;
    this.resumedFrom = await this.part.takeUp(
      (origin) => origin.url === this.url.href && this.canGoOn(origin),
    );
    this.pieced = this.resumedFrom > 0;
    await this.fetchAll();
    let hash = await hashFile(this.part.path);
    if (!this.matches(hash) && this.pieced) {
      onNote?.('The pieces that arrived do not make the file; starting again.');
      await this.part.discard();
      await this.fetchAll();
      hash = await hashFile(this.part.path);
    }
    return this.settle(hash);
  }

  /** Without a validator the server cannot be asked whether it is the same file, but a known hash finds out. */
  private canGoOn({ validator }: Origin): boolean {
    return validator !== null || this.options.sha256 !== null;
  }

  /** Bytes that the next run goes on from; what is of no use to it goes. */
  async kept(): Promise<number> {
    const { origin } = this.part;
    if (origin && !this.canGoOn(origin)) await this.part.discard();
    return this.part.size();
  }

  /** Compares, checks and renames. */
  private async settle(sha256: string): Promise<DownloadReport> {
    const wanted = this.wanted();
    const bytes = await this.part.size();
    try {
      if (!this.matches(sha256)) throw this.anotherFile(bytes, sha256, wanted);
      await this.options.check?.(this.part.path);
    } catch (error) {
      await this.part.discard();
      if (error instanceof DownloadError) throw error;
      throw new DownloadError(`${showUrl(this.url)} is no file of weights: ${reason(error)}`, {
        cause: error,
      });
    }
    await this.part.settle();
    const comparedWith = this.options.sha256 !== null ? 'given' : wanted.length > 0 ? 'server' : null;
    return { bytes, sha256, comparedWith, resumedFrom: this.resumedFrom };
  }

  private anotherFile(bytes: number, sha256: string, hashes: readonly string[]): DownloadError {
    const wanted = hashes.find((hash) => !sha256.startsWith(hash)) ?? '';
    return new DownloadError(
      `${showUrl(this.url)} is not the file that was expected: its ${bytes} bytes have the SHA-256 ` +
        `${sha256.slice(0, 16)}…, and ${wanted.slice(0, 16)}… was wanted; nothing was kept`,
    );
  }

  /** What is known of the file's SHA-256: what the caller gave, what the server states. */
  private wanted(): string[] {
    return [this.options.sha256, this.part.origin?.sha256].filter((hash) => typeof hash === 'string');
  }

  private matches(sha256: string): boolean {
    return this.wanted().every((hash) => sha256.startsWith(hash));
  }

  /** Tries until the file is whole. */
  private async fetchAll(): Promise<void> {
    const { attempts, allAttempts } = this.limits;
    let idle = 0;
    let most = await this.part.size();
    for (let attempt = 1; ; attempt++) {
      const before = await this.part.size();
      if (before > 0 && before === this.part.origin?.total) return;
      try {
        return await this.attempt(before);
      } catch (error) {
        if (!(error instanceof Transient) || this.options.signal?.aborted) throw error;
        // More than ever before: a server that is started again and again brings the same bytes each time.
        const size = await this.part.size();
        idle = size > most ? 0 : idle + 1;
        most = Math.max(most, size);
        if (idle >= attempts || attempt >= allAttempts) throw gaveUp(error, attempt, await this.kept());
        await this.rest(error, idle);
      }
    }
  }

  /** Waits before the next try. */
  private async rest(error: Transient, idle: number): Promise<void> {
    const { pause, longestPause } = this.limits;
    const wait = Math.min(error.wait ?? pause * 2 ** idle, longestPause);
    this.options.onNote?.(
      `${error.message}; trying again in ${(wait / 1000).toFixed(wait < 1000 ? 1 : 0)} s.`,
    );
    await sleep(wait, undefined, { signal: this.options.signal });
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
        answer.body.destroy();
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
    const validator = this.part.origin?.validator;
    return validator ? { ...headers, 'if-range': validator } : headers;
  }

  /** Reads an answer's head: the offset that its bytes belong at, or null where none is missing any more. */
  private async agree(answer: Answer, offset: number): Promise<number | null> {
    const { status, headers } = answer;
    const total = this.part.origin?.total ?? null;
    if (status === 416 && total === offset) return null;
    if (status === 416 || (status === 206 && !fitsRange(headers['content-range'], offset, total))) {
      await this.part.discard();
      throw new Transient(`${this.url.host} does not go on where the download broke off; starting again`);
    }
    if (status !== 200 && status !== 206) throw statusFailure(this.url, answer);
    refuseStrangers(this.url, headers);
    if (status === 206) {
      this.pieced = true;
      return offset;
    }
    if (offset > 0) this.options.onNote?.(`${this.url.host} sends the file from its beginning.`);
    this.resumedFrom = 0;
    this.pieced = false;
    await this.part.begin(this.originOf(answer));
    return 0;
  }

  private originOf({ headers, sha256 }: Answer): Origin {
    const length = Number(headers['content-length'] ?? Number.NaN);
    const total = Number.isSafeInteger(length) ? length : null;
    if (total !== null && total > this.limits.bytes) throw this.tooLarge(total);
    // If-Range takes no weak tags.
    const tag = headers.etag?.startsWith('W/') ? undefined : headers.etag;
    return { url: this.url.href, validator: tag ?? headers['last-modified'] ?? null, total, sha256 };
  }

  private async receive({ body }: Answer, from: number, watch: Watch): Promise<void> {
    const total = this.part.origin?.total ?? null;
    const most = Math.min(total ?? this.limits.bytes, this.limits.bytes);
    let position = from;
    this.options.onProgress?.(position, total);
    await this.part.append(from, async (add) => {
      for await (const chunk of chunks(body, this.url)) {
        if (position + chunk.length > most) {
          await this.part.discard();
          throw this.tooLarge(position + chunk.length);
        }
        watch.count(chunk.length);
        position = await add(chunk);
        this.options.onProgress?.(position, total);
      }
    });
    if (total !== null && position < total)
      throw new Transient(`${this.url.host} sent ${position} of ${total} bytes and ended`);
  }

  private tooLarge(bytes: number): DownloadError {
    return new DownloadError(
      `${showUrl(this.url)} sends more than it should (${bytes} bytes), so it was left`,
    );
  }
}

function gaveUp(error: Transient, tries: number, bytes: number): DownloadError {
  const kept = bytes > 0 ? '. What has arrived is kept: the same command goes on from there' : '';
  return new DownloadError(`${error.message}; gave up after ${tries} tries${kept}`, { cause: error });
}

/** Refuses answers that cannot be the file. */
function refuseStrangers(url: URL, headers: Record<string, string>): void {
  if (/^text\/html/i.test(headers['content-type'] ?? ''))
    throw new DownloadError(
      `${showUrl(url)} answered with a web page instead of a file; does the network want a log-in?`,
    );
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new DownloadError(
      `${showUrl(url)} is compressed on the way (${encoding}), which was not asked for`,
    );
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

/** Whether `bytes FIRST-LAST/TOTAL` begins at `offset` and is of a file of the size that was announced before. */
function fitsRange(range: string | undefined, offset: number, total: number | null): boolean {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range ?? '');
  if (!match || Number(match[1]) !== offset) return false;
  return match[3] === '*' || total === null || Number(match[3]) === total;
}
