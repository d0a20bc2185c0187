/** The feature cache of `train`: where it keeps what, what is said of it, and in how many views pictures are shown. */
import type { BatchSource, SampleSource } from '../../data/loader.ts';
import type { Device } from '../../gpu/index.ts';
import type { Cut, Model } from '../../nn/index.ts';
import { memoryBudget } from '../../node/memory.ts';
import { CacheWatch } from '../../train/callbacks/cache-figures.ts';
import { type CutFound, describeCut, MIXED, TAUGHT } from '../../train/cut.ts';
import { FeatureCache, type FeaturePass } from '../../train/feature-cache.ts';
import { MemoryStore, memoryElse } from '../../train/feature-store.ts';
import { cutsOf, viewsOf } from '../../train/from-settings.ts';
import { FeatureShelf, SHELF_LIMIT, shelfFolder } from '../../train/node/feature-shelf.ts';
import { firstEpoch, mixes, phaseAt, type TrainSettings } from '../../train/settings.ts';
import { counted, formatBytes } from '../ui.ts';
import type { TrainOptions } from './settings.ts';
import type { Setup } from './setup.ts';

/** Share of the machine's memory that features may take. */
const OF_MEMORY = 1 / 8;

/** The cache of a run. */
export interface RunCache {
  /** A source whose batches `model`, or the one that trains, takes. */
  of(source: SampleSource, model?: Model): BatchSource;
  /** In how many views an epoch shows its pictures. */
  views: (epoch: number) => number;
  /** Where an epoch (counted from 0) begins; null where it begins with pictures. */
  cutAt: (epoch: number) => Cut | null;
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
  { settings, options }: Pick<Setup, 'settings' | 'options'>,
  { computing, note }: CacheSays,
): Promise<RunCache> {
  const mode = options.cache ?? 'auto';
  const memory = new MemoryStore(await memoryLimit());
  const shelf = new FeatureShelf(shelfFolder(), note);
  const store = { auto: memoryElse(memory, shelf), memory, disk: shelf, off: memory }[mode];
  const cache = new FeatureCache({
    model,
    device,
    store,
    mixes: mixes(settings),
    taught: settings.teacher !== null,
    onFeatures: computing,
  });
  const cuts = cutsOf(model, settings);
  const views = viewsOf(model, settings);
  const cutAt = (epoch: number): Cut | null =>
    mode === 'off' ? null : cuts[phaseAt(settings.phases, epoch)].cut;
  return {
    of: (source, taker) => (mode === 'off' ? source : cache.of(source, taker)),
    views,
    cutAt,
    watch: new CacheWatch(cache),
    lines: describeCache(settings, options, cuts, views, { memory, shelf }),
    close: () => cache.close(),
  };
}

async function memoryLimit(): Promise<number> {
  return Math.floor(OF_MEMORY * (await memoryBudget({ software: true })).bytes);
}

/** What is kept where, and what that does to augmentation. */
function describeCache(
  settings: TrainSettings,
  { cache: mode = 'auto', views: asked }: TrainOptions,
  cuts: readonly CutFound[],
  views: (epoch: number) => number,
  { memory, shelf }: { memory: MemoryStore; shelf: FeatureShelf },
): string[] {
  const { phases } = settings;
  if (mode === 'off')
    return settings.views === 0
      ? []
      : [`No features are kept (--cache off).`, describeViews(settings, views)];
  const found = cuts.map(({ cut }) => cut).filter((cut) => cut !== null);
  if (found.length === 0) {
    // Where nothing is frozen, nobody who did not ask expects any.
    if (mode === 'auto' && !asked) return [];
    const { reason } = cuts[0] as { reason: string };
    return [`No features are kept: ${reason}. Every epoch shows its pictures in new crops.`];
  }
  const inMemory = `memory (up to ${formatBytes(memory.limit)}, an eighth of this machine's)`;
  const onDisk = `${shelf.folder} (up to ${formatBytes(SHELF_LIMIT)})`;
  const where = { auto: `${inMemory}, else in ${onDisk}`, memory: inMemory, disk: onDisk }[mode];
  const places = [...new Set(found.map(describeCut))].join(', later ');
  const part =
    phases.length > found.length ? ` in ${found.length} of ${counted(phases.length, 'phase')}` : '';
  const whose = phases.some((_, phase) => views(firstEpoch(phases, phase)) > 0)
    ? 'of each picture'
    : 'of the pictures that validate';
  return [
    `What the frozen part makes ${whose} (${places}) is computed once${part} and kept in ${where}.`,
    describeViews(settings, views),
  ];
}

/** What keeping features does to the pictures that train. */
function describeViews(settings: TrainSettings, views: (epoch: number) => number): string {
  const why = mixes(settings) ? MIXED : settings.teacher ? TAUGHT : null;
  if (why) return `Those that train are not kept: ${why}.`;
  const { phases, views: count } = settings;
  const fixed = phases.flatMap(({ epochs }, phase) => {
    const first = firstEpoch(phases, phase);
    return views(first) > 0 ? [epochs === 1 ? `${first + 1}` : `${first + 1} to ${first + epochs}`] : [];
  });
  if (fixed.length === 0) return 'Training pictures are shown in a new crop every epoch.';
  const when = fixed.length === phases.length ? '' : `In epochs ${fixed.join(' and ')}, `;
  const seen = `${when === '' ? 'Each' : 'each'} training picture is seen in ${count === 1 ? 'one fixed crop' : `${count} fixed crops`}`;
  return `${when}${seen} in place of a new one every epoch (--views 0).`;
}
