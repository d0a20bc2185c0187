/** How much memory a run may plan with. WebGPU does not say, so the machine is asked. */
import { totalmem } from 'node:os';

/** How many bytes a program may plan with, and where that number comes from. */
export interface MemoryBudget {
  bytes: number;
  from: 'asked' | 'control group' | 'machine' | 'default';
}

/** What is assumed of a GPU's memory when nobody says: WebGPU does not tell. */
const DEFAULT_GPU_MEMORY = 4 * 1024 ** 3;

/**
 * The memory to plan with: `asked` bytes if given; on a software adapter what the control group or the machine has
 * (buffers are ordinary memory there); else 4 GiB, a stated default, since WebGPU does not say what a GPU has.
 */
export async function memoryBudget(device: { software: boolean }, asked?: number): Promise<MemoryBudget> {
  if (asked !== undefined) return { bytes: asked, from: 'asked' };
  if (!device.software) return { bytes: DEFAULT_GPU_MEMORY, from: 'default' };
  const machine = totalmem();
  // 0 or absurdly large where nothing is constrained.
  const group = process.constrainedMemory?.() ?? 0;
  return group > 0 && group < machine
    ? { bytes: group, from: 'control group' }
    : { bytes: machine, from: 'machine' };
}

/** Share of a machine's memory that buffers may take where they are ordinary memory. */
const SOFTWARE_SHARE = 0.8;

/** The bytes to plan a run with: what was asked for or is assumed of a GPU; on a software adapter a share of the rest. */
export function plannedBytes({ bytes, from }: MemoryBudget, software: boolean): number {
  return Math.floor(from === 'asked' || !software ? bytes : SOFTWARE_SHARE * bytes);
}
