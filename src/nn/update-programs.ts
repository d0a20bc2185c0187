/**
 * The programs of an optimiser step, made from the rule of the optimiser: one prepares what each parameter needs and
 * looks at the loss, one updates the blocks of several parameters, one those of a parameter with a mask. See
 * multi-tensor.ts, which dispatches them.
 */
import { elementwise, family, program, type Traits } from '../gpu/index.ts';

/** The rule of an optimiser, in WGSL. */
export interface UpdateRule {
  /** Unique; names the programs. */
  readonly name: string;
  /** One array each, as long as the parameter; `update` reads and writes `name[s]`. Absent before step 1. */
  readonly state: readonly string[];
  /** Constants of the optimiser, `p.name` in both functions. */
  readonly constants: Readonly<Record<string, number>>;
  /** `fn prepare(rates: vec4f, step: f32) -> vec3f`: what `update` needs of the group's rates and the step. */
  readonly prepare: string;
  /** `fn update(x: vec4f, gradient: vec4f, c: vec4f, s: u32) -> vec4f`: c = (prepare(…), step). */
  readonly update: string;
}

/** vec4 that an invocation updates at least, and invocations in a workgroup. */
const EACH = 16;
const WORKGROUP = 64;
/** Neighbours that walk side by side, as in element-wise kernels: all 64 abreast are 0.75 times as fast on lavapipe. */
const ABREAST = 8;

/** vec4 that one workgroup updates. */
export const blockOf = ({ elementsEach }: Pick<Traits, 'elementsEach'>): number =>
  WORKGROUP * Math.max(EACH, elementsEach);

const float = (names: readonly string[]): Record<string, 'f32'> =>
  Object.fromEntries(names.map((name) => [name, 'f32' as const]));

export const prepareProgram = memoised((rule: UpdateRule) =>
  program(
    elementwise({
      name: `${rule.name}-prepare`,
      bindings: {
        members: 'read vec2u',
        rates: 'read vec4f',
        loss: 'read u32',
        steps: 'write u32',
        control: 'write vec4f',
      },
      params: float(Object.keys(rule.constants)),
      wgsl: `${rule.prepare}
fn element(i: u32) {
  let parameter = members[i].x;
  // An exponent of all ones: infinity or NaN. Compilers may assume that floats are never that, so bits are compared.
  if ((loss[0] & 0x7f800000u) == 0x7f800000u) { control[parameter] = vec4f(0); return; }
  let step = steps[parameter] + 1;
  steps[parameter] = step;
  control[parameter] = vec4f(prepare(rates[members[i].y], f32(step)), f32(step));
}`,
    }),
  ),
);

export const updateProgram = memoised((rule: UpdateRule) =>
  family(({ slots }: { slots: number }) => {
    const each = Array.from({ length: slots }, (_, slot) => slot);
    return {
      name: `${rule.name}-${slots}`,
      bindings: {
        blocks: 'read vec4u',
        control: 'read vec4f',
        ...Object.fromEntries(rule.state.map((name) => [name, 'write vec4f' as const])),
        ...Object.fromEntries(
          each.flatMap((slot) => [
            [`x${slot}`, 'write vec4f' as const],
            [`g${slot}`, 'read vec4f' as const],
          ]),
        ),
      },
      params: { count: 'u32', ...float(Object.keys(rule.constants)) },
      wgsl: `${rule.update}
${forEachBlock(`switch (block.x & 15u) {
${each
  .map(
    (slot) => `    case ${slot}u: {
      for (var i = first; i < end; i += ${ABREAST}u) { x${slot}[i] = update(x${slot}[i], g${slot}[i], c, i + block.w); }
    }`,
  )
  .join('\n')}
    default: {}
  }`)}`,
    };
  }),
);

/**
 * The same for a piece of one parameter that has a mask (mask.ts), as long as the piece or repeated every `period` values
 * with its beginning at `first`: where it is 0, value and state keep their bits; state that there was none of yet is 0.
 */
export const maskedProgram = memoised((rule: UpdateRule) =>
  program({
    name: `${rule.name}-masked`,
    bindings: {
      blocks: 'read vec4u',
      control: 'read vec4f',
      ...Object.fromEntries(rule.state.map((name) => [name, 'write vec4f' as const])),
      x: 'write vec4f',
      g: 'read vec4f',
      mask: 'read f32',
    },
    params: { count: 'u32', first: 'u32', period: 'u32', ...float(Object.keys(rule.constants)) },
    wgsl: `${rule.update}
fn trains(i: u32) -> vec4<bool> {
  let at = (vec4u(4 * i) + vec4u(0, 1, 2, 3) + p.first) % p.period;
  return vec4f(mask[at.x], mask[at.y], mask[at.z], mask[at.w]) != vec4f(0);
}
fn updatePart(i: u32, c: vec4f, s: u32) {
  let part = trains(i);
${rule.state.map((name) => `  let ${name}Before = select(${name}[s], vec4f(0), c.w == 1);`).join('\n')}
  x[i] = select(x[i], update(x[i], g[i], c, s), part);
${rule.state.map((name) => `  ${name}[s] = select(${name}Before, ${name}[s], part);`).join('\n')}
}
${forEachBlock(`for (var i = first; i < end; i += ${ABREAST}u) { updatePart(i, c, i + block.w); }`)}`,
  }),
);

/** The entry point: `body` sees its vec4s, every eighth from `first` to `end`, the `block` and what its parameter needs, `c`. */
function forEachBlock(body: string): string {
  return `@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = id.x + id.y * groups.x;
  if (index >= p.count) { return; }
  let block = blocks[index];
  let c = control[block.x >> 4u];
  if (c.w == 0) { return; } // the loss was not finite
  let stretch = (block.z - block.y + ${WORKGROUP - 1}u) / ${WORKGROUP}u * ${ABREAST}u; // of eight invocations
  let start = block.y + lane / ${ABREAST}u * stretch;
  let first = start + lane % ${ABREAST}u;
  let end = min(start + stretch, block.z);
  ${body}
}`;
}

/** One result for each rule, by its name: optimisers of one kind share their programs. */
function memoised<Value>(make: (rule: UpdateRule) => Value): (rule: UpdateRule) => Value {
  const made = new Map<string, Value>();
  return (rule) => {
    const value = made.get(rule.name) ?? make(rule);
    made.set(rule.name, value);
    return value;
  };
}
