/**
 * The profiler: listens to a device, to ops and to modules, has every dispatch timed, and keeps what it hears in a
 * `Recording` until it is stopped. What is computed has the same bits, and costs more time: see `Measuring`.
 *
 *   const profiler = await Profiler.start(device);
 *   …                                        // steps, with profiler.mark() after each
 *   const recording = await profiler.stop();
 */
import { adapterName } from '../gpu/adapter-name.ts';
import type { Device, DispatchTimer, SpentEvent, TimingMethod } from '../gpu/index.ts';
import { listenToModules, type Module } from '../nn/index.ts';
import { listenToOps } from '../tensor/index.ts';
import { Attribution } from './attribution.ts';
import { type Probed, probe } from './probe.ts';
import { type Activity, type Dispatched, MOST, type Recording } from './recording.ts';

export interface ProfilerOptions {
  /** Names its layers, where they are to be named although no `forward` of a `Model` or `Sequential` is called. */
  model?: Module;
  /** 'waiting': although the device has timestamps. */
  method?: TimingMethod;
  /** Dispatches, and as many stretches of other time, that are kept; what comes later is only counted. Default 100,000. */
  most?: number;
}

export class Profiler {
  private readonly recording: Recording;
  private readonly attribution: Attribution;
  private readonly most: number;
  private readonly timer: DispatchTimer;
  private readonly deaf: (() => void)[];
  /** Where the stretch of JavaScript in progress began; null between two. */
  private stretch: number | null = null;
  private readonly layers: { path: string; start: number }[] = [];
  private stopped: Promise<Recording> | null = null;

  private constructor(
    private readonly device: Device,
    { measuring, clock }: Probed,
    { model, most = MOST }: ProfilerOptions,
  ) {
    this.most = most;
    this.attribution = new Attribution(model ?? null, (path) => this.layer(path));
    const dispatches: Dispatched[] = [];
    this.recording = {
      measuring,
      adapter: adapterName(device.info),
      start: performance.now(),
      end: Number.NaN,
      dispatches,
      spans: [],
      steps: 0,
      missed: 0,
    };
    const told = (index: number, start: number, end: number): void => {
      const dispatched = dispatches[index];
      if (dispatched) Object.assign(dispatched, { start, end: Math.max(end - measuring.floor, start) });
    };
    this.timer = device.timeDispatches(clock ? { clock } : 'waiting', told)!;
    this.deaf = [this.listenToDevice(), listenToOps(this.attribution), listenToModules(this.attribution)];
  }

  /** Finds out how `device` can be timed, which takes some 50 ms, and begins. */
  static async start(device: Device, options: ProfilerOptions = {}): Promise<Profiler> {
    return new Profiler(device, await probe(device, options.method), options);
  }

  /** A step ends here; what is recorded later is of the next one. */
  mark(): void {
    this.recording.steps++;
  }

  /** Keeps a stretch of time that only the caller knows of. */
  note(what: Activity, start: number, end: number, about: number | string = 0): void {
    const { spans } = this.recording;
    if (spans.length < this.most) spans.push({ what, start, end, about });
    else this.recording.missed++;
  }

  /** Stops listening at once, and gives the recording when the GPU has told its times. */
  stop(): Promise<Recording> {
    this.stopped ??= this.finish();
    return this.stopped;
  }

  private async finish(): Promise<Recording> {
    const { device, timer, recording } = this;
    for (const stop of this.deaf) stop();
    this.attribution.letGo();
    const waits = performance.now();
    if (timer.queue) await timer.settled();
    device.timeDispatches(null, () => undefined);
    await device.idle();
    recording.end = performance.now();
    this.note('pace', waits, recording.end);
    await timer.settled();
    timer.dispose();
    return recording;
  }

  private listenToDevice(): () => void {
    const { recording, attribution } = this;
    return this.device.observe({
      dispatch: (event) => {
        this.touch();
        if (recording.dispatches.length >= this.most) {
          recording.missed++;
          return;
        }
        const { program, groups, flops, bytes, first } = event;
        const dispatched: Dispatched = {
          program: program.name,
          ...{ op: '', pass: 'forward', layer: '' },
          ...{ groups, flops, bytes, first, step: recording.steps },
          start: Number.NaN,
          end: Number.NaN,
        };
        recording.dispatches.push(dispatched);
        attribution.add(dispatched, event);
      },
      allocate: (buffer) => attribution.allocate(buffer),
      spend: ({ what, start, end, about }: SpentEvent) => {
        if (what !== 'pace' && what !== 'readback') this.touch(start);
        this.note(what, start, end, about);
      },
    });
  }

  /** JavaScript works: a stretch begins, or goes on. It ends where its function waits, as a microtask runs then. */
  private touch(start = performance.now()): void {
    if (this.stretch !== null) return;
    this.stretch = start;
    queueMicrotask(() => {
      this.note('JavaScript', start, performance.now());
      this.stretch = null;
    });
  }

  private layer(path: string | null): void {
    this.touch();
    if (path !== null) {
      this.layers.push({ path, start: performance.now() });
      return;
    }
    const ended = this.layers.pop();
    if (ended) this.note('layer', ended.start, performance.now(), ended.path);
  }
}
