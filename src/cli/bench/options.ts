/** What `npm run bench` was asked for, checked before a device is opened. */
import type { WithRows } from '../../bench/kernels.ts';
import { ROWS } from '../../bench/rows.ts';
import { GROUPS, type Group } from '../../bench/run.ts';
import { modelNames } from '../../models/table.ts';
import { unknownName } from '../../text/suggest.ts';
import { UserError } from '../ui.ts';

/** As commander reads them. */
export interface BenchOptions {
  filter?: string;
  shape?: string[];
  networks?: string[];
  variant?: string;
  allVariants?: boolean;
  samples: number;
  adapter?: string;
  html?: string;
  wgsl?: string;
  json?: boolean;
  debug?: boolean;
}

/** What to measure. */
export interface Asked extends Omit<BenchOptions, 'html' | 'wgsl' | 'json' | 'shape'> {
  groups: readonly Group[];
  rows: WithRows;
  shapes?: readonly string[];
}

/** @throws UserError for a group, a row or a network that is none */
export function askedFor(args: readonly string[], options: BenchOptions): Asked {
  const { shape: shapes, networks, ...rest } = options;
  for (const name of networks ?? [])
    if (!modelNames().includes(name)) throw new UserError(unknownName('network', name, modelNames()));
  return {
    ...rest,
    ...(networks && { networks }),
    ...(shapes && { shapes }),
    groups: groupsOf(args, options),
    rows: rowsOf(options),
  };
}

/** Shapes are kernels, unless one says more. */
function groupsOf(args: readonly string[], { shape }: BenchOptions): readonly Group[] {
  if (args.length === 0) return shape ? ['kernels'] : GROUPS;
  return args.map((arg) => {
    const group = GROUPS.find((one) => one === arg);
    if (!group)
      throw new UserError(`there is nothing called '${arg}' to measure; bench takes ${GROUPS.join(', ')}`);
    return group;
  });
}

function rowsOf({ variant, allVariants }: BenchOptions): WithRows {
  if (variant === undefined) return allVariants ? 'all' : 'chosen';
  if (allVariants)
    throw new UserError('--variant names one row and --all-variants means all; give one of them');
  if (!ROWS.includes(variant))
    throw new UserError(`--variant ${variant}: there is no such row; the rows are ${ROWS.join(', ')}`);
  return { row: variant };
}
