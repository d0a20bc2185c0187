/** What a part computes, in a line, by its kind. */
import type { Part } from '../../contract.ts';

const FORMULAS: readonly (readonly [kind: RegExp, formula: string])[] = [
  [/^depthwise/, 'y[i, j, c] = Σ_uv x[s·i + u − p, s·j + v − p, c] · w[u, v, c]'],
  [/^conv 1×1,/, 'y[i, j, o] = Σ_c x[i, j, c] · w[c, o]: a product of matrices, [H·W, C] · [C, O]'],
  [/^conv/, 'y[i, j, o] = Σ_uvc x[s·i + u − p, s·j + v − p, c] · w[u, v, c, o] + b[o]'],
  [/^linear/, 'y[o] = Σ_i x[i] · w[i, o] + b[o]'],
  [
    /^batch norm/,
    'y = γ · (x − μ) / √(σ² + ε) + β, with the running μ and σ² of each channel; then the activation',
  ],
];

/** Blocks by the names of their layers, as the papers draw them. */
const BLOCKS: readonly (readonly [layers: RegExp, formula: string])[] = [
  [
    /conv_dw|conv\.\d\.0/,
    'expand 1×1 → depthwise k×k → project 1×1, and y = x + f(x) where shape and stride allow it',
  ],
  [/conv1.*conv2/, 'y = relu(x + f(x)), with f two or three convolutions, each with its batch norm'],
];

export function formulaOf({ kind, path }: Part, layers: readonly Part[]): string | null {
  const known = FORMULAS.find(([test]) => test.test(kind));
  if (known) return known[1];
  if (!kind.startsWith('block')) return null;
  const below = layers.map((layer) => layer.path.slice(path.length)).join(' ');
  return BLOCKS.find(([test]) => test.test(below))?.[1] ?? null;
}
