/**
 * Many runs of `train` in one process and on one device, one after the other, each as a command of its own would have made it.
 * One that fails is recorded with its sentence, and the next one begins; what is no fault of a run, such as a full disk, ends
 * the list, which --resume goes on with.
 */
import { join } from 'node:path';
import { statOrNull, WriteError } from '../../../node/files.ts';
import { FolderHeld } from '../../../node/lock.ts';
import type { Report } from '../../../report/report.ts';
import { inTurn } from '../../../runner/in-turn.ts';
import { recordsOf, type TrialRecord } from '../../../runner/record.ts';
import type { Trial } from '../../../runner/trials.ts';
import { DivergedError } from '../../../train/fit.ts';
import { percent } from '../../../train/metrics.ts';
import { NonFiniteStateError } from '../../../train/node/checkpoint.ts';
import { fileOfRun, LAST, TRIAL_RUNS, TRIALS } from '../../../train/node/run-folder.ts';
import { runInFolder } from '../../run-place.ts';
import { bold, counted, formatSeconds, type StopRequest, say } from '../../ui.ts';
import { resumeCommand } from '../command.ts';
import { trainOnDevice } from '../device.ts';
import type { TrainOptions } from '../settings.ts';
import { newRun, resumedRun, type Setup } from '../setup.ts';
import { SharedDevices } from './devices.ts';
import { listText, newTrials, resumedTrials, type TrialsSetup } from './plan.ts';
import type { Declare } from './values.ts';
import { tell, writeSummary } from './write.ts';

/** Runs the trials that options ask for, or goes on with them. @returns the exit code: 1 where a run failed */
export async function runTrials(options: TrainOptions, declare: Declare): Promise<number> {
  let failed = 0;
  const code = await runInFolder(
    (signal) =>
      options.resume === undefined ? newTrials(options, declare) : resumedTrials(options, declare, signal),
    async (setup, stop) => {
      const { folder } = setup;
      const finished = await trainAll(setup, stop);
      const summary = await writeSummary(folder.path, (file) => folder.place(file));
      tell(summary, folder.path, finished ? null : resumeCommand(folder.path, options));
      failed = summary.failed;
      return { ...summary, finished };
    },
    options,
  );
  return code === 0 && failed > 0 ? 1 : code;
}

/** @returns whether all came to an end; false where they were stopped */
async function trainAll(setup: TrialsSetup, stop: StopRequest): Promise<boolean> {
  const { folder, plan, trials, records: lines } = setup;
  const before = recordsOf(await lines.read(), trials, await folder.place(TRIALS));
  const settled = (record: TrialRecord | undefined): boolean =>
    record?.state === 'finished' || (record?.state === 'failed' && record.diverged);
  const left = trials.filter(({ index }) => !settled(before.get(index)));
  say(
    bold(`${listText(plan)}: ${counted(trials.length, 'run')} in ${folder.path}.`) +
      (before.size > 0 ? ` ${trials.length - left.length} are done already.` : ''),
  );
  const devices = new SharedDevices();
  let ended = 0;
  try {
    const turns = inTurn(trials, {
      known: ({ index }) => (settled(before.get(index)) ? before.get(index)! : null),
      stopped: () => stop.requested,
      work: async (trial) => {
        const record = await trained(setup, trial, devices, stop);
        if (record) await lines.append(record);
        return record;
      },
    });
    for await (const _ of turns) ended++;
  } catch (error) {
    throw goesOn(error, setup);
  } finally {
    devices.end();
  }
  return ended === trials.length;
}

/** One trial to its end. Null where it was stopped. @throws what is no fault of the trial */
async function trained(
  setup: TrialsSetup,
  trial: Trial,
  devices: SharedDevices,
  stop: StopRequest,
): Promise<TrialRecord | null> {
  const { folder, trials } = setup;
  const { index, name } = trial;
  const title = `Run ${trials.indexOf(trial) + 1} of ${trials.length}, ${name}`;
  try {
    const run = await begun(setup, trial, join(folder.path, TRIAL_RUNS, name), title, stop);
    const report = await trainOnDevice(run, run.options, stop, devices).finally(() => run.folder.release());
    if (!report.finished) return null;
    say(`${title}: ${cameOf(report)}`);
    return { index, name, state: 'finished', seconds: report.seconds };
  } catch (error) {
    if (stop.requested && error instanceof Error && error.name === 'AbortError') return null;
    if (!(error instanceof Error) || ofThePlace(error)) throw error;
    say(`${title}: failed: ${error.message}`);
    const diverged = error instanceof DivergedError || error instanceof NonFiniteStateError;
    return { index, name, state: 'failed', diverged, error: error.message };
  }
}

/** The run of a trial: a new one, or that of its folder where it has saved anything. */
async function begun(
  { optionsOf, options }: TrialsSetup,
  trial: Trial,
  out: string,
  title: string,
  { signal }: StopRequest,
): Promise<Setup> {
  const wanted: TrainOptions = { ...optionsOf(trial), debug: options.debug };
  if (!(await statOrNull(await fileOfRun(out, LAST)))) return newRun({ ...wanted, out }, title);
  const { cache, adapter, memory, tensorboard, debug } = wanted;
  const { data, teacher } = options;
  return resumedRun(
    { resume: out, data, teacher, cache, adapter, memory, tensorboard, debug },
    signal,
    title,
  );
}

function cameOf({ evaluation, best, epochs, seconds }: Report): string {
  const figure = evaluation
    ? `accuracy ${percent(evaluation.metrics.accuracy)}, loss ${evaluation.metrics.loss.toFixed(3)}, best epoch ${best?.epoch} of ${epochs.length}`
    : 'no epoch was validated';
  return `${figure}; ${formatSeconds(seconds)}`;
}

/** Whether an error is of the place where runs are written, so that the next run would meet it too. */
const ofThePlace = (error: Error): boolean =>
  [error, error.cause].some((one) => one instanceof WriteError || one instanceof FolderHeld);

/** The error with what goes on in place of the words of a single run. */
function goesOn(error: unknown, { folder, options }: TrialsSetup): unknown {
  const written = [error, error instanceof Error ? error.cause : null].find(
    (one) => one instanceof WriteError,
  );
  if (!(written instanceof WriteError)) return error;
  return new WriteError(
    `${written.message}. When that is mended, this goes on: ${resumeCommand(folder.path, options)}`,
    { cause: written },
  );
}
