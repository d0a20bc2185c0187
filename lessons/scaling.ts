/**
 * Compound scaling (Tan & Le: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, arXiv 1905.11946).
 *
 *   claims   more layers, more channels and more pixels each make a network better; all three together, more than one alone
 *   runs     a small network, and larger ones of equal multiply-adds: by each alone and by all three (the networks of
 *            `search --grid`), as many steps each
 *   plots    accuracy over multiply-adds, and over measured milliseconds
 */
import { buildModel, cosine, empty, type GridNetwork, gridNetworks, type MBConvTable, SGD } from 'tessera';
import { costOf } from './parts/cost.ts';
import { figure, type Lesson, type Of, type Outcome, type Place } from './parts/lesson.ts';
import { learning, measuring } from './parts/pictures.ts';
import { examine, teach } from './parts/teach.ts';

/** What is scaled. */
const BASE: MBConvTable = {
  name: 'base',
  rows: [
    // expandRatio, kernel, stride, channels, repeats, squeeze
    [1, 3, 1, 16, 1, 0], // [N, 12, 12, 16]
    [4, 3, 2, 24, 1, 0], // [N, 6, 6, 24]
    [4, 3, 2, 40, 1, 0], // [N, 3, 3, 40]
  ],
  ...{ stem: 16, head: 128, activation: 'relu6', inputSize: 24, dropout: 0, dropPath: 0 },
};
/** Classes that multiply-adds are counted with; the last layer is next to nothing of them. */
const CLASSES = 10;

/** `depth 2.5`, `together 1.2 · 1.1 · 1.15` */
function nameOf({ kind, alpha, beta, gamma }: GridNetwork): string {
  if (kind === 'compound') return `together ${alpha} · ${beta} · ${gamma}`;
  return kind === 'base' ? 'base' : `${kind} ${Math.max(alpha, beta, gamma)}`;
}

const settings = Object.fromEntries(gridNetworks(BASE, CLASSES).map((network) => [nameOf(network), network]));

async function run({ table, multiplyAdds, parameters }: GridNetwork, place: Place): Promise<Outcome> {
  const { device, seed, form } = place;
  const pictures = { ...place.pictures, side: table.inputSize }; // scaled as they are loaded
  const model = buildModel(table, { device, seed, numClasses: pictures.classes.length });
  const { loss, curve, ms } = await teach(model, place, {
    batches: learning(pictures, form.batch, seed),
    optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 4e-5 }),
    ...{ schedule: cosine({ warmup: 10 }), steps: form.steps },
  });
  const { accuracy } = await examine(model, place, measuring(pictures));
  const x = empty(device, [form.batch, table.inputSize, table.inputSize, 3], { owned: true });
  const forward = await costOf(device, () => model.eval().forward(x));
  x.dispose();
  model.dispose();
  return {
    figures: { multiplyAdds, parameters, loss, accuracy, ms: forward.ms, step: ms },
    curves: { loss: curve },
  };
}

const accuraciesOf = (of: Of, kinds: readonly string[]): number[] =>
  Object.entries(settings).flatMap(([name, { kind }]) =>
    kinds.includes(kind) ? [figure(of(name), 'accuracy')] : [],
  );
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b));
const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));
const ALONE = ['depth', 'width', 'resolution'];

export const scaling: Lesson<GridNetwork> = {
  title: 'Compound scaling',
  idea: 'A network can be made larger by layers, by channels or by pixels. Larger pictures have finer patterns, which need more channels, and larger objects, which need more layers to look over: the three belong together.',
  papers: [{ title: 'Tan & Le 2019', url: 'https://arxiv.org/abs/1905.11946' }],
  side: 40, // of the largest
  forms: {
    short: { pictures: 3000, held: 500, batch: 32, steps: 600, seeds: 1 },
    full: { pictures: 6000, held: 1000, batch: 32, steps: 1000, seeds: 3 },
    glance: { pictures: 40, held: 10, batch: 8, steps: 2, seeds: 1 },
  },
  settings,
  run,
  columns: [
    { figure: 'multiplyAdds', head: 'multiply-adds', as: 3 },
    { figure: 'parameters', head: 'parameters', as: 3 },
    { figure: 'loss', head: 'training loss', as: 3 },
    { figure: 'accuracy', head: 'accuracy', as: 'share' },
    { figure: 'ms', head: 'forward, ms', as: 3 },
    { figure: 'step', head: 'step, ms', as: 3 },
  ],
  charts: [
    {
      ...{
        kind: 'plane',
        x: 'multiplyAdds',
        y: 'accuracy',
        labels: ['multiply-adds', 'accuracy'],
        title: 'By multiply-adds',
      },
      caption:
        'Figure 3 of the paper has each factor by itself; here all networks but the base have about the same multiply-adds.',
    },
    {
      ...{
        kind: 'plane',
        x: 'ms',
        y: 'accuracy',
        labels: ['milliseconds', 'accuracy'],
        title: 'By measured time',
      },
      caption: 'Of a forward pass of a batch.',
    },
  ],
  claims: [
    {
      quote: 'Scaling up any dimension of network width, depth, or resolution improves accuracy',
      source: 'section 3.2, observation 1',
      here: 'the least accuracy of what is scaled in one alone, above that of the base',
      measure: (of) => least(accuraciesOf(of, ALONE)) - figure(of('base'), 'accuracy'),
      as: 'share',
    },
    {
      quote: 'it is critical to balance all dimensions of network width, depth, and resolution',
      source: 'section 3.2, observation 2',
      here: 'the highest accuracy of what is scaled in all three, above the highest of what is scaled in one alone',
      measure: (of) => most(accuraciesOf(of, ['compound'])) - most(accuraciesOf(of, ALONE)),
      as: 'share',
    },
  ],
  limits: [
    'The paper scales a network of 0.4 billion multiply-adds to four times and more, where one factor alone has nothing left to give. A network of half a million doubles its layers for any α above 1.',
    'The highest of several is chosen on the pictures that measure it: of six networks that are equally good, one looks better than three.',
    'As many steps for each: larger networks could use more of them.',
  ],
  code: [
    {
      what: 'the networks of the grid',
      file: 'src/search/scaling/grid.ts',
      line: 'export function gridNetworks(',
    },
    {
      what: 'the rule of compound scaling',
      file: 'src/models/efficientnet.ts',
      line: 'export function compoundScale(',
    },
  ],
};
