/**
 * A recording as a trace that https://ui.perfetto.dev and chrome://tracing open: JSON of Chrome's Trace Event Format
 * (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU). Complete events ("ph": "X") in µs from
 * the beginning of the profile, in order, on one track for each use of time. Events of a track lie apart or within one
 * another: what overlaps otherwise (two waits) goes to a second track of the name.
 */
import { compilingOf } from './compiling.ts';
import type { Activity, Dispatched, Recording } from './recording.ts';

interface Slice {
  name: string;
  start: number;
  end: number;
  args: Record<string, unknown>;
}

/** Tracks from the top, and what goes on each. */
const TRACKS = ['GPU', 'GPU: layers', 'JavaScript', 'compiling', 'uploading', 'decoding', 'waiting'] as const;
type Track = (typeof TRACKS)[number];

const TRACK_OF: Record<Activity, Track> = {
  JavaScript: 'JavaScript',
  layer: 'JavaScript',
  submit: 'JavaScript',
  pipeline: 'compiling',
  upload: 'uploading',
  decoding: 'decoding',
  readback: 'waiting',
  pace: 'waiting',
};

const NAMES: Partial<Record<Activity, string>> = { JavaScript: 'records', pace: 'steps in flight' };

/** The trace as JSON, an event a line. */
export function traceOf(recording: Recording): string {
  const slices = slicesOf(recording);
  const lines: object[] = [metadata('process_name', 0, { name: `tessera on ${recording.adapter}` })];
  const events: { ts: number; dur: number; tid: number; slice: Slice }[] = [];
  let tid = 0;
  for (const track of TRACKS)
    for (const lane of lanesOf(slices[track])) {
      tid++;
      lines.push(
        metadata('thread_name', tid, { name: track }),
        metadata('thread_sort_index', tid, { sort_index: tid }),
      );
      for (const slice of lane) {
        const [ts, end] = [micros(slice.start - recording.start), micros(slice.end - recording.start)];
        events.push({ ts, dur: end - ts, tid, slice });
      }
    }
  events.sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  for (const { ts, dur, tid, slice } of events)
    lines.push({
      ...{ name: slice.name, ph: 'X', pid: 1, tid, ts: ts / 1000, dur: dur / 1000 },
      args: slice.args,
    });
  const other = JSON.stringify({
    ...recording.measuring,
    adapter: recording.adapter,
    missed: recording.missed,
  });
  return `{"displayTimeUnit":"ms","otherData":${other},"traceEvents":[\n${lines
    .map((line) => JSON.stringify(line))
    .join(',\n')}\n]}\n`;
}

const metadata = (name: string, tid: number, args: object): object => ({
  name,
  ph: 'M',
  pid: 1,
  tid,
  ts: 0,
  args,
});

/** Whole nanoseconds, never before the beginning: a clock may be off by its error. */
const micros = (ms: number): number => Math.max(Math.round(ms * 1e6), 0);

function slicesOf(recording: Recording): Record<Track, Slice[]> {
  const slices = Object.fromEntries(TRACKS.map((track) => [track, [] as Slice[]])) as Record<Track, Slice[]>;
  const compiling = compilingOf(recording.dispatches);
  let layer: { key: string; slice: Slice } | undefined;
  let after = Number.NEGATIVE_INFINITY;
  for (const dispatched of recording.dispatches) {
    if (Number.isNaN(dispatched.end)) continue;
    // Passes follow one another; stamps that are a quantum apart may say otherwise.
    const start = Math.max(dispatched.start, after);
    const end = Math.max(dispatched.end, start);
    after = end;
    const compileMs = compiling.get(dispatched) ?? 0;
    slices.GPU.push({ name: dispatched.program, start, end, args: argsOf(dispatched, compileMs) });
    if (compileMs > 0)
      slices.compiling.push({
        name: dispatched.program,
        start,
        end: Math.min(start + compileMs, end),
        args: { of: 'its first dispatch' },
      });
    const key = `${dispatched.layer} ${dispatched.pass} ${dispatched.step}`;
    if (layer?.key === key) {
      layer.slice.end = end;
      continue;
    }
    const args = { pass: dispatched.pass, step: dispatched.step + 1 };
    layer = { key, slice: { name: dispatched.layer, start, end, args } };
    slices['GPU: layers'].push(layer.slice);
  }
  for (const { what, start, end, about } of recording.spans) {
    const named = what === 'layer' || what === 'pipeline';
    slices[TRACK_OF[what]].push({
      name: named ? String(about) : (NAMES[what] ?? what),
      start,
      end,
      args: typeof about === 'number' && about > 0 ? { bytes: about } : {},
    });
  }
  return slices;
}

function argsOf(dispatched: Dispatched, compileMs: number): Record<string, unknown> {
  const { op, pass, layer, flops, bytes, groups, step, start, end } = dispatched;
  const seconds = (end - start - compileMs) / 1000;
  const rate = (amount: number): number =>
    amount > 0 && seconds > 0 ? Number((amount / seconds / 1e9).toPrecision(3)) : 0;
  return {
    ...{ layer, op, pass, step: step + 1, groups: groups.join(' × '), flops, bytes },
    ...{ 'GFLOP/s': rate(flops), 'GB/s': rate(bytes) },
    ...(compileMs > 0 && { 'compiling ms': Number(compileMs.toFixed(3)) }),
  };
}

/** Slices on as few tracks as hold them: on each they lie apart or within one another. */
function lanesOf(slices: readonly Slice[]): Slice[][] {
  const lanes: { open: number[]; slices: Slice[] }[] = [];
  const sorted = [...slices].sort((a, b) => a.start - b.start || b.end - a.end);
  for (const slice of sorted) {
    let lane = lanes.find(({ open }) => {
      while (open.length > 0 && open.at(-1)! <= slice.start) open.pop();
      return open.length === 0 || open.at(-1)! >= slice.end;
    });
    if (!lane) {
      lane = { open: [], slices: [] };
      lanes.push(lane);
    }
    lane.open.push(slice.end);
    lane.slices.push(slice);
  }
  return lanes.map(({ slices }) => slices);
}
