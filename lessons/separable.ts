/**
 * Separable convolutions (Howard et al.: "MobileNets", 2017, arXiv 1704.04861; Sandler et al.: "MobileNetV2", 2018, arXiv
 * 1801.04381).
 *
 *   claims   a convolution split into one of each channel alone and one of all channels of a pixel is as good for less
 *            arithmetic; narrow layers should be linear; and multiply-adds are not time
 *   runs     networks of full, separable and inverted residual blocks, as wide as gives them the same multiply-adds
 *   plots    accuracy; measured time; and FLOPs a byte, which explain it
 */
import {
  add,
  BatchNorm2d,
  Conv2d,
  convNormAct,
  cosine,
  empty,
  globalAvgPool,
  Linear,
  Module,
  manualSeed,
  Sequential,
  SGD,
  type Tensor,
} from 'tessera';
import { costOf, roofAt } from './parts/cost.ts';
import { figure, type Lesson, type Outcome, type Place } from './parts/lesson.ts';
import { learning, measuring } from './parts/pictures.ts';
import { examine, teach } from './parts/teach.ts';

type Kind = 'full' | 'separable' | 'inverted' | 'inverted with ReLU';
interface Setting {
  kind: Kind;
  /** Channels of the first block. */
  width: number;
}

type Rectifier = 'relu6' | 'none';

const SIDE = 16;
/** Blocks: [channels by the width, stride]. */
const BLOCKS = [
  [1, 1],
  [2, 2],
  [2, 1],
  [4, 2],
  [4, 1],
] as const;
/** How much wider an inverted residual is in its middle (MobileNetV2, table 1). */
const EXPANSION = 6;
/** Convolutions with their norms, one after the other; added to the input where `residual` says so and shapes are the same. */
class Block extends Module {
  readonly norms: readonly BatchNorm2d[];

  constructor(
    readonly convolutions: readonly Conv2d[],
    /** What follows each. */
    readonly rectifiers: readonly Rectifier[],
    readonly residual: boolean,
  ) {
    super();
    this.norms = convolutions.map(({ outChannels }) => new BatchNorm2d(outChannels));
  }

  forward(x: Tensor): Tensor {
    const y = this.convolutions.reduce(
      (z, conv, i) => convNormAct(z, conv, this.norms[i]!, this.rectifiers[i]!),
      x,
    );
    return this.residual && String(x.shape) === String(y.shape) ? add(x, y) : y;
  }
}

function block(kind: Kind, inputs: number, outputs: number, stride: number): Block {
  const pixels = (from: number, to: number): Conv2d => new Conv2d(from, to, 1, { bias: false });
  const spatial = (from: number, to: number, groups = 1): Conv2d =>
    new Conv2d(from, to, 3, { stride, padding: 1, groups, bias: false });
  if (kind === 'full') return new Block([spatial(inputs, outputs)], ['relu6'], false);
  if (kind === 'separable')
    return new Block([spatial(inputs, inputs, inputs), pixels(inputs, outputs)], ['relu6', 'relu6'], false);
  const middle = EXPANSION * inputs;
  const convolutions = [pixels(inputs, middle), spatial(middle, middle, middle), pixels(middle, outputs)];
  return new Block(convolutions, ['relu6', 'relu6', kind === 'inverted' ? 'none' : 'relu6'], true);
}

function network(kind: Kind, width: number, classes: number): Sequential {
  const stem = new Block([new Conv2d(3, width, 3, { padding: 1, bias: false })], ['relu6'], false);
  let inputs = width;
  const blocks = BLOCKS.map(([by, stride]) => {
    const made = block(kind, inputs, by * width, stride);
    inputs = by * width;
    return made;
  });
  return new Sequential([stem, ...blocks, globalAvgPool, new Linear(inputs, classes)]);
}

/** Of a picture: every weight is used once for each position of the output. */
function multiplyAdds(net: Sequential): number {
  let side = SIDE;
  let sum = 0;
  for (const [, module] of net.namedModules())
    if (module instanceof Conv2d) {
      side /= module.stride[0];
      sum += side ** 2 * module.weight.size;
    } else if (module instanceof Linear) sum += module.weight.size;
  return sum;
}

async function run({ kind, width }: Setting, place: Place): Promise<Outcome> {
  const { device, pictures, seed, form } = place;
  manualSeed(seed);
  const net = network(kind, width, pictures.classes.length);
  const { loss, curve, ms } = await teach(net, place, {
    batches: learning(pictures, form.batch, seed),
    optimizer: new SGD(net.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 4e-5 }),
    ...{ schedule: cosine({ warmup: 10 }), steps: form.steps },
  });
  const { accuracy } = await examine(net, place, measuring(pictures));
  const x = empty(device, [form.batch, SIDE, SIDE, 3], { owned: true });
  const forward = await costOf(device, () => net.eval().forward(x));
  const roof = await roofAt(device, forward.intensity);
  const figures = {
    multiplyAdds: multiplyAdds(net),
    loss,
    accuracy,
    step: ms,
    roof,
    ...forward,
  };
  x.dispose();
  net.dispose();
  return { figures, curves: { loss: curve } };
}

export const separable: Lesson<Setting> = {
  title: 'Separable convolutions',
  idea: 'A convolution looks at the neighbours of a pixel and mixes its channels, both at once. Depthwise separable ones do one after the other, with a ninth of the arithmetic. Inverted residuals widen a narrow map before and narrow it again behind, and add it to what came in.',
  papers: [
    { title: 'Howard et al. 2017', url: 'https://arxiv.org/abs/1704.04861' },
    { title: 'Sandler et al. 2018', url: 'https://arxiv.org/abs/1801.04381' },
    { title: 'Williams, Waterman & Patterson 2009', url: 'https://doi.org/10.1145/1498765.1498785' },
  ],
  side: SIDE,
  forms: {
    short: { pictures: 3000, held: 500, batch: 32, steps: 600, seeds: 1 },
    full: { pictures: 6000, held: 1000, batch: 32, steps: 1200, seeds: 3 },
    glance: { pictures: 40, held: 10, batch: 8, steps: 2, seeds: 1 },
  },
  settings: {
    // Widths with which multiply-adds are within 4 %.
    full: { kind: 'full', width: 16 },
    separable: { kind: 'separable', width: 44 },
    inverted: { kind: 'inverted', width: 12 },
    'inverted with ReLU': { kind: 'inverted with ReLU', width: 12 },
  },
  run,
  columns: [
    { figure: 'multiplyAdds', head: 'multiply-adds', as: 3 },
    { figure: 'loss', head: 'training loss', as: 3 },
    { figure: 'accuracy', head: 'accuracy', as: 'share' },
    { figure: 'step', head: 'step, ms', as: 3 },
    { figure: 'ms', head: 'forward, ms', as: 3 },
    { figure: 'intensity', head: 'FLOP a byte', as: 2 },
    { figure: 'gflops', head: 'GFLOP/s', as: 3 },
    { figure: 'roof', head: 'that memory and arithmetic allow', as: 3 },
  ],
  charts: [
    {
      ...{
        kind: 'figures',
        figure: 'accuracy',
        label: 'accuracy',
        as: 'share',
        title: 'Accuracy at equal multiply-adds',
      },
      caption: 'Of pictures that it did not learn from.',
    },
    {
      ...{
        kind: 'figures',
        figure: 'ms',
        label: 'milliseconds',
        as: 3,
        title: 'Measured time of a forward pass',
      },
      caption: 'Of a batch. By multiply-adds all would be equal.',
    },
    {
      ...{ kind: 'plane', x: 'intensity', y: 'gflops', labels: ['FLOP a byte', 'GFLOP/s'], title: 'Why' },
      caption: 'What has little arithmetic for each byte that it moves waits for memory, and reaches less.',
    },
  ],
  claims: [
    {
      quote:
        'between 8 to 9 times less computation than standard convolutions at only a small reduction in accuracy',
      source: 'Howard et al. 2017, section 3.1',
      here: 'accuracy of separable above that of full, at equal multiply-adds',
      measure: (of) => figure(of('separable'), 'accuracy') - figure(of('full'), 'accuracy'),
      as: 'share',
    },
    {
      quote:
        'it is important to remove non-linearities in the narrow layers in order to maintain representational power',
      source: 'Sandler et al. 2018, abstract',
      here: 'accuracy of inverted above that of inverted with ReLU',
      measure: (of) => figure(of('inverted'), 'accuracy') - figure(of('inverted with ReLU'), 'accuracy'),
      as: 'share',
    },
    {
      quote: 'It is not enough to simply define networks in terms of a small number of Mult-Adds.',
      source: 'Howard et al. 2017, section 3.2',
      here: 'time of a forward pass of separable by that of full, at equal multiply-adds',
      measure: (of) => figure(of('separable'), 'ms') / figure(of('full'), 'ms'),
      above: 1,
      as: 2,
    },
  ],
  limits: [
    'The papers compare networks of the same shape, where separable convolutions save arithmetic; here arithmetic is the same, and separable ones are wider.',
    'A difference of 1 % of accuracy, which the papers report on ImageNet, takes thousands of pictures to see.',
    'Times are of this adapter: one with more arithmetic for each byte of memory loses more on separable convolutions.',
  ],
  code: [
    { what: 'the depthwise kernel', file: 'src/kernels/conv/depthwise.ts', line: 'export' },
    { what: 'the inverted residual', file: 'src/models/mbconv.ts', line: 'export class MBConv' },
    {
      what: 'the roofline of every kernel',
      file: 'src/report/bench/roofline.ts',
      line: 'export function roofline(',
    },
  ],
};
