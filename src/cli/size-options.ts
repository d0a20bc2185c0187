/** `--size` and `--fit`: how large a network's input is, and how pictures fit into it; one spelling for all commands. */
import { InvalidArgumentError, Option } from 'commander';
import { type InputSize, MOST_SIZE, saidSize, sizeOfSides } from '../data/input-size.ts';
import { FITS, type Fit } from '../data/placing.ts';
import type { Preprocessing } from '../data/transforms.ts';
import { oneOf } from './command-line.ts';

/** As commander gives them. */
export interface SizeOptions {
  size?: InputSize;
  fit?: Fit;
}

/** A commander parser for a side, or for HEIGHTxWIDTH, each of at least `least` pixels. */
export const inputSizeFrom =
  (least: number) =>
  (text: string): InputSize => {
    const [, height, width = height] = /^\s*(\d+)(?:\s*[x×]\s*(\d+))?\s*$/i.exec(text) ?? [];
    const sides = [Number(height), Number(width)] as const;
    if (!sides.every((side) => side >= least && side <= MOST_SIZE))
      throw new InvalidArgumentError(
        `It must be a whole number of at least ${least}, or HEIGHTxWIDTH such as 160x320, of at most ${MOST_SIZE} each.`,
      );
    return sizeOfSides(...sides);
  };

/** @param what the size is of, and what it is where nobody says */
export const sizeOption = (what: string, least = 8): Option =>
  new Option('--size <pixels>', `${what}; 160x320: 160 high, 320 wide`).argParser(inputSizeFrom(least));

/** @param condition such as `with --weights: ` */
export const fitOption = (condition = ''): Option =>
  new Option('--fit <way>', `${condition}crop, or pad: pictures whole in a border`).argParser(oneOf(FITS));

/** How pictures come to a network, where that is not the usual square: for banners. */
export function describeInput({ inputSize, fit }: Pick<Preprocessing, 'inputSize' | 'fit'>): string {
  return `${saidSize(inputSize)}${fit === 'pad' ? ', pictures whole in a border (--fit pad)' : ''}`;
}

/** A sentence on an input that is no square, or on pictures with a border; null for the usual. */
export function unusualInput(preprocessing: Pick<Preprocessing, 'inputSize' | 'fit'>): string | null {
  const usual = typeof preprocessing.inputSize === 'number' && preprocessing.fit !== 'pad';
  return usual ? null : `The network's input: ${describeInput(preprocessing)}.`;
}
