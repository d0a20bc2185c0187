/**
 * Types of values. One rule holds for every op: it computes with float32, unless it says that it takes something else, and
 * what it does not take it refuses. A kernel would read the bits of an integer as those of a float.
 */
import { show } from './shape.ts';
import type { DataType, Tensor } from './tensor.ts';

const FLOATS: readonly DataType[] = ['float32'];

/**
 * Checks the types of an op's inputs, which are given by their names in the op's documentation.
 * @param takes what the op computes with; float32 unless it says otherwise
 * @throws TypeError naming the op, the input and its type
 */
export function checkTypes(
  op: string,
  inputs: Readonly<Record<string, Pick<Tensor, 'dtype' | 'shape'> | null | undefined>>,
  takes = FLOATS,
): void {
  for (const name in inputs) {
    const input = inputs[name];
    if (!input || takes.includes(input.dtype)) continue;
    throw new TypeError(
      `${op}: ${name} is ${input.dtype} ${show(input.shape)}, and ${op} takes ${takes.join(' or ')}; convert it: tensor(await ${name}.data(), ${show(input.shape)}, { dtype: '${takes[0]}' })`,
    );
  }
}
