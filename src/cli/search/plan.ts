/** What is measured before a search: the latencies of its space's blocks, how fast it trains; and whether its target can be. */
import type { Device } from '../../gpu/index.ts';
import { additiveCost, costOf } from '../../search/cost.ts';
import { middle } from '../../search/handmade.ts';
import { latenciesFor } from '../../search/node/latency-shelf.ts';
import { cheapest } from '../../search/optimum.ts';
import type { SearchPictures } from '../../search/options.ts';
import { measurePlan } from '../../search/pace.ts';
import { sourcesOf } from '../../search/pictures.ts';
import type { LatencyTable, Target } from '../../search/result.ts';
import { keyOf } from '../../search/space.ts';
import { formatCost } from '../../search/target.ts';
import { flagOf } from '../command-line.ts';
import { type ProgressBar, progressBar, UserError } from '../ui.ts';
import type { SearchSettings } from './settings.ts';
import type { Planned } from './setup.ts';
import { briefly } from './text.ts';

/** @throws UserError where no network of the space is within the target; the signal's reason where it aborts */
export async function measured(
  device: Device,
  settings: SearchSettings,
  pictures: SearchPictures,
  signal: AbortSignal,
): Promise<Planned> {
  const { space, target: wished, batch, seed, minutes } = settings;
  const classes = pictures.classes.length;
  const latency =
    wished.unit === 'ms'
      ? await counting('Measuring blocks', (onProgress) =>
          latenciesFor(device, space, { batch: wished.batch, classes, onProgress, signal }),
        )
      : null;
  const target = reachable(settings, latency, classes);
  const { train, held } = sourcesOf(pictures, space, { batch, seed });
  const seconds = 60 * minutes;
  const plan = await counting('Measuring steps', (onProgress) =>
    measurePlan(device, space, { seconds, classes, train, held, batch, latency, onProgress, signal }),
  );
  return { plan, target };
}

/** What `work` gives, with a bar once it says how much there is to do. */
async function counting<Result>(
  label: string,
  work: (onProgress: (done: number, of: number) => void) => Promise<Result>,
): Promise<Result> {
  let bar: ProgressBar | null = null;
  try {
    return await work((done, of) => {
      bar ??= progressBar(label, of);
      bar.update(done);
    });
  } finally {
    (bar as ProgressBar | null)?.stop();
  }
}

const OPTIONS = { ms: 'targetMs', 'multiply-adds': 'targetMults', parameters: 'targetParams' } as const;

/** The target with a value: what was asked for, or what the network in the middle of the space costs. */
function reachable({ space, target }: SearchSettings, latency: LatencyTable | null, classes: number): Target {
  const { unit, exponent } = target;
  const value = target.value ?? costOf(space, unit, { latency }, { classes })(middle(space));
  const least = cheapest(space, additiveCost(space, unit, latency, { classes }));
  if (exponent === null && least.cost > value)
    throw new UserError(
      `${flagOf(OPTIONS[unit])}: no network of the space ${space.name} takes as little as ${formatCost(value, unit)}; ` +
        `the smallest (${briefly(keyOf(least.choice))}) takes ${formatCost(least.cost, unit)}. Ask for more, take a smaller --size, or name another --space`,
    );
  return { ...target, value };
}
