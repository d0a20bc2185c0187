/** What kernels and models are drawn with: a shape for the pass, a colour for the op. */
import type { BenchEntry, Pass } from '../../bench/result.ts';
import type { Mark } from '../marks.ts';

const SHAPES: Readonly<Record<Pass, Pick<Mark, 'symbol' | 'sign'>>> = {
  forward: { symbol: 'circle', sign: '●' },
  'input gradient': { symbol: 'triangle', sign: '▲' },
  'weight gradient': { symbol: 'square', sign: '■' },
  gradients: { symbol: 'diamond', sign: '◆' },
  update: { symbol: 'cross', sign: '✚' },
  step: { symbol: 'star', sign: '★' },
};
export const shapeOf = (pass: Pass): Pick<Mark, 'symbol' | 'sign'> => SHAPES[pass];

/** Colours, counted from 1, of the ops that most kernels have; models and all other ops have one each. */
const OPS = [1, 3, 4, 5];
const MODELS = 2;
const OTHERS = 6;

/** Names of what is drawn in a colour, and the colour of an entry. */
export function coloursOf(entries: readonly BenchEntry[]): {
  legend: { name: string; colour: number }[];
  colour: (entry: BenchEntry) => number;
} {
  const counts = new Map<string, number>();
  for (const { group, op } of entries) if (group === 'kernels') counts.set(op, (counts.get(op) ?? 0) + 1);
  const ops = [...counts].sort(([, a], [, b]) => b - a).map(([op]) => op);
  const own = new Map(ops.slice(0, OPS.length).map((op, index) => [op, OPS[index]]));
  return {
    legend: [
      ...[...own].map(([name, colour]) => ({ name, colour })),
      ...(ops.length > OPS.length ? [{ name: 'other ops', colour: OTHERS }] : []),
      ...(entries.some(({ group }) => group === 'models')
        ? [{ name: 'whole networks', colour: MODELS }]
        : []),
    ],
    colour: ({ group, op }) => (group === 'models' ? MODELS : (own.get(op) ?? OTHERS)),
  };
}
