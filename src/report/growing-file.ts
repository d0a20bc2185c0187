/** A file that grows while a run goes. Who adds to it does not wait; who needs it whole does. */
import { appendFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder, systemReason, WriteError } from '../node/files.ts';

export class GrowingFile {
  private waiting: (string | Uint8Array)[] = [];
  private writing: Promise<void> | null = null;
  private failed: WriteError | null = null;

  /** @param place where the file lies now: the folder of a run moves when its first state is whole */
  constructor(private readonly place: () => Promise<string>) {}

  /** Takes what is to stand at the end of the file, and has it written soon. */
  add(piece: string | Uint8Array): void {
    this.waiting.push(piece);
    this.writing ??= this.write();
  }

  /** Waits until all that was added is in the file. @throws WriteError, a sentence, where a piece could not be written */
  async flush(): Promise<void> {
    await this.writing;
    if (this.failed) throw this.failed;
  }

  private async write(): Promise<void> {
    let path = '';
    try {
      while (this.waiting.length > 0) {
        const pieces = this.waiting.map((piece) => Buffer.from(piece));
        this.waiting = [];
        path = await this.place();
        await makeFolder(dirname(path));
        await appendFile(path, Buffer.concat(pieces));
      }
    } catch (error) {
      // Thrown where somebody waits.
      this.failed ??=
        error instanceof WriteError
          ? error
          : new WriteError(`${path || 'the log'} could not be written: ${systemReason(error)}`, {
              cause: error,
            });
    } finally {
      this.writing = null;
    }
  }
}
