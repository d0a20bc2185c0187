/**
 * Residual networks (He, Zhang, Ren & Sun: "Deep Residual Learning for Image Recognition", 2015, arXiv 1512.03385).
 *
 *   claims   plain networks get worse with depth, in training already; residual ones do not; and vanishing gradients are not
 *            the reason, since batch norm keeps them in bounds
 *   runs     the CIFAR-10 networks of section 4.2 with 20 and 56 layers, with shortcuts and without, half as wide
 *   plots    training loss over the steps (figure 6), and the norm of the gradient of each layer's weight, first and last
 */
import {
  avgPool2d,
  BatchNorm2d,
  Conv2d,
  concat,
  convNormAct,
  fill,
  globalAvgPool,
  kaimingNormal,
  Linear,
  Module,
  manualSeed,
  relu,
  Sequential,
  SGD,
  stepDecay,
  type Tensor,
  zeros,
} from 'tessera';
import { GradientNorms } from './parts/gradient-norms.ts';
import { figure, type Lesson, type Outcome, type Place } from './parts/lesson.ts';
import { learning, measuring } from './parts/pictures.ts';
import { examine, teach } from './parts/teach.ts';

/** Channels on maps of 16², 8² and 4². In the paper: 16, 32, 64 on 32², 16², 8². */
const [NARROW, MIDDLE, WIDE] = [8, 16, 32];

/** Two 3×3 convolutions, F(x): relu(F(x) + x) where it is residual, else relu(F(x)). Weights are the same. */
class Block extends Module {
  readonly conv1: Conv2d;
  readonly norm1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly norm2: BatchNorm2d;

  constructor(
    readonly inputs: number,
    readonly outputs: number,
    readonly residual: boolean,
  ) {
    super();
    this.conv1 = convolution(inputs, outputs, inputs === outputs ? 1 : 2);
    this.norm1 = new BatchNorm2d(outputs);
    this.conv2 = convolution(outputs, outputs);
    this.norm2 = new BatchNorm2d(outputs);
  }

  forward(x: Tensor): Tensor {
    const y = convNormAct(x, this.conv1, this.norm1, 'relu');
    return convNormAct(y, this.conv2, this.norm2, 'relu', this.residual ? this.shortcut(x) : undefined);
  }

  /** x itself; where the block halves the map, every other pixel of it and zeros for the new channels (option A). */
  shortcut(x: Tensor): Tensor {
    if (this.inputs === this.outputs) return x;
    const pixels = avgPool2d(x, { kernelSize: 1, stride: 2 });
    return concat([pixels, zeros([...pixels.shape.slice(0, 3), this.outputs - this.inputs])], -1);
  }
}

function convolution(inputs: number, outputs: number, stride = 1): Conv2d {
  const conv = new Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });
  fill(conv.weight, kaimingNormal());
  return conv;
}

interface Setting {
  layers: 20 | 56;
  residual: boolean;
}

/** 6n + 2 layers: a convolution, three times n blocks, the classifier. */
function network({ layers, residual }: Setting, classes: number): Sequential {
  const n = (layers - 2) / 6;
  const stage = (inputs: number, outputs: number): Block[] =>
    Array.from({ length: n }, (_, block) => new Block(block === 0 ? inputs : outputs, outputs, residual));
  return new Sequential([
    ...[convolution(3, NARROW), new BatchNorm2d(NARROW), relu], // [N, 16, 16, 8]
    ...stage(NARROW, NARROW),
    ...stage(NARROW, MIDDLE), //                                   [N, 8, 8, 16]
    ...stage(MIDDLE, WIDE), //                                     [N, 4, 4, 32]
    ...[globalAvgPool, new Linear(WIDE, classes)],
  ]);
}

async function run(setting: Setting, place: Place): Promise<Outcome> {
  const { pictures, seed, form } = place;
  manualSeed(seed);
  const net = network(setting, pictures.classes.length);
  const norms = new GradientNorms(net, form.steps);
  const { loss, curve } = await teach(net, place, {
    batches: learning(pictures, form.batch, seed),
    optimizer: new SGD(net.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-4 }),
    schedule: stepDecay({ every: Math.ceil(form.steps / 2) }), // a tenth from the half on, as in the paper
    steps: form.steps,
    onGradients: norms.watch,
  });
  const { accuracy } = await examine(net, place, measuring(pictures));
  const { first, last } = await norms.read();
  net.dispose();
  const growth = first[0]![1] / first.at(-2)![1]; // of the first convolution by the last one
  return { figures: { loss, accuracy, growth }, curves: { loss: curve, first, last } };
}

export const residual: Lesson<Setting> = {
  title: 'Residual networks',
  idea: 'A deeper network can do all that a shallow one can: its additional layers need only pass on what they get. Training does not find that by itself. Where a block learns what to add to its input, passing it on is what it starts from.',
  papers: [{ title: 'He, Zhang, Ren & Sun 2015', url: 'https://arxiv.org/abs/1512.03385' }],
  side: 16,
  forms: {
    short: { pictures: 2000, held: 500, batch: 64, steps: 360, seeds: 1 },
    full: { pictures: 4000, held: 1000, batch: 64, steps: 750, seeds: 3 },
    glance: { pictures: 40, held: 10, batch: 8, steps: 2, seeds: 1 },
  },
  settings: {
    'plain 20': { layers: 20, residual: false },
    'plain 56': { layers: 56, residual: false },
    'residual 20': { layers: 20, residual: true },
    'residual 56': { layers: 56, residual: true },
  },
  run,
  columns: [
    { figure: 'loss', head: 'training loss', as: 3 },
    { figure: 'accuracy', head: 'accuracy', as: 'share' },
    { figure: 'growth', head: 'gradient, first layer / last', as: 2 },
  ],
  charts: [
    {
      ...{ kind: 'lines', curve: 'loss', x: 'step', y: 'training loss', title: 'Training loss' },
      caption:
        'Means of fortieths of the course; figure 6 of the paper. The rate falls to a tenth at the half.',
    },
    {
      ...{
        kind: 'lines',
        curve: 'first',
        x: 'layer',
        y: 'norm',
        logY: true,
        title: 'Gradients of the first steps',
      },
      caption:
        'The norm of the gradient of each convolution’s weight and of the classifier’s, mean of the first five steps.',
    },
    {
      ...{
        kind: 'lines',
        curve: 'last',
        x: 'layer',
        y: 'norm',
        logY: true,
        title: 'Gradients of the last steps',
      },
      caption: 'The same, mean of the last five steps.',
    },
  ],
  claims: [
    {
      quote:
        'The deep plain nets suffer from increased depth, and exhibit higher training error when going deeper.',
      source: 'section 4.2, figure 6 left',
      here: 'training loss of plain 56 above that of plain 20',
      measure: (of) => figure(of('plain 56'), 'loss') - figure(of('plain 20'), 'loss'),
      as: 3,
    },
    {
      quote: 'our ResNets manage to overcome the optimization difficulty',
      source: 'section 4.2, figure 6 middle',
      here: 'what depth costs in training loss, plain less residual',
      measure: (of) => {
        const cost = (kind: string): number =>
          figure(of(`${kind} 56`), 'loss') - figure(of(`${kind} 20`), 'loss');
        return cost('plain') - cost('residual');
      },
      as: 3,
    },
    {
      quote:
        'the backward propagated gradients exhibit healthy norms with BN. So neither forward nor backward signals vanish.',
      source: 'section 4.1, of plain networks',
      here: 'norm of the gradient of the first convolution of plain 56 by that of the last one, above a tenth',
      measure: (of) => figure(of('plain 56'), 'growth'),
      above: 0.1,
      as: 2,
    },
  ],
  limits: [
    'The paper trains for 64,000 steps; in some hundred, a residual network of 56 layers need not be better than one of 20, only not held up by its depth.',
    'That more layers raise the accuracy on other pictures (figure 6 middle: 20 to 110 layers) needs more pictures and more steps than these.',
  ],
  code: [
    {
      what: 'the residual block',
      file: 'src/models/resnet.ts',
      line: "return convNormAct(y, this.conv2, this.bn2, 'relu', shortcut(x, this.downsample));",
    },
    { what: 'norm, sum and ReLU in one pass', file: 'src/kernels/norm/batch-norm.ts', line: 'residual' },
  ],
};
