/**
 * Element-wise work over many tensors in few dispatches. A dispatch binds several of them, each with its partners (a
 * gradient, or an average and the weights that it follows), and a workgroup finds its piece by where the pieces end:
 *
 *   slot 0: t0 ▓▓▓▓▓▓▓▓│▓▓▓     slot 1: t1 ▓▓▓       each │ … │ is BLOCK vec4 of one tensor, for one workgroup
 *
 * An optimiser's step (multi-tensor.ts) has state and rates to find as well, and a table for it; here the ends fit into the
 * parameters of the dispatch.
 */
import {
  type BindingType,
  type BufferBinding,
  type Device,
  family,
  foldGroups,
  slices,
} from '../gpu/index.ts';
import type { Tensor } from '../tensor/index.ts';

/** vec4 that one workgroup works on. */
const BLOCK = 1024;
/** Invocations of a workgroup. */
export const LANES = 64;

export interface SeveralSpec<Role extends string> {
  /** Unique among the programs. */
  readonly name: string;
  /** What a slot binds, arrays of vec4f: the role `x` is called `x0`, `x1` and so on. */
  readonly roles: Readonly<Record<Role, 'read' | 'write'>>;
  /** What the slots of a dispatch share. */
  readonly shared: Readonly<Record<string, BindingType>>;
  /** Functions of the kernel. */
  readonly wgsl?: string;
  /** What is done to vec4 `i` in a slot: statements. `left` is how many of its four values belong to the tensor. */
  readonly element: (slot: number) => string;
  /** Around the vec4s of an invocation; `place` is a number of its own among all invocations of all dispatches. */
  readonly before?: string;
  readonly after?: string;
  /** Operations and bytes of a value. */
  readonly flops: number;
  readonly bytes: number;
}

/** What `SeveralSpec` says of each of some tensors: those of a role are as many and as long as those of the others. */
export interface Several<Role extends string> {
  /** Runs it. */
  run(
    device: Device,
    tensors: Readonly<Record<Role, readonly Tensor[]>>,
    shared: Readonly<Record<string, BufferBinding>>,
  ): void;
  /** How many invocations there are for tensors of these sizes. */
  invocations(device: Device, sizes: readonly number[]): number;
}

const blocksOf = (count: number): number => Math.ceil(count / (4 * BLOCK));

export function several<Role extends string>(spec: SeveralSpec<Role>): Several<Role> {
  const roles = Object.keys(spec.roles) as Role[];
  const programs = programsOf(spec, roles);
  return {
    run(device, tensors, shared) {
      const { maxStorageBuffersPerShaderStage: most } = device.limits;
      const fit = Math.floor((most - Object.keys(spec.shared).length) / roles.length);
      const slots = Math.min(device.traits.optimizerSlots, fit);
      const pieces = tensors[roles[0]].flatMap(({ size }, tensor) =>
        slices(device, size).map(({ count, slice }) => ({ tensor, count, slice })),
      );
      let first = 0;
      for (let at = 0; at < pieces.length; at += slots) {
        const bound = pieces.slice(at, at + slots);
        const bindings: Record<string, BufferBinding> = { ...shared };
        const params: Record<string, number> = { first };
        let end = 0;
        for (const [slot, { tensor, count, slice }] of bound.entries()) {
          for (const role of roles) bindings[`${role}${slot}`] = slice(tensors[role][tensor].buffer);
          end += blocksOf(count);
          params[`end${slot}`] = end;
          params[`size${slot}`] = count;
        }
        const values = bound.reduce((sum, { count }) => sum + count, 0);
        device.run(programs({ slots: bound.length }), {
          bindings,
          params,
          groups: foldGroups(end),
          flops: spec.flops * values,
          bytes: spec.bytes * values,
        });
        first += end;
      }
    },
    invocations: (device, sizes) =>
      LANES *
      sizes.reduce(
        (sum, size) => slices(device, size).reduce((blocks, { count }) => blocks + blocksOf(count), sum),
        0,
      ),
  };
}

const programsOf = <Role extends string>(spec: SeveralSpec<Role>, roles: readonly Role[]) =>
  family(({ slots }: { slots: number }) => {
    const each = Array.from({ length: slots }, (_, slot) => slot);
    return {
      name: `${spec.name}-${slots}`,
      bindings: {
        ...spec.shared,
        ...Object.fromEntries(
          each.flatMap((slot) =>
            roles.map((role) => [`${role}${slot}`, `${spec.roles[role]} vec4f`] as const),
          ),
        ),
      },
      params: {
        first: 'u32', // blocks of the dispatches before
        ...Object.fromEntries(
          each.flatMap((slot) => [[`end${slot}`, 'u32'] as const, [`size${slot}`, 'u32'] as const]),
        ),
      },
      wgsl: `${spec.wgsl ?? ''}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let block = id.x + id.y * groups.x;
  if (block >= p.end${slots - 1}) { return; }
  let place = (p.first + block) * ${LANES}u + lane;
  ${spec.before ?? ''}
${each
  .map(
    (slot) => `  ${slot > 0 ? 'else ' : ''}if (block < p.end${slot}) {
    let start = (block${slot > 0 ? ` - p.end${slot - 1}` : ''}) * ${BLOCK}u;
    let end = min(start + ${BLOCK}u, (p.size${slot} + 3u) / 4u);
    for (var i = start + lane; i < end; i += ${LANES}u) {
      let left = p.size${slot} - 4u * i;
      ${spec.element(slot)}
    }
  }`,
  )
  .join('\n')}
  ${spec.after ?? ''}
}`,
    };
  });
