/** What is measured before a search: the latencies of its space's blocks, how fast it trains; and whether its target can be. */
import { choicesForFile, type Device } from '../../gpu/index.ts';
import { additiveCost, costOf } from '../../search/cost/cost.ts';
import { cheapest } from '../../search/cost/optimum.ts';
import { measurePlan } from '../../search/cost/pace.ts';
import { formatCost, usualCost } from '../../search/cost/target.ts';
import { methodNamed } from '../../search/methods/table.ts';
import { latenciesFor } from '../../search/node/latency-shelf.ts';
import type { SearchPictures, SearchTeacher } from '../../search/options.ts';
import { sourcesOf } from '../../search/pictures.ts';
import type { LatencyTable, Target } from '../../search/result.ts';
import { fairStep } from '../../search/shared/fair.ts';
import { keyOf } from '../../search/space.ts';
import { flagOf } from '../command-line.ts';
import { type ProgressBar, progressBar, say, UserError } from '../ui.ts';
import type { SearchSettings } from './settings.ts';
import type { Planned } from './setup.ts';
import { briefly } from './text.ts';

/** @throws UserError where no network of the space is within the target; the signal's reason where it aborts */
export async function measured(
  device: Device,
  settings: SearchSettings,
  {
    pictures,
    teacher,
    signal,
  }: { pictures: SearchPictures; teacher: SearchTeacher | undefined; signal: AbortSignal },
): Promise<Planned> {
  const { space, method, target: wished, batch, seed, minutes } = settings;
  const classes = pictures.classes.length;
  const latency =
    wished.unit === 'ms'
      ? await counting('Measuring blocks', (onProgress) =>
          latenciesFor(device, space, { batch: wished.batch, classes, onProgress, signal, note: say }),
        )
      : null;
  const target = reachable(settings, latency, classes);
  const { train, held } = sourcesOf(pictures, space, { batch, seed });
  const plan = await counting('Measuring steps', (onProgress) =>
    measurePlan(device, space, {
      ...{ classes, train, held, batch, latency, onProgress, signal },
      seconds: 60 * minutes,
      step: teacher?.step,
      // The weight-shared network is slow to measure, and no other method trains it.
      sharedStep: methodNamed(method).shares
        ? (supernet) => fairStep(supernet, seed, { criterion: teacher?.criterion })
        : null,
    }),
  );
  return { plan, target, choices: choicesForFile(device.choices) };
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

/** The target with a value: what was asked for, or what half of the space's networks keep. */
function reachable({ space, target }: SearchSettings, latency: LatencyTable | null, classes: number): Target {
  const { unit, exponent } = target;
  const value = target.value ?? usualCost(space, costOf(space, unit, { latency }, { classes }));
  const least = cheapest(space, additiveCost(space, unit, latency, { classes }));
  if (exponent === null && least.cost > value)
    throw new UserError(
      `${flagOf(OPTIONS[unit])}: no network of the space ${space.name} takes as little as ${formatCost(value, unit)}; ` +
        `the smallest (${briefly(keyOf(least.choice))}) takes ${formatCost(least.cost, unit)}. Ask for more, take a smaller --size, or name another --space`,
    );
  return { ...target, value };
}
