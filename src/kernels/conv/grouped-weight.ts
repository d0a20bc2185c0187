/**
 * The weight gradient of the row `grouped` (grouped.ts):
 *
 *   dw[ky, kx, ci, co] = Σ_p x[p·stride − pad + k·dilation, ci] · dy[p, co]
 *
 * A lane owns a block of output channels (grouped-blocks.ts), of whichever group, a block of that group's input channels and up
 * to three taps of a row of the kernel: of vec4s, three times 4×4 sums in registers. It walks through a few rows of dy, a load
 * of dy and three of x for 12 fma of vec4s a pixel, and leaves a partial sum, which the second program of
 * ../parts/tile-weight.ts adds up.
 */
import { type Device, FIRST_GROUP, family } from '../../gpu/index.ts';
import { empty } from '../../tensor/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import { widthOf } from '../parts/element.ts';
import { DIVIDE, packPair, unroll, type WeightOperands } from '../parts/tile.ts';
import { addSplits } from '../parts/tile-weight.ts';
import { type Block, blockElements, blockOf, blockWidth, elementOf, part, typeOf } from './grouped-blocks.ts';
import { type ConvProblem, channelsOf, multiplyAdds } from './problem.ts';

/** Pixels that one sum adds up at most, or a row of dy where it is longer. */
const PIXELS_PER_SPLIT = 1024;

/** Taps of a lane: of kernels of one column one. */
export const tapsOf = (columns: number): number => (columns === 1 ? 1 : 3);

interface WeightSpec {
  taps: number;
  /** Channels of x and of dy that a lane has. */
  read: Block;
  written: Block;
}

const weightProgram = family(({ taps, read, written }: WeightSpec) => {
  const [from, to] = [elementOf(read), elementOf(written)];
  const sum = typeOf(written);
  const rows = blockWidth(read);
  const columns = blockElements(written);
  return {
    name: `grouped-weight-${taps}-${read}-${written}`,
    bindings: { x: `read ${from}`, dy: `read ${to}`, dw: `write ${to}` },
    params: {
      source: 'u32', // height, width of a picture of x
      result: 'u32', // height, width of a picture of dy
      kernel: 'u32',
      stride: 'u32',
      padding: 'u32', // top, left
      dilation: 'u32',
      groups: 'u32',
      cin: 'u32', // channels of a group of x, …
      depth: 'u32', // … lanes that they are for, …
      columns: 'u32', // … elements of a group of dy, …
      blocks: 'u32', // … and lanes that those are for
      lines: 'u32', // rows of dy in all pictures
      strip: 'u32', // and of those that a lane walks through
      tiles: 'u32', // of taps, in a row of the kernel
      firstX: FIRST_GROUP.firstX,
    },
    wgsl: `${DIVIDE}
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.x + ${LANES}u * p.firstX;
  let dyChannels = p.groups * p.columns;
  let xGroup = p.cin / ${widthOf(from)};
  let xChannels = p.groups * xGroup;
  let others = divide(place, p.groups * p.blocks);
  let block = place - others * p.groups * p.blocks;
  let row = divide(others, p.tiles);
  let kx = (others - row * p.tiles) * ${taps}u;
  let quad = divide(row, high(p.kernel));
  let ky = row - quad * high(p.kernel);
  let split = divide(quad, p.depth);
  if (split * p.strip >= p.lines) { return; }
  let group = divide(block, p.blocks);
  let column = (block - group * p.blocks) * ${columns};
  let channel = group * p.columns + column;
  let quadOfGroup = quad - split * p.depth;
  let size = vec2u(high(p.result), low(p.result));
  let width = low(p.source);
  let away = vec2i(i32(ky * high(p.dilation)) - i32(high(p.padding)), i32(kx * low(p.dilation)) - i32(low(p.padding)));
  let start = group * xGroup + quadOfGroup * ${blockElements(read)};
${unroll(taps, (t) => unroll(rows, (j) => `  var sum${t}${j} = ${sum}(0);`))}
  for (var line = split * p.strip; line < min((split + 1) * p.strip, p.lines); line++) {
    let picture = divide(line, size.x);
    let y = u32(i32((line - picture * size.x) * high(p.stride)) + away.x);
    if (y >= high(p.source)) { continue; }
    let base = (picture * high(p.source) + y) * width * xChannels + start;
    var at = u32(away.y);
    for (var pixel = line * size.y; pixel < (line + 1) * size.y; pixel++) {
      let d = ${loads(written, 'dy', 'pixel * dyChannels + channel')};
${unroll(
  taps,
  (t) => `      let at${t} = at + ${t} * low(p.dilation);
      let v${t} = select(${typeOf(read)}(0), ${loads(read, 'x', `base + at${t} * xChannels`)}, at${t} < width);
${unroll(rows, (j) => `      sum${t}${j} = fma(${sum}(${part(`v${t}`, j, rows)}), d, sum${t}${j});`)}`,
)}
      at += low(p.stride);
    }
  }
  let firstRow = quadOfGroup * ${rows};
  let to = ((split * high(p.kernel) * low(p.kernel) + ky * low(p.kernel) + kx) * p.cin + firstRow) * dyChannels + channel;
${unroll(
  taps,
  (t) => `  if (kx + ${t} < low(p.kernel)) {
    let here = to + ${t} * p.cin * dyChannels;
${unroll(rows, (j) => unroll(columns, (i) => `    ${guarded([read === 'vec4f' || j === 0 ? '' : `firstRow + ${j} < p.cin`, i === 0 ? '' : `column + ${i} < p.columns`], `dw[here + ${j} * dyChannels + ${i}] = ${part(`sum${t}${j}`, i, columns)};`)}`))}
  }`,
)}
}`,
  };
});

/** WGSL: the block that begins at an element of a buffer. */
function loads(block: Block, buffer: string, at: string): string {
  const each = Array.from({ length: blockElements(block) }, (_, i) => `${buffer}[${at} + ${i}]`);
  return each.length > 1 ? `${typeOf(block)}(${each.join(', ')})` : each[0]!;
}

/** WGSL: a statement where the conditions hold; '' always does. */
function guarded(conditions: readonly string[], statement: string): string {
  const asked = conditions.filter((condition) => condition !== '');
  return asked.length > 0 ? `if (${asked.join(' && ')}) { ${statement} }` : statement;
}

/** Records a weight gradient. Its parts belong to the caller's scope. */
export function weightGradient(
  device: Device,
  problem: ConvProblem,
  { pictures, x, dy, dw }: WeightOperands,
): void {
  const { window, source, result, groups, sourceChannels, resultChannels } = problem;
  const { kernel, stride, dilation, top, left } = window;
  const [cin, cout] = channelsOf(problem);
  const taps = tapsOf(kernel[1]);
  const tiles = Math.ceil(kernel[1] / taps);
  const [read, written] = [blockOf(cin), blockOf(cout)];
  const columns = cout / widthOf(elementOf(written));
  const [depth, blocks] = [Math.ceil(cin / blockWidth(read)), Math.ceil(columns / blockElements(written))];
  const lanes = groups * blocks * depth * kernel[0] * tiles;
  const lines = pictures * result[0];
  const wanted = Math.ceil(device.traits.wantedInvocations / lanes);
  const strip = Math.max(1, Math.min(Math.ceil(lines / wanted), Math.floor(PIXELS_PER_SPLIT / result[1])));
  const splits = Math.ceil(lines / strip);
  const size = kernel[0] * kernel[1] * cin * cout * groups;
  const parts = splits > 1 ? empty(device, [splits, size]) : null;
  device.run(weightProgram({ taps, read, written }), {
    bindings: { x, dy, dw: parts?.buffer ?? dw },
    params: {
      source: packPair(...source),
      result: packPair(...result),
      kernel: packPair(...kernel),
      stride: packPair(...stride),
      padding: packPair(top, left),
      dilation: packPair(...dilation),
      groups,
      cin,
      depth,
      columns,
      blocks,
      lines,
      strip,
      tiles,
    },
    groups: [Math.ceil((lanes * splits) / LANES), 1, 1],
    flops: 2 * pictures * multiplyAdds(problem),
    bytes:
      4 *
      (pictures * (source[0] * source[1] * sourceChannels + result[0] * result[1] * resultChannels) +
        splits * size),
  });
  if (parts) addSplits(device, parts, dw);
}
