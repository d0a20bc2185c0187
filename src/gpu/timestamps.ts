/**
 * Times dispatches by the GPU's own clock: a pass begins and ends with a timestamp (feature `timestamp-query`, which
 * `openDevice({ profile: true })` asks for). Nothing waits: what a recording stamped is resolved at its end, copied into a
 * buffer that is read when the GPU is there, and the query set is used again.
 *
 *   pass │stamp 0│ dispatch 0 │stamp 1│   pass │stamp 2│ dispatch 1 │stamp 3│   …   resolve → copy → map
 *
 * The GPU's clock has its own zero, found when timing begins (`clockOf`): a stamped pass cannot have begun before it was
 * submitted, nor ended after the GPU said so. Drivers are not believed: a clock that stands still, runs backwards or at
 * another pace than the processor's is refused there, and so the stamps of an adapter that has the feature in name only.
 */
import type { DispatchTimer, TimesTold } from './timer.ts';
import type { Patience } from './turn.ts';

/** Dispatches in a query set: half of the queries that WebGPU allows. */
const CAPACITY = 1024;
/** Query sets at most: so many recordings may wait for the GPU. Dispatches beyond them go untimed. */
const MOST_SETS = 64;
const RESOLVE = 0x0200 | 0x0004; // GPUBufferUsage: QUERY_RESOLVE | COPY_SRC
const READ = 0x0001 | 0x0008; // MAP_READ | COPY_DST

/** From stamps in nanoseconds to `performance.now()` in milliseconds. */
export interface GpuClock {
  /** Added to a stamp in milliseconds. */
  offset: number;
  /** What the offset may be wrong by. */
  error: number;
  /** Nanoseconds of which all stamps are multiples, apart: 1 where the clock is as fine as can be said. */
  quantum: number;
}

interface QuerySet {
  queries: GPUQuerySet;
  resolved: GPUBuffer;
  staging: GPUBuffer;
  /** Number of the first dispatch, and how many. */
  first: number;
  used: number;
}

export class Timestamps implements DispatchTimer {
  readonly alone = false;
  readonly queue = null;
  private readonly free: QuerySet[] = [];
  /** Stamped in the recording in progress; the last one may have room. */
  private recording: QuerySet[] = [];
  /** Resolved, and about to be submitted. */
  private resolved: QuerySet[] = [];
  private readonly reading = new Set<Promise<void>>();
  private count = 0;
  private made = 0;

  /** @param told is given stamps in nanoseconds where there is no clock yet */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly patience: Patience,
    private readonly clock: GpuClock | null,
    private readonly told: TimesTold,
    private readonly onMake: () => void,
  ) {}

  pass(): GPUComputePassDescriptor | undefined {
    const dispatch = this.count++;
    let set = this.recording.at(-1);
    if (!set || set.used === CAPACITY) {
      set = this.free.pop() ?? this.make();
      if (!set) {
        this.told(dispatch, Number.NaN, Number.NaN);
        return undefined;
      }
      Object.assign(set, { first: dispatch, used: 0 });
      this.recording.push(set);
    }
    const at = 2 * set.used++;
    return {
      timestampWrites: {
        querySet: set.queries,
        beginningOfPassWriteIndex: at,
        endOfPassWriteIndex: at + 1,
      },
    };
  }

  finish(encoder: GPUCommandEncoder): void {
    for (const { queries, resolved, staging, used } of this.recording) {
      encoder.resolveQuerySet(queries, 0, 2 * used, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16 * used);
    }
    this.resolved = this.recording;
    this.recording = [];
  }

  submitted(): void {
    for (const set of this.resolved) {
      const reading = this.read(set).finally(() => this.reading.delete(reading));
      this.reading.add(reading);
    }
    this.resolved = [];
  }

  async settled(): Promise<void> {
    while (this.reading.size > 0) await Promise.all(this.reading);
  }

  dispose(): void {
    for (const { queries, resolved, staging } of this.free)
      for (const held of [queries, resolved, staging]) held.destroy();
    this.free.length = 0;
  }

  private make(): QuerySet | undefined {
    if (this.made === MOST_SETS) return undefined;
    this.made++;
    this.onMake();
    const size = 16 * CAPACITY;
    return {
      queries: this.gpu.createQuerySet({ type: 'timestamp', count: 2 * CAPACITY }),
      resolved: this.gpu.createBuffer({ size, usage: RESOLVE }),
      staging: this.gpu.createBuffer({ size, usage: READ }),
      first: 0,
      used: 0,
    };
  }

  /** Tells of the times in a set; NaN where the device has failed, which others report. */
  private async read(set: QuerySet): Promise<void> {
    const { staging, first, used } = set;
    const bytes = 16 * used;
    const stamps = await this.patience(staging.mapAsync(0x01, 0, bytes)).then(
      () => new BigUint64Array(staging.getMappedRange(0, bytes).slice(0)),
      () => null,
    );
    const { offset } = this.clock ?? { offset: 0 };
    // A double holds whole nanoseconds of 104 days: enough, as the fraction that is lost is far below a quantum.
    const at = (index: number): number => (stamps ? Number(stamps[index]!) / 1e6 + offset : Number.NaN);
    for (let dispatch = 0; dispatch < used; dispatch++)
      this.told(first + dispatch, at(2 * dispatch), at(2 * dispatch + 1));
    if (!stamps) return;
    staging.unmap();
    this.free.push(set);
  }
}

/** A stamped round: when it was submitted and known to be done (ms), and what its passes were stamped with (ms, begin and end). */
export interface Round {
  submitted: number;
  done: number;
  stamps: readonly number[];
}

/** A clock whose pace differs from the processor's by more than this factor is none. */
const PACE = 2;

/**
 * The clock of some rounds of stamped work, one after the other, or why its stamps mean nothing.
 *
 * @returns the offset at its lowest bound: a submission reaches the GPU sooner than its end reaches JavaScript
 */
export function clockOf(rounds: readonly Round[]): GpuClock | string {
  const stamps = rounds.flatMap(({ stamps }) => stamps);
  if (stamps.some((stamp) => !(stamp > 0))) return 'its timestamps are zero';
  if (stamps.some((stamp, index) => index > 0 && stamp < stamps[index - 1]!))
    return 'its timestamps run backwards';
  const [first, last] = [rounds[0]!, rounds.at(-1)!];
  const passed = stamps.at(-1)! - stamps[0]!;
  const most = last.done - first.submitted;
  const least = last.submitted - first.done;
  if (passed === 0) return 'its timestamps are all equal';
  if (passed > PACE * most || passed * PACE < least)
    return `its timestamps say that ${passed.toFixed(1)} ms passed where ${most.toFixed(1)} did`;
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const { submitted, done, stamps } of rounds) {
    low = Math.max(low, submitted - stamps[0]!);
    high = Math.min(high, done - stamps.at(-1)!);
  }
  return { offset: low, error: Math.max(high - low, 0), quantum: quantumOf(stamps) };
}

/** The greatest number of nanoseconds of which all times between stamps are multiples. */
function quantumOf(stamps: readonly number[]): number {
  const start = stamps[0]!;
  return stamps
    .map((stamp) => Math.round((stamp - start) * 1e6))
    .reduce((common, value) => {
      let [a, b] = [common, value];
      while (b > 0) [a, b] = [b, a % b];
      return a;
    }, 0);
}
