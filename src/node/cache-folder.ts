/** Where Tessera keeps what can be made again. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder of all that is kept: TESSERA_CACHE, else one where the system has its users' caches. */
export function cacheFolder({ TESSERA_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env): string {
  if (TESSERA_CACHE) return TESSERA_CACHE;
  const home = homedir();
  const caches = {
    win32: LOCALAPPDATA ?? join(home, 'AppData', 'Local'),
    darwin: join(home, 'Library', 'Caches'),
  }[process.platform as string];
  return join(caches ?? (XDG_CACHE_HOME || join(home, '.cache')), 'tessera');
}
