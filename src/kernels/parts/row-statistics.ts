/**
 * For every row of [rows, C], what a softmax needs: m = max x and s = Σ exp(x − m), written as the pair (m, s).
 *
 *   log Σ exp(x) = m + log s       softmax(x) = exp(x − m) / s
 *
 * Since m is subtracted first, nothing overflows, and m and s stay apart: m + log s would round away the small
 * differences between large logits. An invocation owns a row; a long row is shared by up to 32 invocations, which read
 * adjacent elements, and a second program merges their pairs: s = Σ sᵢ · exp(mᵢ − m). Elements are vec4 where C is a
 * multiple of four. Limited by memory on a GPU and by `exp` on a CPU: 4 bytes and one exponential an element.
 */
import { elementwise, family, program } from '../../gpu/index.ts';
import { empty, type Tensor } from '../../tensor/index.ts';
import type { Element } from './element.ts';

/** Elements that one invocation should have at least, and the most invocations to a row. */
const TERMS = 16;
const MOST_LANES = 32;

const LOWEST = '-3.4028234e38f';

const HORIZONTAL = {
  f32: 'fn greatest(v: f32) -> f32 { return v; }\nfn total(v: f32) -> f32 { return v; }',
  vec4f: `fn greatest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
fn total(v: vec4f) -> f32 { return dot(v, vec4f(1)); }`,
};

const statisticsProgram = family(({ element }: { element: Element }) =>
  elementwise({
    name: `row-statistics-${element}`,
    bindings: { x: `read ${element}`, statistics: 'write vec2f' },
    params: { length: 'u32', lanes: 'u32' },
    wgsl: `
${HORIZONTAL[element]}
fn element(i: u32) {
  let start = i / p.lanes * p.length;
  let first = start + i % p.lanes;
  let end = start + p.length;
  var most = ${element}(${LOWEST});
  for (var at = first; at < end; at += p.lanes) { most = max(most, x[at]); }
  let m = greatest(most);
  var s = ${element}(0);
  for (var at = first; at < end; at += p.lanes) { s += exp(x[at] - m); }
  statistics[i] = vec2f(m, total(s));
}`,
  }),
);

const mergeProgram = program(
  elementwise({
    name: 'row-statistics-merge',
    bindings: { partial: 'read vec2f', statistics: 'write vec2f' },
    params: { lanes: 'u32' },
    wgsl: `
fn element(i: u32) {
  let first = i * p.lanes;
  var m = ${LOWEST};
  for (var lane = 0u; lane < p.lanes; lane++) { m = max(m, partial[first + lane].x); }
  var s = 0f;
  for (var lane = 0u; lane < p.lanes; lane++) {
    let one = partial[first + lane];
    s += one.y * exp(one.x - m);
  }
  statistics[i] = vec2f(m, s);
}`,
  }),
);

/** (max, Σ exp(x − max)) of each row of the last axis, as [rows, 2]. Records no gradient. */
export function rowStatistics(x: Tensor): Tensor {
  const columns = x.shape.at(-1) ?? 1;
  const rows = x.size / columns;
  const wide = columns % 4 === 0;
  const length = wide ? columns / 4 : columns;
  const lanes = length < 4 * TERMS ? 1 : Math.min(MOST_LANES, Math.ceil(length / TERMS));
  const partial = empty(x.device, [rows * lanes, 2]);
  x.device.run(statisticsProgram({ element: wide ? 'vec4f' : 'f32' }), {
    bindings: { x: x.buffer, statistics: partial.buffer },
    params: { count: rows * lanes, length, lanes },
    flops: 4 * x.size,
    bytes: 4 * x.size,
  });
  if (lanes === 1) return partial;
  const statistics = empty(x.device, [rows, 2]);
  x.device.run(mergeProgram, {
    bindings: { partial: partial.buffer, statistics: statistics.buffer },
    params: { count: rows, lanes },
    flops: 4 * rows * lanes,
    bytes: 8 * rows * (lanes + 1),
  });
  partial.dispose();
  return statistics;
}
