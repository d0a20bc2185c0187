/**
 * From a recording to a profile. The GPU works beside JavaScript, so a moment has several uses; each is counted once, for
 * the first of these that goes on:
 *
 *   GPU computes ▸ compiles ▸ values are copied to it ▸ JavaScript records ▸ a picture is decoded ▸ something is waited for
 *
 * What is left is called other. So the rows sum to the wall clock's time, and say why the GPU idles where it does.
 */
import type { Pass } from '../bench/result.ts';
import { compilingOf } from './compiling.ts';
import {
  type LayerRow,
  type OpRow,
  PARTS,
  type Part,
  type Profile,
  type ProfileRow,
  type ProgramRow,
  type WallRow,
} from './profile.ts';
import type { Activity, Dispatched, Recording } from './recording.ts';

type Interval = readonly [start: number, end: number];

/** What each activity counts as; a submission is JavaScript's own work, and layers are told of for the trace alone. */
const PART_OF: Record<Exclude<Activity, 'layer'>, Part> = {
  pipeline: 'compiling',
  upload: 'uploading',
  JavaScript: 'JavaScript',
  submit: 'JavaScript',
  decoding: 'decoding',
  readback: 'waiting',
  pace: 'waiting',
};

/**
 * The profile of some steps, all by default. @param last the last one, counted from 1
 *
 * Steps begin and end where the GPU is done with one: JavaScript is up to two ahead of it.
 */
export function summarise(recording: Recording, first = 1, last = Math.max(recording.steps, 1)): Profile {
  const { measuring, adapter, missed } = recording;
  const compiling = compilingOf(recording.dispatches);
  const untimedIn = (list: readonly Dispatched[]): number =>
    list.filter(({ end }) => Number.isNaN(end)).length;
  const inSteps = recording.dispatches.filter(
    ({ step }) => step >= first - 1 && step < Math.max(last, first),
  );
  const rest = last >= recording.steps ? recording.dispatches.filter(({ step }) => step >= last) : [];
  const dispatches = [...inSteps, ...rest];
  const window = windowOf(recording, first, last);
  const timed = dispatches.map((dispatched) => {
    const compiled = compiling.get(dispatched) ?? 0;
    const ms = dispatched.end - dispatched.start;
    return { dispatched, compiled, ms: Number.isNaN(ms) ? 0 : ms - compiled };
  });
  const gpuMs = timed.reduce((sum, { ms }) => sum + ms, 0);
  const once = dispatches.filter((dispatched) => compiling.get(dispatched) === null);
  const pipelines = new Map<string, number>();
  for (const { what, about, start, end } of recording.spans)
    if (what === 'pipeline' && start >= window[0] && start < window[1])
      pipelines.set(String(about), (pipelines.get(String(about)) ?? 0) + end - start);

  const programs = new Map<string, ProgramRow>();
  const ops = new Map<string, OpRow>();
  const layers = new Map<string, LayerRow>();
  for (const { dispatched, compiled, ms } of timed) {
    const { program, op, pass, layer, flops, bytes } = dispatched;
    const grow = (row: ProfileRow): void => {
      row.calls++;
      row.ms += ms;
      row.flops += flops;
      row.bytes = row.bytes === null || bytes === 0 ? null : row.bytes + bytes;
    };
    const empty = (name: string): ProfileRow => ({ name, calls: 0, ms: 0, share: 0, flops: 0, bytes: 0 });
    const ofProgram = rowOf(programs, program, () => ({
      ...empty(program),
      compileMs: pipelines.get(program) ?? 0,
    }));
    grow(ofProgram);
    ofProgram.compileMs += compiled;
    grow(rowOf(ops, `${op} ${pass}`, () => ({ ...empty(op), pass })));
    const ofLayer = rowOf(layers, layer, () => ({
      ...empty(layer),
      passes: {} as Partial<Record<Pass, number>>,
    }));
    grow(ofLayer);
    ofLayer.passes[pass] = (ofLayer.passes[pass] ?? 0) + ms;
  }
  const ranked = <Row extends ProfileRow>(rows: Map<string, Row>): Row[] =>
    [...rows.values()]
      .map((row) => ({ ...row, share: gpuMs > 0 ? row.ms / gpuMs : 0 }))
      .sort((a, b) => b.ms - a.ms);
  return {
    ...{ adapter, measuring, missed },
    steps: [first, Math.max(last, first)],
    wallMs: window[1] - window[0],
    wall: wallOf(recording, window, compiling),
    gpuMs,
    dispatches: dispatches.length,
    untimed: untimedIn(dispatches),
    onlyOnce: {
      programs: once.length,
      ms: once.reduce((sum, { start, end }) => sum + end - start, 0),
    },
    programs: ranked(programs),
    ops: ranked(ops),
    layers: ranked(layers),
  };
}

function rowOf<Row>(rows: Map<string, Row>, key: string, make: () => Row): Row {
  const row = rows.get(key) ?? make();
  rows.set(key, row);
  return row;
}

/** From where the GPU is done with the step before to where it is done with the last one. */
function windowOf({ start, end, steps, dispatches }: Recording, first: number, last: number): Interval {
  const doneWith = (count: number): number =>
    dispatches.reduce((latest, { step, end }) => (step < count && end > latest ? end : latest), start);
  const from = first > 1 ? doneWith(first - 1) : start;
  return [from, Math.max(from, last >= steps && !Number.isNaN(end) ? end : doneWith(last))];
}

function wallOf(
  { dispatches, spans }: Recording,
  window: Interval,
  compiling: ReadonlyMap<Dispatched, number | null>,
): WallRow[] {
  const intervals = Object.fromEntries(PARTS.map((part) => [part, [] as Interval[]])) as Record<
    Part,
    Interval[]
  >;
  for (const dispatched of dispatches) {
    const { start, end } = dispatched;
    if (Number.isNaN(end)) continue;
    const compiled = start + (compiling.get(dispatched) ?? 0);
    if (compiled > start) intervals.compiling.push([start, compiled]);
    intervals.GPU.push([compiled, end]);
  }
  for (const { what, start, end } of spans) if (what !== 'layer') intervals[PART_OF[what]].push([start, end]);
  const wall = window[1] - window[0];
  let before: Interval[] = [];
  let counted = 0;
  return PARTS.map((part) => {
    const own = part === 'other' ? [window] : union(intervals[part], window);
    before = union([...before, ...own], window);
    const together = lengthOf(before);
    const ms = together - counted;
    counted = together;
    return { part, ms, share: wall > 0 ? ms / wall : 0, totalMs: part === 'other' ? ms : lengthOf(own) };
  });
}

/** Intervals within a window that do not overlap, in order. */
function union(intervals: readonly Interval[], [from, to]: Interval): Interval[] {
  const sorted = intervals
    .map(([start, end]): Interval => [Math.max(start, from), Math.min(end, to)])
    .filter(([start, end]) => end > start)
    .sort((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [start, end] of sorted) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}

const lengthOf = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, [start, end]) => sum + end - start, 0);
