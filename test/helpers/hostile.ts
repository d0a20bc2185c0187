/**
 * Mutated files against a reader: the harness. A reader joins with a `HostileReader` (see test/weights/formats/hostile.test.ts
 * and test/data/node/hostile.test.ts): some good files, a function that reads, and how it refuses.
 *
 * Each file is a good one with one to four edits. Reading it must end in an answer or in the reader's own kind of
 * error within a second, and must not allocate more than the file's size plus a constant: neither in array buffers
 * nor, as far as the peak of the process shows, in a native library. How far each file got is counted: a fuzzer whose
 * files all fail at the first byte tests nothing.
 */

import fc from 'fast-check';
import * as assert from 'uvu/assert';

/** A file to mutate. Half of the edits go to `focus`, the ranges where the structure lies (default: everywhere). */
export interface Seed {
  bytes: Uint8Array;
  focus?: readonly (readonly [start: number, end: number])[];
}

export interface HostileReader {
  name: string;
  seeds: readonly Seed[];
  /** Mutated files to try. */
  files: number;
  /** Edits that know the format and leave its frame intact; two thirds of all edits, where given. */
  structured?: fc.Arbitrary<Edit>;
  /** Stages in the order of reading; those after `header` count as past it. The last one means: read to its end. */
  stages: readonly string[];
  header: string;
  /** Reads and checks what it got; throws what the reader throws. */
  read(bytes: Uint8Array): unknown;
  /** The stage at which the reader refused, or null where the error is not a refusal but a crash. */
  refused(error: unknown): string | null;
  /** Bytes that may be allocated beyond the file's size. */
  allowance: number;
}

export interface HostileReport {
  /** Files by the stage that they reached. */
  reached: Map<string, number>;
  /** The share that got past the header. */
  pastHeader: number;
  slowest: number;
  largestAllocation: number;
}

type Bytes = Uint8Array<ArrayBufferLike>;

/** Changes a file in place or answers with another; `place` maps [0, 1) to a position in it. */
export type Edit = (bytes: Bytes, place: (fraction: number) => number) => Bytes;

/** A number for a position, mapped into the file by `place`; its lower half goes to the focus. */
const position = fc.noBias(fc.integer({ min: 0, max: 2 ** 30 - 1 })).map((value) => value / 2 ** 30);

const EXTREMES = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fffffffn,
  0xffffffffn,
  1n << 53n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const end = Math.min(at + remove, bytes.length);
  const result = new Uint8Array(bytes.length - (end - at) + insert.length);
  result.set(bytes.subarray(0, at));
  result.set(insert, at);
  result.set(bytes.subarray(end), at + insert.length);
  return result;
}

const edits: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(position, fc.nat(7)).map(
      ([at, bit]): Edit =>
        (bytes, place) => {
          bytes[place(at)] ^= 1 << bit;
          return bytes;
        },
    ),
  },
  {
    // One more or one less: an offset, a size or a length that is nearly right.
    weight: 4,
    arbitrary: fc.tuple(position, fc.constantFrom(-2, -1, 1, 2)).map(
      ([at, step]): Edit =>
        (bytes, place) => {
          bytes[place(at)] += step;
          return bytes;
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(position, fc.nat(255)).map(
      ([at, value]): Edit =>
        (bytes, place) => {
          bytes[place(at)] = value;
          return bytes;
        },
    ),
  },
  {
    // Another digit for a digit: changes numbers in text and keeps the text well-formed.
    weight: 4,
    arbitrary: fc.tuple(position, fc.nat(9)).map(
      ([at, digit]): Edit =>
        (bytes, place) => {
          const found = bytes.subarray(place(at)).findIndex((byte) => byte >= 0x30 && byte <= 0x39);
          if (found >= 0) bytes[place(at) + found] = 0x30 + digit;
          return bytes;
        },
    ),
  },
  {
    // An extreme little-endian number of 1, 2, 4 or 8 bytes.
    weight: 3,
    arbitrary: fc.tuple(position, fc.constantFrom(...EXTREMES), fc.constantFrom(1, 2, 4, 8)).map(
      ([at, value, width]): Edit =>
        (bytes, place) => {
          const start = place(at);
          for (let i = 0; i < width && start + i < bytes.length; i++) {
            bytes[start + i] = Number((value >> BigInt(8 * i)) & 0xffn);
          }
          return bytes;
        },
    ),
  },
  {
    // A stretch copied elsewhere: a field in the wrong place, a list that repeats.
    weight: 2,
    arbitrary: fc.tuple(position, position, fc.integer({ min: 1, max: 64 }), fc.boolean()).map(
      ([from, to, length, over]): Edit =>
        (bytes, place) => {
          const start = place(from);
          return splice(bytes, place(to), over ? length : 0, bytes.slice(start, start + length));
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(position, fc.nat(8), fc.uint8Array({ maxLength: 8 })).map(
      ([at, remove, insert]): Edit =>
        (bytes, place) =>
          splice(bytes, place(at), remove, insert),
    ),
  },
  {
    weight: 1,
    arbitrary: position.map(
      (at): Edit =>
        (bytes) =>
          bytes.slice(0, Math.floor(at * bytes.length)),
    ),
  },
);

/** Maps [0, ½) into the focus and [½, 1) into the whole file. */
function placeIn({ bytes, focus = [] }: Seed, length: number): (fraction: number) => number {
  const total = focus.reduce((sum, [start, end]) => sum + end - start, 0);
  return (fraction) => {
    if (length === 0) return 0;
    if (total === 0) return Math.floor(fraction * length);
    if (fraction >= 0.5) return Math.min(Math.floor((fraction - 0.5) * 2 * bytes.length), length - 1);
    let rest = Math.floor(fraction * 2 * total);
    for (const [start, end] of focus) {
      if (rest < end - start) return Math.min(start + rest, length - 1);
      rest -= end - start;
    }
    return length - 1;
  };
}

/** Tries `reader.files` mutated files. @throws the first failure, shrunk by fast-check to few edits */
export async function attack(reader: HostileReader, seed: number): Promise<HostileReport> {
  const reached = new Map(reader.stages.map((stage) => [stage, 0]));
  const report: HostileReport = { reached, pastHeader: 0, slowest: 0, largestAllocation: 0 };
  // Without fast-check's bias towards small numbers, which would spend most edits on the first bytes.
  const { structured } = reader;
  const edit = structured
    ? fc.oneof({ weight: 1, arbitrary: edits }, { weight: 2, arbitrary: structured })
    : edits;
  const list = fc.noBias(fc.array(fc.noBias(edit), { minLength: 1, maxLength: 4 }));
  const mutated = fc.tuple(fc.constantFrom(...reader.seeds), list).map(([good, changes]) => {
    let bytes: Bytes = new Uint8Array(good.bytes); // a copy also of a Buffer, whose slice() is none
    for (const change of changes) bytes = change(bytes, placeIn(good, bytes.length));
    return bytes;
  });
  const property = fc.asyncProperty(mutated, async (bytes) => {
    const before = process.memoryUsage().arrayBuffers;
    const peak = peakBytes();
    const clock = process.cpuUsage();
    const stage = await stageReached(reader, bytes);
    const elapsed = cpuMilliseconds(clock);
    const allocated = Math.max(process.memoryUsage().arrayBuffers - before, peakBytes() - peak);
    reached.set(stage, (reached.get(stage) ?? 0) + 1);
    report.slowest = Math.max(report.slowest, elapsed);
    report.largestAllocation = Math.max(report.largestAllocation, allocated);
    if (elapsed > 1000) throw new Error(`took ${elapsed} ms`);
    if (allocated > bytes.length + reader.allowance) throw new Error(`allocated ${allocated} bytes`);
  });
  await fc.assert(property, { numRuns: reader.files, seed });
  const past = reader.stages.slice(reader.stages.indexOf(reader.header) + 1);
  report.pastHeader = past.reduce((sum, stage) => sum + (reached.get(stage) ?? 0), 0) / reader.files;
  return report;
}

/** Attacks the reader, prints what was reached, and asserts that a third of the files got past the header. */
export async function withstands(reader: HostileReader): Promise<void> {
  const { reached, pastHeader, slowest, largestAllocation } = await attack(reader, 3);
  const stages = [...reached].map(([stage, count]) => `${stage} ${count}`).join(', ');
  console.log(
    `\n  ${reader.name}, ${reader.files} files: ${stages}; past the header ${(100 * pastHeader).toFixed(0)} %; ` +
      `slowest ${slowest.toFixed(1)} ms; largest allocation ${(largestAllocation / 1024).toFixed(0)} KiB`,
  );
  assert.ok(pastHeader > 1 / 3, `only ${pastHeader} got past the header`);
}

/** The most memory that this process ever held. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

/** Time of the processor since `process.cpuUsage()` gave `since`: other programs on the machine do not count. */
export function cpuMilliseconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

async function stageReached(reader: HostileReader, bytes: Uint8Array): Promise<string> {
  try {
    await reader.read(bytes);
    return reader.stages.at(-1) ?? '';
  } catch (error) {
    const stage = reader.refused(error);
    if (stage === null) throw error;
    return stage;
  }
}
