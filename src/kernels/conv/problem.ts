/**
 * A convolution as a problem: what is to be computed, before anyone asks how.
 *
 *   forward   y  from x and w       source: x     result: y
 *   input     dx from dy and w      source: dy    result: dx
 *   weight    dw from x and dy      source: x     result: dy (what is summed over)
 *
 * Two things are settled before a row of the table is chosen:
 *
 * - **Channels in fours.** Most rows work on vec4s of channels, so those of a group are padded to a multiple of four. They stay
 *   as they are where every channel is convolved by itself, and where they are so few that fours would be zeros for the most
 *   part: the row `grouped` then reads them one by one, without a copy.
 * - **Merged taps.** Pictures of one vec4 a pixel (the colours of a first layer) leave a loop over channels one step a
 *   tap, too short for its overhead. But the taps of a kernel's row lie side by side in memory: with the padding written
 *   out at the left and the right, a row of kw taps is one tap of 4·kw channels. About twice as fast on the 7×7 stem of
 *   a ResNet.
 *
 *     pixel 0   pixel 1   pixel 2   …           kernel [kh, kw], 4 channels a tap
 *     r g b 0 │ r g b 0 │ r g b 0 │ …    ──▶    kernel [kh, 1], `depth` = 4·kw channels a tap, 4 from tap to tap
 */
import type { Shape } from '../../tensor/index.ts';
import { fours } from '../parts/align.ts';
import { type Epilogue, epilogueName } from '../parts/epilogue.ts';
import type { AnyProblem, Row } from '../parts/table.ts';
import type { GatherOperands, Product, WeightOperands } from '../parts/tile.ts';
import type { Window } from '../parts/window.ts';

/** What the choice of a row may look at: a product of the tile loop's kind, but for how many pictures there are. */
export interface ConvProblem extends AnyProblem, Omit<Product, 'planes'> {
  /**
   * The weight is a parameter that no gradient is recorded for (in evaluation, or frozen): what a row computes of it alone
   * it may keep, see Device.derived.
   */
  kept: boolean;
}

export type Direction = ConvProblem['direction'];

/** The operands of a problem, in the channels that it states; a weight gradient's hold `dw`. */
export type ConvOperands = GatherOperands | WeightOperands;

/** One way to convolve. */
export type ConvRow = Row<ConvProblem, ConvOperands>;

/** A convolution's sizes, from which its three problems follow. */
export interface Geometry {
  window: Window;
  groups: number;
  /** Height and width of x. */
  input: readonly [number, number];
  /** Channels of a group, as they are and as the problems state them. */
  cin: number;
  cout: number;
  alignedIn: number;
  alignedOut: number;
  /** Whether the taps of a kernel's row are read as one. */
  merged: boolean;
}

/**
 * Whether the channels of a group stay as they are. Read one by one, a pixel's five are five loads in place of two, and five
 * of eight multiply-adds: worth it where at least one in four would be of zeros and a lane has few blocks of them to go
 * through. On lavapipe, padded ÷ as they are, for y, dx and dw of 28² pixels by 3×3 unless said otherwise:
 *
 *   channels       y    dx   dw       channels              y    dx   dw      they stay padded:     y    dx   dw
 *   1 → 64         1.4  1.8  1.8      2 → 2                 4.9  3.5  4.7     7 → 64                0.8  1.0  0.6
 *   64 → 1         1.9  1.6  1.9      5 → 5                 2.6  2.5  1.9     64 → 10               0.8  0.7  0.8
 *   5 → 64         1.1  1.4  0.8      16 groups of 5 → 5    –    1.7  1.7     17 → 17               1.0  1.3  0.8
 *   1 → 64, 1×1    1.5  1.4  3.6      16 groups of 6 → 6    1.9  2.3  2.0     3 → 64, 7×7 / 2       0.7  1.3  0.6
 *   64 → 1, 1×1    1.6  1.8  2.0      64 groups of 1 → 2    1.6  1.1  1.5     2 → 64, 7×7 / 2       1.0  1.4  0.7
 *
 * The last two of those are stems, whose taps are merged: a sum over 12 values and more, and many columns.
 */
function areFew(cin: number, cout: number, stemColumns: number): boolean {
  const zeros = fours(cin) * fours(cout) >= 1.3 * cin * cout;
  const few = Math.min(cin, cout) <= 6 || Math.max(cin, cout) <= 12;
  return zeros && few && (cin * stemColumns < 8 || cout < 8);
}

/** The geometry of x [N, H, W, cin·groups] with w [kh, kw, cin, cout·groups]. */
export function geometryOf(x: Shape, w: Shape, window: Window, groups: number): Geometry {
  const [cin, cout] = [w[2]!, w[3]! / groups];
  const [, columns] = window.kernel;
  const stem = groups === 1 && cin <= 4 && columns > 1 && window.dilation[1] === 1;
  const asTheyAre = (cin === 1 && cout === 1) || areFew(cin, cout, stem ? columns : 0);
  const [alignedIn, alignedOut] = asTheyAre ? [cin, cout] : [fours(cin), fours(cout)];
  const merged = stem && !asTheyAre;
  return { window, groups, input: [x[1]!, x[2]!], cin, cout, alignedIn, alignedOut, merged };
}

/** Columns of x with its padding written out, where taps are merged. */
export const mergedColumns = ({ window }: Geometry): number =>
  (window.output[1] - 1) * window.stride[1] + window.kernel[1];

/** The problem of `geometry` in one direction, for one picture or more, with a weight that is `kept` or not. */
export function problemOf(
  geometry: Geometry,
  direction: Direction,
  several: boolean,
  kept = false,
  epilogue?: Epilogue,
): ConvProblem {
  const { window, groups, input, alignedIn, alignedOut } = geometry;
  const backward = direction === 'input';
  const merged = geometry.merged && !backward;
  const [inputs, outputs] = [groups * alignedIn, groups * alignedOut];
  const read = merged ? ([input[0], mergedColumns(geometry)] as const) : input;
  return {
    direction,
    several,
    kept,
    source: backward ? window.output : read,
    result: backward ? input : window.output,
    window: merged ? { ...window, kernel: [window.kernel[0], 1], left: 0 } : window,
    groups,
    sourceChannels: backward ? outputs : inputs,
    resultChannels: backward ? inputs : outputs,
    depth: merged ? alignedIn * window.kernel[1] : undefined,
    epilogue,
  };
}

/**
 * How many pictures a problem is taken for in estimates: the choice must not depend on how many more than one there are.
 * Eight would gain more in large batches and lose in small ones.
 */
export const picturesOf = ({ several }: AnyProblem): number => (several ? 4 : 1);

/** Input and output channels of a group at a tap of the weight, whichever of them the direction reads. */
export function channelsOf({
  direction,
  groups,
  sourceChannels,
  resultChannels,
  depth,
}: ConvProblem): readonly [cin: number, cout: number] {
  const [read, written] = [depth ?? sourceChannels / groups, resultChannels / groups];
  return direction === 'input' ? [written, read] : [read, written];
}

/** Multiply-adds of the definition, for one picture. Positions in the padding count. */
export function multiplyAdds(problem: ConvProblem): number {
  const { direction, groups, window, source, result } = problem;
  const [cin, cout] = channelsOf(problem);
  const outputs = direction === 'input' ? source : result;
  return outputs[0] * outputs[1] * window.kernel[0] * window.kernel[1] * groups * cin * cout;
}

/** The problem in one line, the same for every batch of more than one picture: what a tuning record goes by. */
export function keyOf(problem: ConvProblem): string {
  const { direction, several, kept, source, result, window, groups, sourceChannels, resultChannels } =
    problem;
  const { kernel, stride, dilation, top, left } = window;
  return [
    `conv ${direction}`,
    several ? 'several' : 'one',
    kept ? 'kept' : 'changing',
    `${[...source, sourceChannels].join('×')}→${[...result, resultChannels].join('×')}`,
    `kernel ${kernel.join('×')}`,
    `stride ${stride.join('×')}`,
    `dilation ${dilation.join('×')}`,
    `from ${top},${left}`,
    `groups ${groups}`,
    `depth ${problem.depth ?? 0}`,
    epilogueName(problem.epilogue ?? {}),
  ].join(' ');
}
