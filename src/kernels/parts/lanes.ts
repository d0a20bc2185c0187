/**
 * How the lanes that work on a tile together hand values to each other: the WGSL of it, so that no kernel names a
 * subgroup's builtin itself.
 *
 *   by          lanes                                          `share(name, lane)`
 *   broadcast   a subgroup, whose size is fixed: a workgroup   subgroupBroadcast(name, lane)
 *   none        any number: no lane knows what another has     name, which each lane has loaded for itself
 *
 * A kernel that shares has every lane load a part of what all need (`name0`, `name1`, …) and offers it; then any lane's
 * part is to be had by all, as long as all ask for it at once (in uniform control flow), until it offers again:
 *
 *   let v0 = x[base + lane];      lane 0     lane 1     lane 2     lane 3
 *   {offer('v', 1)}               [ v0 ]     [ v0 ]     [ v0 ]     [ v0 ]
 *   … {share('v', 0, 2)} …           └──────────┴── the third one's ─┘    in all four
 */
import type { Traits } from '../../gpu/index.ts';

/** The lanes that a program is written for: part of its specialisation. */
export interface LaneSpec {
  /** Lanes that work together, and the size of the workgroup. */
  lanes: number;
  by: 'broadcast' | 'none';
}

/** Lanes of a workgroup where they cannot share. */
const LANES_ALONE = 16;

/** The lanes of a device. */
export const laneSpecOf = ({ lanes }: Pick<Traits, 'lanes'>): LaneSpec =>
  lanes > 0 ? { lanes, by: 'broadcast' } : { lanes: LANES_ALONE, by: 'none' };

/** The specialisation in a program's name. */
export const laneName = ({ lanes, by }: LaneSpec): string => (by === 'none' ? '0' : `${lanes}`);

/** The type of what lanes hand round. */
export type Shared = 'vec4f' | 'u32';

export interface Sharing {
  /** Whether there is anything to share: otherwise every lane loads all that it needs. */
  shares: boolean;
  /** `subgroups` of the program. */
  subgroups: boolean;
  /** Declarations outside of functions. */
  declarations: string;
  /** Parameters of `main` that `lane` needs. */
  builtins: string;
  /** The statement that says which `lane` an invocation is. */
  lane: string;
  /** Statement that offers `name0` … `name{count − 1}` of this lane to all of them. */
  offer(name: string, count: number, type: Shared): string;
  /** The value of `name{index}` in a lane (a constant). */
  share(name: string, index: number, lane: number, type: Shared): string;
}

/** How lanes share, in WGSL. */
export function sharing({ by }: LaneSpec): Sharing {
  const subgroups = by === 'broadcast';
  return {
    shares: by !== 'none',
    subgroups,
    declarations: '',
    builtins: '@builtin(local_invocation_index) lane: u32',
    lane: '',
    offer: () => '',
    share: (name, index, lane) =>
      subgroups ? `subgroupBroadcast(${name}${index}, ${lane}u)` : `${name}${index}`,
  };
}
