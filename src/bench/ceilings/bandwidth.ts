/**
 * Memory: what is read and written each second, by kernels that do nothing else. The bytes that count are those read plus
 * those written, so a copy of a megabyte is two.
 *
 * Both buffers together are twice the largest cache of a GPU, and a run goes on where the one before it stopped, so
 * that every byte comes from memory. (Kernels whose tensors fit a cache may pass this ceiling.)
 */
import {
  type BufferBinding,
  type Device,
  elementwise,
  family,
  type PooledBuffer,
  program,
} from '../../gpu/index.ts';
import { empty } from '../../tensor/index.ts';
import type { Contender } from './contest.ts';

const MIB = 2 ** 20;
/** The largest cache of a GPU: 256 MB. */
const CACHE = 256 * MIB;
/** Bytes of each of the two buffers. */
const WANTED = 256 * MIB;
/** The part of the memory to plan with that both may take. */
const SHARE = 1 / 4;
const WORKGROUP = 64;
/** vec4s that an invocation of a walking kernel takes: a workgroup has 64 KiB. */
const EACH = 64;
const STRETCH = 16 * WORKGROUP * EACH;
/** Bytes of a buffer in a run, where an adapter is so slow that it takes this many milliseconds or more for it. */
const PIECE = 16 * MIB;
const SLOW_MS = 4;

/** The bytes of a buffer that is walked through, where the adapter makes no larger one and a run plans with `memory`. */
export function walkedBytes(largestBuffer: number, memory: number): number {
  const most = Math.min(WANTED, largestBuffer, (SHARE * memory) / 2);
  return Math.max(1, Math.floor(most / STRETCH)) * STRETCH;
}

/** Why buffers of so many bytes each say little of the memory; null where they do. */
export function cacheDoubt(bytes: number): string | null {
  return 2 * bytes < CACHE
    ? `the two buffers had to be ${Math.floor(bytes / MIB)} MiB each, which the cache of a large GPU holds`
    : null;
}

/**
 * How a workgroup walks through its stretch of 64 KiB. Side by side go all of its invocations, as a GPU likes it, or eight,
 * each eight with a part of the stretch, as a processor likes it (lavapipe copies 5 and 8 GB/s). Several vec4s in a row
 * give a GPU more to wait for at once, and SwiftShader fewer branches (writing 1.6 and 2.5 GB/s).
 */
const WALKS = [
  { abreast: WORKGROUP, unroll: 8 },
  { abreast: 8, unroll: 1 },
  { abreast: 8, unroll: 8 },
] as const;
type Walk = (typeof WALKS)[number];

/** @param body what is done with the vec4 at an index */
const walk = ({ abreast, unroll }: Walk, body: (i: string) => string, before = '', after = ''): string => `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  var i = (id.x * ${WORKGROUP}u + lane - lane % ${abreast}u) * ${EACH}u + lane % ${abreast}u;
  ${before}
  for (var step = 0u; step < p.steps; step++) {
${Array.from({ length: unroll }, (_, k) => `    ${body(k > 0 ? `i + ${k * abreast}u` : 'i')}`).join('\n')}
    i += ${abreast * unroll}u;
  }
  ${after}
}`;

const COPIES = { x: 'read vec4f', y: 'write vec4f' } as const;
/** No compiler knows how often a loop runs. */
const STEPS = { steps: 'u32' } as const;
const inWords = ({ abreast, unroll }: Walk): string => `vec4, ${abreast} abreast × ${unroll}`;

const copying = family((how: Walk) => ({
  name: `copy ${inWords(how)}`,
  bindings: COPIES,
  params: STEPS,
  wgsl: walk(how, (i) => `y[${i}] = x[${i}];`),
}));

const reading = family((how: Walk) => ({
  name: `read (sum) ${inWords(how)}`,
  bindings: COPIES,
  params: STEPS,
  wgsl: walk(how, (i) => `sum += x[${i}];`, 'var sum = vec4f();', `y[id.x * ${WORKGROUP}u + lane] = sum;`),
}));

const writing = family((how: Walk) => ({
  name: `write ${inWords(how)}`,
  bindings: { y: 'write vec4f' },
  params: { ...STEPS, first: 'f32' },
  wgsl: walk(how, (i) => `y[${i}] = vec4f(f32(${i}) + p.first);`),
}));

const copyEach = program(
  elementwise({
    name: 'copy vec4, element-wise',
    bindings: COPIES,
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = x[i]; }',
  }),
);

/** A part of the buffers that one dispatch can bind. */
export interface Part {
  offset: number;
  size: number;
}

/** Cuts `bytes` into parts of at most `most`. */
export const partsOf = (bytes: number, most: number): Part[] =>
  Array.from({ length: Math.ceil(bytes / most) }, (_, index) => ({
    offset: index * most,
    size: Math.min(most, bytes - index * most),
  }));

/** The buffers that are walked through: x and y, and one for the sums of a part. */
interface Buffers {
  x: PooledBuffer;
  y: PooledBuffer;
  sums: PooledBuffer;
}

const bound = (buffer: PooledBuffer, { offset, size }: Part): BufferBinding => ({ buffer, offset, size });
const groupsOf = ({ size }: Part): [number, number, number] => [size / STRETCH, 1, 1];

/** Writes into each vec4 of `part` its number in the part, plus `first`. */
function write(device: Device, buffer: PooledBuffer, part: Part, first: number, how: Walk): void {
  device.run(writing(how), {
    bindings: { y: bound(buffer, part) },
    params: { steps: EACH / how.unroll, first },
    groups: groupsOf(part),
    bytes: part.size,
  });
}

/** What does nothing but move memory. */
export interface MemoryKernel {
  name: string;
  /** Bytes read and written for each byte of a part. */
  factor: 1 | 2;
  /** False for what no kernel can be held against: it is shown for scale. */
  counts: boolean;
  record(device: Device, buffers: Buffers, part: Part): void;
  /** Where its result lies, and what is in vec4 `i` of it when x holds 0, 1, 2 …: see `write`. */
  target: 'y' | 'sums';
  expected(i: number): number;
}

/** What the writing kernels add: a result that none of the others leaves behind. */
const FIRST = 3;

const copies = (name: string, record: MemoryKernel['record']): MemoryKernel => ({
  name,
  factor: 2,
  counts: true,
  record,
  target: 'y',
  expected: (i) => i,
});

function walkingKernels(how: Walk): MemoryKernel[] {
  const [copy, read] = [copying(how), reading(how)];
  const { abreast, unroll } = how;
  const steps = { params: { steps: EACH / unroll } };
  return [
    copies(copy.name, (device, { x, y }, part) =>
      device.run(copy, {
        ...steps,
        bindings: { x: bound(x, part), y: bound(y, part) },
        groups: groupsOf(part),
        bytes: 2 * part.size,
      }),
    ),
    {
      name: read.name,
      factor: 1,
      counts: true,
      record: (device, { x, sums }, part) =>
        device.run(read, {
          ...steps,
          bindings: { x: bound(x, part), y: sums },
          groups: groupsOf(part),
          bytes: part.size,
        }),
      target: 'sums',
      expected(i) {
        const lane = i % abreast;
        return EACH * ((i - lane) * EACH + lane + (abreast * (EACH - 1)) / 2);
      },
    },
    {
      name: writing(how).name,
      factor: 1,
      counts: true,
      record: (device, { y }, part) => write(device, y, part, FIRST, how),
      target: 'y',
      expected: (i) => i + FIRST,
    },
  ];
}

/**
 * Everything that is tried. The driver's own copy is no kernel: on a software adapter it is the processor's memcpy, which
 * no shader comes near (SwiftShader: 22 GB/s against 1.5).
 */
export const MEMORY_KERNELS: readonly MemoryKernel[] = [
  ...WALKS.flatMap(walkingKernels),
  copies(copyEach.name, (device, { x, y }, part) =>
    device.run(copyEach, {
      bindings: { x: bound(x, part), y: bound(y, part) },
      params: { count: part.size / 16 },
      bytes: 2 * part.size,
    }),
  ),
  {
    ...copies('copyBufferToBuffer (no kernel)', ({ commands }, { x, y }, { offset, size }) =>
      commands.copy(x, offset, y, offset, size),
    ),
    counts: false,
  },
];

/** vec4s at the end of a part that are compared. */
const COMPARED = WORKGROUP;
/** What `y` holds before a kernel is checked. */
const BEFORE = 7;

/** Runs `kernel` over the first part of the buffers: whether the end of its result holds what it should. */
async function isRight(device: Device, kernel: MemoryKernel, buffers: Buffers, part: Part): Promise<boolean> {
  write(device, buffers.y, part, BEFORE, WALKS[0]);
  kernel.record(device, buffers, part);
  const count = part.size / 16 / (kernel.target === 'sums' ? EACH : 1);
  const first = count - COMPARED;
  const bytes = await device.read(buffers[kernel.target], 16 * COMPARED, 16 * first);
  return new Float32Array(bytes).every((value, index) => {
    const expected = kernel.expected(first + Math.floor(index / 4));
    return Math.abs(value - expected) <= 1e-5 * expected;
  });
}

/**
 * The memory kernels on buffers of `bytes` bytes each, checked and ready to be timed. A run of one takes both buffers from
 * end to end, or a piece of them where an adapter is slow.
 */
export async function memoryContenders(
  device: Device,
  bytes: number,
  kernels = MEMORY_KERNELS,
): Promise<{ contenders: Contender[]; dispose: () => void }> {
  const { maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(bytes, Math.floor(maxStorageBufferBindingSize / STRETCH) * STRETCH);
  const tensors = [bytes, bytes, most / EACH].map((size) => empty(device, [size / 4]));
  const [x, y, sums] = tensors.map(({ buffer }) => buffer);
  const buffers: Buffers = { x: x!, y: y!, sums: sums! };
  const whole = partsOf(bytes, most);
  // A system may give memory when it is first touched.
  for (const part of whole)
    for (const buffer of [buffers.x, buffers.y]) write(device, buffer, part, 0, WALKS[0]);
  const pieces = partsOf(bytes, Math.min(PIECE, most));
  const contenders: Contender[] = [];
  for (const kernel of kernels) {
    const right = await isRight(device, kernel, buffers, pieces[0]!);
    const start = performance.now();
    kernel.record(device, buffers, pieces[0]!);
    await device.idle();
    const runs = performance.now() - start < SLOW_MS ? [whole] : pieces.map((piece) => [piece]);
    contenders.push({
      name: kernel.name,
      amount: (kernel.factor * bytes) / runs.length,
      right,
      counts: kernel.counts,
      run(index) {
        for (const part of runs[index % runs.length]!) kernel.record(device, buffers, part);
      },
    });
  }
  return {
    contenders,
    dispose: () => {
      for (const tensor of tensors) tensor.dispose();
    },
  };
}
