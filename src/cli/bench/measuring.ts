/** A run of the bench: the ceilings, every work that was asked for, and how networks start; an end keeps what there is. */
import { ladderTasks } from '../../../bench/ladder/ladders.ts';
import { measureCeilings } from '../../bench/ceilings.ts';
import { documentOf } from '../../bench/document.ts';
import { modelName } from '../../bench/models.ts';
import { measureStarts, startCases } from '../../bench/node/cold.ts';
import type { BenchResult, Ceilings, StartEntry } from '../../bench/result.ts';
import { type Chosen, chooseTasks, matcher } from '../../bench/run.ts';
import { type Measured, measureTasks, type Task } from '../../bench/tasks.ts';
import type { Device } from '../../gpu/index.ts';
import { memoryBudget, plannedBytes } from '../../node/memory.ts';
import { counted, onStop, progressBar, type StopRequest, say, UserError } from '../ui.ts';
import { benchHeader } from './header.ts';
import type { BenchRequest } from './options.ts';

/** Share of the memory to plan with that the inputs of one work may take. */
const SHARE = 1 / 2;

/**
 * Measures what was asked for.
 * @returns the document, and the exit code: 1 where a result is wrong or refused, a signal's where one ended the run
 * @throws UserError where nothing matches
 */
export async function measureRequest(
  device: Device,
  request: BenchRequest,
): Promise<{ result: BenchResult; exitCode: number }> {
  const memory = plannedBytes(await memoryBudget(device), device.software);
  const { tasks } = await choose(device, request, memory);
  const stop = onStop('Stopping after this one, with what was measured; once more stops at once.');
  try {
    const ceilings = request.ceilings ? await ceilingsOf(device, memory) : null;
    const measured = await measuredTasks(device, tasks, request, stop);
    const starts = request.starts ? await startsOf(request, stop) : [];
    const result = documentOf(await benchHeader(device), { ceilings, measured, starts });
    return { result, exitCode: exitCodeOf(result, stop) };
  } finally {
    stop.dispose();
  }
}

function exitCodeOf({ entries }: BenchResult, stop: StopRequest): number {
  if (stop.requested) return stop.exitCode;
  return entries.some(({ failed }) => failed !== null) ? 1 : 0;
}

async function ceilingsOf(device: Device, memory: number): Promise<Ceilings> {
  const bar = progressBar('Ceilings', 100);
  const ceilings = await measureCeilings(device, memory, (done) => bar.update(Math.round(100 * done)));
  bar.stop();
  return ceilings;
}

async function measuredTasks(
  device: Device,
  tasks: readonly Task[],
  { samples, rounds }: BenchRequest,
  stop: StopRequest,
): Promise<Measured[]> {
  if (tasks.length === 0) return [];
  const bar = progressBar('Bench', tasks.length);
  const measured = await measureTasks(device, tasks, {
    samples,
    ...(rounds !== undefined && { rounds }),
    stopped: () => stop.requested,
    onProgress: (done, total, name, left) => {
      if (done === 0) bar.turnTo('Bench', total);
      bar.update(done, name, left);
    },
  });
  bar.stop();
  return measured;
}

/** How networks start, each in processes of its own. One that fails costs no other figures. */
async function startsOf(
  { networks, filter, adapter, untuned }: BenchRequest,
  stop: StopRequest,
): Promise<StartEntry[]> {
  const wanted = matcher(filter);
  const cases = startCases(networks).filter((one) =>
    wanted({ name: modelName(one), group: 'models', op: one.network, networks: [] }),
  );
  if (cases.length === 0 || stop.requested) return [];
  const bar = progressBar('Starts', cases.length);
  try {
    return await measureStarts(cases, {
      signal: stop.signal,
      tuned: !untuned,
      ...(adapter !== undefined && { adapter }),
      onProgress: (done, total, name) => {
        if (done === 0) bar.turnTo('Starts', total);
        bar.update(done, name);
      },
    });
  } catch (error) {
    bar.note(`How networks start was not measured: ${error instanceof Error ? error.message : error}`);
    return [];
  } finally {
    bar.stop();
  }
}

/** The works: none of them only where nothing but the ceilings was asked for. */
async function choose(device: Device, request: BenchRequest, memory: number): Promise<Pick<Chosen, 'tasks'>> {
  if (request.ladder) return { tasks: request.ladder.flatMap((name) => ladderTasks(device, name)) };
  const { groups, filter, rows } = request;
  const chosen = await chooseTasks(device, { ...request, memory: SHARE * memory });
  const { tasks, matching, leftOut } = chosen;
  const row = typeof rows === 'object' ? rows.row : '';
  if (tasks.length === 0 && groups.some((group) => group !== 'ceiling'))
    throw new UserError(
      matching === 0
        ? `--filter ${filter}: nothing has that in its name; try conv, matmul, norm, pool, resnet18 or models`
        : `--variant ${row} computes none of these ${counted(matching, 'problem')}; leave it or --filter out`,
    );
  if (leftOut.length > 0)
    say(`Not computed by ${row}, left out: ${counted(leftOut.length, 'problem')}, such as ${leftOut[0]}.`);
  return chosen;
}
