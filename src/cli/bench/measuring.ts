/** A run of the bench: the ceilings, then every work that was asked for, with a bar and an end that keeps what there is. */
import { measureCeilings } from '../../bench/ceilings.ts';
import { entryOf } from '../../bench/limits.ts';
import { BENCH_VERSION, type BenchResult, type Ceilings } from '../../bench/result.ts';
import { type Chosen, chooseTasks } from '../../bench/run.ts';
import { measureTasks } from '../../bench/tasks.ts';
import type { Device } from '../../gpu/index.ts';
import { memoryBudget, plannedBytes } from '../../node/memory.ts';
import { counted, onStop, progressBar, type StopRequest, say, UserError } from '../ui.ts';
import { benchHeader } from './header.ts';
import type { Asked } from './options.ts';

/** Share of the memory to plan with that the inputs of one work may take. */
const SHARE = 1 / 2;

/**
 * Measures what was asked for.
 * @returns the document, and the exit code: 1 where a result is wrong or refused, a signal's where one ended the run
 * @throws UserError where nothing matches
 */
export async function measureAsked(
  device: Device,
  asked: Asked,
): Promise<{ result: BenchResult; exitCode: number }> {
  const memory = plannedBytes(await memoryBudget(device), device.software);
  const { tasks } = await choose(device, asked, memory);
  const stop = onStop('Stopping after this one, with what was measured; once more stops at once.');
  try {
    const ceilings = await ceilingsOf(device, memory);
    const bar = progressBar('Bench', tasks.length);
    const measured = await measureTasks(device, tasks, {
      samples: asked.samples,
      stopped: () => stop.requested,
      onProgress: (done, total, name, left) => {
        if (done === 0) bar.turnTo('Bench', total);
        bar.update(done, name, left);
      },
    });
    bar.stop();
    const result: BenchResult = {
      format: 'tessera-bench',
      version: BENCH_VERSION,
      header: await benchHeader(device),
      ceilings,
      entries: measured.map((one) => entryOf(one, ceilings)),
      starts: [],
    };
    return { result, exitCode: exitCodeOf(result, stop) };
  } finally {
    stop.dispose();
  }
}

const exitCodeOf = ({ entries }: BenchResult, stop: StopRequest): number => {
  if (stop.requested) return stop.exitCode;
  return entries.some(({ failed }) => failed !== null) ? 1 : 0;
};

async function ceilingsOf(device: Device, memory: number): Promise<Ceilings> {
  const bar = progressBar('Ceilings', 100);
  const ceilings = await measureCeilings(device, memory, (done) => bar.update(Math.round(100 * done)));
  bar.stop();
  return ceilings;
}

/** The works: none of them only where nothing but the ceilings was asked for. */
async function choose(device: Device, asked: Asked, memory: number): Promise<Chosen> {
  const { groups, filter, variant } = asked;
  const chosen = await chooseTasks(device, { ...asked, memory: SHARE * memory });
  const { tasks, matching, leftOut } = chosen;
  if (tasks.length === 0 && groups.some((group) => group !== 'ceiling'))
    throw new UserError(
      matching === 0
        ? `--filter ${filter}: nothing has that in its name; try conv, matmul, norm, pool, resnet18 or models`
        : `--variant ${variant} computes none of these ${counted(matching, 'problem')}; leave it or --filter out`,
    );
  if (leftOut.length > 0)
    say(
      `Not computed by ${variant}, left out: ${counted(leftOut.length, 'problem')}, such as ${leftOut[0]}.`,
    );
  return chosen;
}
