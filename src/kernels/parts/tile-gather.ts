/**
 * The tile loop of `tile.ts` in its two gathering directions, `forward` and `input`: every row of the result is a
 * pixel, and for each tap of the kernel it reads one pixel of the source (or nothing, in the padding).
 *
 * A row's source pixel is (its own part) + (an offset that depends on the tap alone):
 *
 *   forward   y = ty·stride + (ky·dilation − pad)
 *   input     y = ty        + (py + pad − ky·dilation) / stride     for the pixels q = py + stride·ty
 *
 * so with a stride the `input` direction runs once per residue (py, px), and taps whose offset is no whole number
 * are skipped by the whole workgroup: no lane works on a zero.
 */
import type { Device } from '../../gpu/index.ts';
import { family, foldGroups } from '../../gpu/index.ts';
import {
  EPILOGUE_PARAMS,
  epilogueBindings,
  epilogueFunctions,
  epilogueRun,
  isCurved,
  OWN_FLAGS,
} from './epilogue.ts';
import {
  eachTap,
  GATHER_PARAMS,
  type GatherDirection,
  gatherGrid,
  gatherRun,
  residuesOf,
} from './gather-walk.ts';
import { laneName, laneSpecOf, type Shared, sharing } from './lanes.ts';
import {
  DIVIDE,
  FEW_ROWS,
  type GatherOperands,
  type Product,
  type TileSpec,
  tileRowsOf,
  unroll,
} from './tile.ts';

interface GatherSpec extends TileSpec {
  direction: GatherDirection;
  /** y += … rather than y = …: the sum is cut into slices. */
  accumulate: boolean;
  /** Whether its epilogue can be curved. */
  curved: boolean;
}

/** The flag beside those of the epilogue: the groups are matrices of their own, not channels beside each other. */
const APART = OWN_FLAGS;

const gatherProgram = family((spec: GatherSpec) => {
  const { lanes, by, direction, rows, accumulate, curved } = spec;
  const forward = direction === 'forward';
  // Rows that one lane loads, and vec4s of the sum that the lanes of a subgroup fetch side by side. With few rows w is all
  // that counts, and a loop that walks through it in small steps: 1×4096 · 4096×4096 takes 10 ms with one, 37 with two
  // (lavapipe; a processor's prefetcher does not follow steps of eight such rows).
  const loads = by === 'none' ? rows : Math.ceil(rows / lanes);
  const { shares, share, offer, each, ...between } = sharing({ lanes, by }, loads);
  const chunks = shares && rows > FEW_ROWS ? Math.max(1, Math.floor(lanes / rows)) : 1;
  const rowOfLoad = (load: number): string => (shares ? `lane % ${rows}u + ${load * lanes}u` : `${load}u`);
  const shared = (name: string, row: number, type: Shared, chunk?: string): string =>
    shares
      ? share(name, Math.floor(row / lanes), `${row % lanes}u${chunk ? ` + ${rows}u * ${chunk}` : ''}`, type)
      : `${name}${row}`;
  return {
    name: `tile-${laneName(spec)}-${rows}-${direction}${accumulate ? '-accumulate' : ''}${curved ? '-curved' : ''}`,
    subgroups: between.subgroups,
    bindings: {
      x: 'read vec4f',
      w: 'read vec4f',
      y: 'write vec4f',
      ...epilogueBindings('vec4f'),
    },
    params: {
      ...GATHER_PARAMS,
      ...EPILOGUE_PARAMS,
    },
    wgsl: `${DIVIDE}
struct Place { picture: u32, at: vec2i }
// The pixel of a row, where pictures are a grid of so many rows and columns.
fn placeOf(row: u32, grid: vec2u) -> Place {
  let line = divide(row, grid.y);
  let picture = divide(line, grid.x);
  return Place(picture, vec2i(i32(line - picture * grid.x), i32(row - line * grid.y)));
}
${epilogueFunctions('vec4f', { curved })}
${between.declarations}
${between.entry}
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
        ${between.builtins}) {
  ${between.lane}
${gatherGrid(direction)}
  let rowTiles = (rows + ${rows - 1}u) / ${rows}u;
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let firstRow = tile % max(rowTiles, 1) * ${rows}u;
  let firstColumn = tile / max(rowTiles, 1) * ${lanes}u;
  if (firstColumn >= p.columns || rows == 0) { return; }
  let column = firstColumn + lane;
  let safeColumn = min(column, p.columns - 1);
  // Where the group begins, in vec4s of x, w and y.
  let apart = (p.flags & ${APART}) != 0;
  let sourceStart = group * select(p.depth, p.pictures * height * width * p.sourceChannels, apart);
  let weightStart = group
    * select(p.${forward ? 'columns' : 'depth'}, high(p.kernel) * low(p.kernel) * 4 * p.depth * p.columns, apart);
  let resultStart = group * select(p.columns, p.pictures * high(p.result) * low(p.result) * p.resultChannels, apart);
  ${chunks > 1 ? `let chunk = lane / ${rows}u;` : 'const chunk = 0u;'}

  // The rows that this lane loads, and their part of the source pixel.
${unroll(
  loads,
  (i) => `  let row${i} = firstRow + ${rowOfLoad(i)};
  let place${i} = placeOf(row${i}, grid);
  let from${i} = select(vec2i(-0x40000000), place${i}.at${forward ? ' * stride' : ''}, row${i} < rows);`,
)}
${unroll(rows, (r) => `  var sum${r} = vec4f(0);`)}

${eachTap(
  direction,
  `${unroll(
    loads,
    (i) => `      let pixel${i} = from${i} + vec2i(offsetY, offsetX);
      let inside${i} = u32(pixel${i}.x) < height && u32(pixel${i}.y) < width;
      let base${i} = ((place${i}.picture * height + u32(pixel${i}.x)) * width + u32(pixel${i}.y)) * p.sourceChannels
        + sourceStart + ${forward ? 'p.offset + ' : ''}chunk;`,
  )}
      ${
        forward
          ? 'var weight = tap * 4 * p.depth * p.resultChannels + weightStart + safeColumn;'
          : 'var weight = (tap * p.columns + safeColumn) * 4 * p.sourceChannels + weightStart;'
      }
      for (var c = 0u; c < p.depth; c += ${chunks}u) {
${unroll(loads, (i) => `        let v${i} = select(vec4f(0), x[base${i} + c], inside${i}${chunks > 1 ? ' && c + chunk < p.depth' : ''});`)}
        ${offer('v', loads, 'vec4f')}
${each(
  chunks,
  (q) => `        ${chunks > 1 ? `if (c + ${q} < p.depth) ` : ''}{
${
  forward
    ? `          let w0 = w[weight];
          let w1 = w[weight + p.resultChannels];
          let w2 = w[weight + 2 * p.resultChannels];
          let w3 = w[weight + 3 * p.resultChannels];
          weight += 4 * p.resultChannels;`
    : `          let wt = transpose(mat4x4f(w[weight], w[weight + p.sourceChannels],
            w[weight + 2 * p.sourceChannels], w[weight + 3 * p.sourceChannels]));
          let w0 = wt[0];
          let w1 = wt[1];
          let w2 = wt[2];
          let w3 = wt[3];
          weight++;`
}
${unroll(
  rows,
  // Four terms are added up before they go to the sum: half its error, and the same speed on lavapipe.
  (r) => `          let a${r} = ${shared('v', r, 'vec4f', chunks > 1 ? q : undefined)};
          sum${r} += fma(vec4f(a${r}.w), w3, fma(vec4f(a${r}.z), w2, fma(vec4f(a${r}.y), w1, a${r}.x * w0)));`,
)}
        }`,
)}
      }`,
)}

  // The sums leave one after the other, through sum0, so that LLVM compiles what becomes of one of them and not of sixteen
  // (0.3 s in place of 0.5 to 0.7). Written out, 1×1 convolutions with short sums are 1.04 times as fast.
  let here = resultStart + column${forward ? '' : ' + p.offset'};
  let finish = finishOf(min(here, p.resultChannels - 1));
  for (var row = firstRow; row < min(firstRow + ${rows}u, rows); row++) {
    if (column < p.columns) {
      ${
        forward
          ? 'let pixel = row;'
          : `let place = placeOf(row, grid);
      let y0 = residue + vec2u(place.at * stride);
      let pixel = (place.picture * high(p.result) + y0.x) * low(p.result) + y0.y;`
      }
      let at = pixel * p.resultChannels + here;
      y[at] = finished(sum0${accumulate ? ' + y[at]' : ''}, finish, at);
    }
${unroll(rows - 1, (r) => `    sum${r} = sum${r + 1};`)}
  }
}`,
  };
});

/** Records a product in the forward or the input direction. */
export function gather(device: Device, product: Product, operands: GatherOperands): void {
  const { direction, window, result, planes = false, epilogue = {} } = product;
  const { pictures, x, w, y, slice, accumulate = false } = operands;
  const forward = direction === 'forward';
  const groups = product.groups;
  const interleaved = planes ? 1 : groups;
  const summed = product.depth ?? product.sourceChannels / interleaved;
  const depth = (forward && slice ? slice.count : summed) / 4;
  const columns = (!forward && slice ? slice.count : product.resultChannels / interleaved) / 4;
  const strides = residuesOf(product);
  const grid = forward
    ? result
    : [Math.ceil(result[0] / window.stride[0]), Math.ceil(result[1] / window.stride[1])];
  const gridRows = pictures * grid[0]! * grid[1]!;
  const spec: TileSpec = { ...laneSpecOf(device.traits), rows: tileRowsOf(gridRows, product.manyRows) };
  const tiles = Math.ceil(gridRows / spec.rows) * Math.ceil(columns / spec.lanes);
  const { params, ...costs } = gatherRun(product, operands, depth, columns);
  const finish = epilogueRun(epilogue, w);
  const flags = finish.params.flags + (planes ? APART : 0);
  device.run(
    gatherProgram({
      ...spec,
      direction: forward ? 'forward' : 'input',
      accumulate,
      curved: forward && (spec.rows === FEW_ROWS || isCurved(epilogue)),
    }),
    {
      bindings: { x, w, y, ...finish.bindings },
      params: {
        ...params,
        ...finish.params,
        flags,
      },
      groups: foldGroups(tiles, groups * strides),
      ...costs,
    },
  );
}
