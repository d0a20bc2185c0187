/**
 * The row `vector`: one row times a matrix, as a network's linear layers compute it for one picture.
 *
 *   y[n] = Σ_k x[k] · w[k, n]
 *
 * Each weight is used once, so that reading w is all there is to it: 4 bytes for 2 FLOPs. A workgroup owns a stretch of
 * the sum and 4 · lanes vec4s of columns, and walks down its part of w row by row, each of them one piece of memory:
 *
 *             lane 0  lane 1   …  │ lane 0  lane 1   …  │ …  │ …  │          a step of k, in each lane:
 *   x[k]    · w[k]    w[k]     …  │ w[k]    w[k]     …  │    │    │   ↓        1 load of x, the same in all
 *   x[k+1]  · w[k+1]  w[k+1]   …  │ w[k+1]  w[k+1]   …  │    │    │            4 loads of w, 4 fma of vec4
 *             └────── sum0 ─────┘   └────── sum1 ─────┘    sum2  sum3
 *
 * The stretches run side by side and leave a sum each; `vector-sum` adds these up, always in the same order, and finishes
 * as the tile loop does.
 *
 * On lavapipe it reads as fast as a kernel does that only sums what it reads: AlexNet's 9216 × 4096 and 4096 × 4096 take 0.68
 * of the tile loop's time, 4096 × 1000 0.85; below some 500,000 weights the second dispatch costs more than is gained. A
 * short loop is what makes it, whose loads go on from step to step by 16 KB: with four rows of w a step it takes 1.25 times
 * as long, with eight and x handed round in a subgroup 4 times (a processor's prefetcher no longer follows), with two
 * columns a lane 1.1 times, with eight 1.3 times.
 *
 * Of a w in 16 bits a value (tensor/halves.ts) a lane sums eight vec4s of columns, as many bytes. The stretches are the same,
 * and so are the bits. 9216 × 2048 takes 0.53 of the time then, 4096 × 4096, 1280 × 1000 and 512 × 1000 0.65 to 0.7,
 * 4096 × 1000 0.9; AlexNet's forward pass 0.88. Four columns of them a lane take 0.75 to 1, loads of eight values as long.
 */
import { elementwise, FIRST_GROUP, family, type ProgramSpec } from '../../gpu/index.ts';
import { empty, HALVES } from '../../tensor/index.ts';
import {
  EPILOGUE_PARAMS,
  epilogueBindings,
  epilogueFunctions,
  epilogueRun,
  isCurved,
  OWN_FLAGS,
} from '../parts/epilogue.ts';
import { laneSpecOf } from '../parts/lanes.ts';
import { unroll } from '../parts/tile.ts';
import { type MatrixRow, multiplyAdds } from './problem.ts';

/** vec4s of columns that a lane sums, and of those in 16 bits. */
const COLUMNS = 4;
const HALF_COLUMNS = 8;
/** Terms of a stretch of the sum, at least. */
const LEAST_TERMS = 64;

interface StretchSpec {
  lanes: number;
  halves: boolean;
}

const columnsOf = (halves: boolean): number => (halves ? HALF_COLUMNS : COLUMNS);

const stretchProgram = family(({ lanes, halves }: StretchSpec): ProgramSpec => {
  const each = columnsOf(halves);
  return {
    name: `vector-${lanes}${halves ? '-halves' : ''}`,
    bindings: { x: 'read f32', w: halves ? 'read vec2u' : 'read vec4f', sums: 'write vec4f' },
    params: {
      terms: 'u32', // rows of w …
      each: 'u32', // … and those of them in a stretch
      columns: 'u32', // vec4s in a row of w
      offset: 'u32', // first value of x that this slice of w belongs to
      firstX: FIRST_GROUP.firstX,
    },
    wgsl: `${halves ? HALVES : ''}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = (workgroup.x + p.firstX) * ${each * lanes}u + lane;
  let start = workgroup.y * p.each;
  let end = min(start + p.each, p.terms);
${unroll(each, (i) => `  let column${i} = column + ${i * lanes}u;`)}
${unroll(each, (i) => `  var at${i} = start * p.columns + min(column${i}, p.columns - 1);`)}
${unroll(each, (i) => `  var sum${i} = vec4f(0);`)}
  for (var k = start; k < end; k++) {
    let a = vec4f(x[p.offset + k]);
${unroll(each, (i) => `    sum${i} = fma(a, ${halves ? `unpack(w[at${i}])` : `w[at${i}]`}, sum${i});`)}
${unroll(each, (i) => `    at${i} += p.columns;`)}
  }
${unroll(each, (i) => `  if (column${i} < p.columns) { sums[workgroup.y * p.columns + column${i}] = sum${i}${halves ? ' * UNIT' : ''}; }`)}
}`,
  };
});

/** The flag beside those of the epilogue: y += …, not y = …. */
const ACCUMULATE = OWN_FLAGS;

const sumProgram = family(({ curved }: { curved: boolean }) =>
  elementwise({
    name: `vector-sum${curved ? '-curved' : ''}`,
    bindings: { sums: 'read vec4f', y: 'write vec4f', ...epilogueBindings('vec4f') },
    params: { stretches: 'u32', ...EPILOGUE_PARAMS },
    wgsl: `${epilogueFunctions('vec4f', { curved })}
fn element(i: u32) {
  var sum = vec4f(0);
  if ((p.flags & ${ACCUMULATE}) != 0) { sum = y[i]; }
  for (var stretch = 0u; stretch < p.stretches; stretch++) { sum += sums[stretch * p.count + i]; }
  y[i] = finished(sum, finishOf(i), i);
}`,
  }),
);

/** A multiply-add here against one of the tile loop with one row, and what the second dispatch takes beside them. */
const FASTER = 0.68;
const DISPATCH = 150_000;

export const vector: MatrixRow = {
  name: 'vector',
  readsHalves: true,
  supports: ({ direction, several, resultChannels }) =>
    direction === 'forward' && !several && resultChannels % 4 === 0,
  estimate: (problem) => FASTER * multiplyAdds(problem) + DISPATCH,
  record(device, problem, operands) {
    if ('dw' in operands) throw new Error('the row vector computes no weight gradients');
    const { x, w, y, slice, accumulate = false, halves = false } = operands;
    const { lanes } = laneSpecOf(device.traits);
    const columns = problem.resultChannels / 4;
    const terms = slice?.count ?? problem.sourceChannels;
    const blocksOf = (each: number) => Math.ceil(columns / (each * lanes));
    const wanted = Math.ceil(device.traits.wantedInvocations / (blocksOf(COLUMNS) * lanes));
    const each = Math.ceil(terms / Math.min(wanted, Math.ceil(terms / LEAST_TERMS)));
    const stretches = Math.ceil(terms / each);
    const sums = empty(device, [stretches, 4 * columns]).buffer;
    device.run(stretchProgram({ lanes, halves }), {
      bindings: { x, w, sums },
      params: { terms, each, columns, offset: slice?.start ?? 0 },
      groups: [blocksOf(columnsOf(halves)), stretches, 1],
      flops: 8 * terms * columns,
      bytes: (halves ? 8 : 16) * terms * columns + 4 * terms + 16 * stretches * columns,
    });
    const { epilogue = {} } = problem;
    const finish = epilogueRun(epilogue, sums);
    const flags = finish.params.flags + (accumulate ? ACCUMULATE : 0);
    device.run(sumProgram({ curved: isCurved(epilogue) }), {
      bindings: { sums, y, ...finish.bindings },
      params: { count: columns, stretches, ...finish.params, flags },
      bytes: 16 * (stretches + 1) * columns,
    });
  },
};
