/** What `npm run bench` was asked to measure, checked before a device is opened. */
import type { LadderName } from '../../../bench/ladder/ladders.ts';
import type { WithRows } from '../../bench/kernels.ts';
import { ROWS } from '../../bench/rows.ts';
import { type Choice, GROUPS, type Group } from '../../bench/run.ts';
import { modelNames } from '../../models/table.ts';
import { unknownName } from '../../text/suggest.ts';
import { UserError } from '../ui.ts';

/** The options that say what is measured, as commander reads them. */
export interface MeasureOptions {
  filter?: string;
  shape?: string[];
  networks?: string[];
  variant?: string;
  allVariants?: boolean;
  ladder?: LadderName[];
  samples: number;
  rounds?: number;
  adapter?: string;
  untuned?: boolean;
}

/** What to measure, and how. */
export interface BenchRequest extends Omit<Choice, 'memory'> {
  samples: number;
  rounds?: number;
  adapter?: string;
  untuned: boolean;
  /** The rungs of these ladders in place of all else. */
  ladder?: readonly LadderName[];
  /** Whether the ceilings are measured, and how networks start. */
  ceilings: boolean;
  starts: boolean;
}

/** @throws UserError for a group, a row or a network that is none */
export function requestOf(args: readonly string[], options: MeasureOptions): BenchRequest {
  const { shape: shapes, networks, filter, samples, rounds, adapter, variant } = options;
  if (
    options.ladder &&
    (args.length > 0 || shapes || networks || variant !== undefined || options.allVariants || filter)
  )
    throw new UserError(
      '--ladder is a problem of its own, with rungs in place of rows; give it without groups, shapes, networks, filters and variants',
    );
  for (const name of networks ?? [])
    if (!modelNames().includes(name)) throw new UserError(unknownName('network', name, modelNames()));
  const groups = groupsOf(args, options);
  // A comparison asks for rounds, of works and nothing else.
  const whole = rounds === undefined;
  return {
    groups,
    rows: rowsOf(options),
    untuned: options.untuned ?? false,
    samples,
    ceilings: whole || args.includes('ceiling'),
    starts: whole && !options.ladder && variant === undefined && groups.includes('models'),
    ...(filter !== undefined && { filter }),
    ...(networks && { networks }),
    ...(shapes && { shapes }),
    ...(rounds !== undefined && { rounds }),
    ...(adapter !== undefined && { adapter }),
    ...(options.ladder && { ladder: options.ladder }),
  };
}

/** Shapes are kernels, unless one says more. */
function groupsOf(args: readonly string[], { shape }: MeasureOptions): readonly Group[] {
  if (args.length === 0) return shape ? ['kernels'] : GROUPS;
  return args.map((arg) => {
    const group = GROUPS.find((one) => one === arg);
    if (!group)
      throw new UserError(`there is nothing called '${arg}' to measure; bench takes ${GROUPS.join(', ')}`);
    return group;
  });
}

function rowsOf({ variant, allVariants }: MeasureOptions): WithRows {
  if (variant === undefined) return allVariants ? 'all' : 'chosen';
  if (allVariants)
    throw new UserError('--variant names one row and --all-variants means all; give one of them');
  if (!ROWS.includes(variant))
    throw new UserError(`--variant ${variant}: there is no such row; the rows are ${ROWS.join(', ')}`);
  return { row: variant };
}
