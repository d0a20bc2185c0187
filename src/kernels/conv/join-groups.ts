/**
 * Groups whose channels are no fours, joined to larger ones whose are. The channels of neighbouring groups lie side by side,
 * so that a map stays as it is; a weight gets zeros where the groups that it joins do not see each other:
 *
 *   two groups of two channels              one group of four
 *
 *     group 0 │ group 1                       a b │ 0 0
 *       a b   │   e f            ──▶          c d │ 0 0
 *       c d   │   g h                         0 0 │ e f
 *                                             0 0 │ g h
 *
 * That is exact, and multiplies `joined` times as much in place of the 4 times of two channels padded to four in both x and
 * y, which are copied for it besides. The inverse, for a weight's gradient, reads the blocks of the diagonal.
 */
import { elementwise, program } from '../../gpu/index.ts';
import { empty, type Shape, type Tensor } from '../../tensor/index.ts';

const PARAMS = { cin: 'u32', cout: 'u32', outputs: 'u32', joined: 'u32' } as const;

const joinProgram = program(
  elementwise({
    name: 'join-groups',
    bindings: { w: 'read f32', y: 'write f32' },
    params: PARAMS,
    wgsl: `fn element(i: u32) {
  let output = i % p.outputs;
  let row = i / p.outputs;
  let input = row % (p.joined * p.cin);
  let tap = row / (p.joined * p.cin);
  let own = input / p.cin == output / p.cout % p.joined;
  y[i] = select(0, w[(tap * p.cin + input % p.cin) * p.outputs + output], own);
}`,
  }),
);

const splitProgram = program(
  elementwise({
    name: 'split-groups',
    bindings: { w: 'read f32', y: 'write f32' },
    params: PARAMS,
    wgsl: `fn element(i: u32) {
  let output = i % p.outputs;
  let row = i / p.outputs;
  let tap = row / p.cin;
  let input = output / p.cout % p.joined * p.cin + row % p.cin;
  y[i] = w[(tap * p.joined * p.cin + input) * p.outputs + output];
}`,
  }),
);

/**
 * How many groups of `cin` to `cout` channels to join, 1 for none: the fewest that make fours of both, where that multiplies
 * about as much as padding, which copies x and y as well, or less.
 */
export function groupsToJoin(groups: number, cin: number, cout: number, padded: number): number {
  const joined = [1, 2, 4].find((count) => (count * cin) % 4 === 0 && (count * cout) % 4 === 0)!;
  return groups % joined === 0 && joined * cin * cout <= 1.25 * padded ? joined : 1;
}

/** The weight [kh, kw, joined·cin, outputs] of joined groups, from theirs, [kh, kw, cin, outputs], or back. Records no gradient. */
export function joinGroups(w: Tensor, to: 'joined' | 'apart', joined: number, cout: number): Tensor {
  const [kh, kw, rows, outputs] = w.shape as [number, number, number, number];
  const cin = to === 'joined' ? rows : rows / joined;
  const shape: Shape = [kh, kw, to === 'joined' ? joined * cin : cin, outputs];
  const y = empty(w.device, shape);
  w.device.run(to === 'joined' ? joinProgram : splitProgram, {
    bindings: { w: w.buffer, y: y.buffer },
    params: { count: y.size, cin, cout, outputs, joined },
    bytes: 4 * (Math.min(w.size, y.size) + y.size),
  });
  return y;
}
