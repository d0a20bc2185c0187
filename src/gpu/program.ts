/**
 * Programs: a WGSL kernel together with the names and types of its bindings and parameters.
 *
 * A `Program` is plain data and knows no device; the device compiles it once and keeps the result. The declarations
 * of bindings and parameters are generated, so that a kernel's WGSL holds nothing but its maths:
 *
 *   const square = program(
 *     elementwise({
 *       name: 'square',
 *       bindings: { x: 'read f32', y: 'write f32' },
 *       params: {},
 *       wgsl: 'fn element(i: u32) { y[i] = x[i] * x[i]; }',
 *     }),
 *   );
 */
import type { BufferBinding } from './buffer.ts';
import { TooLarge } from './errors.ts';
import type { Traits } from './traits.ts';

/** How a storage buffer is bound: what the kernel may do with it, and the type of its elements. */
export type BindingType = `${'read' | 'write'} ${string}`;

/** The type of one scalar parameter (`p.name` in WGSL). */
export type ParamType = 'u32' | 'i32' | 'f32';

export interface ProgramSpec {
  /** Unique among the programs; shown in errors and profiles. */
  readonly name: string;
  readonly bindings: Readonly<Record<string, BindingType>>;
  /** At most 16 scalars: 64 bytes of immediates. */
  readonly params: Readonly<Record<string, ParamType>>;
  readonly wgsl: string;
  /** The kernel uses subgroup operations; 'sized': in subgroups of a size that it states. */
  readonly subgroups?: boolean | 'sized';
  /** The device spreads `count` elements over workgroups; see `elementwise`. */
  readonly elementwise?: boolean;
}

export interface Program extends ProgramSpec {
  readonly bindingNames: readonly string[];
  /** Whether it writes to each of them. */
  readonly writes: readonly boolean[];
  readonly paramNames: readonly string[];
}

/**
 * Parameters that the device fills in: the first workgroup of a dispatch along each axis. A program that declares one
 * adds it to its workgroup's number, and may then be run with more workgroups along that axis than a dimension holds:
 * they go in several dispatches. (Folding them into another dimension costs every invocation a division.)
 */
export const FIRST_GROUP = { firstX: 'u32', firstY: 'u32', firstZ: 'u32' } as const;
const FIRST_NAMES = Object.keys(FIRST_GROUP);
const AT_THE_START: Readonly<Record<string, number>> = { firstX: 0, firstY: 0, firstZ: 0 };

/** What a program is run with. */
export interface Run {
  bindings: Readonly<Record<string, BufferBinding>>;
  params: Readonly<Record<string, number>>;
  /** Workgroups; left out for an element-wise program. */
  groups?: readonly [number, number, number];
  /** Floating-point operations, for pacing and for the bench. */
  flops?: number;
  /** Bytes read and written, for pacing and for the bench. */
  bytes?: number;
}

const MAX_PARAMS = 16;

/** Makes a program from its description. */
export function program(spec: ProgramSpec): Program {
  const paramNames = Object.keys(spec.params);
  if (paramNames.length > MAX_PARAMS)
    throw new Error(`program ${spec.name}: ${paramNames.length} parameters, at most ${MAX_PARAMS} fit`);
  const bindingNames = Object.keys(spec.bindings);
  const writes = bindingNames.map((name) => splitBinding(spec.bindings[name]!)[0] === 'write');
  return { ...spec, bindingNames, writes, paramNames };
}

/**
 * A family of programs that differ in what is specialised (tile, vector width, activation). The same specialisation
 * always gives the same `Program` object, which is what a device's cache of pipelines goes by.
 */
export function family<Spec extends object>(build: (spec: Spec) => ProgramSpec): (spec: Spec) => Program {
  const members = new Map<string, Program>();
  return (spec) => {
    const key = Object.values(spec).join();
    const member = members.get(key) ?? program(build(spec));
    members.set(key, member);
    return member;
  };
}

/** Invocations in a workgroup of an element-wise kernel. */
const WORKGROUP = 64;
/** Neighbours that walk through memory side by side: with vec4s, 128 bytes at a time. */
const ABREAST = 8;

/**
 * A program that runs `fn element(i: u32)` for every i below the parameter `count`. To run it, give the count and no
 * workgroups.
 *
 * Where there are fewer invocations than elements, each eight of them take a stretch of memory for themselves:
 *
 *   lanes 0 … 7    ▸▸▸▸▸▸▸▸│▸▸▸▸▸▸▸▸│…        lanes 8 … 15    ▸▸▸▸▸▸▸▸│▸▸▸▸▸▸▸▸│…
 *
 * How many each has is a division of floats, since one of integers costs a processor hundreds of cycles. It may be off
 * by one: what it leaves says whether it was too small, and too large only leaves lanes without work; so that no half of
 * a GPU's is, enough invocations have one each.
 */
export function elementwise(spec: ProgramSpec): ProgramSpec {
  return {
    ...spec,
    elementwise: true,
    params: { count: 'u32', ...spec.params },
    wgsl: `${spec.wgsl}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let total = groups.x * groups.y * ${WORKGROUP}u;
  let whole = u32(f32(p.count - 1) / f32(total));
  let rest = p.count - 1 - whole * total;
  let each = select(whole + select(1u, 2u, rest >= total), 1u, total >= p.count); // elements of an invocation
  let stretch = ((id.x + id.y * groups.x) * ${WORKGROUP}u + lane - lane % ${ABREAST}u) * each;
  let end = min(stretch + ${ABREAST}u * each, p.count);
  for (var i = stretch + lane % ${ABREAST}u; i < end; i += ${ABREAST}u) { element(i); }
}`,
  };
}

/** Workgroups for `count` elements: an invocation for each, or fewer where starting one costs much. */
export function elementwiseGroups(
  count: number,
  { elementsEach, fewestWorkgroups }: Pick<Traits, 'elementsEach' | 'fewestWorkgroups'>,
): readonly [number, number, number] {
  const spare = Math.floor(count / (WORKGROUP * fewestWorkgroups));
  const each = Math.min(Math.max(spare, 1), elementsEach);
  return foldGroups(Math.ceil(count / (WORKGROUP * each)));
}

/** Workgroups that every adapter starts in a dimension. */
export const MOST_GROUPS = 65535;

/**
 * Cuts a run of more workgroups than a dimension holds into runs that are dispatched one after the other.
 * @throws TooLarge where there are more along an axis that the program cannot begin at (see `FIRST_GROUP`)
 */
export function piecesOf(
  source: Program,
  run: Run,
  groups: readonly [number, number, number],
): readonly (Run & { groups: readonly [number, number, number] })[] {
  const [xs, ys, zs] = groups.map((count, axis) => {
    if (count > MOST_GROUPS && !source.paramNames.includes(FIRST_NAMES[axis]!))
      throw new TooLarge('workgroups', source.name, count, MOST_GROUPS);
    return Array.from({ length: Math.ceil(count / MOST_GROUPS) }, (_, index) => {
      const first = index * MOST_GROUPS;
      return { first, count: Math.min(MOST_GROUPS, count - first) };
    });
  }) as [Stretch[], Stretch[], Stretch[]];
  const { bindings, params, flops = 0, bytes = 0 } = run;
  return zs.flatMap((z) =>
    ys.flatMap((y) =>
      xs.map((x) => {
        const share = (x.count / groups[0]) * (y.count / groups[1]) * (z.count / groups[2]);
        return {
          bindings,
          params: { ...params, firstX: x.first, firstY: y.first, firstZ: z.first },
          groups: [x.count, y.count, z.count] as const,
          flops: share * flops,
          bytes: share * bytes,
        };
      }),
    ),
  );
}

interface Stretch {
  first: number;
  count: number;
}

/** Spreads a one-dimensional count of workgroups over x and y: a dimension holds at most 65,535. */
export function foldGroups(count: number, z = 1): readonly [number, number, number] {
  const y = Math.ceil(count / MOST_GROUPS);
  return [Math.ceil(count / Math.max(y, 1)), y, z];
}

/** The WGSL of a whole program: declarations of bindings and parameters, then the kernel. */
export function assemble(source: Program, immediates: boolean): string {
  const lines: string[] = [];
  if (source.subgroups) lines.push('enable subgroups;');
  if (source.subgroups === 'sized') lines.push('enable subgroup_size_control;');
  if (immediates && source.paramNames.length > 0) lines.push('requires immediate_address_space;');
  source.bindingNames.forEach((name, index) => {
    const [access, type] = splitBinding(source.bindings[name]!);
    const mode = access === 'read' ? 'read' : 'read_write';
    lines.push(`@group(0) @binding(${index}) var<storage, ${mode}> ${name}: array<${type}>;`);
  });
  if (source.paramNames.length > 0) {
    lines.push(
      `struct Params { ${source.paramNames.map((name) => `${name}: ${source.params[name]}`).join(', ')} }`,
    );
    lines.push(
      immediates
        ? 'var<immediate> p: Params;'
        : `@group(0) @binding(${source.bindingNames.length}) var<uniform> p: Params;`,
    );
  }
  return `${lines.join('\n')}\n${source.wgsl}`;
}

function splitBinding(binding: BindingType): ['read' | 'write', string] {
  const space = binding.indexOf(' ');
  return [binding.slice(0, space) as 'read' | 'write', binding.slice(space + 1)];
}

/** Packs parameters into the bytes that the WGSL struct `Params` expects (all members are four bytes wide). */
export function packParams(
  source: Program,
  values: Readonly<Record<string, number>>,
  into: DataView,
): number {
  let offset = 0;
  for (const name of source.paramNames) {
    const value = values[name] ?? AT_THE_START[name];
    if (value === undefined) throw new Error(`program ${source.name}: parameter ${name} was not given`);
    if (source.params[name] === 'f32') into.setFloat32(offset, value, true);
    else into.setInt32(offset, value, true);
    offset += 4;
  }
  return offset;
}
