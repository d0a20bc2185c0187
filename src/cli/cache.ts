/** `npm run cache`: what is kept on this machine's disk to be used again, and its removal. */
import { Argument, type Command } from 'commander';
import { clearLatencies, keptLatencies, latencyFolder } from '../search/node/latency-shelf.ts';
import { clearShelf, SHELF_LIMIT, shelfFolder, shelvedRooms } from '../train/node/feature-shelf.ts';
import { clearTuning, keptTuning, tuningFolder } from '../tune/node/shelf.ts';
import { counted, formatBytes, printJson, say, table } from './ui.ts';

export const description =
  'Lists what training keeps of pictures that pass through frozen layers, the latencies that searches measured, and what tune ' +
  "chose, or removes it all. It lies in one folder of the user's caches (TESSERA_CACHE names another) and is computed again where it is missing.";

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
  const latencies = await keptLatencies();
  const tuning = await keptTuning();
  if (action === 'clear') {
    await clearShelf(folder, rooms);
    await clearLatencies();
    await clearTuning();
  }
  const others = [
    ...(latencies.length > 0 ? [`${counted(latencies.length, 'latency table')} in ${latencyFolder()}`] : []),
    ...(tuning.length > 0 ? [`${counted(tuning.length, 'tuning record')} in ${tuningFolder()}`] : []),
  ];
  if (json) printJson({ folder, limit: SHELF_LIMIT, bytes, rooms, latencies, tuning });
  else if (action === 'clear')
    say([`Removed ${formatBytes(bytes)} in ${folder}`, ...others].join(', ').concat('.'));
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
      ...others.map((line) => `${line}.`),
    );
  }
  return 0;
}
