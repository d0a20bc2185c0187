/**
 * Programs: a WGSL kernel together with the names and types of its bindings and parameters.
 *
 * A `Program` is plain data and knows no device; the device compiles it once and keeps the result. The declarations
 * of bindings and parameters are generated, so that a kernel's WGSL holds nothing but its maths:
 *
 *   const square = program({
 *     name: 'square',
 *     bindings: { x: 'read f32', y: 'write f32' },
 *     params: { count: 'u32' },
 *     workgroup: [64],
 *     wgsl: `@compute @workgroup_size(64) fn main(...) { ... y[i] = x[i] * x[i]; }`,
 *   });
 */

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
  /** The kernel uses subgroup operations. */
  readonly subgroups?: boolean;
}

export interface Program extends ProgramSpec {
  readonly bindingNames: readonly string[];
  readonly paramNames: readonly string[];
}

const MAX_PARAMS = 16;

/** Makes a program from its description. */
export function program(spec: ProgramSpec): Program {
  const paramNames = Object.keys(spec.params);
  if (paramNames.length > MAX_PARAMS)
    throw new Error(`program ${spec.name}: ${paramNames.length} parameters, at most ${MAX_PARAMS} fit`);
  return { ...spec, bindingNames: Object.keys(spec.bindings), paramNames };
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
const ELEMENTWISE_WORKGROUP = 64;

/**
 * A program that runs `fn element(i: u32)` for every i below the parameter `count`. Dispatch it with
 * `elementwiseGroups(count)`.
 */
export function elementwise(spec: ProgramSpec): ProgramSpec {
  return {
    ...spec,
    params: { count: 'u32', ...spec.params },
    wgsl: `${spec.wgsl}
@compute @workgroup_size(${ELEMENTWISE_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * ${ELEMENTWISE_WORKGROUP}u;
  if (i < p.count) { element(i); }
}`,
  };
}

/** Workgroups for an element-wise program over `count` elements. */
export function elementwiseGroups(count: number): readonly [number, number, number] {
  return foldGroups(Math.ceil(count / ELEMENTWISE_WORKGROUP));
}

/** Spreads a one-dimensional count of workgroups over x and y: a dimension holds at most 65,535. */
export function foldGroups(count: number, z = 1): readonly [number, number, number] {
  const y = Math.ceil(count / 65535);
  return [Math.ceil(count / Math.max(y, 1)), y, z];
}

/** The WGSL of a whole program: declarations of bindings and parameters, then the kernel. */
export function assemble(source: Program, immediates: boolean): string {
  const lines: string[] = [];
  if (source.subgroups) lines.push('enable subgroups;');
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

/** True where the program writes the binding. */
export function writes(source: Program, name: string): boolean {
  return source.bindings[name]!.startsWith('write');
}

/** Packs parameters into the bytes that the WGSL struct `Params` expects (all members are four bytes wide). */
export function packParams(
  source: Program,
  values: Readonly<Record<string, number>>,
  into: DataView,
): number {
  let offset = 0;
  for (const name of source.paramNames) {
    const value = values[name];
    if (value === undefined) throw new Error(`program ${source.name}: parameter ${name} was not given`);
    if (source.params[name] === 'f32') into.setFloat32(offset, value, true);
    else into.setInt32(offset, value, true);
    offset += 4;
  }
  return offset;
}
