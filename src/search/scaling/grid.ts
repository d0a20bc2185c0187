/**
 * The small grid of compound scaling (Tan & Le 2019, section 4, step 1): with φ = 1, which α, β, γ are best for a network on
 * these pictures?
 *
 *   α · β² · γ² ≈ 2      α: 1.1 … 1.4 in steps of 0.1, β: 1.05 … 1.2 in steps of 0.05, γ: what is left, to 0.05
 *
 * A small network rounds far: a stage of one layer has two for any α above 1, so that a product of 2 costs 2.5 to 3 times as
 * much. Networks are worth comparing at equal cost; it is the lower quartile of those products' costs, and the networks
 * nearest to it are taken, each once.
 *
 * Beside them stand the network itself, and three that reach the same cost by layers, by channels or by pixels alone (figure 3
 * of the paper), which say whether scaling all of them together is worth anything here.
 */
import type { MBConvTable } from '../../models/mbconv-table.ts';
import { countOfTable } from '../cost/cost.ts';
import type { Agreement, GridKind, GridNetwork } from '../result.ts';
import { checkSpace, type SearchSpace } from '../space.ts';
import { type ScalingFactors, scaleTable } from './scaling.ts';

/** α · β² · γ² */
const PRODUCT = 2;
const ALPHAS = [1.1, 1.2, 1.3, 1.4];
const BETAS = [1.05, 1.1, 1.15, 1.2];
/** Of γ, and of the factors of what is scaled alone. */
const STEP = 0.05;
const LARGEST = 4;
/** The largest ratio of a cost to the common one. */
const NEAR = 1.15;
/** Networks that are scaled in all three. */
const MOST_COMPOUND = 6;

const UNSCALED: ScalingFactors = { alpha: 1, beta: 1, gamma: 1 };
const ALONE = { depth: 'alpha', width: 'beta', resolution: 'gamma' } as const;

const inSteps = (value: number): number => Number((Math.round(value / STEP) * STEP).toFixed(2));

/** The networks of the grid, the base first: compound ones by α and β, then those that are scaled in one alone. */
export function gridNetworks(base: MBConvTable, classes: number): GridNetwork[] {
  const cost = countOfTable(base, 'multiply-adds', classes);
  const network = (kind: GridKind, factors: ScalingFactors): GridNetwork[] => {
    const table = scaledOrNull(base, factors, `${kind}-${Object.values(factors).join('-')}`);
    if (!table) return [];
    const multiplyAdds = countOfTable(table, 'multiply-adds', classes);
    const parameters = countOfTable(table, 'parameters', classes);
    return [{ kind, ...factors, table, multiplyAdds, parameters, growth: multiplyAdds / cost }];
  };
  const compound = ALPHAS.flatMap((alpha) =>
    BETAS.flatMap((beta) => {
      const gamma = inSteps(Math.sqrt(PRODUCT / (alpha * beta ** 2)));
      return gamma > 1 ? network('compound', { alpha, beta, gamma }) : [];
    }),
  ).filter(({ table }, i, all) => i === all.findIndex((other) => sameShape(other.table, table)));
  const growths = compound.map(({ growth }) => growth).sort((a, b) => a - b);
  const common = growths[Math.floor(growths.length / 4)] ?? PRODUCT;
  const chosen = nearest(compound, common)
    .filter(({ growth }) => Math.abs(Math.log(growth / common)) < Math.log(NEAR))
    .slice(0, MOST_COMPOUND);
  const alone = (['depth', 'width', 'resolution'] as const).flatMap((kind) => {
    const count = Math.round((LARGEST - 1) / STEP);
    const factors = Array.from({ length: count }, (_, i) => inSteps(1 + (i + 1) * STEP));
    const scaled = factors.flatMap((factor) => network(kind, { ...UNSCALED, [ALONE[kind]]: factor }));
    return nearest(scaled, common).slice(0, 1);
  });
  return [
    ...network('base', UNSCALED),
    ...chosen.sort((a, b) => a.alpha - b.alpha || a.beta - b.beta),
    ...alone,
  ];
}

/** Those whose cost is nearest the common one first. */
function nearest(networks: readonly GridNetwork[], common: number): GridNetwork[] {
  const distance = ({ growth }: GridNetwork): number => Math.abs(Math.log(growth / common));
  return networks.toSorted((a, b) => distance(a) - distance(b));
}

/** Null where it would be larger than a table may say. */
function scaledOrNull(base: MBConvTable, factors: ScalingFactors, name: string): MBConvTable | null {
  try {
    return scaleTable(base, { ...factors, phi: 1 }, name);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const sameShape = (a: MBConvTable, b: MBConvTable): boolean =>
  JSON.stringify([a.rows, a.stem, a.head, a.inputSize]) ===
  JSON.stringify([b.rows, b.stem, b.head, b.inputSize]);

/** `On the order of the networks, the two halves of the held pictures agree with τ 0.62 (95 % interval 0.21 to 0.91).` */
export function agreementSentence({ what, tau, interval: [low, high] }: Agreement): string {
  return `On the order of the networks, ${what} agree with τ ${tau.toFixed(2)} (95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}).`;
}

/**
 * A space around a network, from it to twice its layers and half as many channels again: what step times of its scaled networks
 * are fitted to.
 */
export function spaceAround(base: MBConvTable): SearchSpace {
  const { stem, head, activation, inputSize, dropout } = base;
  const larger = scaleTable(base, { alpha: 2, beta: 1.5, gamma: 1, phi: 1 }, 'larger').rows;
  return checkSpace({
    name: base.name.slice(0, 32),
    stages: base.rows.map(([expandRatio, kernel, stride, width, depth, squeeze], i) => ({
      stride,
      kernels: [kernel],
      expandRatios: [expandRatio],
      widths: [...new Set([width, larger[i]![3]])],
      depths: [...new Set([depth, larger[i]![4]])],
      squeezes: [squeeze],
    })),
    ...{ stem, head, activation, inputSize },
    ...(dropout !== undefined && { dropout }),
  });
}
