/** `--grid` and `--scale` on a device: scaled networks are trained for equal steps, and what came of it is written. */
import { join } from 'node:path';
import type { Device } from '../../gpu/index.ts';
import type { SearchPictures, SearchTeacher } from '../../search/options.ts';
import type { GridPoint, SearchResult } from '../../search/result.ts';
import { agreementSentence } from '../../search/scaling/grid.ts';
import { trainEqually } from '../../search/scaling/train-equally.ts';
import { rankAgreement } from '../../search/statistics.ts';
import { BEST, PAGE } from '../../train/node/run-folder.ts';
import type { TrainedOn } from '../../train/node/trained-on.ts';
import { formatCount, progressBar, type StopRequest, say, table } from '../ui.ts';
import { resumeCommand } from './command.ts';
import { networksOf } from './scaling.ts';
import type { Planned, Setup } from './setup.ts';
import { writeScaled } from './write.ts';

/** Trains the networks to the end, or until a stop is requested, and writes what came of it. */
export async function scaleOn(
  device: Device,
  setup: Setup,
  { plan, target }: Planned,
  { pictures, trainedOn }: { pictures: SearchPictures; trainedOn: TrainedOn },
  teacher: SearchTeacher | undefined,
  stop: StopRequest,
): Promise<SearchResult> {
  const { settings, store } = setup;
  const { space, seed, lr, data } = settings;
  const networks = networksOf(settings.scaling!, pictures.classes.length);
  const bar = progressBar('Training', 100);
  const outcome = await trainEqually({
    ...{ device, networks, plan, pictures, store, seed, lr, teacher, signal: stop.signal },
    hooks: {
      onProgress: ({ done, total, what }) => bar.update(Math.floor((100 * done) / total), what),
      onNote: say,
    },
  }).finally(() => bar.stop());
  const { finished, steps, points, time } = outcome;
  const best = points.reduce<number | null>(
    (least, { kind, held }, i) =>
      held &&
      (kind === 'compound' || kind === 'scaled') &&
      !(least !== null && points[least]!.held!.loss <= held.loss)
        ? i
        : least,
    null,
  );
  const { classes, train, held, fresh, freshIs } = pictures;
  const result: SearchResult = {
    ...{ format: 1, finished, seed, space, target, plan, time },
    method: settings.scaling!.phi === null ? 'grid' : 'scale',
    teacher: teacher?.name ?? null,
    data: {
      folder: data,
      classes: [...classes],
      train: train.length,
      held: held.length,
      fresh: fresh.length,
      freshIs,
    },
    ...{ trials: [], surrogate: null, agreements: agreementsOf(points), finals: [], comparisons: [] },
    returned: { role: 'winner', reason: 'The scaled network of the lowest loss on the held pictures.' },
    grid: { steps, points, best },
  };
  const model = finished && best !== null ? await outcome.model(best) : null;
  await writeScaled(device, setup, result, model, trainedOn);
  model?.dispose();
  if (finished) {
    await outcome.dispose();
    await store.dropStates();
  }
  return result;
}

/** Of the halves of the held pictures on the order of the networks; nothing where there are too few. */
function agreementsOf(points: readonly GridPoint[]): SearchResult['agreements'] {
  const halves = points.flatMap(({ held }) => (held ? [held.halves] : []));
  if (halves.length < 3) return [];
  const found = rankAgreement(
    halves.map(([first]) => first),
    halves.map(([, second]) => second),
  );
  return found ? [{ what: 'the two halves of the held pictures', ...found }] : [];
}

/** The closing text, in lines. */
export function scaledText(
  { folder: { path }, options }: Setup,
  { finished, grid, agreements }: SearchResult,
): string[] {
  const { points, best, steps } = grid!;
  if (!finished)
    return [
      `Stopped after ${points.length} networks; everything is saved in ${path}. Go on with:`,
      `  ${resumeCommand(path, options)}`,
    ];
  const heading = ['', 'α', 'β', 'γ', 'pixels', 'multiply-adds', 'over the base', 'held loss', 'fresh loss'];
  return [
    '',
    ...table([heading, ...points.map(row)]).split('\n'),
    '',
    `Each was trained for ${steps.toLocaleString('en-US')} steps, with one seed.`,
    ...agreements.map(agreementSentence),
    best === null
      ? 'All scaled networks diverged, so there is none to return; a tenth of the learning rate (--lr) may do.'
      : `${join(path, BEST)} is ${points[best]!.table.name}. The report to look at: ${join(path, PAGE)}`,
  ];
}

function row({ kind, alpha, beta, gamma, table, multiplyAdds, growth, held, fresh }: GridPoint): string[] {
  return [
    ...[
      kind,
      ...[alpha, beta, gamma].map((factor) => String(Number(factor.toFixed(3)))),
      `${table.inputSize}²`,
    ],
    ...[formatCount(multiplyAdds), `×${growth.toFixed(2)}`],
    ...[held?.loss.toFixed(3) ?? 'diverged', fresh?.loss.toFixed(3) ?? ''],
  ];
}
