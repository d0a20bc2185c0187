/**
 * The figure of a whole network: a column a stage, with the map that it hands on, what it is made of, and where its
 * parameters and its work are.
 */
import { MBConv } from '../../src/models/mbconv.ts';
import { Conv2d, type Module, Sequential, SqueezeExcitation } from '../../src/nn/index.ts';
import { cuboid, line, rect, svg, text, WIDTH } from './svg.ts';
import { count, type ModelTrace, type StageTrace, shapeText } from './trace.ts';

const MARGIN = 16;
/** A map of S × S × C is 7√S high and √C wide, so that 7 × 7 and 224 × 224 fit one picture. */
const SIDE_SCALE = 7;
const CHANNEL_SCALE = 1;
/** Of the side that goes into the distance. */
const FORESHORTENED = 0.3;
const BAR_HEIGHT = 64;
const ROW = 15;

/** The figure of `trace`, called `title`. */
export function stagesFigure(title: string, trace: ModelTrace): string {
  const columns = [pictureOf(trace), ...trace.stages.map((stage) => columnOf(trace, stage))];
  const step = (WIDTH - 2 * MARGIN) / columns.length;
  const middle = (index: number): number => MARGIN + (index + 0.5) * step;
  const ground = 40 + SIDE_SCALE * Math.sqrt(trace.size) * (1 + 0.6 * FORESHORTENED);
  const end = WIDTH - MARGIN;
  const body = [
    text(MARGIN, 22, title, { at: 'start', bold: true }),
    text(end, 22, 'sides and channels of maps are drawn by their roots', { at: 'end', colour: 'muted' }),
    ...columns.flatMap((column, index) => volume(column, middle(index), ground)),
    line(
      [
        [MARGIN, ground + 8],
        [end, ground + 8],
      ],
      true,
    ),
  ];
  let y = ground + 26;
  columns.forEach(({ name, lines, shape }, index) => {
    const x = middle(index);
    body.push(text(x, y, name, { bold: true }), text(x, y + ROW, shapeText(shape)));
    body.push(...lines.map((words, row) => text(x, y + (2 + row) * ROW, words, { colour: 'muted' })));
  });
  y += ROW * (2 + Math.max(...columns.map(({ lines }) => lines.length))) + 12;
  for (const [key, colour, heading] of [
    ['parameters', 'parameters', 'parameters'],
    ['multiplyAdds', 'work', 'multiply-adds of one picture'],
  ] as const) {
    const largest = Math.max(...trace.stages.map((stage) => stage[key]));
    const base = y + 32 + BAR_HEIGHT;
    body.push(text(MARGIN, y, `${heading}: ${count(trace[key])}`, { at: 'start', bold: true, colour }));
    trace.stages.forEach((stage, index) => {
      const height = Math.max(1, (BAR_HEIGHT * stage[key]) / largest);
      const width = Math.min(44, step - 16);
      const x = middle(index + 1);
      body.push(rect(x - width / 2, base - height, width, height, colour));
      body.push(text(x, base - height - 5, count(stage[key])));
    });
    body.push(
      line([
        [MARGIN, base],
        [end, base],
      ]),
    );
    y = base + 28;
  }
  return svg(y - 12, `${title}: maps, parameters and multiply-adds of each stage`, body);
}

interface Column {
  name: string;
  shape: readonly number[];
  /** Parts of the channels that were computed apart. */
  groups: number;
  lines: string[];
}

const pictureOf = ({ size }: ModelTrace): Column => ({
  name: 'picture',
  shape: [size, size, 3],
  groups: 1,
  lines: [],
});

function columnOf(trace: ModelTrace, stage: StageTrace): Column {
  const inside = modulesOf(trace, stage);
  const groups = inside.map((module) => (module instanceof Conv2d && !module.depthwise ? module.groups : 1));
  const blocks = inside.filter(isBlock);
  const lines = blocks.length > 0 ? blockLines(blocks) : layerLines(stage.words);
  return { name: stage.name, shape: stage.output, groups: Math.max(1, ...groups), lines };
}

/** Every module of a stage. */
const modulesOf = ({ model }: ModelTrace, { name }: StageTrace): Module[] =>
  [...model.namedModules()].flatMap(([path, module]) => (model.findStage(path) === name ? module : []));

/** A block has layers; lists of modules and gates are none. */
const isBlock = (module: Module): boolean =>
  !(module instanceof Sequential || module instanceof SqueezeExcitation) &&
  [...module.namedChildren()].length > 0;

/** The residual blocks of a stage, in order. */
export const blocksOf = (trace: ModelTrace, stage: StageTrace): Module[] =>
  modulesOf(trace, stage).filter(isBlock);

function blockLines(blocks: readonly Module[]): string[] {
  const [first] = blocks;
  const lines = [`${blocks.length}× ${first.constructor.name}`];
  if (first instanceof MBConv) {
    const { kernel, stride, expandRatio } = windowOf(first);
    lines.push(`${kernel}×${kernel}${stride > 1 ? `/${stride}` : ''}`, `expand ×${expandRatio}`);
  }
  return lines;
}

/** Kernel, stride and expansion of an MBConv block. */
export function windowOf({ depthwise: [conv], expand }: MBConv): {
  kernel: number;
  stride: number;
  expandRatio: number;
} {
  const expandRatio = expand ? conv.inChannels / expand[0].inChannels : 1;
  return { kernel: conv.weight.shape[0], stride: conv.stride[0], expandRatio };
}

/** `conv 11×11 / 4, 3 → 96` is too wide for a column: `conv 11×11/4`. Norms and activations are left out. */
const layerLines = (words: readonly string[]): string[] =>
  words
    .filter((word) => !/^(ReLU6?|SiLU|batch norm)$/.test(word))
    .flatMap((word) => [
      word.split(',')[0].replace(' / ', '/').replace('max-', ''),
      ...(/\d+ groups/.exec(word) ?? []),
    ]);

/** The map of a column, in as many parts as it has groups. */
function volume({ shape, groups }: Column, middle: number, ground: number): string[] {
  const height = SIDE_SCALE * Math.sqrt(shape.length === 3 ? shape[0] : 1);
  const depth = height * FORESHORTENED;
  const width = (CHANNEL_SCALE * Math.sqrt(shape.at(-1)!)) / groups;
  const gap = 4;
  const left = middle - (groups * width + (groups - 1) * gap + depth) / 2;
  return Array.from({ length: groups }, (_, group) =>
    cuboid(left + group * (width + gap), ground, width, height, depth),
  ).flat();
}
