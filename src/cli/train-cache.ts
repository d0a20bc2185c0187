/** The feature cache of `train`: where it keeps what, what is said of it, and in how many views pictures are shown. */
import type { BatchSource, SampleSource } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import type { Cut, Model } from '../nn/index.ts';
import { memoryBudget } from '../node/memory.ts';
import { CacheWatch } from '../train/callbacks/cache-figures.ts';
import { type CutFound, cutOf, describeCut } from '../train/cut.ts';
import { FeatureCache, type FeaturePass } from '../train/feature-cache.ts';
import { MemoryStore, memoryElse } from '../train/feature-store.ts';
import { FeatureShelf, SHELF_LIMIT, shelfFolder } from '../train/node/feature-shelf.ts';
import { freezeFor, phaseAt, type TrainSettings, trainsOf, viewsOf } from '../train/settings.ts';
import type { CacheMode } from './train-settings.ts';
import type { Setup } from './train-setup.ts';
import { counted, formatBytes } from './ui.ts';

/** Share of the machine's memory that features may take. */
const OF_MEMORY = 1 / 8;

/** The cache of a run. */
export interface RunCache {
  /** A source whose batches `model`, or the one that trains, takes. */
  of(source: SampleSource, model?: Model): BatchSource;
  /** In how many views an epoch shows its pictures. */
  views: (epoch: number) => number;
  /** What an epoch (counted from 0) takes from the cache: pictures that train, and those that validate. */
  takes: (epoch: number) => { train: boolean; val: boolean };
  watch: CacheWatch;
  /** What there is to say of it before the run. */
  lines: string[];
  close(): void;
}

/** Who is told of the cache while the run is under way. */
interface CacheSays {
  /** How far the features of an epoch are computed. */
  computing: (pass: FeaturePass) => void;
  /** What a disk refuses, and what was damaged. */
  note: (line: string) => void;
}

/**
 * Leaves the model frozen for the last phase.
 */
export async function runCache(
  device: Device,
  model: Model,
  { settings, options }: Setup,
  { computing, note }: CacheSays,
): Promise<RunCache> {
  const mode = options.cache ?? 'auto';
  const memory = new MemoryStore(await memoryLimit());
  const shelf = new FeatureShelf(shelfFolder(), note);
  const store = { auto: memoryElse(memory, shelf), memory, disk: shelf, off: memory }[mode];
  const cache = new FeatureCache({ model, device, store, onFeatures: computing });
  const cuts = trainsOf(settings).map((trains) => {
    freezeFor(model, trains);
    return cutOf(model);
  });
  const views = viewsOf(model, settings);
  const cutAt = (epoch: number): Cut | null =>
    mode === 'off' ? null : cuts[phaseAt(settings.phases, epoch)].cut;
  return {
    of: (source, taker) => (mode === 'off' ? source : cache.of(source, taker)),
    views,
    takes: (epoch) => ({ train: cutAt(epoch) !== null && views(epoch) > 0, val: cutAt(epoch) !== null }),
    watch: new CacheWatch(cache),
    lines: describeCache(settings, mode, cuts, { memory, shelf }),
    close: () => cache.close(),
  };
}

async function memoryLimit(): Promise<number> {
  return Math.floor(OF_MEMORY * (await memoryBudget({ software: true })).bytes);
}

/** What is kept where, and what that does to augmentation. */
function describeCache(
  { phases, views }: TrainSettings,
  mode: CacheMode,
  cuts: readonly CutFound[],
  { memory, shelf }: { memory: MemoryStore; shelf: FeatureShelf },
): string[] {
  if (mode === 'off')
    return views === 0 ? [] : [`No features are kept (--cache off). ${describeViews(views)}`];
  const found = cuts.map(({ cut }) => cut).filter((cut) => cut !== null);
  if (found.length === 0) {
    const { reason } = cuts[0] as { reason: string };
    return mode === 'auto' ? [] : [`No features are kept: ${reason}.`];
  }
  const inMemory = `memory (up to ${formatBytes(memory.limit)}, an eighth of this machine's)`;
  const onDisk = `${shelf.folder} (up to ${formatBytes(SHELF_LIMIT)})`;
  const where = {
    auto: `${inMemory}, or where they do not fit, in ${onDisk}`,
    memory: inMemory,
    disk: onDisk,
  }[mode];
  const places = [...new Set(found.map(describeCut))].join(', later ');
  const part =
    phases.length > found.length ? `, in ${counted(found.length, 'phase')} of ${phases.length}` : '';
  return [
    `What the frozen part makes of a picture (${places}) is computed once${views > 1 ? ' a view' : ''} and kept in ${where}${part}.`,
    views === 0
      ? 'Training pictures are shown in a new crop every epoch (--views 0), so only those that validate are kept.'
      : describeViews(views),
  ];
}

const describeViews = (views: number): string =>
  `Each training picture is seen in ${views === 1 ? 'one fixed crop' : `${views} fixed crops`} in place of a new one every epoch (--views 0).`;
