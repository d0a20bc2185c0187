/**
 * Compound scaling (Tan & Le 2019, section 3.3) of any network of MBConv stages: of one that a search found, say.
 *
 *   layers of a stage   ⌈α^φ · d⌉
 *   channels            β^φ · w, to a multiple of 8, never down by more than a tenth; stem and head too
 *   pictures            γ^φ · r, to the nearest even side
 *
 * with the roundings of EfficientNet (src/models/efficientnet.ts). Sides are even since the stem halves them: an odd one would
 * cost what the next even one does. Without rounding the cost would grow by (α · β² · γ²)^φ; a small network rounds far from
 * it, since a stage of one layer has two for any α above 1.
 */
import { roundChannels, roundLayers } from '../../models/efficientnet.ts';
import { checkTable, type MBConvTable } from '../../models/mbconv-table.ts';
import { demand, number, object, type Rule } from '../../text/rules.ts';

/** How a network grows with φ. */
export interface ScalingFactors {
  /** α: of the layers of a stage. */
  alpha: number;
  /** β: of the channels. */
  beta: number;
  /** γ: of the pictures' sides. */
  gamma: number;
}

/** What Tan & Le found for EfficientNet-B0 on ImageNet. */
export const PAPER_FACTORS: ScalingFactors = { alpha: 1.2, beta: 1.1, gamma: 1.15 };

/** Factors out of a file or of the command line. */
export const FACTORS: Rule = object({
  alpha: number(1, 4),
  beta: number(1, 4),
  gamma: number(1, 4),
} satisfies Record<keyof ScalingFactors, Rule>);

/** What the cost would grow by with φ = 1 if nothing were rounded. */
export const growthOf = ({ alpha, beta, gamma }: ScalingFactors): number => alpha * beta ** 2 * gamma ** 2;

/**
 * The scaled table; what has the factor 1 stays as it is, rounded or not. Probabilities of dropout stay.
 * @throws RangeError for factors below 1, a φ that is not from 0 to 10, and where the network would be larger than a table may
 * say
 */
export function scaleTable(
  table: MBConvTable,
  { phi, ...factors }: ScalingFactors & { phi: number },
  name = `${table.name}-phi${phi}`,
): MBConvTable {
  demand(FACTORS, factors, 'scaling');
  demand(number(0, 10), phi, 'scaling.phi');
  const [depth, width, resolution] = [factors.alpha ** phi, factors.beta ** phi, factors.gamma ** phi];
  return checkTable({
    ...table,
    name,
    rows: table.rows.map(([expandRatio, kernel, stride, channels, repeats, squeeze]) => [
      expandRatio,
      kernel,
      stride,
      scaled(channels, width),
      roundLayers(repeats, depth),
      squeeze,
    ]),
    stem: scaled(table.stem, width),
    head: scaled(table.head, width),
    inputSize: resolution === 1 ? table.inputSize : 2 * Math.round((table.inputSize * resolution) / 2),
  });
}

const scaled = (channels: number, width: number): number =>
  width === 1 ? channels : roundChannels(channels, width);
