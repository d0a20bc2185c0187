/**
 * The row `grouped`: for groups of few channels, and for few channels at all, where the tile loop has too few columns for its
 * lanes: with 32 groups of four channels one lane of eight works there.
 *
 * Here every lane stands alone. It owns a vec4 of the result's channels, of whichever group they are, and PIXELS pixels that
 * lie beside each other in a row; lanes run across the channels of all groups, then across the tiles of a row:
 *
 *               group 0           group 1        …          per tap of a row and vec4 of channels, a lane does
 *            lane 0  lane 1    lane 2  lane 3                 1            load of the source (the others it has still)
 *   pixel 0  [vec4 │ vec4]     [vec4 │ vec4]                  4            loads of its own columns of w
 *   pixel 1  [vec4 │ vec4]     [vec4 │ vec4]                  4 · PIXELS   vec4 fma
 *   …
 *
 * The pixels that a tap reads are those of the tap before it, one further, for taps whose distance is the stride:
 *
 *   kernel of 3, stride 1   taps 0 1 2 in a go                 kernel of 3, stride 2   taps 0 2, then tap 1
 *
 * With a dilation no tap has one before it, and each loads all of its pixels. The input direction is the same with channels
 * exchanged in each group and taps in falling order. With a stride it runs once for each residue, as in
 * ../parts/tile-gather.ts. Nothing is shared, so that nothing is needed of the adapter. The weight's gradient is in
 * grouped-weight.ts.
 */
import { type Device, FIRST_GROUP, family, type Traits } from '../../gpu/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import {
  EPILOGUE_PARAMS,
  epilogueBindings,
  epilogueFunctions,
  epilogueRun,
  isCurved,
} from '../parts/epilogue.ts';
import { laneSpecOf } from '../parts/lanes.ts';
import { DIVIDE, type GatherOperands, packPair, unroll } from '../parts/tile.ts';
import { tapsOf, weightGradient } from './grouped-weight.ts';
import { type ConvProblem, type ConvRow, channelsOf, multiplyAdds } from './problem.ts';

/** Pixels of a lane. */
const PIXELS = 8;

interface GatherSpec {
  direction: 'forward' | 'input';
  curved: boolean;
}

const gatherProgram = family(({ direction, curved }: GatherSpec) => {
  const forward = direction === 'forward';
  return {
    name: `grouped-${direction}${curved ? '-curved' : ''}`,
    bindings: { x: 'read vec4f', w: 'read vec4f', y: 'write vec4f', ...epilogueBindings('vec4f') },
    params: {
      source: 'u32', // height, width of a picture of x
      result: 'u32', // height, width of a picture of y
      kernel: 'u32',
      stride: 'u32',
      padding: 'u32', // top, left
      dilation: 'u32',
      groups: 'u32',
      depth: 'u32', // vec4s that a group sums over
      columns: 'u32', // vec4s of a group of y
      tiles: 'u32', // of PIXELS pixels, in a row
      period: 'u32', // from a tap of a row to the one that sees the next pixel
      ...FIRST_GROUP,
      ...EPILOGUE_PARAMS,
    },
    wgsl: `${DIVIDE}
${epilogueFunctions('vec4f', { curved })}
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.x + ${LANES}u * p.firstX;
  let resultChannels = p.groups * p.columns;
  let sourceChannels = p.groups * p.depth;
  let tile = divide(place, resultChannels);
  if (tile >= p.tiles) { return; }
  let channel = place - tile * resultChannels;
  let group = divide(channel, p.columns);
  let height = high(p.source);
  let width = low(p.source);
  let stride = vec2i(i32(high(p.stride)), i32(low(p.stride)));
  let dilation = vec2i(i32(high(p.dilation)), i32(low(p.dilation)));
  let row = i32(id.y + p.firstY);
  let first = i32(tile) * ${PIXELS};
  let plane = id.z + p.firstZ;
  ${
    forward
      ? `let picture = plane;
  let step = stride.y;
  let origin = vec2i(row * stride.x - i32(high(p.padding)), first * stride.y - i32(low(p.padding)));`
      : `let picture = plane / u32(stride.x * stride.y);
  let step = 1;
  let residue = vec2i(i32(plane) / stride.y % stride.x, i32(plane) % stride.y);
  let origin = residue + vec2i(i32(high(p.padding)), i32(low(p.padding)));`
  }
${unroll(PIXELS, (j) => `  var sum${j} = vec4f(0);`)}

  for (var ky = 0u; ky < high(p.kernel); ky++) {
    ${
      forward
        ? 'let line = origin.x + i32(ky) * dilation.x;'
        : `let away = origin.x - i32(ky) * dilation.x;
    if (away % stride.x != 0) { continue; }
    let line = row + away / stride.x;`
    }
    let inLine = u32(line) < height;
    let base = (picture * height + select(0u, u32(line), inLine)) * width * sourceChannels + group * p.depth;
    for (var phase = 0u; phase < min(p.period, low(p.kernel)); phase++) {
      let taps = divide(low(p.kernel) - 1 - phase, p.period) + 1;
      ${
        forward
          ? `let start = origin.y + i32(phase) * dilation.y;
      let firstTap = ky * low(p.kernel) + phase;`
          : `let last = phase + (taps - 1) * p.period;
      let across = origin.y - i32(last) * dilation.y;
      if (across % stride.y != 0) { continue; }
      let start = first + across / stride.y;
      let firstTap = ky * low(p.kernel) + last;`
      }
      for (var c = 0u; c < p.depth; c++) {
        var v0 = vec4f(0);
${unroll(
  PIXELS - 1,
  (j) => `        let at${j} = start + ${j} * step;
        var v${j + 1} = select(vec4f(0), x[base + c + u32(at${j}) * sourceChannels], inLine && u32(at${j}) < width);`,
)}
        var at = start + ${PIXELS - 1} * step;
        ${
          forward
            ? 'var weight = (firstTap * p.depth + c) * 4 * resultChannels + channel;'
            : 'var weight = (firstTap * p.columns + channel - group * p.columns) * 4 * sourceChannels + group * p.depth + c;'
        }
        for (var n = taps; n > 0; n--) {
${unroll(PIXELS - 1, (j) => `          v${j} = v${j + 1};`)}
          v${PIXELS - 1} = select(vec4f(0), x[base + c + u32(at) * sourceChannels], inLine && u32(at) < width);
          at += step;
${
  forward
    ? `          let w0 = w[weight];
          let w1 = w[weight + resultChannels];
          let w2 = w[weight + 2 * resultChannels];
          let w3 = w[weight + 3 * resultChannels];
          weight += p.period * p.depth * 4 * resultChannels;`
    : `          let wt = transpose(mat4x4f(w[weight], w[weight + sourceChannels],
            w[weight + 2 * sourceChannels], w[weight + 3 * sourceChannels]));
          let w0 = wt[0];
          let w1 = wt[1];
          let w2 = wt[2];
          let w3 = wt[3];
          weight -= p.period * p.columns * 4 * sourceChannels;`
}
${unroll(
  PIXELS,
  (j) =>
    `          sum${j} += fma(vec4f(v${j}.w), w3, fma(vec4f(v${j}.z), w2, fma(vec4f(v${j}.y), w1, v${j}.x * w0)));`,
)}
        }
      }
    }
  }

  let finish = finishOf(channel);
  let size = vec2u(high(p.result), low(p.result));
  ${
    forward
      ? 'let line = u32(row);'
      : `let line = u32(residue.x + row * stride.x);
  if (line >= size.x) { return; }`
  }
  for (var j = first; j < first + ${PIXELS}; j++) {
    let column = u32(${forward ? 'j' : 'residue.y + j * stride.y'});
    if (column < size.y) {
      let at = ((picture * size.x + line) * size.y + column) * resultChannels + channel;
      y[at] = finished(sum0, finish, at);
    }
${unroll(PIXELS - 1, (j) => `    sum${j} = sum${j + 1};`)}
  }
}`,
  };
});

function gather(device: Device, problem: ConvProblem, { pictures, x, w, y }: GatherOperands): void {
  const {
    direction,
    window,
    source,
    result,
    groups,
    resultChannels,
    sourceChannels,
    epilogue = {},
  } = problem;
  const { kernel, stride, dilation, top, left } = window;
  const forward = direction === 'forward';
  const grid = forward ? result : ([0, 1] as const).map((axis) => Math.ceil(result[axis] / stride[axis]));
  const tiles = Math.ceil(grid[1]! / PIXELS);
  const columns = resultChannels / groups / 4;
  const [cin, cout] = channelsOf(problem);
  const finish = epilogueRun(epilogue, w);
  const written = result[0] * result[1] * resultChannels * (epilogue.residual ? 2 : 1);
  device.run(gatherProgram({ direction: forward ? 'forward' : 'input', curved: isCurved(epilogue) }), {
    bindings: { x, w, y, ...finish.bindings },
    params: {
      source: packPair(...source),
      result: packPair(...result),
      kernel: packPair(...kernel),
      stride: packPair(...stride),
      padding: packPair(top, left),
      dilation: packPair(...dilation),
      groups,
      depth: (forward ? cin : cout) / 4,
      columns,
      tiles,
      period: dilation[1] === 1 ? stride[1] : kernel[1],
      ...finish.params,
    },
    groups: [
      Math.ceil((tiles * groups * columns) / LANES),
      grid[0]!,
      pictures * (forward ? 1 : stride[0] * stride[1]),
    ],
    flops: 2 * pictures * multiplyAdds(problem),
    bytes:
      4 *
      (pictures * (source[0] * source[1] * sourceChannels + written) +
        kernel[0] * kernel[1] * cin * cout * groups),
  });
}

/**
 * A multiply-add here against one of a tile loop whose lanes all work. On lavapipe, 8 lanes, GFLOP/s of forward, input and
 * weight's gradient, here and in the tile loop (28² pixels; 3×3 unless said otherwise):
 *
 *   lanes that have columns                               here              tile loop
 *   1 of 8   32 groups of 4                               9.1  8.6  16      3.0  2.3   2.9
 *   1 of 8   32 groups of 4, 1×1                          2.2  2.6  4.4     0.8  0.5   0.8
 *   1 of 8   64 to 4 channels, forward and weight         14    –   16      6.8   –    4.6
 *   4 of 8   8 groups of 16                               17   17   16      20   19    15
 */
const SLOWER = 3;

/** Channels that leave a group: with more of them the tile loop has no lanes idle to speak of. */
const MOST_COLUMNS = 16;
/** What the estimate is multiplied by then, so that tuning does not try it (../../tune/race.ts): it lost wherever it was measured. */
const NOT_WORTH_A_TRY = 3;

/**
 * What the tile loop spends on a group's columns, and its estimate does not count: that of all lanes, for those that have one.
 * Without groups those of the measured adapter, since Winograd, whose estimate counts none either, computes the same there.
 */
function lanesSpent({ groups, resultChannels }: ConvProblem, traits: Traits): number {
  const lanes = groups === 1 ? 8 : laneSpecOf(traits).lanes;
  const columns = resultChannels / groups / 4;
  return (lanes * Math.ceil(columns / lanes)) / columns;
}

/** What is computed for an output that there is, in tiles of pixels or, for a weight's gradient, of taps. */
function tilesSpent({ direction, window, result }: ConvProblem): number {
  const summed = direction === 'weight';
  const size = summed ? window.kernel[1] : result[1] / (direction === 'input' ? window.stride[1] : 1);
  const tile = summed ? tapsOf(size) : PIXELS;
  return (tile * Math.ceil(size / tile)) / size;
}

export const grouped: ConvRow = {
  name: 'grouped',
  supports: (problem) => {
    const [cin, cout] = channelsOf(problem);
    return cin % 4 === 0 && cout % 4 === 0 && problem.depth === undefined;
  },
  estimate: (problem, traits) => {
    const wide = problem.resultChannels / problem.groups > MOST_COLUMNS ? NOT_WORTH_A_TRY : 1;
    return ((wide * SLOWER * tilesSpent(problem)) / lanesSpent(problem, traits)) * multiplyAdds(problem);
  },
  record(device, problem, operands) {
    if ('dw' in operands) weightGradient(device, problem, operands);
    else gather(device, problem, operands);
  },
};
