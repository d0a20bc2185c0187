/** Figures of parts as text, and the times of their layers. */
import type { Dispatch, Measured } from '../../contract.ts';

export const shapeText = (shape: readonly number[]): string => shape.join('×');

/** 928, 10.8 M, 1.81 G. */
export function count(value: number): string {
  for (const [size, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${letter}`;
  return String(value);
}

/** Whether a layer's name (of a dispatch: `layer1.0`, `layer1.0 (add)`) is a part at `path`, or in it. */
const isIn = (layer: string, path: string): boolean =>
  layer === path || layer.startsWith(`${path}.`) || layer.startsWith(`${path} (`);

/** The dispatches of the parts at `paths`, each once. */
export const dispatchesOf = (measured: Measured, paths: readonly string[]): Dispatch[] =>
  measured.dispatches.filter(({ layer }) => paths.some((path) => isIn(layer, path)));

export const msOf = (measured: Measured, paths: readonly string[]): number =>
  dispatchesOf(measured, paths).reduce((sum, { ms }) => sum + ms, 0);
