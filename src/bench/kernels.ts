/** Problems as tasks, with rows of the tables of kernels: what `npm run bench -- kernels` measures. */
import type { Device } from '../gpu/index.ts';
import { check } from './check.ts';
import { costOf, nameOf, type Posed } from './problem.ts';
import { type Replay, replay } from './replay.ts';
import { rowsOf } from './rows.ts';
import type { Task } from './tasks.ts';

/** With which rows: the one that the device chooses, one by its name, or all that can. */
export type WithRows = { readonly row: string } | 'chosen' | 'all';

/** The tasks of a problem: one for each row that is asked for and can compute it. None where no row is. */
export function kernelTasks(device: Device, posed: Posed, rows: WithRows, memory: number): Task<Replay>[] {
  const known = rowsOf(posed, device);
  const { flops, bytes } = costOf(posed);
  const task = (variant: string | null): Task<Replay> => ({
    facts: {
      name: nameOf(posed),
      group: 'kernels',
      op: posed.problem.op,
      pass: posed.pass,
      variant,
      networks: posed.networks,
      flops,
      bytes,
    },
    prepare: () => replay(device, posed, variant, memory),
    check: (work) => check(device, posed, variant, work),
  });
  if (rows === 'chosen') return [task(known?.chosen ?? null)];
  if (!known) return rows === 'all' ? [task(null)] : [];
  const named = rows === 'all' ? known.able : known.able.filter((row) => row === rows.row);
  return named.map(task);
}
