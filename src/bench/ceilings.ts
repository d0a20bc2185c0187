/**
 * What this adapter can do at best, measured in the same run as the kernels: multiply-adds from registers, and
 * copying memory. A kernel's percentage of the nearer ceiling says how much is left to gain.
 */
import { type Device, elementwise, program, slices } from '../gpu/index.ts';
import { fill } from '../nn/index.ts';
import { empty } from '../tensor/index.ts';
import { measure } from './measure.ts';
import type { Ceiling, Ceilings } from './result.ts';

const CHAINS = 12;
const UNROLL = 16;
const STEPS = 256;
const INVOCATIONS = 16384;

/**
 * Bytes of each of the two buffers that are copied: together twice the largest cache of a GPU (256 MB). What fits into a
 * cache is copied several times as fast as memory is read, and is no ceiling of kernels whose tensors do not fit. (Those
 * whose tensors do fit may pass this one.)
 */
const COPIED = 256 * 2 ** 20;
/** The part of the memory to plan with that both may take. */
const SHARE = 1 / 4;

/** The bytes of a buffer that is copied, where the adapter makes no larger one and a run plans with `memory`. */
export function copiedBytes(largestBuffer: number, memory: number): number {
  const most = Math.min(COPIED, largestBuffer, (SHARE * memory) / 2);
  return Math.floor(most / 256) * 256;
}

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** Twelve independent chains of fma, sixteen in a row: no loads, few loop-carried copies. */
const fma = program(
  elementwise({
    name: 'ceiling-fma',
    bindings: { y: 'write f32' },
    params: { steps: 'u32', scale: 'f32' },
    wgsl: `fn element(i: u32) {
${lines(CHAINS, (c) => `  var a${c} = f32(i) + ${c}.5;`)}
  for (var step = 0u; step < p.steps; step++) {
${lines(UNROLL, () => lines(CHAINS, (c) => `    a${c} = fma(a${c}, p.scale, 0.5);`))}
  }
  y[i] = ${Array.from({ length: CHAINS }, (_, c) => `a${c}`).join(' + ')};
}`,
  }),
);

const copy = program(
  elementwise({
    name: 'ceiling-copy',
    bindings: { x: 'read vec4f', y: 'write vec4f' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = x[i]; }',
  }),
);

/**
 * Measures the ceilings of `device`.
 * @param memory bytes that a run may plan with
 */
export async function measureCeilings(device: Device, memory: number): Promise<Ceilings> {
  const y = empty(device, [INVOCATIONS]);
  const arithmetic = await measure(device, () =>
    device.run(fma, {
      bindings: { y: y.buffer },
      params: { count: INVOCATIONS, steps: STEPS, scale: 0.5 },
      flops: 2 * INVOCATIONS * STEPS * CHAINS * UNROLL,
    }),
  );
  const floats = copiedBytes(device.limits.maxBufferSize, memory) / 4;
  const source = empty(device, [floats]);
  const target = empty(device, [floats]);
  fill(source, { uniform: 1 });
  const parts = slices(device, floats);
  const copying = await measure(device, () => {
    for (const { count, slice } of parts)
      device.run(copy, {
        bindings: { x: slice(source.buffer), y: slice(target.buffer) },
        params: { count: count / 4 },
        bytes: 8 * count,
      });
  });
  for (const used of [y, source, target]) used.dispose();
  const ceiling = (kernel: string, value: number): Ceiling => ({
    value,
    kernel,
    tried: [{ kernel, value }],
    doubt: null,
  });
  const flops = 2 * INVOCATIONS * STEPS * CHAINS * UNROLL;
  return {
    arithmetic: ceiling(fma.name, flops / arithmetic.p10 / 1e6),
    bandwidth: ceiling(copy.name, (8 * floats) / copying.p10 / 1e6),
  };
}
