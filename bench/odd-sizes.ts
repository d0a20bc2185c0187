/**
 * Is there a size that is much slower than its neighbour? Sizes that fit no tile, no vec4 and no group are measured side by
 * side with the next one that does; what a FLOP takes (of pools and norms, a byte) is held against the neighbour's. A ratio,
 * so that the machine's speed is no part of it.
 *
 *   node --import tsx bench/odd-sizes.ts [--filter TEXT] [--samples 9]
 *
 * The table goes to stdout, the slowest first; those beyond 3 come with what is known of them.
 */
import { parseArgs } from 'node:util';
import { chooseTasks } from '../src/bench/run.ts';
import { type Measured, measureTasks, type Task } from '../src/bench/tasks.ts';
import { onStop, progressBar, say, table } from '../src/cli/ui.ts';
import { openDevice } from '../src/node/open-device.ts';

/** How many times its neighbour's time a FLOP of a size may take. */
const LIMIT = 3;
/** Below this (ms) a run is mostly what a dispatch costs, which says nothing of a size. */
const SHORTEST = 0.15;

/** An odd size, and the next one that fits. */
type Pair = readonly [odd: string, neighbour: string];

/** The next multiple of four. */
const even = (channels: number): number => 4 * Math.ceil(channels / 4);

const CHANNELS = [1, 2, 3, 5, 7, 17, 63, 65, 127] as const;
const GROUPS = [
  [2, 32], // channels of a group, and groups
  [1, 64],
  [3, 32],
  [5, 16],
  [6, 16],
  [12, 8],
] as const;

function* pairs(): Generator<Pair> {
  for (const c of CHANNELS) {
    const fits = even(c);
    for (const [kernel, map] of [
      [3, 28],
      [1, 56],
    ] as const) {
      const fields = `k${kernel},n4`;
      yield [`conv:${map}x${map}x${c},64,${fields}`, `conv:${map}x${map}x${fits},64,${fields}`];
      yield [`conv:${map}x${map}x64,${c},${fields}`, `conv:${map}x${map}x64,${fits},${fields}`];
    }
    yield [`conv:28x28x${c},${c},k3,n4`, `conv:28x28x${fits},${fits},k3,n4`];
    yield [`matmul:256x${c}x256`, `matmul:256x${fits}x256`];
    yield [`matmul:256x256x${c}`, `matmul:256x256x${fits}`];
    yield [`matmul:${c}x512x512`, `matmul:${fits}x512x512`];
    if (c < 5) continue;
    yield [`depthwise:56x56x${c},k3,n4`, `depthwise:56x56x${fits},k3,n4`];
    yield [`maxpool:56x56x${c},k3,s2,p1,n4`, `maxpool:56x56x${fits},k3,s2,p1,n4`];
    yield [`avgpool:56x56x${c},k2,s2,n4`, `avgpool:56x56x${fits},k2,s2,n4`];
    yield [`norm:56x56x${c},n4,relu`, `norm:56x56x${fits},n4,relu`];
  }
  for (const map of [7, 13, 15, 29, 57]) {
    const fits = even(map);
    yield [`conv:${map}x${map}x64,64,k3,n4`, `conv:${fits}x${fits}x64,64,k3,n4`];
    yield [`conv:${map}x${map}x64,64,k3,s2,n4`, `conv:${fits}x${fits}x64,64,k3,s2,n4`];
    yield [`depthwise:${map}x${map}x96,k5,n4`, `depthwise:${fits}x${fits}x96,k5,n4`];
    yield [`maxpool:${map}x${map}x64,k3,s2,p1,n4`, `maxpool:${fits}x${fits}x64,k3,s2,p1,n4`];
  }
  for (const [each, groups] of GROUPS) {
    const [odd, fits] = [each * groups, even(each) * groups];
    if (each > 1)
      yield [`conv:28x28x${odd},${odd},k3,g${groups},n4`, `conv:28x28x${fits},${fits},k3,g${groups},n4`];
    yield [
      `conv:28x28x${odd},${2 * odd},k3,g${groups},n4`,
      `conv:28x28x${fits},${2 * fits},k3,g${groups},n4`,
    ];
  }
  for (const pictures of [1, 3, 5, 9])
    yield [`conv:14x14x128,128,k3,n${pictures}`, `conv:14x14x128,128,k3,n${even(pictures)}`];
}

/** What is known of those that are beyond the limit: the first that fits. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/ 1→1 /, 'so small that it takes hardly longer than a dispatch of nothing'],
  [/ groups .* gradient/, 'a lane loads a value for three multiply-adds, of whole vec4s one for sixteen'],
  [/matmul [12]×/, 'one or two rows read all of the other matrix, as four do'],
  [/conv 1×1.* 64→1 forward|conv 1×1.* 1→64 input/, 'one result reads all of the 64 channels, as four do'],
  [/matmul .*×1×.* weight/, 'two dispatches of small work, the sums of some rows each and their sum'],
];

const { values } = parseArgs({
  options: { filter: { type: 'string', default: '' }, samples: { type: 'string', default: '9' } },
});
const device = await openDevice();
const stop = onStop('Stopping after this work.');
const tasksOf = async (shape: string): Promise<readonly Task[]> =>
  (await chooseTasks(device, { groups: ['kernels'], shapes: [shape], rows: 'chosen', memory: 2 ** 30 }))
    .tasks;

const found: { odd: Measured; neighbour: Measured; ratio: number }[] = [];
const wanted = [...pairs()].filter(([odd]) => odd.includes(values.filter));
const bar = progressBar('Measuring', wanted.length);
for (const [index, [odd, neighbour]] of wanted.entries()) {
  if (stop.requested) break;
  const [own, other] = [await tasksOf(odd), await tasksOf(neighbour)];
  const measured = await measureTasks(device, [...own, ...other], { samples: Number(values.samples) });
  for (const task of own) {
    const at = measured.find(({ name }) => name === task.facts.name)!;
    const beside = measured.find(
      (one) =>
        one !== at &&
        one.pass === at.pass &&
        one.name !== at.name &&
        other.some(({ facts }) => facts.name === one.name),
    );
    if (at.failed) say(`${at.name}: ${at.failed}`);
    if (!beside?.timing || !at.timing || beside.timing.median < SHORTEST) continue;
    found.push({ odd: at, neighbour: beside, ratio: costOf(at) / costOf(beside) });
  }
  bar.update(index + 1);
}
bar.stop();
stop.dispose();

/** What a FLOP takes, of an op that is no product a byte. */
function costOf({ op, flops, bytes, timing }: Measured): number {
  const product = ['conv2d', 'linear', 'matmul'].includes(op);
  return timing!.median / (product ? flops : bytes);
}

found.sort((a, b) => b.ratio - a.ratio);
const beyond = found.filter(({ ratio }) => ratio > LIMIT);
const rows = found.slice(0, Math.max(20, beyond.length));
console.log(
  table([
    ['size', 'row', 'ms', 'a neighbour that fits', 'row', 'ms', 'a FLOP or byte'],
    ...rows.map(({ odd, neighbour, ratio }) => [
      odd.name,
      odd.variant ?? '',
      odd.timing!.median.toFixed(3),
      neighbour.name,
      neighbour.variant ?? '',
      neighbour.timing!.median.toFixed(3),
      `${ratio.toFixed(2)}×`,
    ]),
  ]),
);
console.log(`\n${beyond.length} of ${found.length} take more than ${LIMIT} times their neighbour's time.`);
for (const { odd } of beyond)
  console.log(
    `${odd.name}: ${KNOWN.find(([pattern]) => pattern.test(odd.name))?.[1] ?? 'nobody knows yet why'}`,
  );
device.close();
