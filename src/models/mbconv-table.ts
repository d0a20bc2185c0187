/**
 * A network of MBConv blocks as data, as the papers print theirs: one row a stage, and what surrounds the stages.
 *
 *   const table = {
 *     name: 'tiny',
 *     rows: [
 *       // expandRatio, kernel, stride, channels, repeats, squeeze
 *       [1, 3, 1, 16, 1, 0.25],
 *       [6, 5, 2, 24, 2, 0.25],
 *     ],
 *     stem: 16, head: 128, activation: 'silu', inputSize: 64,
 *   };
 *
 * Tables travel in the cards of weights (src/weights/card.ts), so `checkTable` takes any value and bounds what is in it:
 * whatever passes describes a network that can be thought of without being built.
 */
import type { Activation } from '../kernels/index.ts';
import { among, between, demand, optional, type Rule, rule, show, whole } from '../text/rules.ts';

/** A stage: its first block has the stride, the others none. */
export type MBConvRow = readonly [
  /** Channels of the depthwise convolution over those of the block's input; at 1 nothing is expanded. */
  expandRatio: number,
  /** Side of the depthwise kernel. */
  kernel: number,
  stride: number,
  /** Channels that leave the stage. */
  channels: number,
  /** Blocks. */
  repeats: number,
  /** Share of a block's input channels that squeeze-and-excitation leaves; 0 for none. */
  squeeze: number,
];

export interface MBConvTable {
  /** What the network is called; no name of a network that stands in the table of networks. */
  name: string;
  rows: readonly MBConvRow[];
  /** Channels of the stem, a 3×3 convolution of stride 2. */
  stem: number;
  /** Channels of the head, a 1×1 convolution. */
  head: number;
  activation: Extract<Activation, 'relu' | 'relu6' | 'silu'>;
  /** Height and width of the pictures that it is meant for. */
  inputSize: number;
  /** Probability of dropping a feature before the classifier; 0.2 by default. */
  dropout?: number;
  /** Probability of dropping the last residual branch, earlier ones in proportion less; 0.2 by default. */
  dropPath?: number;
  /** PyTorch's symmetric padding, by default, or TensorFlow's. */
  padding?: 'torch' | 'same';
  /** Batch norm's epsilon; 1e-5 by default. */
  normEps?: number;
  /** Batch norm's momentum; 0.1 by default. */
  normMomentum?: number;
}

/** What a table may hold at most. */
export const TABLE_LIMITS = { rows: 32, channels: 4096, repeats: 16, expandRatio: 16, inputSize: 4096 };

const KERNELS = [1, 3, 5, 7];
const ACTIVATIONS = ['relu', 'relu6', 'silu'];

const share = rule(
  (value) => typeof value === 'number' && value >= 0 && value < 1,
  'a number from 0 to below 1',
);
const fraction = between(0, 1);
const channels = whole(1, TABLE_LIMITS.channels);

/** The columns of a row, in order. */
const COLUMNS: readonly (readonly [column: string, rule: Rule])[] = [
  ['expandRatio', whole(1, TABLE_LIMITS.expandRatio)],
  ['kernel', among(KERNELS)],
  ['stride', among([1, 2])],
  ['channels', channels],
  ['repeats', whole(1, TABLE_LIMITS.repeats)],
  ['squeeze', share],
];

const FIELDS: Readonly<Record<Exclude<keyof MBConvTable, 'rows'>, Rule>> = {
  name: rule(
    (value) => typeof value === 'string' && /^[A-Za-z0-9][\w.-]{0,63}$/.test(value),
    'a name of up to 64 letters, digits, dots and dashes',
  ),
  stem: channels,
  head: channels,
  activation: among(ACTIVATIONS),
  inputSize: whole(1, TABLE_LIMITS.inputSize),
  dropout: optional(share),
  dropPath: optional(share),
  padding: optional(among(['torch', 'same'])),
  normEps: optional(fraction),
  normMomentum: optional(fraction),
};

/**
 * The table that a value is; what else it holds is left out. Nothing is built.
 * @throws RangeError, a sentence that names the place, where it is none or is out of bounds
 */
export function checkTable(value: unknown): MBConvTable {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RangeError(`a network's table is an object with a name and rows, not ${show(value)}`);
  const given = value as Record<string, unknown>;
  const checked: Record<string, unknown> = {};
  for (const [field, fieldRule] of Object.entries(FIELDS)) {
    demand(fieldRule, given[field], `the table's ${field}`);
    if (given[field] !== undefined) checked[field] = given[field];
  }
  const { rows } = given;
  if (!Array.isArray(rows) || rows.length < 1 || rows.length > TABLE_LIMITS.rows)
    throw new RangeError(
      `the table's rows are a list of 1 to ${TABLE_LIMITS.rows} stages, not ${Array.isArray(rows) ? `of ${rows.length}` : show(rows)}`,
    );
  checked.rows = rows.map(checkRow);
  return checked as unknown as MBConvTable;
}

function checkRow(row: unknown, index: number): MBConvRow {
  const place = `row ${index + 1} of the table`;
  if (!Array.isArray(row) || row.length !== COLUMNS.length)
    throw new RangeError(
      `${place} is a list of ${COLUMNS.length} numbers (${COLUMNS.map(([column]) => column).join(', ')}), not ${show(row)}`,
    );
  for (const [at, [column, columnRule]] of COLUMNS.entries())
    demand(columnRule, row[at], `${place}: ${column}`);
  return [...row] as unknown as MBConvRow;
}
