/**
 * The fast programs of depthwise convolution: a lane walks down a strip of the picture.
 *
 *      columns of one tile          age 0  ┐ of sums that are not complete yet, in registers
 *   g  ┌─ ─ ─ ─ ─ ─ ┐ source rows   age 1  │
 *   ↓  │ v0 v1 v2 … │ ────────────▶   …    ┘
 *      └─ ─ ─ ─ ─ ─ ┘ loaded once   age ages − 1: complete, written; then every sum grows one step older
 *
 * A lane owns two neighbouring channels of a tile of columns, and keeps the whole kernel in registers. Every source
 * value is loaded once per lane and goes into all sums of the tile that it belongs to. The forward pass reads `stride`
 * rows of x a step and completes one row of y; the input gradient reads one row of dy and completes `stride` rows of dx
 * (in padded coordinates, iy + top = stride · block + a). The weight gradient keeps the last rows of dy instead and
 * sums all taps.
 *
 * Loads per output value: 1.5 for 3×3 at stride 1, 2 for 5×5, plus the kernel's own, shared by the strip. Measured on
 * lavapipe, bandwidth against a copy's (one load and one store a value), on EfficientNet-B0's sizes:
 *
 *                                            3×3    3×3 stride 2    5×5    5×5 stride 2
 *   this, forward                            52 %       61 %        28 %       37 %
 *   this, input gradient                     60 %       71 %        32 %       56 %
 *   this, weight gradient                    54 %       56 %        28 %       37 %
 *   one output a lane, four channels         10 %       25 %         4 %       10 %
 *
 * Tiles without the walk: 2×4 outputs 27 %, 4×8 38 % (and seconds to compile). Four channels a lane are as fast for
 * 3×3, slower for 5×5 (spills), and take twice as long to compile. Leaving out the steps whose source rows are all padding
 * (of 5×5 on 7×7, 2 or 4 of 11) made 5×5 1.05 to 1.1 times as fast, a weight gradient of 3×3 0.95 times, and networks' steps
 * no faster.
 */

import { FIRST_GROUP, family, type ProgramSpec } from '../../gpu/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import { EPILOGUE_PARAMS, epilogueBindings, epilogueFunctions } from '../parts/epilogue.ts';

/** Channels of a lane: two, or one where their number is odd. */
export type Channels = 'vec2f' | 'f32';

export interface SlidingSpec {
  /** The epilogue's, constants here: the programs differ from layer to layer anyway, and told by a parameter it costs 10 %. */
  flags: number;
  direction: 'forward' | 'input gradient';
  element: Channels;
  kernel: readonly [number, number];
  stride: readonly [number, number];
  dilation: readonly [number, number];
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const lines = (list: string[], separator = '\n'): string =>
  list.filter((line) => line !== '').join(separator);

/** WGSL: the tile of columns and the channels of a lane; it ends those beyond the last. */
const PLACE = `  let place = id.x + ${LANES}u * p.firstX;
  if (place >= p.tiles * p.channels) { return; }
  let tile = place / p.channels;
  let c = place - tile * p.channels;
  let channels = i32(p.channels);`;

/**
 * WGSL: the kernel, w0_0 and so on, a row at a time: each moves through the places of the rows before it, which is next to
 * nothing beside a strip. A driver that computes on the processor takes as long to compile 25 loads as all the rest of the
 * program, so that 5×5 compiles in half the time, 3×3 in 0.7. An array in place of the moves would be in memory. Loops around
 * what is written, y or the weight's gradient, compile faster as well and take 1.1 to 1.3 times as long to run.
 */
function loadKernel(element: Channels, [rows, columns]: SlidingSpec['kernel']): string {
  const taps = range(rows * columns).map((tap) => `w${Math.floor(tap / columns)}_${tap % columns}`);
  return `  ${lines(
    taps.map((w) => `var ${w} = ${element}(0);`),
    ' ',
  )}
  for (var at = c; at < ${taps.length}u * p.channels; at += ${columns}u * p.channels) {
    ${lines(
      taps.slice(columns).map((w, tap) => `${taps[tap]} = ${w};`),
      ' ',
    )}
    ${lines(
      taps.slice(-columns).map((w, kx) => `${w} = w[at + ${kx}u * p.channels];`),
      ' ',
    )}
  }`;
}

type Geometry = Pick<SlidingSpec, 'kernel' | 'stride' | 'dilation'>;

/** Steps until a sum is complete. A dilated kernel is a longer one with holes. */
export const agesOf = ({ kernel, stride, dilation }: Geometry, axis: 0 | 1): number =>
  Math.ceil((dilation[axis] * (kernel[axis] - 1) + 1) / stride[axis]);

/** Groups of columns in a tile: outputs forward, blocks of `stride` inputs backward. */
export const tileOf = (stride: number): number => (stride === 1 ? 4 : 2);

/** The tap at this distance from the first one, or null: outside the kernel, or in a hole of a dilated one. */
function tapAt({ kernel, dilation }: Geometry, axis: 0 | 1, distance: number): number | null {
  const tap = distance / dilation[axis];
  return Number.isInteger(tap) && tap >= 0 && tap < kernel[axis] ? tap : null;
}

/**
 * One axis of a pass. A step consumes `sources` rows and completes `targets`; along the columns, a tile has
 * `tile` groups of `targets` columns and sees `span` source columns.
 */
function axisOf(spec: SlidingSpec, axis: 0 | 1) {
  const s = spec.stride[axis];
  const ages = agesOf(spec, axis);
  const tile = tileOf(s);
  const forward = spec.direction === 'forward';
  const tap = (distance: number) => tapAt(spec, axis, distance);
  return {
    ages,
    tile,
    sources: forward ? s : 1,
    targets: forward ? 1 : s,
    span: forward ? spanOf(spec) : tile + ages - 1,
    /** The tap by which source row j of a step enters target row a of the sum of this age. */
    rowTap: (j: number, age: number, a: number) => tap(forward ? age * s + j : (ages - 1 - age) * s + a),
    /** The tap by which source column i enters target column t. */
    columnTap: (i: number, t: number) =>
      tap(forward ? i - t * s : (t % s) + (Math.floor(t / s) + ages - 1 - i) * s),
  };
}

/** Columns of x under a tile of outputs. */
function spanOf({ kernel, stride, dilation }: Geometry): number {
  return (tileOf(stride[1]) - 1) * stride[1] + dilation[1] * (kernel[1] - 1) + 1;
}

/** The programs of the forward pass and of the input gradient. */
export const slidingProgram = family((spec: SlidingSpec): ProgramSpec => {
  const { direction, element, kernel, flags } = spec;
  const [rows, columns] = [axisOf(spec, 0), axisOf(spec, 1)];
  const targetColumns = range(columns.tile * columns.targets);
  const sums = range(rows.ages).map((age) =>
    range(rows.targets).flatMap((a) => targetColumns.map((t) => [age, a, t].join('_'))),
  );

  /** All that source row j of a step adds. */
  const additions = (j: number): string =>
    lines(
      range(rows.ages).flatMap((age) =>
        range(rows.targets).flatMap((a) =>
          targetColumns.flatMap((t) =>
            range(columns.span).map((i) => {
              const [ky, kx] = [rows.rowTap(j, age, a), columns.columnTap(i, t)];
              if (ky === null || kx === null) return '';
              const sum = `sum${age}_${a}_${t}`;
              return `${sum} = fma(v${i}, w${ky}_${kx}, ${sum});`;
            }),
          ),
        ),
      ),
      '\n      ',
    );
  const read = `read ${element}` as const;
  return {
    name: `depthwise-${direction.replace(' ', '-')}-${nameOf(spec)}-${element}-${flags}`,
    bindings: {
      x: read,
      w: read,
      y: `write ${element}`,
      ...epilogueBindings(element),
    },
    params: {
      channels: 'u32',
      tiles: 'u32',
      strip: 'i32', // steps that complete something
      sourceRows: 'i32',
      sourceColumns: 'i32',
      sourceTop: 'i32',
      sourceLeft: 'i32',
      targetRows: 'i32',
      targetColumns: 'i32',
      targetTop: 'i32',
      targetLeft: 'i32',
      ...FIRST_GROUP,
      ...EPILOGUE_PARAMS,
    },
    wgsl: `
${epilogueFunctions(element, { flags })}
fn put(at: i32, sum: ${element}, finish: Finish) { y[at] = finished(sum, finish, u32(at)); }

@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
${PLACE}
  let picture = i32(id.z + p.firstZ);
${loadKernel(element, kernel)}
  let finish = finishOf(c);
  let sourceColumn = i32(tile) * ${columns.tile * columns.sources} - p.sourceLeft;
${lines(
  range(columns.span).map(
    (i) => `  let inside${i} = sourceColumn + ${i} >= 0 && sourceColumn + ${i} < p.sourceColumns;
  let at${i} = clamp(sourceColumn + ${i}, 0, p.sourceColumns - 1) * channels + i32(c);`,
  ),
)}
  let targetColumn = i32(tile) * ${columns.tile * columns.targets} - p.targetLeft;
${lines(
  sums.slice(1).map(
    (row) =>
      `  ${lines(
        row.map((sum) => `var sum${sum} = ${element}(0);`),
        ' ',
      )}`,
  ),
)}
  let start = i32(id.y + p.firstY) * p.strip;
  for (var g = start; g < start + p.strip + ${rows.ages - 1}; g++) {
    ${lines(
      sums[0]!.map((sum) => `var sum${sum} = ${element}(0);`),
      ' ',
    )}
${lines(
  range(rows.sources).map(
    (j) => `    {
      let row = g * ${rows.sources} + ${j} - p.sourceTop;
      let inRow = row >= 0 && row < p.sourceRows;
      let first = (picture * p.sourceRows + clamp(row, 0, p.sourceRows - 1)) * p.sourceColumns * channels;
      ${lines(
        range(columns.span).map(
          (i) => `let v${i} = select(${element}(0), x[first + at${i}], inRow && inside${i});`,
        ),
        '\n      ',
      )}
      ${additions(j)}
    }`,
  ),
)}
    let complete = g - ${rows.ages - 1};
    if (complete >= start) {
${lines(
  range(rows.targets).map(
    (a) => `      let row${a} = complete * ${rows.targets} + ${a} - p.targetTop;
      if (row${a} >= 0 && row${a} < p.targetRows) {
        let first = ((picture * p.targetRows + row${a}) * p.targetColumns + targetColumn) * channels + i32(c);
${lines(
  targetColumns.map(
    (t) => `        if (targetColumn + ${t} >= 0 && targetColumn + ${t} < p.targetColumns) {
          put(first + ${t} * channels, sum${rows.ages - 1}_${a}_${t}, finish);
        }`,
  ),
)}
      }`,
  ),
)}
    }
${lines(
  range(rows.ages - 1)
    .reverse()
    .map(
      (age) =>
        `    ${lines(
          sums[age]!.map((sum, i) => `sum${sums[age + 1]![i]} = sum${sum};`),
          ' ',
        )}`,
    ),
)}
  }
}`,
  };
});

export type SlidingWeightSpec = Geometry & { element: Channels };

const nameOf = ({ kernel, stride, dilation }: Geometry): string =>
  `${kernel.join('x')}-stride-${stride.join('x')}-dilation-${dilation.join('x')}`;

/**
 * Partial weight gradients: a lane sums dy · x of all taps over a tile of columns and over a strip of rows of some
 * pictures. partial: [chunks, kh, kw, channels].
 */
export const slidingWeightProgram = family((spec: SlidingWeightSpec): ProgramSpec => {
  const { element, kernel, stride, dilation } = spec;
  const ages = agesOf(spec, 0);
  const tile = tileOf(stride[1]);
  const span = spanOf(spec);
  const taps = range(kernel[0]).flatMap((ky) => range(kernel[1]).map((kx) => [ky, kx] as const));
  const additions = (j: number): string =>
    lines(
      range(ages).flatMap((age) => {
        const ky = tapAt(spec, 0, age * stride[0] + j);
        if (ky === null) return [];
        return range(kernel[1]).flatMap((kx) =>
          range(tile).map((t) => {
            const sum = `sum${ky}_${kx}`;
            return `${sum} = fma(v${t * stride[1] + kx * dilation[1]}, dy${age}_${t}, ${sum});`;
          }),
        );
      }),
      '\n        ',
    );
  return {
    name: `depthwise-weight-gradient-${nameOf(spec)}-${element}`,
    bindings: { x: `read ${element}`, dy: `read ${element}`, partial: `write ${element}` },
    params: {
      channels: 'u32',
      tiles: 'u32',
      strip: 'i32',
      pictures: 'i32',
      picturesPerLane: 'i32',
      rows: 'i32', // of x
      columns: 'i32',
      top: 'i32',
      left: 'i32',
      outputRows: 'i32',
      outputColumns: 'i32',
      ...FIRST_GROUP,
    },
    wgsl: `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
${PLACE}
  let outputColumn = i32(tile) * ${tile};
${lines(
  range(tile).map(
    (t) => `  let given${t} = outputColumn + ${t} < p.outputColumns;
  let dyAt${t} = min(outputColumn + ${t}, p.outputColumns - 1) * channels + i32(c);`,
  ),
)}
  let column = outputColumn * ${stride[1]} - p.left;
${lines(
  range(span).map(
    (i) => `  let inside${i} = column + ${i} >= 0 && column + ${i} < p.columns;
  let at${i} = clamp(column + ${i}, 0, p.columns - 1) * channels + i32(c);`,
  ),
)}
${lines(taps.map(([ky, kx]) => `  var sum${ky}_${kx} = ${element}(0);`))}
  let start = i32(id.y + p.firstY) * p.strip;
  let end = min(start + p.strip, p.outputRows);
  let batch = id.z + p.firstZ;
  let firstPicture = i32(batch) * p.picturesPerLane;
  for (var picture = firstPicture; picture < min(firstPicture + p.picturesPerLane, p.pictures); picture++) {
${lines(
  range(ages - 1).map(
    (age) =>
      `    ${lines(
        range(tile).map((t) => `var dy${age + 1}_${t} = ${element}(0);`),
        ' ',
      )}`,
  ),
)}
    for (var g = start; g < end + ${ages - 1}; g++) {
      let dyFirst = (picture * p.outputRows + min(g, p.outputRows - 1)) * p.outputColumns * channels;
      ${lines(
        range(tile).map(
          (t) => `let dy0_${t} = select(${element}(0), dy[dyFirst + dyAt${t}], g < end && given${t});`,
        ),
        '\n      ',
      )}
${lines(
  range(stride[0]).map(
    (j) => `      {
        let row = g * ${stride[0]} + ${j} - p.top;
        let inRow = row >= 0 && row < p.rows;
        let first = (picture * p.rows + clamp(row, 0, p.rows - 1)) * p.columns * channels;
        ${lines(
          range(span).map(
            (i) => `let v${i} = select(${element}(0), x[first + at${i}], inRow && inside${i});`,
          ),
          '\n        ',
        )}
        ${additions(j)}
      }`,
  ),
)}
${lines(
  range(ages - 1)
    .reverse()
    .map(
      (age) =>
        `      ${lines(
          range(tile).map((t) => `dy${age + 1}_${t} = dy${age}_${t};`),
          ' ',
        )}`,
    ),
)}
    }
  }
  let strips = u32((p.outputRows + p.strip - 1) / p.strip);
  let chunk = (batch * strips + id.y + p.firstY) * p.tiles + tile;
${lines(taps.map(([ky, kx]) => `  partial[(chunk * ${taps.length}u + ${ky * kernel[1] + kx}u) * p.channels + c] = sum${ky}_${kx};`))}
}`,
  };
});
