/**
 * Which ceiling binds a work, and the share of it that was reached: the roofline. At the ceilings A (GFLOP/s) and B (GB/s) a
 * work takes at least max(flops / A, bytes / B); the larger of both says which one binds, and that time over the measured
 * one is the share. It may pass 1 where the tensors fit into a cache.
 */
import type { BenchEntry, Ceilings } from './result.ts';
import type { Measured } from './tasks.ts';

/** The binding ceiling and the share of it, for a work that took `ms`. */
export function limitOf(
  { flops, bytes }: { flops: number; bytes: number },
  ms: number | null,
  ceilings: Ceilings | null,
): Pick<BenchEntry, 'limit' | 'share'> {
  if (!ceilings || (flops === 0 && bytes === 0)) return { limit: null, share: null };
  const { arithmetic, bandwidth } = ceilings;
  const least = { arithmetic: flops / arithmetic.value / 1e6, bandwidth: bytes / bandwidth.value / 1e6 };
  const limit = least.arithmetic > least.bandwidth ? 'arithmetic' : 'bandwidth';
  const stands = ceilings[limit].doubt === null && ms !== null && ms > 0;
  return { limit, share: stands ? least[limit] / ms : null };
}

/** A measured task as an entry of the document. */
export const entryOf = (measured: Measured, ceilings: Ceilings | null): BenchEntry => ({
  ...measured,
  ...limitOf(measured, measured.timing?.median ?? null, ceilings),
});
