/**
 * What a search keeps in its folder, so that one that was killed goes on to the same end.
 *
 *   plan.json       what was asked and what was measured before the search began: with it a search begins
 *   trials.jsonl    a line for each network that was measured, on the disk before the search goes on
 *   state/          networks that are still being trained, and what else the search asked to keep; gone at the end
 *   search.json     what came of it (src/search/result.ts)
 *
 * Whole files are written beside their place and renamed; whether one is damaged is the business of whoever takes it. A line
 * that a kill cut in two is dropped when the folder is opened again: its network is measured once more, with the same figures.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesIfThere, writeWhole } from '../../node/files.ts';
import { removeLeftovers } from '../../node/leftovers.ts';
import { RecordLines } from '../../runner/node/record-lines.ts';
import { type RunFolder, STATES, TRIALS } from '../../train/node/run-folder.ts';
import type { Trial } from '../method.ts';
import type { SearchStore } from '../options.ts';

export class SearchFolder implements SearchStore {
  private readonly lines: RecordLines;

  /** @param folder locked, for as long as this is used */
  constructor(private readonly folder: RunFolder) {
    this.lines = new RecordLines(() => folder.place(TRIALS), 'their networks are measured again');
  }

  /**
   * The lines of trials.jsonl, as they were read: nothing is known of what they hold.
   * @throws Error, a sentence with the line's number, for one that is no JSON
   */
  trials(): Promise<readonly unknown[]> {
    return this.lines.read();
  }

  /** Adds a line. It is on the disk when this returns. */
  append(trial: Trial): Promise<void> {
    return this.lines.append(trial);
  }

  /** What was kept under a name, as it was read; null where nothing was. */
  async loadState(name: string): Promise<Uint8Array | null> {
    return bytesIfThere(await this.stateFile(name));
  }

  /** Keeps bytes under a name, in place of those that were. */
  async saveState(name: string, bytes: Uint8Array): Promise<void> {
    await writeWhole(await this.stateFile(name), bytes);
  }

  async dropState(name: string): Promise<void> {
    await rm(await this.stateFile(name), { force: true });
  }

  /** Removes all that was kept: the search is finished. */
  async dropStates(): Promise<void> {
    await rm(await this.folder.place(STATES), { recursive: true, force: true });
  }

  /** Removes what a killed process was writing. */
  async removeLeftovers(): Promise<void> {
    const states = await this.folder.place(STATES);
    await removeLeftovers(states, true).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  private stateFile(name: string): Promise<string> {
    return this.folder.place(join(STATES, name));
  }
}
