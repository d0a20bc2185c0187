/**
 * Multiply-adds from registers: no loads, so nothing but arithmetic can hold them up. What is fastest differs between
 * adapters (how many chains hide the latency, how many fit the registers, what the loop costs), so there are several, and
 * the best counts.
 *
 *   a ← a · scale + offset      CHAINS of them independent of each other, UNROLL in a row, `steps` times over
 *
 * `scale` is 1 − 2⁻¹², so that a chain creeps from its start towards offset · 2¹² and is never a denormal, an infinity or
 * the value it was; it is a parameter, so that no compiler works it out.
 */
import { type Device, type Program, program } from '../../gpu/index.ts';
import { empty, type Tensor } from '../../tensor/index.ts';
import type { Contender } from './contest.ts';

/** A kernel of independent chains. */
export interface ChainSpec {
  /** A multiply-add as one instruction, or as a product and a sum: the first is emulated where a processor has none. */
  form: 'fma' | 'mul-add';
  /** Values of a chain: one, or four at once. */
  width: 1 | 4;
  /** Independent chains of an invocation. */
  chains: number;
  /** Multiply-adds of a chain in a row. More of them make a loop-carried copy cheaper, until the code leaves its cache. */
  unroll: number;
}

export interface ChainKernel extends ChainSpec {
  program: Program;
}

const SCALE = 1 - 2 ** -12;
const OFFSET = 0.5;
/** Invocations of a workgroup. */
const WORKGROUP = 64;

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

function chainKernel(spec: ChainSpec): ChainKernel {
  const { form, width, chains, unroll } = spec;
  const type = width === 1 ? 'f32' : 'vec4f';
  const starts = (c: number): string =>
    Array.from({ length: width }, (_, v) => `lane + ${width * c + v}.5`).join(', ');
  const step = (c: number): string =>
    form === 'fma' ? `a${c} = fma(a${c}, scale, offset);` : `a${c} = a${c} * scale + offset;`;
  const sum = Array.from({ length: chains }, (_, c) => `a${c}`).join(' + ');
  return {
    ...spec,
    program: program({
      name: `${form} ${width === 4 ? 'vec4 ' : ''}${chains}×${unroll}`,
      bindings: { y: 'write f32' },
      params: { steps: 'u32', scale: 'f32', offset: 'f32' },
      wgsl: `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) index: u32) {
  let lane = f32(index);
  let scale = ${type}(p.scale);
  let offset = ${type}(p.offset);
${lines(chains, (c) => `  var a${c} = ${type}(${starts(c)});`)}
  for (var step = 0u; step < p.steps; step++) {
${lines(unroll, () => `    ${Array.from({ length: chains }, (_, c) => step(c)).join(' ')}`)}
  }
  y[id.x * ${WORKGROUP}u + index] = ${width === 1 ? sum : `dot(${sum}, vec4f(1.0))`};
}`,
    }),
  };
}

/** Every chain kernel that is tried. */
export const CHAIN_KERNELS: readonly ChainKernel[] = (
  [
    { form: 'fma', width: 1, chains: 8, unroll: 16 },
    { form: 'fma', width: 1, chains: 10, unroll: 16 },
    { form: 'fma', width: 1, chains: 10, unroll: 32 },
    { form: 'fma', width: 1, chains: 12, unroll: 16 },
    { form: 'fma', width: 1, chains: 12, unroll: 32 },
    { form: 'fma', width: 4, chains: 2, unroll: 16 },
    { form: 'fma', width: 4, chains: 3, unroll: 16 },
    { form: 'mul-add', width: 1, chains: 8, unroll: 16 },
    { form: 'mul-add', width: 1, chains: 12, unroll: 16 },
  ] satisfies ChainSpec[]
).map(chainKernel);

/** FLOPs of an invocation: twice its multiply-adds. */
export const chainFlops = ({ width, chains, unroll }: ChainSpec, steps: number): number =>
  2 * width * chains * unroll * steps;

/** What the invocation `lane` of a workgroup writes, in float64: the sum of its chains. */
export function chainSum({ width, chains, unroll }: ChainSpec, steps: number, lane: number): number {
  const values = width * chains;
  const starts = values * lane + (values * values) / 2;
  // The fixed point of a chain is offset / (1 − scale), and the distance to it shrinks by `scale` each time.
  const rest = SCALE ** (unroll * steps);
  return rest * starts + (1 - rest) * values * (OFFSET / (1 - SCALE));
}

/** Invocations for each that an adapter wants: several on each core, and so many that the last to start do not count. */
const INVOCATIONS_EACH = 32;
/** Steps of an invocation at least, so that starting it does not count; a slow adapter gets fewer invocations for them. */
const LEAST_STEPS = 32;
const MOST_STEPS = 2 ** 20;
/** A dispatch lasts about this long. */
const DISPATCH_MS = 30;
/** Milliseconds of a probe that can be told from those of starting one. */
const PROBE_MS = 4;

/** How much of a kernel is run. */
export interface ChainRun {
  invocations: number;
  steps: number;
}

/** Records one dispatch of `kernel`, which writes a value for each invocation into `y`. */
export function runChains(device: Device, kernel: ChainKernel, y: Tensor, run: ChainRun): void {
  device.run(kernel.program, {
    bindings: { y: y.buffer },
    params: { steps: run.steps, scale: SCALE, offset: OFFSET },
    groups: [run.invocations / WORKGROUP, 1, 1],
    flops: run.invocations * chainFlops(kernel, run.steps),
  });
}

/** The chain kernels, checked, each with so much work that a dispatch lasts long enough to be timed. */
export async function chainContenders(
  device: Device,
): Promise<{ contenders: Contender[]; dispose: () => void }> {
  const y = empty(device, [INVOCATIONS_EACH * device.traits.wantedInvocations]);
  const contenders: Contender[] = [];
  for (const kernel of CHAIN_KERNELS) {
    const run = await enough(device, kernel, y);
    runChains(device, kernel, y, run);
    contenders.push({
      name: kernel.program.name,
      amount: run.invocations * chainFlops(kernel, run.steps),
      right: await isRight(device, kernel, y, run),
      counts: true,
      run: () => runChains(device, kernel, y, run),
    });
  }
  return { contenders, dispose: () => y.dispose() };
}

/** So much work that a dispatch lasts some 30 ms. Compiles the kernel. */
async function enough(device: Device, kernel: ChainKernel, y: Tensor): Promise<ChainRun> {
  const time = async (steps: number): Promise<number> => {
    const start = performance.now();
    runChains(device, kernel, y, { invocations: y.size, steps });
    await device.idle();
    return performance.now() - start;
  };
  await time(1);
  for (let steps = 1; ; steps *= 4) {
    // The faster of two: the machine may have been busy in one.
    const took = Math.min(await time(steps), await time(steps));
    if (took >= PROBE_MS || steps >= MOST_STEPS)
      return workOf(y.size, Math.min(MOST_STEPS, (steps * DISPATCH_MS) / took));
  }
}

/** About `invocations` times `steps`, with no fewer steps than count: rather fewer invocations. */
export function workOf(invocations: number, steps: number): ChainRun {
  if (steps >= LEAST_STEPS) return { invocations, steps: Math.round(steps) };
  const groups = Math.ceil((invocations * steps) / LEAST_STEPS / WORKGROUP);
  return { invocations: groups * WORKGROUP, steps: LEAST_STEPS };
}

/** Whether the last workgroup wrote what its chains add up to; float32 loses a part in ten thousand at most. */
async function isRight(
  device: Device,
  kernel: ChainKernel,
  y: Tensor,
  { invocations, steps }: ChainRun,
): Promise<boolean> {
  const bytes = await device.read(y.buffer, 4 * WORKGROUP, 4 * (invocations - WORKGROUP));
  return new Float32Array(bytes).every((value, lane) => {
    const expected = chainSum(kernel, steps, lane);
    return Math.abs(value - expected) <= 1e-4 * expected;
  });
}
