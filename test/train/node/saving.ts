/**
 * A program that saves states of a run into a folder, as `train` does, until it is killed: 'N best' and 'N last', where N
 * counts on from what is there. For killed-saves.test.ts.
 *
 *   node --import tsx test/train/node/saving.ts FOLDER new|overwrite|resume TAG
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../../src/node/files.ts';
import { BEST, LAST, RunFolder } from '../../../src/train/node/run-folder.ts';

const [path, how, tag] = process.argv.slice(2);
const folder =
  how === 'resume'
    ? await RunFolder.forSavedRun(path, 'command')
    : await RunFolder.forNewRun(path, 'command', how === 'overwrite');
const before = how === 'resume' ? Number((await readFile(join(path, LAST), 'utf8')).split(' ')[1]) : 0;
await folder.checkRoom({ best: 1e6, last: 1e6 });
process.stdout.write('begun\n');
for (let state = before + 1; ; state++) {
  // Long enough that a kill comes in the middle.
  const text = `${tag} ${state} ${'.'.repeat(2 ** 20)}`;
  await writeWhole(await folder.place(BEST), text);
  await writeWhole(await folder.place(LAST), text);
  await folder.settle();
}
