/** What `--network`, `--grid` and `--scale` ask for: a network that is scaled in place of a search. */
import { dirname, join } from 'node:path';
import { checkTable, type MBConvTable } from '../../models/mbconv-table.ts';
import { bytesIfThere, statOrNull } from '../../node/files.ts';
import { countOfTable } from '../../search/cost/cost.ts';
import { checkResult, type GridNetwork, type SearchResult } from '../../search/result.ts';
import { gridNetworks } from '../../search/scaling/grid.ts';
import { FACTORS, PAPER_FACTORS, type ScalingFactors, scaleTable } from '../../search/scaling/scaling.ts';
import { all, number, object, orNull, parseBounded, type Rule, rule } from '../../text/rules.ts';
import { checkpointOfRun, FOUND } from '../../train/node/run-folder.ts';
import { openStart } from '../../weights/node/create-model.ts';
import { UserError } from '../ui.ts';
import type { SearchArgs } from './options.ts';

/** A network that is scaled: by these factors to φ, or by those of the grid where φ is null. */
export interface Scaling extends ScalingFactors {
  table: MBConvTable;
  phi: number | null;
}

/** `Scaling` out of a file. */
export const SCALING: Rule = all(
  FACTORS,
  object({
    phi: orNull(number(0, 10)),
    table: rule((value) => {
      try {
        return checkTable(value) !== null;
      } catch {
        return false;
      }
    }, "a network's table"),
  }),
);

const MOST_BYTES = 2 ** 26;

/**
 * What `--network`, `--grid` and `--scale` ask for; null where they do not. The folder of a grid stands for the network that it
 * scaled, and gives the factors that were best in it.
 * @throws UserError, a sentence, for a network that is no table of MBConv stages
 */
export async function openScaling(options: SearchArgs): Promise<Scaling | null> {
  const { network, scale, alpha, beta, gamma } = options;
  if (network === undefined) return null;
  const isFolder = (await statOrNull(network))?.isDirectory() ?? false;
  const grid = await gridIn(isFolder ? network : dirname(network));
  const base = grid?.points.find(({ kind }) => kind === 'base')?.table;
  const found = isFolder && base ? base : await tableIn(isFolder ? await checkpointOfRun(network) : network);
  const best: ScalingFactors = grid?.points[grid.best ?? -1] ?? PAPER_FACTORS;
  const factors = { alpha: alpha ?? best.alpha, beta: beta ?? best.beta, gamma: gamma ?? best.gamma };
  const scaling = { table: found, phi: scale ?? null, ...factors };
  if (scaling.phi !== null) networksOf(scaling, 1); // What would be too large is found here.
  return scaling;
}

/** The files that `openScaling` may read of a network. */
export async function filesOfNetwork(network: string): Promise<string[]> {
  const isFolder = (await statOrNull(network))?.isDirectory() ?? false;
  return isFolder
    ? [await checkpointOfRun(network), join(network, FOUND)]
    : [network, join(dirname(network), FOUND)];
}

async function gridIn(folder: string): Promise<SearchResult['grid'] | null> {
  const path = join(folder, FOUND);
  if (!(await statOrNull(path))?.isFile()) return null;
  const bytes = await bytesIfThere(path, MOST_BYTES);
  try {
    return bytes && checkResult(parseBounded(new TextDecoder().decode(bytes), 'it')).grid;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`${path} is damaged: ${error.message}; name a network in another folder`, {
      cause: error,
    });
  }
}

async function tableIn(file: string): Promise<MBConvTable> {
  const { network } = await openStart({ weights: file });
  if (typeof network !== 'string') return network;
  throw new UserError(
    `--network ${file}: ${network} is no network of MBConv stages that the file says the table of; name one that \`search\` found`,
  );
}

/** The networks that are trained. @throws UserError where one would be larger than a table may say */
export function networksOf({ table: base, phi, ...factors }: Scaling, classes: number): GridNetwork[] {
  if (phi === null) return gridNetworks(base, classes);
  try {
    const { alpha, beta, gamma } = factors;
    const scaled = scaleTable(base, { alpha, beta, gamma, phi }, `scaled-${phi}`);
    const [multiplyAdds, parameters] = (['multiply-adds', 'parameters'] as const).map((unit) =>
      countOfTable(scaled, unit, classes),
    ) as [number, number];
    const growth = multiplyAdds / countOfTable(base, 'multiply-adds', classes);
    const applied = { alpha: alpha ** phi, beta: beta ** phi, gamma: gamma ** phi };
    return [{ kind: 'scaled', ...applied, table: scaled, multiplyAdds, parameters, growth }];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`--scale ${phi}: ${error.message}; take a smaller one`, { cause: error });
  }
}
