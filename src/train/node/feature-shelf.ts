/**
 * Features on a disk, for those that memory does not take and for the next run:
 *
 *   ~/.cache/tessera/features/          TESSERA_CACHE names another folder
 *     ROOM/                             SHA-256 of what the features depend on (features-key.ts) and of the list of pictures
 *       about                           what they are of, for `npm run cache -- list`
 *       0  1  2 …                       two pages a view: pictures among others, and those that were alone in their batch
 *
 * A page is an array of records of one size, in the order of the pictures, with holes where nothing is kept:
 *
 *   [SHA-256 of the picture's bytes: 32][hash of the record: 16][its mark: 8][the values: 4 · length]
 *
 * A record counts if the picture still has these bytes and the record this hash, so that it does not matter who wrote it or
 * how far: two processes write the same bits to the same place. Sizes come from the network, never from a file. Rooms that
 * were opened longest ago go when a new one would pass the limit. Where the disk refuses, that is said once and the run goes
 * on without.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashPicture } from '../../data/node/picture-file.ts';
import { PICTURE_MARK } from '../../data/picture-set.ts';
import type { Sample } from '../../data/sample.ts';
import { cacheFolder } from '../../node/cache-folder.ts';
import { bytesIfThere, ifThere, makeFolder, systemReason, writeWhole } from '../../node/files.ts';
import {
  type FeatureRoom,
  type FeatureStore,
  type KeptFeatures,
  plannedFeatures,
  type RoomPlan,
  type Slot,
} from '../feature-store.ts';
import { murmur128 } from '../murmur.ts';

const GIB = 2 ** 30;
/** Bytes that all rooms may take. */
export const SHELF_LIMIT = 10 * GIB;
/** Share of what is free on the disk that one room may take. */
const OF_FREE = 0.5;

const ROOM = /^[0-9a-f]{64}$/;
const ABOUT = 'about';
const MOST_ABOUT = 4096;

const DIGEST = 32;
const HASH = 16;
const MARK = 8;
const HEAD = DIGEST + HASH + MARK;

/** The folder of all features: TESSERA_CACHE itself where that is set, else a folder in Tessera's. */
export function shelfFolder(env = process.env): string {
  return env.TESSERA_CACHE ? cacheFolder(env) : join(cacheFolder(env), 'features');
}

/** What is kept under one key. */
export interface ShelvedRoom {
  name: string;
  about: string;
  /** On the disk. */
  bytes: number;
  /** When it was opened last. */
  used: Date;
}

/** The rooms of a folder, the one that was opened last first. */
export async function shelvedRooms(folder: string): Promise<ShelvedRoom[]> {
  const names = (await ifThere(folder, readdir(folder))) ?? [];
  const rooms: ShelvedRoom[] = [];
  for (const name of names.filter((one) => ROOM.test(one))) {
    const path = join(folder, name);
    const found = await ifThere(path, stat(path));
    if (!found?.isDirectory()) continue;
    // For people only: a room whose description cannot be read is listed as unknown, and cleared as any other.
    const about = await bytesIfThere(join(path, ABOUT), MOST_ABOUT).catch(() => null);
    const bytes = await bytesIn(path);
    rooms.push({
      name,
      about: about ? new TextDecoder().decode(about) : 'unknown',
      bytes,
      used: found.mtime,
    });
  }
  return rooms.sort((a, b) => b.used.getTime() - a.used.getTime());
}

/** Bytes that the files of a room take on the disk, holes not counted. */
async function bytesIn(room: string): Promise<number> {
  let bytes = 0;
  for (const name of (await ifThere(room, readdir(room))) ?? []) {
    const found = await ifThere(join(room, name), stat(join(room, name)));
    bytes += found ? Math.min(found.size, found.blocks * 512 || found.size) : 0;
  }
  return bytes;
}

/** Removes rooms, whoever uses them: what they held is computed again. */
export async function clearShelf(folder: string, rooms: readonly ShelvedRoom[]): Promise<void> {
  for (const { name } of rooms) await rm(join(folder, name), { recursive: true, force: true });
}

/** See the head of this file. */
export class FeatureShelf implements FeatureStore {
  private readonly digests = new WeakMap<Sample, Promise<Buffer | null>>();
  private readonly told = new Set<'refused' | 'damaged'>();

  /**
   * @param folder that holds the rooms
   * @param say told, once each, what does not work and what was damaged
   */
  constructor(
    readonly folder: string,
    private readonly say: (sentence: string) => void,
    private readonly limit = SHELF_LIMIT,
  ) {}

  /** Whether the limit and the disk take all features of a plan. */
  async takes(plan: RoomPlan): Promise<boolean> {
    const bytes = plannedFeatures(plan);
    if (bytes > this.limit) return false;
    try {
      await makeFolder(this.folder);
      const { blocks, bavail, bsize } = await statfs(this.folder);
      return blocks === 0 || bytes <= OF_FREE * bavail * bsize; // Some file systems say nothing of themselves.
    } catch (error) {
      this.refused(error);
      return false;
    }
  }

  async open(plan: RoomPlan): Promise<FeatureRoom> {
    const list = createHash('sha256');
    for (const { file } of plan.samples) list.update(`${file}\n`);
    const name = createHash('sha256')
      .update(`${plan.key} ${list.digest('hex')}`)
      .digest('hex');
    const path = join(this.folder, name);
    try {
      await makeFolder(path);
      await this.makeRoom(name, plannedFeatures(plan));
      await writeWhole(join(path, ABOUT), plan.about.slice(0, MOST_ABOUT));
      await utimes(path, new Date(), new Date());
    } catch (error) {
      this.refused(error);
    }
    return new ShelfRoom(path, plan, {
      digestOf: (sample) => this.digestOf(sample),
      refused: (error) => this.refused(error),
      damaged: () => this.once('damaged', `Features kept in ${path} are damaged and are computed again.`),
    });
  }

  /** Removes the rooms that were opened longest ago, until `bytes` more fit under the limit beside that of this name. */
  private async makeRoom(name: string, bytes: number): Promise<void> {
    let total = bytes;
    for (const room of await shelvedRooms(this.folder)) {
      if (room.name === name) continue;
      total += room.bytes;
      if (total > this.limit) await clearShelf(this.folder, [room]);
    }
  }

  /** SHA-256 of a picture's bytes; null where they cannot be read, which the loader will say. */
  private digestOf(sample: Sample): Promise<Buffer | null> {
    const known = this.digests.get(sample);
    if (known) return known;
    const digest = digestOf(sample).catch(() => null);
    this.digests.set(sample, digest);
    return digest;
  }

  private refused(error: unknown): void {
    this.once(
      'refused',
      `Features cannot be kept in ${this.folder}: ${systemReason(error)}. What is missing there is computed in every epoch.`,
    );
  }

  private once(what: 'refused' | 'damaged', sentence: string): void {
    if (this.told.has(what)) return;
    this.told.add(what);
    this.say(sentence);
  }
}

async function digestOf({ file, blob, image }: Sample): Promise<Buffer> {
  if (!image && !blob) return Buffer.from(await hashPicture(file), 'hex');
  const bytes = image ? image.pixels : new Uint8Array(await blob!.arrayBuffer());
  return createHash('sha256').update(bytes).digest();
}

interface Asked {
  digestOf: (sample: Sample) => Promise<Buffer | null>;
  refused: (error: unknown) => void;
  damaged: () => void;
}

/** Milliseconds after which a record is looked at again that another process may just be writing. */
const WRITING = 50;

class ShelfRoom implements FeatureRoom {
  readonly where = 'disk';
  private readonly pages = new Map<number, Promise<FileHandle>>();
  private readonly size: number;
  private readonly found = new Set<number>();
  private closed = false;
  /** Whether the disk has refused something: nothing more is written. */
  private full = false;

  constructor(
    private readonly path: string,
    private readonly plan: RoomPlan,
    private readonly asked: Asked,
  ) {
    this.size = HEAD + 4 * plan.length;
  }

  get bytes(): number {
    return this.found.size * this.size;
  }

  async get(slot: Slot): Promise<KeptFeatures | undefined> {
    const digest = await this.asked.digestOf(this.plan.samples[slot.index]);
    if (!digest || this.closed) return undefined;
    try {
      const page = await this.page(slot);
      for (const last of [false, true]) {
        const record = await this.read(page, slot.index);
        if (!record.subarray(0, DIGEST).equals(digest)) return undefined;
        if (hashOf(record, slot).equals(record.subarray(DIGEST, DIGEST + HASH))) {
          this.note(slot);
          return featuresIn(record);
        }
        if (!last) await sleep(WRITING);
      }
      this.asked.damaged();
    } catch (error) {
      if (!this.closed) this.asked.refused(error);
    }
    return undefined;
  }

  async put(slot: Slot, { values, mark }: KeptFeatures): Promise<boolean> {
    const digest = await this.asked.digestOf(this.plan.samples[slot.index]);
    // The picture may have changed since it was hashed.
    const changed = mark && digest && !digest.subarray(0, PICTURE_MARK).equals(mark);
    if (!digest || changed || this.closed || this.full) return false;
    const record = Buffer.alloc(this.size);
    record.set(digest);
    if (mark) {
      record.set(mark, DIGEST + HASH);
      record[HEAD - 1] = 1;
    }
    record.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), HEAD);
    record.set(hashOf(record, slot), DIGEST);
    try {
      const page = await this.page(slot);
      for (let at = 0; at < this.size; ) {
        const { bytesWritten } = await page.write(record, at, this.size - at, slot.index * this.size + at);
        at += bytesWritten;
      }
      this.note(slot);
      return true;
    } catch (error) {
      this.full = true;
      if (!this.closed) this.asked.refused(error);
      return false;
    }
  }

  close(): void {
    this.closed = true;
    // One that could not be opened was said when it was asked for.
    for (const page of this.pages.values()) page.then((file) => file.close()).catch(() => undefined);
    this.pages.clear();
  }

  private note({ index, view, alone }: Slot): void {
    this.found.add((2 * view + Number(alone)) * this.plan.samples.length + index);
  }

  /** A record, zeros where the page ends before it does. */
  private async read(page: FileHandle, index: number): Promise<Buffer> {
    const record = Buffer.alloc(this.size);
    for (let at = 0; at < this.size; ) {
      const { bytesRead } = await page.read(record, at, this.size - at, index * this.size + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return record;
  }

  private page({ view, alone }: Slot): Promise<FileHandle> {
    const number = 2 * view + Number(alone);
    const known = this.pages.get(number);
    if (known) return known;
    const page = openPage(join(this.path, String(number)));
    this.pages.set(number, page);
    return page;
  }
}

/** Opens a page, which is made where it is not there. @throws where something else stands in its place */
async function openPage(path: string): Promise<FileHandle> {
  // Whoever cleared the folder meanwhile did not mean this run.
  await mkdir(join(path, '..'), { recursive: true });
  const flags =
    constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags, 0o600);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is no file; remove it`);
}

/** Of a record without the place of this hash; two places never have the same. */
function hashOf(record: Buffer, { index, view, alone }: Slot): Buffer {
  const words = new Uint32Array(record.length / 4);
  new Uint8Array(words.buffer).set(record);
  words.set([index, view, Number(alone), record.length], DIGEST / 4);
  return Buffer.from(murmur128(words), 'hex');
}

function featuresIn(record: Buffer): KeptFeatures {
  const marked = record[HEAD - 1] === 1;
  const values = new Float32Array((record.length - HEAD) / 4);
  new Uint8Array(values.buffer).set(record.subarray(HEAD));
  const mark = new Uint8Array(record.subarray(DIGEST + HASH, DIGEST + HASH + PICTURE_MARK));
  return { values, mark: marked ? mark : undefined };
}
