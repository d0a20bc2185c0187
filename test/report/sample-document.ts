/** A report's document with every part filled, of as many classes as one likes, from made-up answers. */
import sharp from 'sharp';
import type { Perturbation } from '../../src/data/stress.ts';
import type { ReportDocument, ShownPicture } from '../../src/report/document.ts';
import { randomUniform } from '../../src/tensor/random.ts';
import { evaluation } from '../../src/train/evaluation/evaluation.ts';
import type { StressFigure, StressRow, StressTable } from '../../src/train/evaluation/stress.ts';
import { givenDecision } from '../../src/train/evaluation/threshold.ts';
import type { FreezingFigures } from '../../src/train/freezing.ts';
import { type Answers, measure } from '../../src/train/metrics.ts';

/** `count` answers, of which the right class's logit is the larger the better the network is. */
export function madeUpAnswers(count: number, classes: number, skill: number, seed = 1): Answers {
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  const logits = Float32Array.from({ length: count * classes }, (_, at) => {
    const [row, column] = [Math.floor(at / classes), at % classes];
    return 3 * randomUniform(seed, 'logits', row, column) + (labels[row] === column ? skill : 0);
  });
  return { logits, labels, classes };
}

function phase(
  epochs: [number, number],
  rate: number | null,
  multiplyAdds: number,
): FreezingFigures['phases'][number] {
  return {
    epochs,
    stages: [
      { stage: 'layer4', parameters: 8_393_728, trainable: rate === null ? 0 : 8_389_120, rate },
      { stage: 'fc', parameters: 1026, trainable: 1026, rate: 0.003 },
    ],
    frozenNorms: rate !== null,
    step: { multiplyAdds, peakBytes: 2 ** 28, seconds: null },
    runSeconds: 0.25,
  };
}

function stressOf(classes: readonly string[]): StressTable {
  const figure = (value: number): StressFigure => ({
    value,
    interval: { low: value - 0.1, high: value + 0.05 },
    drop: 0.9 - value,
    dropInterval: { low: 0.8 - value, high: 1 - value },
  });
  const row = (perturbation: Perturbation, label: string, value: number): StressRow => ({
    ...{ perturbation, label, accuracy: figure(value) },
    recalls: classes.map((_, index) => (index === 0 ? figure(value / 2) : figure(value))),
  });
  return {
    count: 80,
    classes: [...classes],
    clean: { accuracy: figure(0.9), recalls: classes.map(() => figure(0.9)) },
    rows: [row('grey', 'grey', 0.85), row('blur', 'blurred', 0.4)],
    sentences: [`Blurred '${classes[0]}' falls from 90.0 % to 20.0 %: the decision rests on fine detail.`],
  };
}

export async function sampleDocument(classes: readonly string[], name = 'picture'): Promise<ReportDocument> {
  const answers = madeUpAnswers(Math.max(80, 2 * classes.length), classes.length, 1.5);
  const decision = classes.length === 2 ? givenDecision(classes[1], 0.4) : null;
  const scored = evaluation(answers, { classes, scored: 'test', decision });
  const validation = evaluation(madeUpAnswers(60, classes.length, 2, 2), {
    classes,
    scored: 'val',
    chosen: ['epoch'],
  });
  const val = measure(answers);
  const square = { create: { width: 8, height: 8, channels: 3, background: '#c86432' } } as const;
  const jpeg = await sharp(square).jpeg().toBuffer();
  const picture = (index: number): ShownPicture => ({
    file: `/data/val/${classes[0]}/${name} ${index}.jpg`,
    actual: classes[0],
    predicted: classes[index % 2],
    probability: 0.9,
    jpeg,
    heatmap: index % 3 === 0 ? null : jpeg,
    border: index % 3 === 0 ? null : 0.7,
  });
  return {
    title: `network: ${classes.slice(0, 6).join(' / ')}`,
    summary: ['Trained on 400 pictures of DATA; the last layer trains, then layer4 and what follows.'],
    checkpoint: { file: `runs/${name}/best.safetensors`, epoch: 3, epochs: 4 },
    sentences: ['What was measured.', `And of ${name}.`],
    evaluation: scored,
    validation,
    run: {
      finished: true,
      epochs: [1, 2, 3, 4].map((epoch) => ({
        epoch,
        trainLoss: 1 / epoch,
        val: { ...val, accuracy: 0.9 - 0.2 / epoch, loss: 1.2 / epoch },
        trainSeconds: 12.5,
        valSeconds: 3,
      })),
      best: 3,
      stepsPerEpoch: 10,
      losses: Array.from({ length: 40 }, (_, step) => [step + 1, 1.3 / (1 + step / 9)]),
      rates: Array.from({ length: 40 }, (_, step) => [step + 1, 0.003 * (1 - step / 40)]),
      phases: [
        { epochs: 2, trains: 'the last layer trains' },
        { epochs: 2, trains: 'layer4 and what follows train' },
      ],
      seconds: 75,
      firstStepSeconds: 4,
      imagesPerSecond: 33,
      peakBytes: 2 ** 28,
    },
    pictures: [
      { title: 'Surest mistakes', words: 'Wrong, and certain.', pictures: [1, 2, 3].map(picture) },
      { title: 'Surest hits', words: 'Right, and certain.', pictures: [4, 6].map(picture) },
    ],
    stress: stressOf(classes),
    savings: {
      freezing: {
        phases: [phase([1, 2], null, 1e9), phase([3, 4], 1e-4, 3e9)],
        everything: { multiplyAdds: 5e9, peakBytes: 2 ** 30, seconds: 0.9 },
      },
      cache: {
        ...{ computed: 400, reused: 1200, where: 'memory', bytes: 2 ** 20, speedUp: 50 },
        first: { epochs: 1, meanSeconds: 10 },
        later: { epochs: 3, meanSeconds: 0.2 },
      },
    },
    rateTest: { rates: [1e-5, 1e-4, 1e-3, 1e-2], losses: [0.7, 0.65, 0.4, 2], proposal: 1e-3 },
    data: {
      classes: [...classes],
      sides: [
        { name: 'to train', counts: classes.map((_, i) => 20 + i) },
        { name: 'to validate', counts: classes.map(() => 8) },
      ],
      notes: ['2 files are no pictures and were left out.', `${name} 1.jpg is there twice.`],
    },
    configuration: {
      commands: [['npm run train -- --data DIR', 'The same run again:']],
      groups: [
        {
          title: 'Settings',
          rows: [
            ['model', name],
            ['batch', '32'],
          ],
        },
      ],
    },
  };
}
