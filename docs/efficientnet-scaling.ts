/**
 * Writes docs/efficientnet-scaling.md from the models themselves: what compound scaling makes of EfficientNet-B0, beside
 * the paper's figures (Tan & Le 2019, tables 2 and 8). Nothing is computed, so no adapter is needed:
 *
 *   node --import tsx docs/efficientnet-scaling.ts
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { boundless, dryDevice, PLAIN_DEVICE } from '../src/gpu/dry.ts';
import { compoundScale } from '../src/models/efficientnet.ts';
import { summarise } from '../src/models/summary.ts';
import { buildModel } from '../src/models/table.ts';

/** Parameters in millions and multiply-adds in billions of B0 … B7, from table 2 of the paper. */
const PAPER = [
  [5.3, 0.39],
  [7.8, 0.7],
  [9.2, 1.0],
  [12, 1.8],
  [19, 4.2],
  [30, 9.9],
  [43, 19],
  [66, 37],
] as const;

export interface ScalingRow {
  name: string;
  depth: number;
  width: number;
  resolution: number;
  /** Values that train. */
  parameters: number;
  /** Of one picture. */
  multiplyAdds: number;
  paper: { parameters: number; multiplyAdds: number };
}

/** The rows of the table, B0 first. */
export async function scalingRows(): Promise<ScalingRow[]> {
  const { device } = await dryDevice(boundless(PLAIN_DEVICE));
  return PAPER.map(([parameters, multiplyAdds], phi) => {
    const { depth, width, resolution } = compoundScale(phi);
    const model = buildModel(`efficientnet_b${phi}`, { device, initialise: false });
    const summary = summarise(model, resolution);
    return {
      name: `B${phi}`,
      depth,
      width,
      resolution,
      parameters: summary.parameters,
      multiplyAdds: summary.multiplyAdds,
      paper: { parameters: parameters * 1e6, multiplyAdds: multiplyAdds * 1e9 },
    };
  });
}

/** Three digits, without zeros at the end. */
const digits = (value: number): string => String(Number(value.toPrecision(3)));

/** The document. */
export function scalingDocument(rows: readonly ScalingRow[]): string {
  const cells = rows.map(({ name, depth, width, resolution, parameters, multiplyAdds, paper }) => [
    name,
    ...[depth, width].map((factor) => factor.toFixed(1)),
    `${resolution}²`,
    ...[parameters, paper.parameters].map((value) => `${digits(value / 1e6)} M`),
    ...[multiplyAdds, paper.multiplyAdds].map((value) => `${digits(value / 1e9)} G`),
  ]);
  const heading = ['', 'depth', 'width', 'pictures', 'parameters', 'paper', 'multiply-adds', 'paper'];
  const line = (values: readonly string[]): string => `| ${values.join(' | ')} |`;
  return `# Compound scaling

EfficientNet-B1 to B7 are B0 made larger in three ways at once: more layers in a stage, more channels in a layer, larger
pictures. \`compoundScale(phi)\` in [src/models/efficientnet.ts](../src/models/efficientnet.ts) returns the factors,
\`roundLayers\` and \`roundChannels\` round what they give. The figures beside the paper's come from the models that the
code builds (multiply-adds of one picture, without norms and activations).

${line(heading)}
${line(heading.map((_, column) => (column === 0 ? '---' : '---:')))}
${cells.map(line).join('\n')}

The layers of each: \`npm run summary efficientnet_b0\`. This page is written by [efficientnet-scaling.ts](efficientnet-scaling.ts).
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL('efficientnet-scaling.md', import.meta.url), scalingDocument(await scalingRows()));
