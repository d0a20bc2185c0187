/**
 * Transfer (Yosinski, Clune, Bengio & Lipson: "How transferable are features in deep neural networks?", 2014, arXiv 1411.1792).
 *
 *   claims   features of another task are better than random ones; on few pictures it is better to leave them frozen, on many
 *            to train them on; and what is trained on forgets its old task
 *   runs     EfficientNet-Lite0 from random weights, and from ImageNet's of which the head learns, the last stages too, or
 *            everything: on 10, 30, 100 and 300 pictures a class, and at three rates
 *   plots    accuracy over pictures and rates; how far each stage moved; what is left of the old task
 *
 * The network keeps its 1,000 classes of ImageNet beside the new ones (`addClasses`), so that both can be asked.
 */
import { AdamW, cosine, createModel, crossEntropy, freeze, type Model, slice, type Tensor } from 'tessera';
import { figure, type Lesson, type Outcome, type Place, type Point, partOf } from './parts/lesson.ts';
import { OLD_CLASSES, photographs, shareKept, topFives } from './parts/old-task.ts';
import { learning, measuring } from './parts/pictures.ts';
import { examine, meanOf, teach } from './parts/teach.ts';

interface Setting {
  pretrained: boolean;
  /** The first stage that learns. Default: all do. */
  from?: string;
  rate: number;
}

const PER_CLASS = [10, 30, 100, 300];
/** That of each setting is one of them. */
const RATES = [1e-4, 1e-3, 1e-2];

/** A network of ImageNet's classes and as many new ones, which start at zero. */
async function network({ pretrained, from }: Setting, classes: number, seed: number): Promise<Model> {
  const model = await createModel(
    'efficientnet_lite0',
    pretrained ? { weights: 'pretrained' } : { seed, numClasses: OLD_CLASSES },
  );
  model.addClasses(classes);
  if (from !== undefined) freeze(model, { before: from });
  return model;
}

async function run(setting: Setting, place: Place): Promise<Outcome> {
  const { pictures, seed, form } = place;
  const classes = pictures.classes.length;
  const most = pictures.train.length / classes;
  const counts = [...new Set(PER_CLASS.map((count) => Math.min(count, most)))];
  const middle = counts.at(-2) ?? most;
  const photos = await photographs();
  const untouched = await network(setting, classes, seed);
  const [weights, answers] = [await weightsOf(untouched), await topFives(untouched, photos)];
  untouched.dispose();

  /** Trains the network on so many pictures a class. */
  async function tried(count: number, rate: number, part: Place): Promise<Tried> {
    const model = await network(setting, classes, seed);
    const ask = (x: Tensor): Tensor => slice(model.forward(x), [[], [OLD_CLASSES]]);
    const { ms } = await teach(model, part, {
      batches: learning({ ...pictures, train: pictures.train.slice(0, count * classes) }, form.batch, seed),
      lossOf: (x, labels) => crossEntropy(ask(x), labels),
      optimizer: new AdamW(model.parameters(), { lr: rate, weightDecay: 0 }),
      ...{ schedule: cosine({ warmup: 5 }), steps: form.steps },
    });
    const { accuracy } = await examine(model, place, measuring(pictures), { ask });
    const kept = shareKept(answers, await topFives(model, photos));
    const moved = distances(weights, await weightsOf(model));
    model.dispose();
    return { accuracy, kept, moved, ms };
  }

  const total = counts.length + RATES.length - 1;
  const sizes: Tried[] = [];
  for (const count of counts)
    sizes.push(await tried(count, setting.rate, partOf(place, sizes.length, total)));
  const usual = sizes[counts.indexOf(middle)]!;
  const rates: Tried[] = [];
  for (const rate of RATES)
    rates.push(
      rate === setting.rate
        ? usual
        : await tried(middle, rate, partOf(place, total - 2 + rates.length / 2, total)),
    );

  const over = (xs: readonly number[], found: readonly Tried[], name: 'accuracy' | 'kept'): Point[] =>
    found.map((one, i): Point => [xs[i]!, one[name]]);
  return {
    figures: {
      ...{ few: sizes[0]!.accuracy, accuracy: usual.accuracy, many: sizes.at(-1)!.accuracy, ms: usual.ms },
      kept: setting.pretrained ? usual.kept : null,
      ...{ first: usual.moved[0]![1], last: usual.moved.at(-1)![1] },
    },
    curves: {
      ...{ pictures: over(counts, sizes, 'accuracy'), rates: over(RATES, rates, 'accuracy') },
      ...{ kept: setting.pretrained ? over(RATES, rates, 'kept') : [], moved: usual.moved },
    },
  };
}

interface Tried {
  accuracy: number;
  kept: number;
  /** [stage, distance], counted from 1. */
  moved: (readonly [number, number])[];
  ms: number;
}

/** The weights of convolutions and linear layers, by their stages. */
async function weightsOf(model: Model): Promise<Float32Array[][]> {
  const weights = [...model.namedParameters()].filter(
    ([name, { shape }]) => shape.length > 1 && !model.isHead(name),
  );
  const values = weights.map(
    async ([name, weight]) => [model.stageOf(name), Float32Array.from(await weight.data())] as const,
  );
  const read = await Promise.all(values);
  return model.stages
    .map((stage) => read.flatMap(([of, one]) => (of === stage ? [one] : [])))
    .filter((own) => own.length > 0);
}

/** Of each stage: |w − w₀| / |w₀|, the mean over its weights. */
function distances(before: Float32Array[][], after: Float32Array[][]): (readonly [number, number])[] {
  const length = (values: Float32Array): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
  return before.map((own, stage) => {
    const moved = own.map(
      (old, i) => length(old.map((value, j) => after[stage]![i]![j]! - value)) / length(old),
    );
    return [stage + 1, meanOf(moved)];
  });
}

export const transfer: Lesson<Setting> = {
  title: 'Transfer',
  idea: 'A network that has learnt one task has features that others can use, the first layers more than the last. Whether it is better to leave them as they are or to train them on hangs on how many pictures there are; and what is trained on is no longer what it was.',
  papers: [{ title: 'Yosinski, Clune, Bengio & Lipson 2014', url: 'https://arxiv.org/abs/1411.1792' }],
  side: 48,
  forms: {
    short: { pictures: 3000, held: 300, batch: 16, steps: 60, seeds: 1 },
    full: { pictures: 3000, held: 1000, batch: 16, steps: 120, seeds: 3 },
    glance: { pictures: 20, held: 10, batch: 4, steps: 2, seeds: 1 },
  },
  settings: {
    scratch: { pretrained: false, rate: 1e-3 },
    head: { pretrained: true, from: 'classifier', rate: 1e-2 },
    'last stages': { pretrained: true, from: 'blocks.6', rate: 1e-3 },
    everything: { pretrained: true, rate: 1e-3 },
  },
  run,
  columns: [
    { figure: 'few', head: 'accuracy, fewest pictures', as: 'share' },
    { figure: 'accuracy', head: 'with 100 a class', as: 'share' },
    { figure: 'many', head: 'most', as: 'share' },
    { figure: 'kept', head: 'old top five kept', as: 'share' },
    { figure: 'first', head: 'first stage moved', as: 2 },
    { figure: 'last', head: 'last but the head', as: 2 },
    { figure: 'ms', head: 'ms a step', as: 3 },
  ],
  charts: [
    {
      ...{
        kind: 'lines',
        curve: 'pictures',
        x: 'pictures a class',
        y: 'accuracy',
        logX: true,
        title: 'Accuracy over pictures',
      },
      caption: 'As many steps each, at the rate of the setting.',
    },
    {
      ...{
        kind: 'lines',
        curve: 'rates',
        x: 'learning rate',
        y: 'accuracy',
        logX: true,
        title: 'Accuracy over rates',
      },
      caption: 'With 100 pictures a class.',
    },
    {
      ...{
        kind: 'lines',
        curve: 'kept',
        x: 'learning rate',
        y: 'share of the five',
        logX: true,
        title: 'What is left of the old task',
      },
      of: ['head', 'last stages', 'everything'],
      caption:
        'Of the five likeliest ImageNet classes of 35 views of photographs, how many are among the five afterwards.',
    },
    {
      ...{
        kind: 'lines',
        curve: 'moved',
        x: 'stage',
        y: '|w − w₀| / |w₀|',
        title: 'How far each stage moved',
      },
      caption: 'Mean over the weights of a stage, with 100 pictures a class; what is frozen stays at 0.',
    },
  ],
  claims: [
    {
      quote:
        'initializing a network with transferred features from almost any number of layers can produce a boost to generalization that lingers even after fine-tuning to the target dataset',
      source: 'abstract',
      here: 'accuracy of everything above that of scratch, with the most pictures',
      measure: (of) => figure(of('everything'), 'many') - figure(of('scratch'), 'many'),
      as: 'share',
    },
    {
      quote:
        'If the target dataset is small and the number of parameters is large, fine-tuning may result in overfitting, so the features are often left frozen.',
      source: 'section 1',
      here: 'accuracy of head above that of everything, with the fewest pictures',
      measure: (of) => figure(of('head'), 'few') - figure(of('everything'), 'few'),
      as: 'share',
    },
    {
      quote:
        'if the target dataset is large or the number of parameters is small, so that overfitting is not a problem, then the base features can be fine-tuned to the new task to improve performance',
      source: 'section 1',
      here: 'accuracy of everything above that of head, with the most pictures',
      measure: (of) => figure(of('everything'), 'many') - figure(of('head'), 'many'),
      as: 'share',
    },
  ],
  limits: [
    'The paper transfers between halves of ImageNet, with as many pictures on both sides, and trains to the end; here a network of ImageNet sees some hundred or thousand small pictures for some hundred steps.',
    'Networks of ImageNet know photographs. Drawn shapes are far from them, and pictures of 48² are small for them: with --data a folder of photographs says more of what one will meet.',
    'A network from random weights needs far more steps than these.',
  ],
  code: [
    { what: 'what freezing is', file: 'src/nn/freeze.ts', line: 'export function freeze(' },
    {
      what: 'old and new classes side by side',
      file: 'src/nn/model.ts',
      line: 'addClasses(count: number): this',
    },
  ],
};
