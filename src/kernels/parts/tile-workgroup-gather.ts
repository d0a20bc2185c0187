/** The tiles of tile-workgroup.ts in the gathering directions, `forward` and `input`: k runs over taps, then over channels. */
import type { Device } from '../../gpu/index.ts';
import { family, foldGroups } from '../../gpu/index.ts';
import { EPILOGUE_PARAMS, epilogueBindings, epilogueFunctions, epilogueRun } from './epilogue.ts';
import {
  eachTap,
  GATHER_PARAMS,
  type GatherDirection,
  gatherGrid,
  gatherRun,
  residuesOf,
} from './gather-walk.ts';
import { DIVIDE, type GatherOperands, type Product, unroll } from './tile.ts';
import {
  depthOf,
  fetchAsItLies,
  fetchTurned,
  gatheredTiling,
  invocationsOf,
  multiply,
  type Shape,
  STEP,
  stripsOf,
  sumsOf,
} from './tile-workgroup.ts';

interface GatherSpec extends Shape {
  direction: GatherDirection;
  accumulate: boolean;
  /** The epilogue's, as constants. */
  flags: number;
}

const gatherProgram = family((spec: GatherSpec) => {
  const { rows, columns, direction, accumulate, flags } = spec;
  const forward = direction === 'forward';
  const invocations = invocationsOf(spec);
  const blocks = Math.ceil(rows / invocations);
  const each = (line: (block: number, row: number) => string): string =>
    unroll(4 * blocks, (i) => line(Math.floor(i / 4), i % 4));
  return {
    name: `workgroup-tile-${[rows, columns, direction, accumulate, flags].join('-')}`,
    bindings: { x: 'read vec4f', w: 'read vec4f', y: 'write vec4f', ...epilogueBindings('vec4f') },
    params: {
      ...GATHER_PARAMS,
      ...EPILOGUE_PARAMS,
    },
    wgsl: `${DIVIDE}
${epilogueFunctions('vec4f', { flags })}
${stripsOf(spec)}
${gatherGrid(direction)}
  let rowTiles = max((rows + ${rows - 1}u) / ${rows}u, 1);
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let firstRow = tile % rowTiles * ${rows}u;
  let firstColumn = tile / rowTiles * ${columns / 4}u;
  if (firstColumn >= p.columns || rows == 0) { return; }
  let sourceStart = group * p.depth${forward ? ' + p.offset' : ''};
  let weightStart = group * p.${forward ? 'columns' : 'depth'};
  let resultStart = group * p.columns${forward ? '' : ' + p.offset'};

  // The pixels that this invocation fetches: their part of the source pixel.
${each(
  (i, r) => `  let row${i}${r} = firstRow + (lane + ${i * invocations}u) / 4 * 4 + ${r}u;
  let line${i}${r} = divide(row${i}${r}, grid.y);
  let picture${i}${r} = divide(line${i}${r}, grid.x);
  let at${i}${r} = vec2i(i32(line${i}${r} - picture${i}${r} * grid.x), i32(row${i}${r} - line${i}${r} * grid.y));
  let from${i}${r} = select(vec2i(-0x40000000), at${i}${r}${forward ? ' * stride' : ''}, row${i}${r} < rows);`,
)}
  ${forward ? `let bQ = lane % ${columns / 4}u;` : ''}
${sumsOf(spec)}

${eachTap(
  direction,
  `${each(
    (i, r) => `      let pixel${i}${r} = from${i}${r} + vec2i(offsetY, offsetX);
      let inside${i}${r} = u32(pixel${i}${r}.x) < height && u32(pixel${i}${r}.y) < width;
      let base${i}${r} = ((picture${i}${r} * height + u32(pixel${i}${r}.x)) * width + u32(pixel${i}${r}.y)) * p.sourceChannels
        + sourceStart;`,
  )}
      for (var c = 0u; c < p.depth; c += ${STEP / 4}u) {
${fetchTurned(
  'a',
  rows,
  invocations,
  (r, i) => `select(vec4f(0), x[base${i}${r} + c + four], inside${i}${r} && c + four < p.depth)`,
)}
${
  forward
    ? fetchAsItLies(
        'b',
        columns,
        invocations,
        `select(vec4f(0), w[((tap * p.depth + c) * 4 + k) * p.resultChannels + weightStart + firstColumn + bQ],
          c + k / 4 < p.depth && firstColumn + bQ < p.columns)`,
      )
    : fetchTurned(
        'b',
        columns,
        invocations,
        (
          j,
          i,
        ) => `select(vec4f(0), w[((tap * p.columns + firstColumn + (lane + ${i * invocations}u) / 4) * 4 + ${j}u) * p.sourceChannels
            + weightStart + c + four], c + four < p.depth && firstColumn + (lane + ${i * invocations}u) / 4 < p.columns)`,
      )
}
${multiply(spec)}
      }`,
)}

${unroll(
  2,
  (c) => `  let column${c} = firstColumn + across${c > 0 ? ` + ${columns / 8}u` : ''};
  let finish${c} = finishOf(min(resultStart + column${c}, p.resultChannels - 1));`,
)}
${unroll(8, (r) => {
  const to = forward
    ? `let to${r} = line${r};`
    : `let row${r} = divide(line${r}, grid.y);
  let picture${r} = divide(row${r}, grid.x);
  let to${r} = (picture${r} * high(p.result) + residue.x + (row${r} - picture${r} * grid.x) * u32(stride.x)) * low(p.result)
    + residue.y + (line${r} - row${r} * grid.y) * u32(stride.y);`;
  return `  let line${r} = firstRow + 4 * down + ${(Math.floor(r / 4) * rows) / 2 + (r % 4)}u;
  ${to}
${unroll(
  2,
  (c) => `  if (line${r} < rows && column${c} < p.columns) {
    let place = to${r} * p.resultChannels + resultStart + column${c};
    y[place] = finished(sum${r}${c}${accumulate ? ' + y[place]' : ''}, finish${c}, place);
  }`,
)}`;
})}
}`,
  };
});

/** Records a product in the forward or the input direction. */
export function gatherTiles(device: Device, product: Product, operands: GatherOperands): void {
  const { direction, groups, epilogue = {} } = product;
  const { pictures, x, w, y, slice, accumulate = false } = operands;
  const forward = direction === 'forward';
  const depth = (forward && slice ? slice.count : depthOf(product)) / 4;
  const columns = (!forward && slice ? slice.count : product.resultChannels / groups) / 4;
  const tiling = gatheredTiling(device.traits, product, pictures, 4 * columns);
  const strides = residuesOf(product);
  const { params, ...costs } = gatherRun(product, operands, depth, columns);
  const finish = epilogueRun(epilogue, w);
  device.run(
    gatherProgram({
      rows: tiling.rows,
      columns: tiling.columns,
      direction: forward ? 'forward' : 'input',
      accumulate,
      flags: finish.params.flags,
    }),
    {
      bindings: { x, w, y, ...finish.bindings },
      params: {
        ...params,
        ...finish.params,
      },
      groups: foldGroups(tiling.tiles / (groups * strides), groups * strides),
      ...costs,
    },
  );
}
