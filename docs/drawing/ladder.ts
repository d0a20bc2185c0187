/**
 * docs/ladder.md's tables, shaders and figure: functions of the rungs in bench/ladder and of docs/data/ladder.json, which
 * `npm run bench -- --ladder matmul conv2d --json` wrote on a quiet machine.
 */
import { readFileSync } from 'node:fs';
import { CONV2D, MATMUL } from '../../bench/ladder/ladders.ts';
import type { Rung } from '../../bench/ladder/rung.ts';
import { type BenchResult, benchResultOf } from '../../src/bench/result.ts';
import { PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Program, Traits } from '../../src/gpu/index.ts';
import { formatNumber } from '../../src/text/figures.ts';
import { headText } from './speed.ts';
import { rect, svg, text, WIDTH } from './svg.ts';
import { markdown } from './tables.ts';

/** The run that the page shows. */
export function recordedLadder(): BenchResult {
  const file = new URL('../data/ladder.json', import.meta.url);
  return benchResultOf(readFileSync(file, 'utf8'), 'docs/data/ladder.json');
}

/** Subgroups of eight lanes, as the adapter of the recorded run has them. */
const TRAITS: Traits = { ...PLAIN_DEVICE.traits, lanes: 8, lanesBy: 'broadcast', immediates: true };

/** Rungs whose shader is shown as what changed since the rung before. */
const CHANGED = ['columns', 'registers', 'terms', 'channels', 'pixels'];

/** The tables by their names on the page. */
export function ladderTables(result: BenchResult): Record<string, string> {
  return {
    'ladder-on': headText(result),
    'ladder-matmul': ladderTable(result, MATMUL, 'matmul'),
    'ladder-conv2d': ladderTable(result, CONV2D, 'conv2d'),
    ...shaders('matmul', MATMUL),
    ...shaders('conv2d', CONV2D),
  };
}

function ladderTable({ entries }: BenchResult, rungs: readonly Rung<never>[], op: string): string {
  const naive = millisecondsOf(entries, op, rungs[0]!.name);
  const rows = rungs.map(({ name, limit }, index) => {
    const ms = millisecondsOf(entries, op, name);
    const before = index > 0 ? millisecondsOf(entries, op, rungs[index - 1]!.name) : null;
    const [entry] = entries.filter((one) => one.op === op);
    return [
      `[\`${name}\`](../bench/ladder/${op}/${index + 1}-${name}.ts)`,
      formatNumber(ms),
      formatNumber(entry!.flops / ms / 1e6),
      before === null ? '' : `${formatNumber(before / ms)}×`,
      index === 0 ? '' : `${formatNumber(naive / ms)}×`,
      limit,
    ];
  });
  return markdown(
    ['rung', '>ms', '>GFLOP/s', '>than the one before', '>than the first', 'what limits it'],
    rows,
  );
}

function millisecondsOf(entries: BenchResult['entries'], op: string, rung: string): number {
  const entry = entries.find((one) => one.op === op && one.variant === rung);
  if (!entry?.timing) throw new Error(`docs/data/ladder.json has no time of ${op} ${rung}`);
  return entry.timing.median;
}

function shaders(op: string, rungs: readonly Rung<never>[]): Record<string, string> {
  let before: readonly string[] = [];
  const blocks: [string, string][] = [];
  for (const { name, program } of rungs) {
    const made = program(TRAITS);
    if (!made) continue;
    const lines = shaderOf(made);
    const shown = CHANGED.includes(name) ? ['```diff', ...difference(before, lines)] : ['```wgsl', ...lines];
    blocks.push([`ladder-${op}-${name}`, [...shown, '```'].join('\n')]);
    before = lines;
  }
  return Object.fromEntries(blocks);
}

/** The WGSL of a rung, without what is declared for it and what spreads elements over invocations. */
function shaderOf({ wgsl, elementwise }: Program): readonly string[] {
  const [body] = elementwise ? wgsl.split('\n@compute') : [wgsl];
  return folded(body!.split('\n').filter((line) => line.trim() !== ''));
}

/** Blocks of up to six lines that come four times and more, but for their numbers, stand once. */
export function folded(lines: readonly string[]): readonly string[] {
  const general = lines.map((line) => line.replace(/\d+/g, '#'));
  const shown: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const found = [1, 2, 3, 4, 5, 6].map((length) => ({ length, times: timesAt(general, at, length) }));
    const block = found.find(({ times }) => times >= 4);
    if (!block) {
      shown.push(lines[at++]!);
      continue;
    }
    const { length, times } = block;
    for (const line of lines.slice(at, at + length)) shown.push(line);
    const indent = /^ */.exec(lines[at]!)![0];
    shown.push(`${indent}// … and ${times - 1} times more, with the next numbers`);
    at += length * times;
  }
  return shown;
}

/** How often the block of `length` lines at a place follows itself there. */
function timesAt(lines: readonly string[], at: number, length: number): number {
  const block = lines.slice(at, at + length).join('\n');
  let times = 1;
  while (lines.slice(at + times * length, at + (times + 1) * length).join('\n') === block && block !== '')
    times++;
  return times;
}

/** What changed from lines to lines, all of them shown: the longest common subsequence stays. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  // common[i][j]: of before from i and after from j.
  const common = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i]![j] =
        before[i] === after[j]
          ? common[i + 1]![j + 1]! + 1
          : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const both = i < before.length && j < after.length;
    if (both && before[i] === after[j]) {
      lines.push(`  ${before[i++]}`);
      j++;
    } else if (i < before.length && (!both || common[i + 1]![j]! >= common[i]![j + 1]!))
      lines.push(`- ${before[i++]}`);
    else lines.push(`+ ${after[j++]}`);
  }
  return lines;
}

/** Who computes what: the elements of C that an invocation has, and what it loads for them in a step. */
const PANELS: readonly {
  title: string;
  note: readonly string[];
  rows: number;
  columns: number;
  terms: number;
  /** Columns of the other lanes of the subgroup. */
  others: number;
}[] = [
  { title: 'naive', note: ['1 element', '2 numbers a step'], rows: 1, columns: 1, terms: 1, others: 0 },
  { title: 'columns', note: ['4 elements', '5 numbers a step'], rows: 1, columns: 4, terms: 1, others: 0 },
  {
    title: 'registers',
    note: ['16 elements', '32 numbers, 4 steps'],
    rows: 4,
    columns: 4,
    terms: 4,
    others: 0,
  },
  {
    title: 'broadcast',
    note: ['32 elements', '20 numbers, 4 steps'],
    rows: 8,
    columns: 4,
    terms: 4,
    others: 4,
  },
];

const CELL = 7;
const SIDE = 12;
const DEPTH = 8;

export function ladderFigure(): string {
  const body = PANELS.flatMap((panel, index) => panelOf(panel, 14 + (index * (WIDTH - 14)) / PANELS.length));
  return svg(240, 'Who computes what: one invocation on four rungs', body);
}

function panelOf(
  { title, note, rows, columns, terms, others }: (typeof PANELS)[number],
  x: number,
): string[] {
  const left = x + DEPTH * CELL + 8;
  const top = 34 + DEPTH * CELL + 8;
  const [row, column] = [2, 2];
  const at = (value: number): number => value * CELL;
  // In a subgroup a lane loads one of the rows of A, and has the others from their lanes.
  const own = others > 0 ? 1 : rows;
  return [
    text(x, 16, title, { at: 'start', bold: true }),
    text(left + at(SIDE) + 6, 34 + at(DEPTH) / 2, 'B', { at: 'start', colour: 'muted' }),
    text(x, top + at(SIDE) + 14, 'A', { at: 'start', colour: 'muted' }),
    text(left, top + at(SIDE) + 14, 'C', { at: 'start', colour: 'muted' }),
    rect(left, 34, at(SIDE), at(DEPTH), 'box edge'),
    rect(x, top, at(DEPTH), at(SIDE), 'box edge'),
    rect(left, top, at(SIDE), at(SIDE), 'box edge'),
    ...(others > 0
      ? [
          rect(left + at(column + columns), top + at(row), at(others), at(rows), 'top'),
          rect(x, top + at(row + own), at(terms), at(rows - own), 'top'),
        ]
      : []),
    rect(left + at(column), 34, at(columns), at(terms), 'map'),
    rect(x, top + at(row), at(terms), at(own), 'map'),
    rect(left + at(column), top + at(row), at(columns), at(rows), 'work'),
    ...note.map((line, index) =>
      text(x, top + at(SIDE) + 34 + 14 * index, line, { at: 'start', colour: 'muted' }),
    ),
  ];
}
