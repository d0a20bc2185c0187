/**
 * The weight gradient of the row `grouped` (grouped.ts):
 *
 *   dw[ky, kx, ci, co] = Σ_p x[p·stride − pad + k·dilation, ci] · dy[p, co]
 *
 * A lane owns a vec4 of output channels, of whichever group, a vec4 of that group's input channels and up to three taps of a
 * row of the kernel: three blocks of 4×4 sums in registers. It walks through a few rows of dy, a load of dy and three of x for
 * 12 fma of vec4s a pixel, and leaves a partial sum, which the second program of ../parts/tile-weight.ts adds up.
 */
import { type Device, FIRST_GROUP, family } from '../../gpu/index.ts';
import { empty } from '../../tensor/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import { DIVIDE, packPair, unroll, type WeightOperands } from '../parts/tile.ts';
import { addSplits } from '../parts/tile-weight.ts';
import { type ConvProblem, channelsOf, multiplyAdds } from './problem.ts';

/** Pixels that one sum adds up at most, or a row of dy where it is longer. */
const PIXELS_PER_SPLIT = 1024;

/** Taps of a lane: of kernels of one column one. */
export const tapsOf = (columns: number): number => (columns === 1 ? 1 : 3);

const weightProgram = family(({ taps }: { taps: number }) => ({
  name: `grouped-weight-${taps}`,
  bindings: { x: 'read vec4f', dy: 'read vec4f', dw: 'write vec4f' },
  params: {
    source: 'u32', // height, width of a picture of x
    result: 'u32', // height, width of a picture of dy
    kernel: 'u32',
    stride: 'u32',
    padding: 'u32', // top, left
    dilation: 'u32',
    groups: 'u32',
    depth: 'u32', // vec4s of a group of x
    columns: 'u32', // vec4s of a group of dy
    lines: 'u32', // rows of dy in all pictures
    strip: 'u32', // and of those that a lane walks through
    tiles: 'u32', // of taps, in a row of the kernel
    ...FIRST_GROUP,
  },
  wgsl: `${DIVIDE}
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.x + ${LANES}u * p.firstX;
  let dyChannels = p.groups * p.columns;
  let xChannels = p.groups * p.depth;
  let others = divide(place, dyChannels);
  let quad = divide(others, high(p.kernel) * p.tiles);
  if (quad >= p.depth) { return; }
  let channel = place - others * dyChannels;
  let tile = others - quad * high(p.kernel) * p.tiles;
  let ky = divide(tile, p.tiles);
  let kx = (tile - ky * p.tiles) * ${taps}u;
  let size = vec2u(high(p.result), low(p.result));
  let width = low(p.source);
  let away = vec2i(i32(ky * high(p.dilation)) - i32(high(p.padding)), i32(kx * low(p.dilation)) - i32(low(p.padding)));
  let start = divide(channel, p.columns) * p.depth + quad;
${unroll(taps, (t) => unroll(4, (j) => `  var sum${t}${j} = vec4f(0);`))}
  let split = id.y + p.firstY;
  for (var line = split * p.strip; line < min((split + 1) * p.strip, p.lines); line++) {
    let picture = divide(line, size.x);
    let y = u32(i32((line - picture * size.x) * high(p.stride)) + away.x);
    if (y >= high(p.source)) { continue; }
    let base = (picture * high(p.source) + y) * width * xChannels + start;
    var at = u32(away.y);
    for (var column = line * size.y; column < (line + 1) * size.y; column++) {
      let d = dy[column * dyChannels + channel];
${unroll(
  taps,
  (t) => `      let at${t} = at + ${t} * low(p.dilation);
      let v${t} = select(vec4f(0), x[base + at${t} * xChannels], at${t} < width);
${unroll(4, (j) => `      sum${t}${j} = fma(vec4f(v${t}.${'xyzw'[j]}), d, sum${t}${j});`)}`,
)}
      at += low(p.stride);
    }
  }
  let to = ((split * high(p.kernel) * low(p.kernel) + ky * low(p.kernel) + kx) * p.depth + quad) * 4 * dyChannels + channel;
${unroll(
  taps,
  (t) => `  if (kx + ${t} < low(p.kernel)) {
    let here = to + ${t} * 4 * p.depth * dyChannels;
${unroll(4, (j) => `    dw[here + ${j} * dyChannels] = sum${t}${j};`)}
  }`,
)}
}`,
}));

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
  const lanes = (resultChannels / 4) * (cin / 4) * kernel[0] * tiles;
  const lines = pictures * result[0];
  const wanted = Math.ceil(device.traits.wantedInvocations / lanes);
  const strip = Math.max(1, Math.min(Math.ceil(lines / wanted), Math.floor(PIXELS_PER_SPLIT / result[1])));
  const splits = Math.ceil(lines / strip);
  const size = kernel[0] * kernel[1] * cin * cout * groups;
  const parts = splits > 1 ? empty(device, [splits, size]) : null;
  device.run(weightProgram({ taps }), {
    bindings: { x, dy, dw: parts?.buffer ?? dw },
    params: {
      source: packPair(...source),
      result: packPair(...result),
      kernel: packPair(...kernel),
      stride: packPair(...stride),
      padding: packPair(top, left),
      dilation: packPair(...dilation),
      groups,
      depth: cin / 4,
      columns: cout / 4,
      lines,
      strip,
      tiles,
    },
    groups: [Math.ceil(lanes / LANES), splits, 1],
    flops: 2 * pictures * multiplyAdds(problem),
    bytes:
      4 *
      (pictures * (source[0] * source[1] * sourceChannels + result[0] * result[1] * resultChannels) +
        splits * size),
  });
  if (parts) addSplits(device, parts, dw);
}
