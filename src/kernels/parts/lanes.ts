/**
 * How the lanes that work on a tile together hand values to each other: the WGSL of it, so that no kernel names a
 * subgroup's builtin itself. A workgroup is as many lanes as work together. They share in one of these ways:
 *
 *   by          lanes that work together              the value of v in lane i                      where
 *   broadcast   a subgroup, always of one size        subgroupBroadcast(v, i)                       sizes do not vary
 *   sized       a subgroup, of the size asked for     subgroupBroadcast(v, i)                       sizes vary, one can be asked for
 *   shuffle     a block of lanes in a subgroup        subgroupShuffle(v, the block's first + i)     sizes vary
 *   workgroup   any number                            offered[i], which lane i has written before   everywhere
 *   none        none: each loads all that it needs    v                                             everywhere
 *
 * A kernel that shares has every lane load a part of what all need (`v0`, `v1`, …) and offers it; then any lane's part is
 * to be had by all, as long as all ask at once (in uniform control flow), until something else is offered:
 *
 *   let v0 = x[base + lane];      lane 0     lane 1     lane 2     lane 3
 *   {offer('v', 1)}               [ v0 ]     [ v0 ]     [ v0 ]     [ v0 ]
 *   … {share('v', 0, 2)} …           └──────────┴─ the third lane's ─┘     in all four
 *
 * `shuffle` makes lanes of a fixed number out of subgroups that the driver sizes as it likes, program by program:
 *
 *   the adapter's smallest: 8       0 … 7                                     the driver took 8
 *                                   0 … 7 │ 8 … 15                            it took 16: two blocks, the first is used
 *
 * WGSL promises no relation between an invocation's index in the workgroup and its lane in the subgroup, so that `lane` is
 * taken from the subgroup. A workgroup of the smallest size leaves every driver that packs invocations densely (all that
 * are known do) one block: the whole of a subgroup, or the start of a larger one, whose other lanes idle. Mesa takes the
 * smallest that fits for Intel, and 32 for so small a workgroup on AMD's RDNA, so that none idle there. Where a size can be
 * asked for, WebGPU promises subgroups of it that are full.
 *
 * `workgroup` takes two barriers for what is offered, and memory that is as slow as any where a processor computes: on
 * lavapipe, 16 lanes, 0.93 times as long as `none` for a 3×3 convolution and 1.15 times with its gradients. No adapter takes
 * it by itself; it runs the kernels of 32 and 64 lanes in the tests.
 */
import type { LanesBy, Traits } from '../../gpu/index.ts';

/** The lanes that a program is written for: part of its specialisation. */
export interface LaneSpec {
  /** Lanes that work together, and the size of the workgroup. */
  lanes: number;
  by: LanesBy | 'none';
}

/** Lanes of a workgroup where they cannot share. */
const LANES_ALONE = 16;

/** The lanes of a device. */
export const laneSpecOf = ({ lanes, lanesBy }: Pick<Traits, 'lanes' | 'lanesBy'>): LaneSpec =>
  lanes > 0 ? { lanes, by: lanesBy } : { lanes: LANES_ALONE, by: 'none' };

/** The specialisation in a program's name. */
export const laneName = ({ lanes, by }: LaneSpec): string =>
  by === 'none' ? '0' : by === 'broadcast' ? `${lanes}` : `${lanes}-${by}`;

/** The type of what lanes hand round. */
export type Shared = 'vec4f' | 'u32';

export interface Sharing {
  /** Whether there is anything to share: otherwise every lane loads all that it needs. */
  shares: boolean;
  /** `subgroups` of the program. */
  subgroups: boolean | 'sized';
  /** Declarations outside of functions. */
  declarations: string;
  /** The attributes of `main`. */
  entry: string;
  /** Parameters of `main` that `lane` needs. */
  builtins: string;
  /** The statements that say which `lane` an invocation is. */
  lane: string;
  /** Statements that offer `name0` … `name{count − 1}` of this lane to all of them. */
  offer(name: string, count: number, type: Shared): string;
  /** The value of `name{index}` in a lane, an expression of numbers and of what `each` gives. */
  share(name: string, index: number, lane: string, type: Shared): string;
  /** The lines for 0 … count − 1: a loop, or written out where only constants can name a lane. */
  each(count: number, lines: (index: string) => string): string;
}

const BY_INDEX = { builtins: '@builtin(local_invocation_index) lane: u32', lane: '' };
const BY_SUBGROUP = { builtins: '@builtin(subgroup_invocation_id) lane: u32', lane: '' };
const NOTHING_TO_OFFER = { declarations: '', offer: () => '' };

const written: Sharing['each'] = (count, lines) =>
  Array.from({ length: count }, (_, index) => lines(`${index}u`)).join('\n');
const looped: Sharing['each'] = (count, lines) =>
  count === 1 ? lines('0u') : `for (var each = 0u; each < ${count}u; each++) {\n${lines('each')}\n}`;

/** How lanes share, in WGSL; a kernel offers at most so many values at once. */
export function sharing({ lanes, by }: LaneSpec, atOnce: number): Sharing {
  const entry = `@compute @workgroup_size(${lanes})`;
  switch (by) {
    case 'broadcast':
    case 'sized':
      return {
        shares: true,
        subgroups: by === 'sized' ? 'sized' : true,
        entry: by === 'sized' ? `${entry} @subgroup_size(${lanes})` : entry,
        ...BY_SUBGROUP,
        ...NOTHING_TO_OFFER,
        share: (name, index, lane) => `subgroupBroadcast(${name}${index}, ${lane})`,
        each: written,
      };
    case 'shuffle':
      return {
        shares: true,
        subgroups: true,
        entry,
        builtins: '@builtin(subgroup_invocation_id) place: u32',
        lane: `let lane = place % ${lanes}u;
  let block = place - lane;`,
        ...NOTHING_TO_OFFER,
        share: (name, index, lane) => `subgroupShuffle(${name}${index}, block + ${lane})`,
        each: looped,
      };
    case 'workgroup': {
      // Bits, so that whatever is offered arrives as it was.
      const bits = { vec4f: (v: string) => `bitcast<vec4u>(${v})`, u32: (v: string) => `vec4u(${v})` };
      const value = { vec4f: (b: string) => `bitcast<vec4f>(${b})`, u32: (b: string) => `${b}.x` };
      return {
        shares: true,
        subgroups: false,
        entry,
        declarations: `var<workgroup> offered: array<vec4u, ${atOnce * lanes}>;`,
        ...BY_INDEX,
        offer: (name, count, type) => {
          const writes = Array.from(
            { length: count },
            (_, i) => `offered[lane + ${i * lanes}u] = ${bits[type](`${name}${i}`)};`,
          );
          return ['workgroupBarrier();', ...writes, 'workgroupBarrier();'].join(' ');
        },
        share: (_, index, lane, type) => value[type](`offered[${index * lanes}u + ${lane}]`),
        each: looped,
      };
    }
    case 'none':
      return {
        shares: false,
        subgroups: false,
        entry,
        ...BY_INDEX,
        ...NOTHING_TO_OFFER,
        share: (name, index) => `${name}${index}`,
        each: written,
      };
  }
}
