/**
 * The programs of squeeze-and-excitation: what each computes stands in squeeze-excite.ts.
 *
 * `excite` and its gradient are two matrix products of one row a picture, too small to be dispatched one by one: a workgroup
 * computes both for a picture, and what the first leaves in storage the second reads behind a barrier.
 */
import { elementwise, FIRST_GROUP, family, type ProgramSpec } from '../../gpu/index.ts';
import { LANE, LANE_PARAMS, LANES } from '../parts/channel-lanes.ts';
import { type Element, widthOf } from '../parts/element.ts';
import { activateFunction, slopeFunction } from '../pointwise/activations.ts';

/** Lanes of the workgroup that has a picture. */
export const TOGETHER = 64;
/** Neighbouring lanes that share a sum over channels. */
const ABREAST = 8;
const SUMS = TOGETHER / ABREAST;

/** The elements of C channels and of S squeezed ones. */
export interface Elements {
  wide: Element;
  squeezed: Element;
}

const parts = (element: Element, of: string): string[] =>
  element === 'f32' ? [of] : ['x', 'y', 'z', 'w'].map((part) => `${of}.${part}`);

/**
 * hidden = silu(before), before = mean · w1 + b1: `slices` lanes share a column, each adds every slices-th channel.
 * scale = σ(hidden · w2 + b2): a lane has a column.
 */
export const exciteProgram = family(
  ({ wide, squeezed }: Elements): ProgramSpec => ({
    name: `excite-${wide}-${squeezed}`,
    bindings: {
      mean: 'read f32',
      w1: `read ${squeezed}`,
      b1: `read ${squeezed}`,
      w2: `read ${wide}`,
      b2: `read ${wide}`,
      before: `write ${squeezed}`,
      hidden: 'write f32',
      scale: `write ${wide}`,
    },
    params: {
      channels: 'u32',
      squeezed: 'u32',
      columns: 'u32', // elements of the squeezed that go at once
      slices: 'u32',
      ...FIRST_GROUP,
    },
    wgsl: `
${activateFunction('silu', squeezed)}
${activateFunction('sigmoid', wide).replace('activate', 'sigmoid')}
var<workgroup> sums: array<${squeezed}, ${TOGETHER}>;

@compute @workgroup_size(${TOGETHER})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x + p.firstX;
  let last = p.squeezed / ${widthOf(squeezed)};
  let slice = lane / p.columns;
  for (var first = 0u; first < last; first += p.columns) {
    let j = first + lane % p.columns;
    var sum = ${squeezed}(0);
    if (slice < p.slices && j < last) {
      for (var c = slice; c < p.channels; c += p.slices) {
        sum = fma(${squeezed}(mean[n * p.channels + c]), w1[c * last + j], sum);
      }
    }
    sums[lane] = sum;
    workgroupBarrier();
    if (slice == 0 && j < last) {
      for (var other = 1u; other < p.slices; other++) { sum += sums[other * p.columns + j - first]; }
      sum += b1[j];
      before[n * last + j] = sum;
      let h = activate(sum);
      let at = n * p.squeezed + j * ${widthOf(squeezed)};
${parts(squeezed, 'h')
  .map((part, k) => `      hidden[at + ${k}] = ${part};`)
  .join('\n')}
    }
    workgroupBarrier();
  }
  storageBarrier();
  let wide = p.channels / ${widthOf(wide)};
  for (var c = lane; c < wide; c += ${TOGETHER}) {
    var sum = b2[c];
    for (var j = 0u; j < p.squeezed; j++) {
      sum = fma(${wide}(hidden[n * p.squeezed + j]), w2[j * wide + c], sum);
    }
    scale[n * wide + c] = sigmoid(sum);
  }
}`,
  }),
);

/**
 * dafter = dscale · scale · (1 − scale), dbefore = silu′(before) · (w2 · dafter): eight lanes share a sum.
 * dmean = w1 · dbefore / pixels: a lane has a channel.
 */
export const exciteBackwardProgram = family(
  ({ wide, squeezed }: Elements): ProgramSpec => ({
    name: `excite-backward-${wide}-${squeezed}`,
    bindings: {
      dscale: `read ${wide}`,
      scale: `read ${wide}`,
      before: `read ${squeezed}`,
      w1: `read ${squeezed}`,
      w2: `read ${wide}`,
      dafter: `write ${wide}`,
      dbefore: `write ${squeezed}`,
      dmean: 'write f32',
    },
    params: { channels: 'u32', squeezed: 'u32', share: 'f32', ...FIRST_GROUP },
    wgsl: `
${slopeFunction('silu', squeezed)}
var<workgroup> sums: array<f32, ${TOGETHER}>;

fn sumOf(j: u32) -> f32 {
  var sum = 0f;
  for (var k = 0u; k < ${ABREAST}; k++) { sum += sums[j * ${ABREAST} + k]; }
  return sum;
}

@compute @workgroup_size(${TOGETHER})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x + p.firstX;
  let wide = p.channels / ${widthOf(wide)};
  let last = p.squeezed / ${widthOf(squeezed)};
  for (var c = lane; c < wide; c += ${TOGETHER}) {
    let s = scale[n * wide + c];
    dafter[n * wide + c] = dscale[n * wide + c] * s * (1 - s);
  }
  storageBarrier();
  for (var first = 0u; first < p.squeezed; first += ${SUMS}) {
    let j = first + lane / ${ABREAST};
    var sum = ${wide}(0);
    if (j < p.squeezed) {
      for (var c = lane % ${ABREAST}; c < wide; c += ${ABREAST}) {
        sum = fma(dafter[n * wide + c], w2[j * wide + c], sum);
      }
    }
    sums[lane] = ${wide === 'f32' ? 'sum' : 'dot(sum, vec4f(1))'};
    workgroupBarrier();
    let at = first / ${widthOf(squeezed)} + lane;
    if (lane < ${SUMS / widthOf(squeezed)} && at < last) {
      let dhidden = ${squeezed === 'f32' ? 'sumOf(lane)' : 'vec4f(sumOf(4 * lane), sumOf(4 * lane + 1), sumOf(4 * lane + 2), sumOf(4 * lane + 3))'};
      dbefore[n * last + at] = dhidden * slope(before[n * last + at]);
    }
    workgroupBarrier();
  }
  storageBarrier();
  for (var c = lane; c < p.channels; c += ${TOGETHER}) {
    var sum = ${squeezed}(0);
    for (var j = 0u; j < last; j++) { sum = fma(dbefore[n * last + j], w1[c * last + j], sum); }
    dmean[n * p.channels + c] = ${squeezed === 'f32' ? 'sum' : 'dot(sum, vec4f(1))'} * p.share;
  }
}`,
  }),
);

/** dw[r, c] = Σₙ a[n, r] · b[n, c] and, in a row behind the last, db[c] = Σₙ b[n, c]: an invocation has `tall` rows. */
export const weightsProgram = family(({ tall, element }: { tall: 4 | 1; element: Element }) => {
  const rows = Array.from({ length: tall }, (_, row) => row);
  const type = tall === 4 ? 'vec4f' : 'f32';
  return elementwise({
    name: `excite-weights-${tall}-${element}`,
    bindings: { a: `read ${type}`, b: `read ${element}`, dw: `write ${element}`, db: `write ${element}` },
    params: { pictures: 'u32', rows: 'u32', columns: 'u32' }, // rows: in fours where they are tall
    wgsl: `
fn element(i: u32) {
  let r = i / p.columns;
  let c = i - r * p.columns;
  if (r == p.rows) {
    var sum = ${element}(0);
    for (var n = 0u; n < p.pictures; n++) { sum += b[n * p.columns + c]; }
    db[c] = sum;
    return;
  }
${rows.map((row) => `  var sum${row} = ${element}(0);`).join('\n')}
  for (var n = 0u; n < p.pictures; n++) {
    let left = a[n * p.rows + r];
    let right = b[n * p.columns + c];
${rows.map((row) => `    sum${row} = fma(${element}(left${tall === 4 ? `[${row}]` : ''}), right, sum${row});`).join('\n')}
  }
${rows.map((row) => `  dw[(${tall} * r + ${row}) * p.columns + c] = sum${row};`).join('\n')}
}`,
  });
});

/** y = x · scale, or x · scale + shift, of the channels of each picture. Lanes: channel-lanes.ts, of one picture. */
export const scaleProgram = family(
  ({ element, shifts }: { element: Element; shifts: boolean }): ProgramSpec => ({
    name: `scale-channels${shifts ? '-and-shift' : ''}-${element}`,
    bindings: {
      x: `read ${element}`,
      scale: `read ${element}`,
      ...(shifts ? { shift: `read ${element}` as const } : {}),
      y: `write ${element}`,
    },
    params: { ...LANE_PARAMS, firstY: 'u32' },
    wgsl: `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {${LANE}
  let n = id.y + p.firstY;
  let s = scale[n * p.channels + c];${shifts ? '\n  let t = shift[n * p.channels + c];' : ''}
  let picture = n * p.count;
  for (var i = picture + first; i < picture + end; i += p.stride) { y[i] = ${shifts ? 'fma(x[i], s, t)' : 'x[i] * s'}; }
}`,
  }),
);
