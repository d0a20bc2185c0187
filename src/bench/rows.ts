/** Which rows of the tables of kernels compute a problem of the bench, and which of them the device chooses. */
import type { Device } from '../gpu/index.ts';
import { problemOf as convProblem, geometryOf, keyOf as keyOfConv } from '../kernels/conv/problem.ts';
import { CONV_ROWS, chooseConv } from '../kernels/conv/table.ts';
import { keyOf as keyOfMatrix, problemOf as matrixProblem } from '../kernels/matmul/problem.ts';
import { chooseMatrix, MATRIX_ROWS } from '../kernels/matmul/table.ts';
import type { Epilogue } from '../kernels/parts/epilogue.ts';
import type { AnyProblem, Row } from '../kernels/parts/table.ts';
import { windowOf } from '../kernels/parts/window.ts';
import { keepsWeight, MATRIX_OPS, type Posed, type Problem } from './problem.ts';
import type { Pass } from './result.ts';

/** The names of all rows, of both tables. */
export const ROWS: readonly string[] = [...new Set([...CONV_ROWS, ...MATRIX_ROWS].map(({ name }) => name))];

export interface Rows {
  /** The row that computes it where none is forced. */
  chosen: string;
  /** Those that can. */
  able: readonly string[];
  /** What each of those expects to cost, in the units of its table. */
  estimates: readonly number[];
  /** The problem as `Device.choices` names it. */
  key: string;
}

const DIRECTIONS: Readonly<Partial<Record<Pass, 'forward' | 'input' | 'weight'>>> = {
  forward: 'forward',
  'input gradient': 'input',
  'weight gradient': 'weight',
};

/** The rows of a posed problem; null where there is one way only. */
export function rowsOf(
  { problem, pass }: Pick<Posed, 'problem' | 'pass'>,
  device: Pick<Device, 'choices' | 'traits'>,
): Rows | null {
  const direction = DIRECTIONS[pass];
  if (!direction || !MATRIX_OPS.includes(problem.op)) return null;
  const x = problem.inputs.x0!;
  const w = problem.inputs.x1!;
  const several = x[0]! > 1;
  if (problem.op === 'linear' || problem.op === 'matmul') {
    const [source, result] = direction === 'input' ? [w[1]!, w[0]!] : [w[0]!, w[1]!];
    const asked = matrixProblem(direction, several, source, result);
    return {
      chosen: chooseMatrix(asked, device).name,
      key: keyOfMatrix(asked),
      ...ableOf(MATRIX_ROWS, asked, device),
    };
  }
  const window = windowOf(problem.op, x, [w[0]!, w[1]!], problem.parameters);
  const geometry = geometryOf(x, w, window, x[3]! / w[2]!);
  const inFours = geometry.cin === geometry.alignedIn && geometry.cout === geometry.alignedOut;
  const asked = convProblem(
    geometry,
    direction,
    several,
    // What is put in fours for a pass is gone after it.
    keepsWeight({ problem, pass }) && inFours,
    direction === 'forward' ? epilogueOf(problem) : undefined,
  );
  return {
    chosen: chooseConv(asked, device).name,
    key: keyOfConv(asked),
    ...ableOf(CONV_ROWS, asked, device),
  };
}

function ableOf<Asked extends AnyProblem, Operands>(
  table: readonly Row<Asked, Operands>[],
  asked: Asked,
  { traits }: Pick<Device, 'traits'>,
): Pick<Rows, 'able' | 'estimates'> {
  const rows = table.filter((row) => row.supports(asked, traits));
  return {
    able: rows.map(({ name }) => name),
    estimates: rows.map((row) => row.estimate(asked, traits)),
  };
}

/** What follows the sum, for a choice: it looks at what is there, and at no buffer. */
function epilogueOf({ inputs, fused }: Problem): Epilogue {
  const there = {} as NonNullable<Epilogue['bias']>;
  return {
    bias: inputs.bias ? there : undefined,
    norm:
      fused && fused.eps !== null
        ? { gamma: there, beta: there, mean: there, variance: there, eps: fused.eps }
        : undefined,
    residual: fused?.residual ? there : undefined,
    activation: fused?.activation,
  };
}
