/**
 * `Device`: one GPUDevice with its pool, its programs and its command list. All state hangs here, so that several
 * devices can live side by side and a lost one can be replaced.
 */
import type { BufferBinding, BufferKind, PooledBuffer } from './buffer.ts';
import { ByWaiting } from './by-waiting.ts';
import type { Choices } from './choices.ts';
import { CommandList } from './commands.ts';
import { DeviceError, DeviceLost, NoAdapterError } from './errors.ts';
import { type Observer, Observers } from './observers.ts';
import { Pipelines } from './pipelines.ts';
import { BufferPool, type MemoryReport } from './pool.ts';
import {
  elementwise,
  elementwiseGroups,
  MOST_GROUPS,
  type Program,
  piecesOf,
  program,
  type Run,
} from './program.ts';
import type { DispatchTimer, TimesTold } from './timer.ts';
import { type GpuClock, Timestamps } from './timestamps.ts';
import { isSoftware, type Traits, traitsOf } from './traits.ts';
import { nextTurn, type Patience } from './turn.ts';

export interface DeviceOptions {
  /** Validation errors are thrown by the op that caused them, at the price of a submission per dispatch. */
  debug?: boolean;
  /** Every buffer is filled with NaN when it is taken from the pool: shows reads of memory nobody wrote. */
  poison?: boolean;
  adapterOptions?: GPURequestAdapterOptions;
  /** 'adapter': everything the adapter allows; 'default': what every WebGPU device has. */
  limits?: 'adapter' | 'default';
  /** 'all': subgroups and immediates where the adapter has them; 'none': neither. */
  features?: 'all' | 'none';
  /** Asks the adapter for timestamps, where it has them, so that `profile` can time dispatches by them. */
  profile?: boolean;
  /** Tuning numbers and abilities in place of the adapter's own, such as a GPU's on a software adapter. */
  traits?: Partial<Traits>;
  /** Rows of the tables of kernels to begin with, see `Device.choices`. */
  choices?: Choices | null;
  /**
   * Runs JavaScript's garbage collector, where a program can (Node; see node/collect.ts). Without it the device waits
   * for the collector's own time to free bind groups that are out of use.
   */
  collect?: () => void;
  /** How promises of WebGPU's are waited for, where awaiting them is not enough (Node; see node/patience.ts). */
  patience?: Patience;
}

/**
 * Cuts `size` elements of four bytes into slices that a binding can hold. `slice` binds the slice's part of a buffer,
 * and the whole buffer where one binding holds it all (nearly always).
 */
export function slices(
  device: Device,
  size: number,
): { start: number; count: number; slice: (buffer: PooledBuffer) => BufferBinding }[] {
  const most = Math.floor(device.limits.maxStorageBufferBindingSize / 256) * 64;
  if (size <= most) return [{ start: 0, count: size, slice: (buffer) => buffer }];
  return Array.from({ length: Math.ceil(size / most) }, (_, index) => {
    const start = index * most;
    const count = Math.min(most, size - start);
    return {
      start,
      count,
      slice: (buffer) => ({ buffer, offset: 4 * start, size: 4 * Math.ceil(count / 4) * 4 }),
    };
  });
}

/** Steps that may be submitted and unfinished; one more and `pace()` waits. */
const STEPS_IN_FLIGHT = 2;
/** Bind groups out of use for which the collector is run: some 10 ms, where making them took 100. */
const WORTH_COLLECTING = 4096;

const fillNaN = program(
  elementwise({
    name: 'fill-nan',
    bindings: { y: 'write u32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = 0x7fc00000u; }',
  }),
);

export class Device {
  readonly limits: GPUSupportedLimits;
  readonly features: ReadonlySet<string>;
  /** A CPU pretending to be a GPU, for banners and the memory budget; kernels ask `traits`. */
  readonly software: boolean;
  readonly traits: Traits;
  readonly commands: CommandList;
  readonly pool: BufferPool;
  /**
   * Algorithms to prefer to what the tables of kernels estimate: a tuning record, from a problem's key to the name of a
   * row. A row that does not support its problem is passed over.
   */
  choices: Choices | null;
  /** The error that made this device unusable, once there is one. */
  fault: DeviceError | null = null;

  private readonly pipelines: Pipelines;
  private readonly patience: Patience;
  private readonly observers = new Observers();
  private readonly constants = new Map<string, PooledBuffer>();
  private inFlight: Promise<undefined>[] = [];
  private closed = false;

  private constructor(
    readonly gpu: GPUDevice,
    readonly info: GPUAdapterInfo,
    private readonly options: DeviceOptions,
  ) {
    this.limits = gpu.limits;
    this.features = new Set(gpu.features);
    this.software = isSoftware(info);
    this.traits = { ...traitsOf(info, gpu, options.features), ...options.traits };
    this.patience = options.patience ?? ((promise) => promise);
    this.choices = options.choices ?? null;
    this.commands = new CommandList(gpu, this.traits.submittedWork, this.patience, this.observers);
    this.pool = new BufferPool(gpu, this.observers, (buffers) =>
      this.commands.destroy(buffers.map((buffer) => buffer.gpu)),
    );
    this.pipelines = new Pipelines(gpu, this.traits, this.patience, this.observers, (buffers) =>
      this.commands.destroy(buffers),
    );
    gpu.onuncapturederror = (event) => this.fail(new DeviceError(`WebGPU: ${event.error.message}`));
    void gpu.lost.then((lost) => {
      if (!this.closed)
        this.fail(new DeviceLost(`the GPU device was lost (${lost.reason}): ${lost.message}`));
    });
  }

  /** Opens a device on `gpu` (`navigator.gpu`, or Dawn's in Node). Throws NoAdapterError where there is no adapter. */
  static async open(gpu: GPU, options: DeviceOptions = {}): Promise<Device> {
    const adapter = await gpu.requestAdapter({
      powerPreference: 'high-performance',
      ...options.adapterOptions,
    });
    if (!adapter)
      throw new NoAdapterError(
        'no WebGPU adapter answers on this machine; install a Vulkan, Metal or D3D12 driver',
      );
    const requiredLimits: Record<string, number> = {};
    if (options.limits !== 'default')
      for (const name in adapter.limits) {
        const value = adapter.limits[name as keyof GPUSupportedLimits];
        // Slices of large tensors start at multiples of 256 everywhere, so the alignment limits stay at their defaults.
        if (typeof value === 'number' && !name.startsWith('min')) requiredLimits[name] = value;
      }
    const wanted =
      options.features === 'none'
        ? []
        : ([
            'subgroups',
            'subgroup-size-control',
            ...(options.profile ? ['timestamp-query'] : []),
          ] as GPUFeatureName[]);
    const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature));
    const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
    return new Device(device, adapter.info, options);
  }

  /** Has `observer` told what this device does from now on, until the function that is returned is called. */
  observe(observer: Observer): () => void {
    return this.observers.add(observer);
  }

  /** Takes a buffer from the pool. @throws TooLarge where the adapter makes no buffer of that size */
  take(bytes: number, kind: BufferKind): PooledBuffer {
    const buffer = this.pool.take(bytes, kind);
    if (this.options.poison && buffer.size <= this.limits.maxStorageBufferBindingSize)
      this.run(fillNaN, {
        bindings: { y: buffer },
        params: { count: buffer.size / 4 },
      });
    return buffer;
  }

  /**
   * Records one dispatch of `source`; several, where it has more workgroups than a dimension holds and can begin anywhere.
   * @throws TooLarge where a binding or a number of workgroups passes a limit of the adapter
   */
  run(source: Program, run: Run): void {
    const spread = source.elementwise ? elementwiseGroups(run.params.count!, this.traits) : null;
    const groups = run.groups ?? spread;
    if (!groups) throw new Error(`program ${source.name}: the workgroups were not given`);
    if (groups[0] * groups[1] * groups[2] === 0) return;
    if (Math.max(...groups) <= MOST_GROUPS) this.dispatch(source, run, groups);
    else for (const piece of piecesOf(source, run, groups)) this.dispatch(source, piece, piece.groups);
  }

  private dispatch(
    source: Program,
    { bindings, params, flops = 0, bytes = 0 }: Run,
    groups: readonly [number, number, number],
  ): void {
    const buffers = source.bindingNames.map((name) => this.bufferOf(source, name, bindings[name]));
    const { pipeline, bindGroup, immediates, first } = this.pipelines.prepared(source, bindings, params);
    const { writes } = source;
    const work = flops + 2 * bytes;
    this.commands.dispatch({ pipeline, bindGroup, immediates, groups, buffers, writes, work });
    if (this.observers.calls.dispatch.size > 0)
      this.observers.dispatch({ program: source, bindings, params, groups, flops, bytes, first });
    if (this.options.debug) {
      this.commands.flush();
      if (this.fault) throw new DeviceError(`${source.name}: ${this.fault.message}`);
    }
  }

  /** A buffer that holds `data`, made once per content (`key` names it) and kept until `trim`: ask again, hold nothing. */
  constant(key: string, data: () => ArrayBufferView<ArrayBuffer>): PooledBuffer {
    let buffer = this.constants.get(key);
    if (!buffer) {
      const contents = data();
      buffer = this.take(contents.byteLength, 'constant');
      this.commands.write(buffer, contents);
      this.constants.set(key, buffer);
    }
    return buffer;
  }

  /**
   * What `compute` makes of the values of `source`, in a buffer of `bytes` bytes: made once (`name` tells it from what else
   * is made of them) and kept until they change, `source` is given back, or `trim`: ask again, hold nothing.
   */
  derived(
    source: PooledBuffer,
    name: string,
    bytes: number,
    compute: (into: PooledBuffer) => void,
  ): PooledBuffer {
    let buffer = this.pool.derived.get(source, name);
    if (!buffer) {
      buffer = this.take(bytes, 'derived');
      compute(buffer);
      this.pool.derived.set(source, name, buffer);
    }
    return buffer;
  }

  /**
   * Creates the pipelines of `programs` side by side, where a program's first use would create its own and wait. A software
   * driver compiles at the first dispatch, whatever was created: see `compile`.
   */
  async prepare(programs: Iterable<Program>): Promise<void> {
    await this.pipelines.create(programs);
  }

  /**
   * Has programs compiled, also where that takes a dispatch: each runs a workgroup with the parameters of a run to come, on
   * buffers that are nobody's. What it reads and writes beyond their end is cut off by WebGPU.
   */
  async compile(runs: ReadonlyMap<Program, Run['params']>): Promise<void> {
    await this.prepare(runs.keys());
    const buffers: PooledBuffer[] = [];
    for (const [source, params] of runs) {
      while (buffers.length < source.bindingNames.length) buffers.push(this.take(256, 'activation'));
      const bindings = Object.fromEntries(source.bindingNames.map((name, at) => [name, buffers[at]!]));
      // One workgroup would have all elements for itself.
      const run = { bindings, params: source.elementwise ? { ...params, count: 1 } : params };
      this.run(source, { ...run, groups: [1, 1, 1] });
    }
    for (const buffer of buffers) this.pool.release(buffer);
    this.commands.flush();
  }

  /** Reads `bytes` bytes of `buffer` as of this point of the command list. Rejects once the device has failed. */
  async read(buffer: PooledBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
    if (this.fault) throw this.fault;
    try {
      const data = await this.commands.read(buffer, bytes, offset);
      if (this.fault) throw this.fault;
      this.collectBindGroups();
      return data;
    } catch (error) {
      if (this.fault) throw this.fault;
      throw new DeviceError(`reading ${bytes} bytes back from the GPU failed: ${error}`, { cause: error });
    }
  }

  /**
   * Ends a step of a loop: submits it, waits while more than two steps are in flight, and lets timers, signals and
   * the data loader run.
   */
  async pace(): Promise<void> {
    await this.observers.waited('pace', this.paced());
    if (this.fault) throw this.fault;
  }

  /** Submits what is recorded and waits until all of it is done. */
  async idle(): Promise<void> {
    await this.submitted();
    await this.workDone();
  }

  /**
   * Has every dispatch from now on timed alone, in a pass of its own: by timestamps where there is a clock to read them
   * (null: they are told as they are, in ms), by waiting for each where that is asked for; null: no more. Of a timer before,
   * all must have been handed over. For src/profile, which knows what the times are of.
   */
  timeDispatches(how: { clock: GpuClock | null } | 'waiting' | null, told: TimesTold): DispatchTimer | null {
    const timer =
      how === null
        ? null
        : how === 'waiting'
          ? new ByWaiting(this.gpu, this.patience, told)
          : new Timestamps(this.gpu, this.patience, how.clock, told, () => this.observers.make('query set'));
    this.commands.timeBy(timer);
    return timer;
  }

  /** Bytes in use, the most that ever were, and bytes kept to be used again, by kind. */
  memory(): MemoryReport {
    const { byKind, ...report } = this.pool.report();
    const own = { uniform: this.pipelines.uniformBytes, staging: this.commands.stagingBytes };
    return {
      ...report,
      pooled: report.pooled + own.uniform + own.staging,
      byKind: { ...byKind, ...own },
    };
  }

  /**
   * Returns to the driver what is kept to be used again: pooled buffers, constants, what is derived from others, uniform buffers with all bind
   * groups, and buffers to read back through that no reader waits for.
   */
  trim(): void {
    for (const buffer of this.constants.values()) this.pool.release(buffer);
    this.constants.clear();
    this.pipelines.trim();
    this.pool.drain();
    this.commands.trim();
    this.commands.flush();
  }

  /** Its loss, null where there was none: asked after an error, which a loss may follow by a turn. */
  async loss(): Promise<DeviceLost | null> {
    await nextTurn();
    return this.fault instanceof DeviceLost ? this.fault : null;
  }

  /** Closes the device: everything on it becomes unusable. */
  close(): void {
    this.closed = true;
    this.fault ??= new DeviceError('the device was closed');
    this.gpu.destroy();
  }

  /** Submits what is recorded; resolves when the GPU's queue has it, null where it has. */
  private submitted(): Promise<void> | null {
    this.commands.flush();
    return this.commands.handedOver();
  }

  private workDone(): Promise<undefined> {
    return this.patience(this.gpu.queue.onSubmittedWorkDone());
  }

  private async paced(): Promise<void> {
    const handedOver = this.submitted();
    if (handedOver) await handedOver;
    this.inFlight.push(this.workDone());
    if (this.inFlight.length > STEPS_IN_FLIGHT) await this.inFlight.shift();
    this.collectBindGroups();
    await nextTurn();
  }

  /** Frees bind groups out of use, once they are many: in the next task, where their finalizers run. */
  private collectBindGroups(): void {
    if (this.pipelines.uncollected >= WORTH_COLLECTING) this.options.collect?.();
  }

  private fail(fault: DeviceError): void {
    this.fault ??= fault;
  }

  /** The buffer behind a binding. @throws Error where it was not given or lies on another device */
  private bufferOf(source: Program, name: string, binding: BufferBinding | undefined): PooledBuffer {
    if (!binding) throw new Error(`program ${source.name}: binding ${name} was not given`);
    const buffer = 'buffer' in binding ? binding.buffer : binding;
    if (buffer.pool !== this.pool)
      throw new Error(
        `${source.name}: ${name} lies on another device than the first tensor; read it with data() and make a tensor of it here`,
      );
    return buffer;
  }
}
