/**
 * A convolution as a problem: what is to be computed, before anyone asks how.
 *
 *   forward   y  from x and w       source: x     result: y
 *   input     dx from dy and w      source: dy    result: dx
 *   weight    dw from x and dy      source: x     result: dy (what is summed over)
 *
 * Two things are settled before a row of the table is chosen:
 *
 * - **Channels in fours.** Rows work on vec4s of channels, so small groups are joined (join-groups.ts), or the channels of a
 *   group padded, to a multiple of four. Where every channel is convolved by itself they stay as they are.
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
import { groupsToJoin } from './join-groups.ts';

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
  /** Groups, each of them so many of the convolution's joined. */
  groups: number;
  joined: number;
  /** Height and width of x. */
  input: readonly [number, number];
  /** Channels of such a group, as they are and as the problems state them. */
  cin: number;
  cout: number;
  alignedIn: number;
  alignedOut: number;
  /** Whether the taps of a kernel's row are read as one. */
  merged: boolean;
}

/** The geometry of x [N, H, W, inputs·groups] with w [kh, kw, inputs, outputs·groups]. */
export function geometryOf(x: Shape, w: Shape, window: Window, ofGroups: number): Geometry {
  const [inputs, outputs] = [w[2]!, w[3]! / ofGroups];
  const alone = inputs === 1 && outputs === 1;
  const joined = alone ? 1 : groupsToJoin(ofGroups, inputs, outputs, fours(inputs) * fours(outputs));
  const groups = ofGroups / joined;
  const [cin, cout] = [joined * inputs, joined * outputs];
  const alignedIn = alone ? 1 : fours(cin);
  const alignedOut = alone ? 1 : fours(cout);
  const merged = groups === 1 && alignedIn === 4 && window.kernel[1] > 1 && window.dilation[1] === 1;
  return { window, groups, joined, input: [x[1]!, x[2]!], cin, cout, alignedIn, alignedOut, merged };
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
