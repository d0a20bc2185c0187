/**
 * The row `grouped` forward and in the direction of the input:
 *
 *   forward   y[p, co]   = Σ_{ky,kx,ci} x[p·stride − pad + k·dilation, ci] · w[ky, kx, ci, co]
 *   input     dx[q, ci]  = Σ_{ky,kx,co} dy[(q + pad − k·dilation) / stride, co] · w[ky, kx, ci, co]
 *
 * A lane owns a block of the result's channels (grouped-blocks.ts), of whichever group they are, and PIXELS pixels that lie
 * beside each other in a row; lanes run across the channels of all groups, then across the tiles of a row, rows and pictures:
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
 * With a dilation no tap has one before it, and each loads all of its pixels. What lies in the padding is not loaded. The input
 * direction is the same with channels exchanged in each group and taps in falling order. With a stride it runs once for each
 * residue, as in ../parts/tile-gather.ts.
 *
 * Where nothing follows the sum, sums are stored one by one: 1.1 to 1.3 times as fast on lavapipe as through the loop that the
 * longer lines of an epilogue have. Two or three channels of a pixel read in one step, in place of a step each, gained nothing.
 */
import { type Device, FIRST_GROUP, family } from '../../gpu/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import { widthOf } from '../parts/element.ts';
import {
  EPILOGUE_PARAMS,
  epilogueBindings,
  epilogueFunctions,
  epilogueRun,
  isCurved,
} from '../parts/epilogue.ts';
import { DIVIDE, type GatherOperands, packPair, unroll } from '../parts/tile.ts';
import { type Block, blockElements, blockOf, blockWidth, elementOf, part, typeOf } from './grouped-blocks.ts';
import { type ConvProblem, channelsOf, multiplyAdds } from './problem.ts';

/** Pixels of a lane, where there are enough of them for all lanes that there should be; else one. */
export const PIXELS = 8;

interface GatherSpec {
  direction: 'forward' | 'input';
  /** What follows the sum: nothing, any epilogue, or one that can be curved. */
  finish: 'none' | 'straight' | 'curved';
  /** Channels that a lane reads of a pixel at once, and those that it writes. */
  read: Block;
  written: Block;
  /** The rows of w run along the channels that are read: backward, and forward to a single channel. */
  along: boolean;
  /** Pixels of a lane. */
  pixels: number;
}

const gatherProgram = family(({ direction, finish, read, written, along, pixels }: GatherSpec) => {
  const forward = direction === 'forward';
  const [from, to] = [elementOf(read), elementOf(written)];
  const sum = typeOf(written);
  const terms = widthOf(from);
  const elements = blockElements(written);
  const pixelOf = (index: string): string => `u32(${forward ? index : `residue.y + (${index}) * stride.y`})`;
  return {
    name: `grouped-${direction}-${read}-${written}${along && forward ? '-along' : ''}${finish === 'none' ? '' : `-${finish}`}${pixels === PIXELS ? '' : `-${pixels}`}`,
    bindings: {
      x: `read ${from}`,
      w: `read ${along ? from : to}`,
      y: `write ${to}`,
      ...epilogueBindings(to),
    },
    params: {
      source: 'u32', // height, width of a picture of x
      result: 'u32', // height, width of a picture of y
      kernel: 'u32',
      stride: 'u32',
      padding: 'u32', // top, left
      dilation: 'u32',
      groups: 'u32',
      depth: 'u32', // elements that a group sums over
      columns: 'u32', // elements of a group of y …
      blocks: 'u32', // … and lanes that they are for
      tiles: 'u32', // of so many pixels, in a row
      planes: 'u32', // pictures; backward residues of all of them
      period: 'u32', // from a tap of a row to the one that sees the next pixel
      firstX: FIRST_GROUP.firstX,
      ...EPILOGUE_PARAMS,
    },
    wgsl: `${DIVIDE}
${epilogueFunctions(to, finish === 'none' ? { flags: 0 } : { curved: finish === 'curved' })}
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.x + ${LANES}u * p.firstX;
  let resultChannels = p.groups * p.columns;
  let sourceChannels = p.groups * p.depth;
  let height = high(p.source);
  let width = low(p.source);
  let stride = vec2i(i32(high(p.stride)), i32(low(p.stride)));
  let dilation = vec2i(i32(high(p.dilation)), i32(low(p.dilation)));
  let rows = ${forward ? 'high(p.result)' : '(high(p.result) + u32(stride.x) - 1) / u32(stride.x)'};
  let tile = divide(place, p.groups * p.blocks);
  let tileRow = divide(tile, p.tiles);
  let plane = divide(tileRow, rows);
  if (plane >= p.planes) { return; }
  let row = i32(tileRow - plane * rows);
  let first = i32(tile - tileRow * p.tiles) * ${pixels};
  let block = place - tile * p.groups * p.blocks;
  let group = divide(block, p.blocks);
  let column = (block - group * p.blocks) * ${elements};
  let channel = group * p.columns + column;
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
${unroll(pixels, (j) => `  var sum${j} = ${sum}(0);`)}

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
        var v0 = ${from}(0);
${unroll(
  pixels - 1,
  (j) => `        let at${j} = start + ${j} * step;
        var v${j + 1} = select(${from}(0), x[base + c + u32(at${j}) * sourceChannels], inLine && u32(at${j}) < width);`,
)}
        var at = start + ${pixels - 1} * step;
        var weight = ${
          along
            ? `(firstTap * p.columns + column) * ${widthOf(to)} * sourceChannels + group * p.depth + c`
            : `(firstTap * p.depth + c) * ${terms} * resultChannels + channel`
        };
        for (var n = taps; n > 0; n--) {
${unroll(pixels - 1, (j) => `          v${j} = v${j + 1};`)}
          v${pixels - 1} = select(${from}(0), x[base + c + u32(at) * sourceChannels], inLine && u32(at) < width);
          at += step;
${along ? weightsAlong(read, written) : weightsAcross(read, written)}
          weight ${forward ? '+' : '-'}= p.period * ${along ? `p.columns * ${widthOf(to)} * sourceChannels` : `p.depth * ${terms} * resultChannels`};
${unroll(pixels, (j) => `          sum${j} ${terms === 1 ? `= fma(${sum}(v${j}), w0, sum${j})` : `+= fma(${sum}(v${j}.w), w3, fma(${sum}(v${j}.z), w2, fma(${sum}(v${j}.y), w1, v${j}.x * w0)))`};`)}
        }
      }
    }
  }

  let size = vec2u(high(p.result), low(p.result));
  ${
    forward
      ? 'let line = u32(row);'
      : `let line = u32(residue.x + row * stride.x);
  if (line >= size.x) { return; }`
  }
  let to = ((picture * size.x + line) * size.y) * resultChannels + channel;
${
  finish === 'none'
    ? unroll(
        pixels,
        (j) => `  let pixel${j} = ${pixelOf(`first + ${j}`)};
  if (pixel${j} < size.y) { ${storing(written, (i) => `y[to + pixel${j} * resultChannels + ${i}] = ${part(`sum${j}`, i, elements)};`)} }`,
      )
    : `${unroll(elements, (i) => `  let finish${i} = finishOf(min(channel + ${i}, resultChannels - 1));`)}
  for (var j = first; j < first + ${pixels}; j++) {
    let pixel = ${pixelOf('j')};
    if (pixel < size.y) {
      let at = to + pixel * resultChannels;
      ${storing(written, (i) => `y[at + ${i}] = finished(${part('sum0', i, elements)}, finish${i}, at + ${i});`)}
    }
${unroll(pixels - 1, (j) => `    sum${j} = sum${j + 1};`)}
  }`
}
}`,
  };
});

/** WGSL of what stores each element of a block; the last ones of a group may not be there. */
const storing = (block: Block, store: (index: number) => string): string =>
  unroll(blockElements(block), (i) => (i > 0 ? `if (column + ${i} < p.columns) { ${store(i)} }` : store(i)));

/** WGSL that loads w0 …, the weights of each channel that is read, where the rows of w run across those that are written. */
function weightsAcross(read: Block, written: Block): string {
  const elements = blockElements(written);
  return unroll(widthOf(elementOf(read)), (k) => {
    const loads = Array.from({ length: elements }, (_, i) => `w[weight + ${k} * resultChannels + ${i}]`);
    return `          let w${k} = ${elements > 1 ? `${typeOf(written)}(${loads.join(', ')})` : loads[0]};`;
  });
}

/** The same where they run along those that are read. */
function weightsAlong(read: Block, written: Block): string {
  const count = blockWidth(written);
  const channels = Array.from({ length: count }, (_, i) => i);
  return `${unroll(count, (i) => `          let r${i} = w[weight + ${i} * sourceChannels];`)}
${unroll(
  widthOf(elementOf(read)),
  (k) =>
    `          let w${k} = ${typeOf(written)}(${channels.map((i) => part(`r${i}`, k, widthOf(elementOf(read)))).join(', ')});`,
)}`;
}

/** Records a product in the forward or the input direction. */
export function gather(device: Device, problem: ConvProblem, { pictures, x, w, y }: GatherOperands): void {
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
  const [cin, cout] = channelsOf(problem);
  const [summed, made] = forward ? [cin, cout] : [cout, cin];
  const [read, written] = [summed % 4 === 0 ? ('vec4f' as const) : 1, blockOf(made)] as const;
  const columns = made / widthOf(elementOf(written));
  const blocks = Math.ceil(columns / blockElements(written));
  const planes = pictures * (forward ? 1 : stride[0] * stride[1]);
  const lanesOf = (pixels: number): number =>
    planes * grid[0]! * Math.ceil(grid[1]! / pixels) * groups * blocks;
  const pixels = lanesOf(1) <= device.traits.wantedInvocations ? 1 : PIXELS;
  const finish = epilogueRun(epilogue, w);
  const weights = kernel[0] * kernel[1] * cin * cout * groups;
  device.run(
    gatherProgram({
      direction: forward ? 'forward' : 'input',
      finish: finish.params.flags === 0 ? 'none' : isCurved(epilogue) ? 'curved' : 'straight',
      read,
      written,
      along: !forward || (resultChannels === 1 && read === 'vec4f'),
      pixels,
    }),
    {
      bindings: { x, w, y, ...finish.bindings },
      params: {
        source: packPair(...source),
        result: packPair(...result),
        kernel: packPair(...kernel),
        stride: packPair(...stride),
        padding: packPair(top, left),
        dilation: packPair(...dilation),
        groups,
        depth: summed / widthOf(elementOf(read)),
        columns,
        blocks,
        tiles: Math.ceil(grid[1]! / pixels),
        planes,
        period: dilation[1] === 1 ? stride[1] : kernel[1],
        ...finish.params,
      },
      groups: [Math.ceil(lanesOf(pixels) / LANES), 1, 1],
      flops: 2 * pictures * multiplyAdds(problem),
      bytes:
        4 *
        (pictures *
          (source[0] * source[1] * sourceChannels +
            result[0] * result[1] * resultChannels * (epilogue.residual ? 2 : 1)) +
          weights),
    },
  );
}
