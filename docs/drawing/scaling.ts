/**
 * The figure of compound scaling: a row a network, a bar a block. There are more bars where the network is deeper, they
 * are wider where it has more channels, and higher where its pictures are larger.
 */
import { compoundScale } from '../../src/models/efficientnet.ts';
import { rect, svg, text, WIDTH } from './svg.ts';
import { count, type ModelTrace } from './trace.ts';

const LEFT = 54;
const SCALE = 0.25;
/** A block with C channels is this times √C wide. */
const CHANNEL_SCALE = 0.66;

/** The networks B0, B1, … in order. */
export function scalingFigure(traces: readonly ModelTrace[]): string {
  const title = 'Compound scaling: EfficientNet-B0 to B7';
  const body = [text(16, 22, title, { at: 'start', bold: true })];
  let ground = 40;
  traces.forEach((trace, phi) => {
    const blocks = blocksOf(trace);
    const { depth, width, resolution } = compoundScale(phi);
    ground += Math.max(34, blocks[0].side * SCALE);
    let x = LEFT;
    body.push(text(16, ground, `B${phi}`, { at: 'start', bold: true }));
    for (const { side, channels, stage } of blocks) {
      const thick = CHANNEL_SCALE * Math.sqrt(channels);
      body.push(rect(x, ground - side * SCALE, thick, side * SCALE, stage % 2 === 0 ? 'map' : 'side'));
      x += thick + 1.5;
    }
    const end = { at: 'end' } as const;
    const factors = `depth ×${depth}, width ×${width}, pictures of ${resolution}²`;
    const costs = `${count(trace.parameters)} parameters, ${count(trace.multiplyAdds)} multiply-adds`;
    body.push(text(WIDTH - 16, ground - 26, `${blocks.length} blocks: ${factors}`, end));
    body.push(text(WIDTH - 16, ground - 12, costs, { ...end, colour: 'muted' }));
    ground += 16;
  });
  const legend =
    "a bar is a block: as high as its output's side, as wide as the root of its channels; shades part the stages";
  body.push(text(16, ground + 8, legend, { at: 'start', colour: 'muted' }));
  return svg(ground + 22, title, body);
}

/** Each block's output. */
function blocksOf({ stages }: ModelTrace): { side: number; channels: number; stage: number }[] {
  return stages.flatMap(({ units }, stage) =>
    // A block ends with its 1×1 projection, the only unit with a norm and no activation.
    units
      .filter(({ words }) => words.at(-1) === 'batch norm')
      .map(({ output }) => ({ side: output[0], channels: output[2], stage })),
  );
}
