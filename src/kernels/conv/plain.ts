/**
 * The row `plain`: the definition of a convolution, one invocation an output, loops over taps and channels. It computes
 * every problem, ten to a hundred times slower than the others: what a newcomer reads first, and what takes over where
 * no other row can.
 *
 *   forward   y[n, oy, ox, co]    = Σ_{ky,kx,ci}    x[n, oy·stride − pad + k·dilation, …, ci] · w[ky, kx, ci, co]
 *   input     dx[n, iy, ix, ci]   = Σ_{ky,kx,co}    dy[n, (iy + pad − k·dilation) / stride, …, co] · w[ky, kx, ci, co]
 *   weight    dw[ky, kx, ci, co]  = Σ_{n,oy,ox}     x[n, oy·stride − pad + k·dilation, …, ci] · dy[n, oy, ox, co]
 *
 * A group of output channels sees its own group of input channels. Adjacent invocations write adjacent channels.
 */
import { type Device, elementwise, type ParamType, program } from '../../gpu/index.ts';
import { EPILOGUE_PARAMS, epilogueBindings, epilogueFunctions, epilogueRun } from '../parts/epilogue.ts';
import { packPair } from '../parts/tile.ts';
import { type ConvOperands, type ConvProblem, type ConvRow, channelsOf, multiplyAdds } from './problem.ts';

const PARAMS = {
  source: 'u32', // height, width of a picture of what is read; of x for a weight gradient …
  result: 'u32', // … of what is written; of dy
  kernel: 'u32',
  stride: 'u32',
  padding: 'u32', // top, left
  dilation: 'u32',
  sourceChannels: 'u32', // in a pixel
  resultChannels: 'u32',
  cin: 'u32', // channels of a group at a tap
  cout: 'u32',
} as const satisfies Record<string, ParamType>;

/** WGSL: pairs of sizes as vectors (y, x), and pixels and weights by their coordinates. */
const COORDINATES = `
fn pair(packed: u32) -> vec2i { return vec2i(i32(packed >> 16), i32(packed & 0xffff)); }
fn pixel(picture: u32, at: vec2i, size: vec2i) -> u32 {
  return (picture * u32(size.x) + u32(at.x)) * u32(size.y) + u32(at.y);
}
fn inside(at: vec2i, size: vec2i) -> bool { return all(at >= vec2i(0)) && all(at < size); }`;

/** WGSL: where the result's element i lies, [picture, here.y, here.x, channel]. */
const HERE = `
  let size = pair(p.result);
  let channel = i % p.resultChannels;
  let column = i / p.resultChannels;
  let line = column / u32(size.y);
  let picture = line / u32(size.x);
  let here = vec2i(i32(line % u32(size.x)), i32(column % u32(size.y)));`;

const forwardProgram = program(
  elementwise({
    name: 'plain-forward',
    bindings: { x: 'read f32', w: 'read f32', y: 'write f32', ...epilogueBindings('f32') },
    params: { ...PARAMS, ...EPILOGUE_PARAMS },
    wgsl: `${COORDINATES}
${epilogueFunctions('f32', { curved: true })}
fn element(i: u32) {${HERE}
  let group = channel / p.cout;
  var sum = 0f;
  for (var tap = vec2i(0); tap.x < pair(p.kernel).x; tap.x++) {
    for (tap.y = 0; tap.y < pair(p.kernel).y; tap.y++) {
      let at = here * pair(p.stride) - pair(p.padding) + tap * pair(p.dilation);
      if (!inside(at, pair(p.source))) { continue; }
      let first = pixel(picture, at, pair(p.source)) * p.sourceChannels + group * p.cin;
      let weight = u32(tap.x * pair(p.kernel).y + tap.y) * p.cin * p.resultChannels + channel;
      for (var ci = 0u; ci < p.cin; ci++) { sum += x[first + ci] * w[weight + ci * p.resultChannels]; }
    }
  }
  y[i] = finished(sum, finishOf(channel), i);
}`,
  }),
);

const inputProgram = program(
  elementwise({
    name: 'plain-input',
    bindings: { dy: 'read f32', w: 'read f32', dx: 'write f32' },
    params: PARAMS,
    wgsl: `${COORDINATES}
fn element(i: u32) {${HERE}
  let group = channel / p.cin;
  let ci = channel % p.cin;
  var sum = 0f;
  for (var tap = vec2i(0); tap.x < pair(p.kernel).x; tap.x++) {
    for (tap.y = 0; tap.y < pair(p.kernel).y; tap.y++) {
      let scaled = here + pair(p.padding) - tap * pair(p.dilation);
      let at = scaled / pair(p.stride);
      if (any(at * pair(p.stride) != scaled) || !inside(at, pair(p.source))) { continue; }
      let first = pixel(picture, at, pair(p.source)) * p.sourceChannels + group * p.cout;
      let weight = (u32(tap.x * pair(p.kernel).y + tap.y) * p.cin + ci) * p.sourceChannels + group * p.cout;
      for (var co = 0u; co < p.cout; co++) { sum += dy[first + co] * w[weight + co]; }
    }
  }
  dx[i] = sum;
}`,
  }),
);

/** Each row of pixels has a sum of its own, so that none of them is long enough to lose digits. */
const weightProgram = program(
  elementwise({
    name: 'plain-weight',
    bindings: { x: 'read f32', dy: 'read f32', dw: 'write f32' },
    params: { ...PARAMS, pictures: 'u32' },
    wgsl: `${COORDINATES}
fn element(i: u32) {
  let size = pair(p.result);
  let co = i % p.resultChannels;
  let ci = i / p.resultChannels % p.cin;
  let tapIndex = i32(i / p.resultChannels / p.cin);
  let tap = vec2i(tapIndex / pair(p.kernel).y, tapIndex % pair(p.kernel).y);
  let channel = co / p.cout * p.cin + ci;
  var sum = 0f;
  for (var picture = 0u; picture < p.pictures; picture++) {
    for (var here = vec2i(0); here.x < size.x; here.x++) {
      var line = 0f;
      for (here.y = 0; here.y < size.y; here.y++) {
        let at = here * pair(p.stride) - pair(p.padding) + tap * pair(p.dilation);
        if (!inside(at, pair(p.source))) { continue; }
        line += x[pixel(picture, at, pair(p.source)) * p.sourceChannels + channel]
          * dy[pixel(picture, here, size) * p.resultChannels + co];
      }
      sum += line;
    }
  }
  dw[i] = sum;
}`,
  }),
);

/** A multiply-add here against one of the tile loop: every operand is loaded for itself. */
const SLOWER = 30;

function paramsOf(problem: ConvProblem): Record<keyof typeof PARAMS, number> {
  const { source, result, window, sourceChannels, resultChannels } = problem;
  const [cin, cout] = channelsOf(problem);
  return {
    source: packPair(...source),
    result: packPair(...result),
    kernel: packPair(...window.kernel),
    stride: packPair(...window.stride),
    padding: packPair(window.top, window.left),
    dilation: packPair(...window.dilation),
    sourceChannels,
    resultChannels,
    cin,
    cout,
  };
}

function record(device: Device, problem: ConvProblem, operands: ConvOperands): void {
  const { source, result, sourceChannels, resultChannels, window, epilogue = {} } = problem;
  const { pictures } = operands;
  const params = paramsOf(problem);
  const pixels = pictures * result[0] * result[1];
  const work = {
    flops: 2 * pictures * multiplyAdds(problem),
    bytes: 4 * (pixels * resultChannels + pictures * source[0] * source[1] * sourceChannels),
  };
  if ('dw' in operands) {
    const { x, dy, dw } = operands;
    const count = window.kernel[0] * window.kernel[1] * params.cin * resultChannels;
    device.run(weightProgram, { bindings: { x, dy, dw }, params: { ...params, count, pictures }, ...work });
    return;
  }
  const { x, w, y } = operands;
  const count = pixels * resultChannels;
  if (problem.direction === 'input') {
    device.run(inputProgram, { bindings: { dy: x, w, dx: y }, params: { ...params, count }, ...work });
    return;
  }
  const finish = epilogueRun(epilogue, w);
  device.run(forwardProgram, {
    bindings: { x, w, y, ...finish.bindings },
    params: { ...params, count, ...finish.params },
    ...work,
  });
}

export const plain: ConvRow = {
  name: 'plain',
  supports: () => true,
  estimate: (problem) => SLOWER * multiplyAdds(problem),
  record,
};
