/**
 * Normalisation (Krizhevsky, Sutskever & Hinton 2012, section 3.3; Ioffe & Szegedy: "Batch Normalization", 2015, arXiv
 * 1502.03167; Ioffe: "Batch Renormalization", 2017, arXiv 1702.03275).
 *
 *   claims   response normalisation makes a network a little better; batch norm lets it learn in far fewer steps and at far
 *            higher rates, and is worth less where batches are small
 *   runs     a small AlexNet with none, with response and with batch norm, at five rates each; and with batches of 4 in place
 *            of 32, as many pictures in all
 *   plots    training loss at the best rate; accuracy over the rate
 */
import { cosine, manualSeed, SGD } from 'tessera';
import { figure, type Lesson, type Outcome, type Place, type Point, partOf } from './parts/lesson.ts';
import { learning, measuring } from './parts/pictures.ts';
import { type Norm, smallAlexNet } from './parts/small-alexnet.ts';
import { examine, finite, teach } from './parts/teach.ts';

interface Setting {
  norm: Norm;
  /** Pictures of a step, as a part of the form's. */
  part: number;
  rates: readonly number[];
}

const RATES = [0.003, 0.01, 0.03, 0.1, 0.3];
/** Of the batches of 4: those around the best ones. */
const FEW_RATES = [0.003, 0.01];
/** A network has learnt something where its loss is this far below that of guessing. */
const LEARNT = 0.3;

async function run({ norm, part, rates }: Setting, place: Place): Promise<Outcome> {
  const { pictures, seed, form } = place;
  const classes = pictures.classes.length;
  const batches = learning(pictures, form.batch * part, seed);
  const steps = form.steps / part;
  const tried = [];
  for (const [index, rate] of rates.entries()) {
    manualSeed(seed);
    const net = smallAlexNet(classes, { norm });
    const { loss, curve, ms } = await teach(net, partOf(place, index, rates.length), {
      ...{ batches, steps, schedule: cosine({ warmup: 10 }) },
      optimizer: new SGD(net.parameters(), { lr: rate, momentum: 0.9, weightDecay: 5e-4 }),
    });
    const { accuracy } = await examine(net, place, measuring(pictures)); // with running statistics
    // With those of batches as it was trained with.
    const own = (
      await examine(net, place, measuring(pictures, pictures.held, form.batch * part), { training: true })
    ).accuracy;
    tried.push({ rate, loss: loss ?? Number.POSITIVE_INFINITY, accuracy, own, curve, ms });
    net.dispose();
  }
  const best = tried.reduce((a, b) => (a.loss <= b.loss ? a : b));
  const learnt = tried.filter(({ loss }) => loss < Math.log(classes) - LEARNT);
  const { rate, loss, accuracy, own, curve, ms } = best;
  return {
    figures: {
      ...{ rate, loss: finite(loss), accuracy, ms },
      own: norm === 'batch' ? own : null,
      highest: learnt.at(-1)?.rate ?? null,
    },
    curves: { loss: curve, rates: tried.map((one): Point => [one.rate, one.accuracy]) },
  };
}

/** The first step at which the curve of a setting is as low as that of another one ends. */
function stepsTo(loss: number, { curves }: Outcome): number {
  return curves.loss!.find(([, value]) => value !== null && value <= loss)?.[0] ?? Number.POSITIVE_INFINITY;
}

export const normalisation: Lesson<Setting> = {
  title: 'Normalisation',
  idea: 'What a layer gets changes in scale whenever those before it learn. A norm takes the scale away: local response normalisation by the neighbouring channels of the same pixel, batch norm by mean and variance of a channel over the batch, and in evaluation by those that it kept while it trained.',
  papers: [
    { title: 'Krizhevsky, Sutskever & Hinton 2012', url: 'https://doi.org/10.1145/3065386' },
    { title: 'Ioffe & Szegedy 2015', url: 'https://arxiv.org/abs/1502.03167' },
    { title: 'Ioffe 2017', url: 'https://arxiv.org/abs/1702.03275' },
  ],
  side: 16,
  forms: {
    short: { pictures: 2000, held: 500, batch: 32, steps: 300, seeds: 1 },
    full: { pictures: 4000, held: 1000, batch: 32, steps: 400, seeds: 3 },
    glance: { pictures: 40, held: 10, batch: 16, steps: 1, seeds: 1 },
  },
  settings: {
    none: { norm: 'none', part: 1, rates: RATES },
    'response norm': { norm: 'response', part: 1, rates: RATES },
    'batch norm': { norm: 'batch', part: 1, rates: RATES },
    'none, batches of 4': { norm: 'none', part: 1 / 8, rates: FEW_RATES },
    'batch norm, batches of 4': { norm: 'batch', part: 1 / 8, rates: FEW_RATES },
  },
  run,
  columns: [
    { figure: 'rate', head: 'best rate', as: 1 },
    { figure: 'highest', head: 'highest that learns', as: 1 },
    { figure: 'loss', head: 'training loss', as: 3 },
    { figure: 'accuracy', head: 'accuracy', as: 'share' },
    { figure: 'own', head: 'by statistics of the batch', as: 'share' },
    { figure: 'ms', head: 'ms a step', as: 3 },
  ],
  charts: [
    {
      ...{ kind: 'lines', curve: 'loss', x: 'step', y: 'training loss', title: 'Training loss' },
      of: ['none', 'response norm', 'batch norm'],
      caption: 'Each at the rate of its lowest loss in the end.',
    },
    {
      ...{
        kind: 'lines',
        curve: 'rates',
        x: 'learning rate',
        y: 'accuracy',
        logX: true,
        title: 'Accuracy over the rate',
      },
      caption: 'Of pictures that it did not learn from, with running statistics. SGD with momentum 0.9.',
    },
  ],
  claims: [
    {
      quote: 'Batch Normalization achieves the same accuracy with 14 times fewer training steps',
      source: 'Ioffe & Szegedy 2015, abstract',
      here: 'steps until the final training loss of no norm, no norm’s by batch norm’s',
      measure: (of) =>
        stepsTo(figure(of('none'), 'loss'), of('none')) /
        stepsTo(figure(of('none'), 'loss'), of('batch norm')),
      above: 1,
      as: 2,
    },
    {
      quote:
        'Batch Normalization allows us to use much higher learning rates and be less careful about initialization.',
      source: 'Ioffe & Szegedy 2015, abstract',
      here: 'the highest rate at which it learns, batch norm’s by that of no norm',
      measure: (of) => figure(of('batch norm'), 'highest') / figure(of('none'), 'highest'),
      above: 1,
      as: 2,
    },
    {
      quote:
        'a four-layer CNN achieved a 13% test error rate without normalization and 11% with normalization',
      source: 'Krizhevsky et al. 2012, section 3.3, of CIFAR-10',
      here: 'accuracy with response norm above that with none',
      measure: (of) => figure(of('response norm'), 'accuracy') - figure(of('none'), 'accuracy'),
      as: 'share',
    },
    {
      quote: 'its effectiveness diminishes when the training minibatches are small',
      source: 'Ioffe 2017, abstract, of batch norm',
      here: 'what batches of 4 in place of 32 cost in accuracy, with batch norm less with none',
      measure: (of) => {
        const cost = (norm: string): number =>
          figure(of(norm), 'accuracy') - figure(of(`${norm}, batches of 4`), 'accuracy');
        return cost('batch norm') - cost('none');
      },
      as: 'share',
    },
  ],
  limits: [
    'Fourteen times fewer steps were those of Inception on ImageNet, with a rate 30 times as high, less dropout and faster decay; a network of seven layers has less to win.',
    'Response normalisation’s 2 % were of runs until nothing got better. In some hundred steps differences of that size are within what seeds change.',
  ],
  code: [
    { what: 'response normalisation', file: 'src/kernels/norm/lrn.ts', line: 'export function lrn(' },
    {
      what: 'batch norm, and when it takes which statistics',
      file: 'src/nn/layers.ts',
      line: 'training: this.active',
    },
    { what: 'AlexNet’s constants', file: 'src/models/alexnet.ts', line: 'const RESPONSE_NORM' },
  ],
};
