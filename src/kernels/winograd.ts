/**
 * 3×3 convolution with stride 1 by Winograd's minimal filtering F(2×2, 3×3) (Lavin & Gray 2015, arXiv 1509.09308):
 * sixteen multiplications for four outputs instead of thirty-six.
 *
 *   forward   V = Bᵀ d B per 4×4 patch d of x (patches overlap, a step of two)     [16, tile, cin]
 *             U = G g Gᵀ per 3×3 kernel g                                          [16, cin, cout]
 *             M = V · U, sixteen matrix products                                   [16, tile, cout]
 *             Y = Aᵀ M A per tile of 2×2 outputs
 *   input     the same from dy to dx, with the kernel turned by 180° and its channels exchanged (A·Bᵀ in place of A·B)
 *   weight    dM = A dY Aᵀ,  dU = Vᵀ · dM,  dg = Gᵀ dU G
 *
 *       ┌ 1  0 −1  0 ┐        ┌  1   0   0  ┐
 *  Bᵀ = │ 0  1  1  0 │    G = │ 1/2 1/2 1/2 │    Aᵀ = ┌ 1  1  1  0 ┐
 *       │ 0 −1  1  0 │        │ 1/2 −1/2 1/2│         └ 0  1 −1 −1 ┘
 *       └ 0  1  0 −1 ┘        └  0   0   1  ┘
 *
 * The sixteen products are one grouped 1×1 product of the tile loop (the group is the position in the here), so that
 * only the transforms are written here. An invocation transforms one patch of four channels. V and M take four times
 * the memory of x and y, so pictures go through in chunks that stay in cache. In float32 the results differ from the
 * direct sum by some 1e-6 of the largest value.
 */
import type { Device, PooledBuffer, Run } from '../gpu/index.ts';
import { elementwise, family, program } from '../gpu/index.ts';
import { ACTIVATE, type Activation } from './activations.ts';
import { DIVIDE, packPair, unroll } from './tile.ts';
import { type Epilogue, type Gather, gather } from './tile-gather.ts';
import { type WeightGradient, weightGradient } from './tile-weight.ts';

type Binding = Run['bindings'][string];

/** Bytes of V and M together that a chunk of pictures may take: what a cache holds, or what a GPU fills itself with. */
const CHUNK_BYTES = { software: 16e6, hardware: 128e6 };

/** Where invocation i works: four channels of a here. `first` is the first picture of the chunk. */
const PATCH = `${DIVIDE}
struct Patch { tile: u32, picture: u32, y: u32, x: u32, channel: u32 }
fn patchOf(i: u32) -> Patch {
  let tile = divide(i, p.channels);
  let line = divide(tile, low(p.tiles));
  let picture = divide(line, high(p.tiles));
  return Patch(tile, p.first + picture, line - picture * high(p.tiles), tile - line * low(p.tiles), i - tile * p.channels);
}`;

const PATCH_PARAMS = {
  first: 'u32',
  size: 'u32', // height, width of a picture
  tiles: 'u32', // rows and columns of tiles in a picture
  channels: 'u32', // vec4s in a pixel
} as const;

/** V = Bᵀ d B. */
const transformInput = program(
  elementwise({
    name: 'winograd-input',
    bindings: { x: 'read vec4f', v: 'write vec4f' },
    params: { ...PATCH_PARAMS, top: 'i32', left: 'i32' },
    wgsl: `${PATCH}
fn line(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> array<vec4f, 4> { return array(a - c, b + c, c - b, b - d); }
fn load(here: Patch, row: i32, column: i32) -> vec4f {
  let y = u32(2 * i32(here.y) - p.top + row);
  let x0 = u32(2 * i32(here.x) - p.left + column);
  let inside = y < high(p.size) && x0 < low(p.size);
  let at = ((here.picture * high(p.size) + y) * low(p.size) + x0) * p.channels + here.channel;
  return select(vec4f(0), x[at], inside);
}
fn element(i: u32) {
  let here = patchOf(i);
${unroll(4, (r) => `  let row${r} = line(load(here, ${r}, 0), load(here, ${r}, 1), load(here, ${r}, 2), load(here, ${r}, 3));`)}
${unroll(
  4,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}], row2[${k}], row3[${k}]);
${unroll(4, (r) => `  v[i + ${4 * r + k} * p.count] = column${k}[${r}];`)}`,
)}
}`,
  }),
);

/** dM = A dY Aᵀ. */
const transformGradient = program(
  elementwise({
    name: 'winograd-gradient',
    bindings: { dy: 'read vec4f', m: 'write vec4f' },
    params: PATCH_PARAMS,
    wgsl: `${PATCH}
fn line(a: vec4f, b: vec4f) -> array<vec4f, 4> { return array(a, a + b, a - b, -b); }
fn load(here: Patch, row: u32, column: u32) -> vec4f {
  let y = 2 * here.y + row;
  let x = 2 * here.x + column;
  let at = ((here.picture * high(p.size) + y) * low(p.size) + x) * p.channels + here.channel;
  return select(vec4f(0), dy[at], y < high(p.size) && x < low(p.size));
}
fn element(i: u32) {
  let here = patchOf(i);
  let row0 = line(load(here, 0, 0), load(here, 0, 1));
  let row1 = line(load(here, 1, 0), load(here, 1, 1));
${unroll(
  4,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}]);
${unroll(4, (r) => `  m[i + ${4 * r + k} * p.count] = column${k}[${r}];`)}`,
)}
}`,
  }),
);

/** Y = Aᵀ M A, and what follows the sum. */
const transformOutput = family(
  (spec: { bias: boolean; norm: boolean; residual: boolean; activation: Activation }) =>
    elementwise({
      name: `winograd-output-${Object.values(spec).join('-')}`,
      bindings: {
        m: 'read vec4f',
        y: 'write vec4f',
        ...(spec.bias && ({ bias: 'read vec4f' } as const)),
        ...(spec.norm &&
          ({ gamma: 'read vec4f', beta: 'read vec4f', mean: 'read vec4f', variance: 'read vec4f' } as const)),
        ...(spec.residual && ({ residual: 'read vec4f' } as const)),
      },
      params: { ...PATCH_PARAMS, ...(spec.norm && ({ eps: 'f32' } as const)) },
      wgsl: `${PATCH}
${ACTIVATE[spec.activation]}
fn line(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> array<vec4f, 2> { return array(a + b + c, b - c - d); }
fn store(here: Patch, row: u32, column: u32, sum: vec4f, scale: vec4f, shift: vec4f) {
  let y0 = 2 * here.y + row;
  let x = 2 * here.x + column;
  if (y0 >= high(p.size) || x >= low(p.size)) { return; }
  let at = ((here.picture * high(p.size) + y0) * low(p.size) + x) * p.channels + here.channel;
  y[at] = activate(sum * scale + shift${spec.residual ? ' + residual[at]' : ''});
}
fn element(i: u32) {
  let here = patchOf(i);
${unroll(
  4,
  (r) => `  let row${r} = line(${[0, 1, 2, 3].map((k) => `m[i + ${4 * r + k} * p.count]`).join(', ')});`,
)}
  let column0 = line(row0[0], row1[0], row2[0], row3[0]);
  let column1 = line(row0[1], row1[1], row2[1], row3[1]);
  let scale = ${spec.norm ? 'gamma[here.channel] * inverseSqrt(variance[here.channel] + p.eps)' : 'vec4f(1)'};
  let shift = ${spec.norm ? 'beta[here.channel] - mean[here.channel] * scale' : spec.bias ? 'bias[here.channel]' : 'vec4f(0)'};
  store(here, 0, 0, column0[0], scale, shift);
  store(here, 0, 1, column1[0], scale, shift);
  store(here, 1, 0, column0[1], scale, shift);
  store(here, 1, 1, column1[1], scale, shift);
}`,
    }),
);

/** U = G g Gᵀ, of the kernel as it is or turned by 180°. One invocation: one input channel, four output channels. */
const transformKernel = program(
  elementwise({
    name: 'winograd-kernel',
    bindings: { w: 'read vec4f', u: 'write vec4f' },
    params: { turned: 'u32' },
    wgsl: `
fn line(a: vec4f, b: vec4f, c: vec4f) -> array<vec4f, 4> {
  let outer = 0.5 * (a + c);
  return array(a, outer + 0.5 * b, outer - 0.5 * b, c);
}
fn load(i: u32, tap: u32) -> vec4f { return w[select(tap, 8 - tap, p.turned == 1) * p.count + i]; }
fn element(i: u32) {
${unroll(3, (r) => `  let row${r} = line(load(i, ${3 * r}), load(i, ${3 * r + 1}), load(i, ${3 * r + 2}));`)}
${unroll(
  4,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}], row2[${k}]);
${unroll(4, (r) => `  u[i + ${4 * r + k} * p.count] = column${k}[${r}];`)}`,
)}
}`,
  }),
);

/** dg = Gᵀ dU G, summed over the chunks. */
const transformKernelGradient = program(
  elementwise({
    name: 'winograd-kernel-gradient',
    bindings: { u: 'read vec4f', w: 'write vec4f' },
    params: { accumulate: 'u32' },
    wgsl: `
fn line(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> array<vec4f, 3> {
  return array(a + 0.5 * (b + c), 0.5 * (b - c), 0.5 * (b + c) + d);
}
fn element(i: u32) {
${unroll(
  4,
  (r) => `  let row${r} = line(${[0, 1, 2, 3].map((k) => `u[i + ${4 * r + k} * p.count]`).join(', ')});`,
)}
${unroll(
  3,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}], row2[${k}], row3[${k}]);
${unroll(3, (r) => `  w[i + ${3 * r + k} * p.count] = column${k}[${r}] + select(vec4f(0), w[i + ${3 * r + k} * p.count], p.accumulate == 1);`)}`,
)}
}`,
  }),
);

/** A 1×1 product over pictures of one pixel. */
const POINT = {
  source: [1, 1],
  result: [1, 1],
  window: { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], top: 0, left: 0 },
  groups: 16,
  planes: true,
} as const;

/** Channels and tiles from which the saved multiplications outweigh the transforms (measured on lavapipe). */
const LEAST_CHANNELS = 32;
const LEAST_TILES = 32;

/** Whether the convolution has the form that this file computes, and enough work to pay for the transforms. */
function pays(product: Gather | WeightGradient, pixels: readonly [number, number]): boolean {
  const { window, groups, pictures, sourceChannels, resultChannels } = product;
  const { kernel, stride, dilation } = window;
  return (
    groups === 1 &&
    kernel[0] === 3 &&
    kernel[1] === 3 &&
    stride[0] * stride[1] * dilation[0] * dilation[1] === 1 &&
    Math.min(sourceChannels, resultChannels) >= LEAST_CHANNELS &&
    pictures * Math.ceil(pixels[0] / 2) * Math.ceil(pixels[1] / 2) >= LEAST_TILES
  );
}

/** Records a convolution (forward) or its input's gradient, by Winograd's way where it pays. */
export function convolve(device: Device, product: Gather): void {
  if (pays(product, product.result)) winogradGather(device, product);
  else gather(device, product);
}

/** Records a convolution's weight gradient, by Winograd's way where it pays. */
export function convolveWeight(device: Device, product: WeightGradient): void {
  if (pays(product, product.result)) winogradWeight(device, product);
  else weightGradient(device, product);
}

interface Chunk {
  first: number;
  pictures: number;
}

/** Cuts `pictures` so that V and M of a chunk take at most CHUNK_BYTES. */
function chunksOf(device: Device, pictures: number, tiles: number, channels: number): Chunk[] {
  const bytes = 4 * 16 * tiles * channels;
  const most = CHUNK_BYTES[device.software ? 'software' : 'hardware'];
  const size = Math.max(1, Math.floor(most / bytes));
  return Array.from({ length: Math.ceil(pictures / size) }, (_, index) => ({
    first: index * size,
    pictures: Math.min(size, pictures - index * size),
  }));
}

/** U of the whole weight. The caller releases it. */
function kernelOf(device: Device, w: Binding, cin: number, cout: number, turned: boolean): PooledBuffer {
  const u = device.take(4 * 16 * cin * cout, 'activation');
  const count = (cin * cout) / 4;
  device.run(transformKernel, {
    bindings: { w, u },
    params: { count, turned: Number(turned) },
    flops: 40 * cin * cout,
    bytes: 4 * 25 * cin * cout,
  });
  return u;
}

/** One element-wise transform over the patches of a chunk. */
interface Transform {
  chunk: Chunk;
  size: readonly [number, number];
  tiles: readonly [number, number];
  channels: number;
}

function patches({ chunk, size, tiles, channels }: Transform): Pick<Run, 'params' | 'bytes'> {
  const count = (chunk.pictures * tiles[0] * tiles[1] * channels) / 4;
  return {
    params: {
      count,
      first: chunk.first,
      size: packPair(...size),
      tiles: packPair(...tiles),
      channels: channels / 4,
    },
    bytes: 4 * 4 * count * 20,
  };
}

/** Records `product`, in its forward or input direction. */
export function winogradGather(device: Device, product: Gather): void {
  const { direction, pictures, source, result, sourceChannels, resultChannels, window } = product;
  const forward = direction === 'forward';
  const { bias, norm, residual, activation = 'none' }: Epilogue = product.epilogue ?? {};
  const [cin, cout] = forward ? [sourceChannels, resultChannels] : [resultChannels, sourceChannels];
  const tiles = [Math.ceil(result[0] / 2), Math.ceil(result[1] / 2)] as const;
  const perPicture = tiles[0] * tiles[1];
  const u = kernelOf(device, product.w, cin, cout, !forward);
  for (const chunk of chunksOf(device, pictures, perPicture, sourceChannels + resultChannels)) {
    const v = device.take(64 * chunk.pictures * perPicture * sourceChannels, 'activation');
    const m = device.take(64 * chunk.pictures * perPicture * resultChannels, 'activation');
    const input = patches({ chunk, size: source, tiles, channels: sourceChannels });
    device.run(transformInput, {
      ...input,
      bindings: { x: product.x, v },
      // Turned by 180°, a kernel that started `top` rows above its output starts 2 − top above.
      params: {
        ...input.params,
        top: forward ? window.top : 2 - window.top,
        left: forward ? window.left : 2 - window.left,
      },
    });
    gather(device, {
      ...POINT,
      direction,
      x: v,
      w: u,
      y: m,
      pictures: chunk.pictures * perPicture,
      sourceChannels,
      resultChannels,
    });
    const output = patches({ chunk, size: result, tiles, channels: resultChannels });
    device.run(
      transformOutput({
        bias: bias !== undefined,
        norm: norm !== undefined,
        residual: residual !== undefined,
        activation,
      }),
      {
        ...output,
        bindings: {
          m,
          y: product.y,
          ...(bias && { bias }),
          ...(norm && { gamma: norm.gamma, beta: norm.beta, mean: norm.mean, variance: norm.variance }),
          ...(residual && { residual }),
        },
        params: { ...output.params, ...(norm && { eps: norm.eps }) },
      },
    );
    device.pool.release(v);
    device.pool.release(m);
  }
  device.pool.release(u);
}

/** Records the weight gradient `product`. */
export function winogradWeight(device: Device, product: WeightGradient): void {
  const { pictures, source, result, sourceChannels, resultChannels, window } = product;
  const tiles = [Math.ceil(result[0] / 2), Math.ceil(result[1] / 2)] as const;
  const perPicture = tiles[0] * tiles[1];
  const du = device.take(64 * sourceChannels * resultChannels, 'activation');
  for (const chunk of chunksOf(device, pictures, perPicture, sourceChannels + resultChannels)) {
    const v = device.take(64 * chunk.pictures * perPicture * sourceChannels, 'activation');
    const dm = device.take(64 * chunk.pictures * perPicture * resultChannels, 'activation');
    const input = patches({ chunk, size: source, tiles, channels: sourceChannels });
    device.run(transformInput, {
      ...input,
      bindings: { x: product.x, v },
      params: { ...input.params, top: window.top, left: window.left },
    });
    device.run(transformGradient, {
      ...patches({ chunk, size: result, tiles, channels: resultChannels }),
      bindings: { dy: product.dy, m: dm },
    });
    weightGradient(device, {
      ...POINT,
      x: v,
      dy: dm,
      dw: du,
      pictures: chunk.pictures * perPicture,
      sourceChannels,
      resultChannels,
    });
    const count = (sourceChannels * resultChannels) / 4;
    device.run(transformKernelGradient, {
      bindings: { u: du, w: product.dw },
      params: { count, accumulate: Number(chunk.first > 0) },
      bytes: 4 * 34 * sourceChannels * resultChannels,
    });
    device.pool.release(v);
    device.pool.release(dm);
  }
  device.pool.release(du);
}
