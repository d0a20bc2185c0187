/**
 * Dropout and weight decay (Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov: "Dropout: A Simple Way to Prevent Neural
 * Networks from Overfitting", JMLR 2014; Krizhevsky, Sutskever & Hinton 2012, sections 4.2 and 5).
 *
 *   claims   on few pictures a network learns them by heart; dropout and, less, weight decay keep it from that; dropout needs
 *            longer; and on very few pictures it does not help either
 *   runs     a small AlexNet without both, with each and with both, on a tenth, a third and all of the pictures
 *   plots    the gap between the accuracy on what it learnt from and on what it did not, over the number of pictures
 */
import { AdamW, cosine, manualSeed } from 'tessera';
import { figure, type Lesson, type Outcome, type Place, type Point, partOf } from './parts/lesson.ts';
import { learning, measuring } from './parts/pictures.ts';
import { smallAlexNet } from './parts/small-alexnet.ts';
import { examine, teach } from './parts/teach.ts';

interface Setting {
  dropout: number;
  weightDecay: number;
}

/** What came of a network that learnt from so many pictures. */
interface Found {
  count: number;
  loss: number | null;
  learnt: number;
  accuracy: number;
  gap: number;
  curve: readonly Point[];
  ms: number;
}

/** Of the pictures. The figures of the table are of the second. */
const PARTS = [1, 1 / 3, 1 / 10];

async function run({ dropout, weightDecay }: Setting, place: Place): Promise<Outcome> {
  const { pictures, seed, form } = place;
  const found: Found[] = [];
  for (const [index, part] of PARTS.entries()) {
    const train = pictures.train.slice(0, Math.round(part * pictures.train.length));
    manualSeed(seed);
    const net = smallAlexNet(pictures.classes.length, { dropout });
    const { loss, curve, ms } = await teach(net, partOf(place, index, PARTS.length), {
      batches: learning({ ...pictures, train }, form.batch, seed, { scale: [1, 1], flip: 0 }), // nothing varies
      optimizer: new AdamW(net.parameters(), { lr: 1e-3, weightDecay }),
      schedule: cosine({ warmup: 10 }),
      steps: form.steps,
    });
    const learnt = await examine(net, place, measuring(pictures, train)); // nothing is dropped now
    const held = await examine(net, place, measuring(pictures));
    net.dispose();
    const gap = learnt.accuracy - held.accuracy;
    found.push({
      count: train.length,
      loss,
      learnt: learnt.accuracy,
      accuracy: held.accuracy,
      gap,
      curve,
      ms,
    });
  }
  const over = (name: 'gap' | 'accuracy'): Point[] =>
    found.map((one): Point => [one.count, one[name]]).reverse();
  const [all, { loss, learnt, accuracy, gap, curve, ms }, few] = found as [Found, Found, Found];
  return {
    figures: { loss, learnt, accuracy, gap, few: few.accuracy, all: all.accuracy, ms },
    curves: { loss: curve, gap: over('gap'), accuracy: over('accuracy') },
  };
}

export const dropout: Lesson<Setting> = {
  title: 'Dropout and weight decay',
  idea: 'A network with more weights than pictures can learn the pictures by heart. Dropout leaves out half of the inputs of a layer in every step, others each time, so that no unit can rely on a few others; weight decay pulls all weights towards zero. Both make learning harder, and what is learnt more general.',
  papers: [
    { title: 'Srivastava et al. 2014', url: 'https://jmlr.org/papers/v15/srivastava14a.html' },
    { title: 'Krizhevsky, Sutskever & Hinton 2012', url: 'https://doi.org/10.1145/3065386' },
  ],
  side: 16,
  forms: {
    short: { pictures: 1500, held: 500, batch: 32, steps: 600, seeds: 1 },
    full: { pictures: 3000, held: 1000, batch: 32, steps: 1200, seeds: 3 },
    glance: { pictures: 60, held: 10, batch: 6, steps: 2, seeds: 1 },
  },
  settings: {
    neither: { dropout: 0, weightDecay: 0 },
    dropout: { dropout: 0.5, weightDecay: 0 },
    'weight decay': { dropout: 0, weightDecay: 0.5 },
    both: { dropout: 0.5, weightDecay: 0.5 },
  },
  run,
  columns: [
    { figure: 'loss', head: 'training loss', as: 3 },
    { figure: 'learnt', head: 'right of what it learnt from', as: 'share' },
    { figure: 'accuracy', head: 'of others', as: 'share' },
    { figure: 'gap', head: 'gap', as: 'share' },
    { figure: 'few', head: 'of others, with a tenth', as: 'share' },
    { figure: 'all', head: 'with all', as: 'share' },
    { figure: 'ms', head: 'ms a step', as: 3 },
  ],
  charts: [
    {
      ...{ kind: 'lines', curve: 'gap', x: 'pictures', y: 'gap', logX: true, title: 'The gap' },
      caption: 'Accuracy on the pictures that it learnt from less that on others, both with nothing dropped.',
    },
    {
      ...{
        kind: 'lines',
        curve: 'accuracy',
        x: 'pictures',
        y: 'accuracy',
        logX: true,
        title: 'Accuracy on other pictures',
      },
      caption: 'Over the number of pictures that it learnt from; figure 10 of Srivastava et al.',
    },
    {
      ...{ kind: 'lines', curve: 'loss', x: 'step', y: 'training loss', title: 'Training loss' },
      caption: 'With a third of the pictures. With dropout it is that of the networks that were left of it.',
    },
  ],
  claims: [
    {
      quote: 'Without dropout, our network exhibits substantial overfitting.',
      source: 'Krizhevsky et al. 2012, section 4.2',
      here: 'the gap with neither above that with dropout, a third of the pictures',
      measure: (of) => figure(of('neither'), 'gap') - figure(of('dropout'), 'gap'),
      as: 'share',
    },
    {
      quote:
        'This significantly reduces overfitting and gives major improvements over other regularization methods.',
      source: 'Srivastava et al. 2014, abstract',
      here: 'accuracy with dropout above that with weight decay, all pictures',
      measure: (of) => figure(of('dropout'), 'all') - figure(of('weight decay'), 'all'),
      as: 'share',
    },
    {
      quote: 'for extremely small data sets (100, 500) dropout does not give any improvements',
      source: 'Srivastava et al. 2014, section 7.4, of MNIST',
      here: 'what dropout brings with all pictures above what it brings with a tenth',
      measure: (of) => {
        const gain = (name: string): number => figure(of('dropout'), name) - figure(of('neither'), name);
        return gain('all') - gain('few');
      },
      as: 'share',
    },
    {
      quote: 'Dropout roughly doubles the number of iterations required to converge.',
      source: 'Krizhevsky et al. 2012, section 4.2',
      here: 'training loss with dropout above that without, after as many steps',
      measure: (of) => figure(of('dropout'), 'loss') - figure(of('neither'), 'loss'),
      as: 3,
    },
  ],
  limits: [
    'The weight decay here is AdamW’s, apart from the gradient, with a factor that shows an effect in some hundred steps; the papers add it to the gradient of SGD, and tune it.',
    'The papers’ networks have thousands of units a layer and learn for days; dropout in layers of 128 units leaves little, and a larger network with dropout would be the fairer comparison (section 7.3).',
  ],
  code: [
    {
      what: 'dropout’s kernel: masks that are drawn, not kept',
      file: 'src/kernels/pointwise/dropout.ts',
      line: 'export function dropout(',
    },
    { what: 'weight decay in AdamW', file: 'src/nn/adamw.ts', line: 'weight decay' },
  ],
};
