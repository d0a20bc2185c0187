/**
 * The products of Winograd's weight gradient, dg = Gᵀ dU G with dU = Vᵀ · dM at each of the n² places of a patch
 * (winograd.ts), with the second half of the transform done before anything is stored:
 *
 *   D[i, b] = Σ_j G[j, b] Σ_tile V[i, j, tile, ci] · dM[i, j, tile, co]     n lines of three taps      [splits, n, 3, cin, cout]
 *   dg[a, b] = Σ_i G[i, a] D[i, b]                                          `winograd-weight-lines`    [3, 3, cin, cout]
 *
 * On small maps there are few tiles to sum over and many sums, dU of 512 channels being 38 MB: then storing and loading it
 * takes as long as the products. A workgroup therefore takes the n places of a line one after another, and adds each one's
 * tile of rows × columns, while it is in registers, to those of the line's three taps:
 *
 *     i, j = 0 ─ Vᵀ · dM ─▶ sum ─┬─ · G[0, 0] ─▶ taps[0]
 *     i, j = 1                   ├─ · G[0, 1] ─▶ taps[1]
 *     …                          └─ · G[0, 2] ─▶ taps[2]
 *
 * which leaves 3n values to store and load in place of n². On lavapipe, four pictures of 7²×512, 14²×256 and 28²×128 pixels:
 * 20, 12 and 8 ms, where all of dU takes 28, 17 and 11, and the tile loop without Winograd 24, 22 and 22. All of dg in one
 * workgroup is 1.05 to 1.1 times as fast at 7², but compiles for 2.5 s in place of 1; so do 32 rows, for nothing.
 */
import { type BufferBinding, type Device, elementwise, family } from '../../gpu/index.ts';
import { empty } from '../../tensor/index.ts';
import { laneName, laneSpecOf, sharing } from '../parts/lanes.ts';
import { type TileSpec, unroll } from '../parts/tile.ts';
import { addStep, splitOf, stepOf } from '../parts/tile-weight.ts';
import { lineFunction, type Tiling, type TilingSpec, tilingFor, transposed } from './winograd-tilings.ts';
import { CHANNELS, ELEMENT } from './winograd-transforms.ts';

const ROWS = 16;
const TAPS = 3;

/** D. A workgroup: ROWS input channels, a vec4 of output channels a lane, one line of places, one split of the tiles. */
const productsProgram = family((spec: TileSpec & TilingSpec) => {
  const { lanes, rows } = spec;
  const { patch, kernel } = tilingFor(spec);
  const quads = rows / 4;
  const between = sharing(spec, quads);
  return {
    name: `winograd-weight-${spec.outputs}-${laneName(spec)}-${rows}`,
    subgroups: between.subgroups,
    bindings: { v: 'read vec4f', m: 'read vec4f', d: 'write vec4f' },
    params: {
      depth: 'u32', // vec4s of input channels …
      columns: 'u32', // … and of output channels
      tiles: 'u32',
      split: 'u32', // tiles of one split
      places: 'u32', // in a line: n
      taps: 'u32', // of a line of the kernel: 3
    },
    wgsl: `${between.declarations}
const kernel = array<vec3f, ${patch}>(${kernel.map((row) => `vec3f(${row.join(', ')})`).join(', ')});
${between.entry}
fn main(@builtin(workgroup_id) workgroup: vec3u, ${between.builtins}) {
  ${between.lane}
  let quad = workgroup.x * ${quads}u; // the first vec4 of input channels
  let column = workgroup.y * ${lanes}u + lane;
  let safeColumn = min(column, p.columns - 1);
  let line = workgroup.z % p.places;
  let begin = workgroup.z / p.places * p.split;
  let end = min(begin + p.split, p.tiles);
  var factors = kernel;
  var taps: array<vec4f, ${TAPS * rows}>;

  for (var place = 0u; place < p.places; place++) {
    let start = (line * p.places + place) * p.tiles;
${unroll(rows, (r) => `    var sum${r} = vec4f(0);`)}
    // Beyond the last tile V is taken to be zero, so that any tile of dM will do there.
    for (var first = begin; first < end; first += ${stepOf(spec)}u) {
      let tile = first${between.shares ? ' + lane' : ''};
      let base = (start + tile) * p.depth + quad;
${unroll(quads, (i) => `      let v${i} = select(vec4f(0), v[base + ${i}u], tile < end && quad + ${i}u < p.depth);`)}
      ${addStep(spec, between, (k) => `m[(start + min(first + ${k}, end - 1)) * p.columns + safeColumn]`)}
    }
    let factor = factors[place];
${unroll(TAPS * rows, (k) => `    taps[${k}] += factor[${Math.floor(k / rows)}] * sum${k % rows};`)}
  }

  // Rolled: written out, ${TAPS * rows} stores compile longer than all the rest.
  let here = min(${rows}u, 4 * (p.depth - quad));
  if (column < p.columns) {
    for (var tap = 0u; tap < p.taps; tap++) {
      let plane = workgroup.z * p.taps + tap;
      for (var row = 0u; row < here; row++) {
        d[(plane * 4 * p.depth + 4 * quad + row) * p.columns + column] = taps[tap * ${rows}u + row];
      }
    }
  }
}`,
  };
});

/** dg from D, summed over its splits, and over the chunks of pictures. An element: two weights of three lines. */
const linesProgram = family((spec: TilingSpec) => {
  const { patch, kernel } = tilingFor(spec);
  const places = Array.from({ length: patch }, (_, i) => i);
  return elementwise({
    name: `winograd-weight-lines-${spec.outputs}`,
    bindings: { d: `read ${ELEMENT}`, w: `write ${ELEMENT}` },
    params: { splits: 'u32', accumulate: 'u32' },
    wgsl: `${lineFunction('lines', transposed(kernel), ELEMENT)}
fn element(i: u32) {
${unroll(patch, (k) => `  var d${k} = d[i + ${k}u * p.count];`)}
  for (var split = 1u; split < p.splits; split++) {
    let part = split * ${patch}u * p.count + i;
${unroll(patch, (k) => `    d${k} += d[part + ${k}u * p.count];`)}
  }
  let values = lines(array(${places.map((k) => `d${k}`).join(', ')}));
${unroll(TAPS, (a) => `  w[i + ${a}u * p.count] = values[${a}] + select(${ELEMENT}(0), w[i + ${a}u * p.count], p.accumulate == 1);`)}
}`,
  });
});

/** V and dM of so many tiles. */
export interface WeightProducts {
  tiles: number;
  v: BufferBinding;
  m: BufferBinding;
}

/** Records dg = … from V and dM, or dg += … where `accumulate` says so. What it makes belongs to the caller's scope. */
export function weightProducts(
  device: Device,
  { outputs, patch }: Tiling,
  { tiles, v, m }: WeightProducts,
  [cin, cout]: readonly [number, number],
  dw: BufferBinding,
  accumulate: boolean,
): void {
  const spec: TileSpec & TilingSpec = { ...laneSpecOf(device.traits), rows: ROWS, outputs };
  const workgroups = [Math.ceil(cin / ROWS), Math.ceil(cout / (4 * spec.lanes))] as const;
  const split = splitOf(tiles, workgroups[0] * workgroups[1] * patch);
  const splits = Math.ceil(tiles / split);
  const lines = TAPS * cin * cout;
  const d = empty(device, [splits, patch, lines]);
  device.run(productsProgram(spec), {
    bindings: { v, m, d: d.buffer },
    params: { depth: cin / 4, columns: cout / 4, tiles, split, places: patch, taps: TAPS },
    groups: [...workgroups, splits * patch],
    flops: 2 * patch ** 2 * (tiles + TAPS * splits) * cin * cout,
    bytes: 4 * (patch ** 2 * tiles * (cin + cout) + splits * patch * lines),
  });
  device.run(linesProgram({ outputs }), {
    bindings: { d: d.buffer, w: dw },
    params: { count: lines / CHANNELS, splits, accumulate: Number(accumulate) },
    flops: lines * patch * (splits + 2 * TAPS - 1),
    bytes: 4 * lines * (splits * patch + (accumulate ? 2 : 1) * TAPS),
  });
  d.dispose();
}
