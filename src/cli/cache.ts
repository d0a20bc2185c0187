/** `npm run cache`: what the feature cache keeps on this machine's disk, and its removal. */
import { Argument, type Command } from 'commander';
import { clearShelf, SHELF_LIMIT, shelfFolder, shelvedRooms } from '../train/node/feature-shelf.ts';
import { counted, formatBytes, printJson, say, table } from './ui.ts';

export const description =
  'Lists what training keeps of pictures that pass through frozen layers, or removes it. It lies in one folder of the ' +
  "user's caches (TESSERA_CACHE names another) and is computed again where it is missing.";

const ACTIONS = ['list', 'clear'] as const;

interface CacheOptions {
  json?: boolean;
}

export function options(command: Command): void {
  command
    .addArgument(new Argument('[action]', 'what to do').choices(ACTIONS).default('list'))
    .option('--json', 'print the list as one JSON document on stdout');
}

export async function run([action = 'list']: string[], { json }: CacheOptions): Promise<number> {
  const folder = shelfFolder();
  const rooms = await shelvedRooms(folder);
  const bytes = rooms.reduce((sum, room) => sum + room.bytes, 0);
  if (action === 'clear') await clearShelf(folder, rooms);
  if (json) printJson({ folder, limit: SHELF_LIMIT, bytes, rooms });
  else if (action === 'clear') say(`Removed ${formatBytes(bytes)} from ${folder}.`);
  else {
    const rows = rooms.map(({ used, bytes: size, about }) => [
      used.toISOString().slice(0, 10),
      formatBytes(size),
      about,
    ]);
    if (rows.length > 0)
      console.log(table([['used', 'size', 'of'], ...rows], { left: (column) => column !== 1 }));
    say(
      `${counted(rooms.length, 'set')} of features, ${formatBytes(bytes)} of at most ${formatBytes(SHELF_LIMIT)}, in ${folder}` +
        `${rooms.length > 0 ? '; npm run cache -- clear removes them' : ''}.`,
    );
  }
  return 0;
}
