/** The report of a run of `train`: what the command knows of it, and what it hands the report to ask the network with. */
import { type BatchSource, watched } from '../../data/loader.ts';
import { PictureSet } from '../../data/picture-set.ts';
import type { Device } from '../../gpu/index.ts';
import type { FreezeReport, Model } from '../../nn/index.ts';
import { MetricsLog } from '../../report/metrics-log.ts';
import { RunReport, type RunReportOptions } from '../../report/run-report.ts';
import { describeSeen } from '../../report/seen-text.ts';
import { TensorBoard } from '../../report/tensorboard.ts';
import type { Callback } from '../../train/callback.ts';
import type { CacheWatch } from '../../train/callbacks/cache-figures.ts';
import type { FreezingMeter } from '../../train/callbacks/freezing-meter.ts';
import type { UnreadablePictures } from '../../train/callbacks/unreadable.ts';
import { modelOf, readCheckpoint } from '../../train/node/checkpoint.ts';
import { METRICS_LOG } from '../../train/node/run-folder.ts';
import { classSizes } from '../class-text.ts';
import { commandLine } from '../command-line.ts';
import { notesOf } from '../data-source.ts';
import { adapterName } from '../ui.ts';
import { optionsOf, trainCommand } from './command.ts';
import type { Costs } from './preflight.ts';
import type { Setup } from './setup.ts';

/** What the report asks of the run's other callbacks. */
export interface ReportSources
  extends Pick<RunReportOptions, 'checkpoints' | 'tracer' | 'rates' | 'pace' | 'val' | 'evaluate'> {
  /** What the last phase leaves to train. */
  freezing: FreezeReport;
  meter: FreezingMeter;
  unreadable: UnreadablePictures;
  cache: CacheWatch;
  /** The pictures that are held out; null where there are none. */
  held: BatchSource | null;
  /** The pictures that validated in this process. */
  validating: PictureSet;
}

export function reportOf(device: Device, setup: Setup, costs: Costs, sources: ReportSources): RunReport {
  const { settings, folder, set, preprocessing, trainedOn } = setup;
  const { freezing, unreadable, validating, held, cache, meter, ...callbacks } = sources;
  const testing = new PictureSet();
  /** Of the pictures of a set that were loaded, those that the weights have learnt from; null where none was. */
  const learntFrom = (pictures: PictureSet): number | null =>
    pictures.size > 0 ? trainedOn.pictures.count(pictures.marks()) : null;
  return new RunReport({
    describe: () => ({
      out: folder.path,
      model: settings.model,
      classes: set.classes,
      settings,
      adapter: { description: adapterName(device.info), software: device.software },
      pictures: {
        train: set.train.length,
        val: set.val.length,
        unreadable: unreadable.count,
        perClass: classSizes(set),
      },
      freezing,
      notes: notesOf(set),
      trainedOn: {
        pictures: trainedOn.pictures.size,
        complete: trainedOn.complete,
        ofValidation: learntFrom(validating),
      },
      step: costs.step.cost,
      savings: meter.figures,
      cache: cache.figures,
    }),
    history: ({ scored, metrics: { count } }) => {
      const seen = learntFrom(scored === 'test' ? testing : validating);
      return seen === null ? null : describeSeen(seen, count, trainedOn);
    },
    commands: commandsOf(setup),
    ...callbacks,
    preprocessing,
    place: (file) => folder.place(file),
    device,
    peakBytes: () => meter.peakBytes || device.memory().peak,
    test: held && watched(held, ({ marks }) => marks && testing.add(marks)),
    withBest: (work) => withBest(device, setup, work),
  });
}

/** What other programs read of the run as it goes. */
export function logsOf({ folder, options }: Setup): Callback[] {
  const log = new MetricsLog({ file: () => folder.place(METRICS_LOG) });
  return options.tensorboard ? [log, new TensorBoard({ folder: (file) => folder.place(file) })] : [log];
}

function commandsOf({ settings, folder, options: { adapter, memory } }: Setup): [string, string][] {
  return [
    [trainCommand({ ...optionsOf(settings), adapter, memory }), 'The same run again:'],
    [commandLine('evaluate', ['--checkpoint', folder.path]), 'The same figures again:'],
  ];
}

async function withBest<Result>(
  device: Device,
  { folder }: Setup,
  work: (model: Model) => Promise<Result>,
): Promise<Result> {
  // Measured whatever it answers: a run that learned nothing has its report too.
  const model = await modelOf(await readCheckpoint(folder.path), device, 'train');
  try {
    return await work(model);
  } finally {
    model.dispose();
  }
}
