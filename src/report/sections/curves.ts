/** The course of a run: losses, figures and learning rate over the epochs. */
import { formatBytes, formatNumber, formatSeconds } from '../../text/figures.ts';
import type { Metrics } from '../../train/metrics.ts';
import { type EpochRecord, isValidated, type ValidatedRecord } from '../../train/progress.ts';
import { COLOURS, type Pen } from '../chart.ts';
import type { RunPart } from '../document.ts';
import { type Html, html } from '../html.ts';
import { decimal, figure, fixed, legend, share, table } from '../parts.ts';

const HEIGHT = 260;

/** Epochs of a longer run are thinned to about so many, the best and the last among them. */
const MOST_EPOCHS = 200;

export function curves(whole: RunPart, pen: Pen): Html {
  const run = { ...whole, epochs: thinned(whole) };
  const validated = run.epochs.filter(isValidated);
  const { seconds, firstStepSeconds, imagesPerSecond, peakBytes, best } = run;
  const rate =
    imagesPerSecond > 0 ? ` It trained on ${formatNumber(imagesPerSecond)} pictures a second.` : '';
  return html`<p>${run.finished ? 'The run took' : 'The run was stopped; so far it took'} ${formatSeconds(seconds)}, of which ${formatSeconds(firstStepSeconds)} until its first step was done (kernels are compiled), and at most ${formatBytes(peakBytes)} of GPU memory.${rate}</p>
<div class="charts">
${losses(run, validated, pen)}
${validated.length > 0 && scores(run, validated, pen)}
${run.rates.length > 0 && rates(run, pen)}
</div>
${table(
  `${whole.epochs.length > run.epochs.length ? `Some of ${whole.epochs.length} epochs` : 'Epochs'}${best === null ? '' : `; the figures of this report are of epoch ${best}`}`,
  [
    'epoch',
    'training loss',
    'validation loss',
    ...scoresOf(validated)
      .filter(({ key }) => has(validated, key))
      .map(({ name }) => name),
    'training',
    'validation',
  ],
  run.epochs.map((record) => [
    record.epoch === best ? html`${record.epoch} <span class="badge">best</span>` : record.epoch,
    fixed(record.trainLoss, 4),
    fixed(record.val?.loss, 4),
    ...scoresOf(validated)
      .filter(({ key }) => has(validated, key))
      .map(({ key, digits }) =>
        digits === undefined ? share(record.val?.[key]) : decimal(record.val?.[key], digits),
      ),
    formatSeconds(record.trainSeconds),
    formatSeconds(record.valSeconds),
  ]),
)}`;
}

function thinned({ epochs, best }: RunPart): EpochRecord[] {
  const every = Math.ceil(epochs.length / MOST_EPOCHS);
  return epochs.filter(
    ({ epoch }, index) => index % every === 0 || epoch === best || index === epochs.length - 1,
  );
}

interface Score {
  key: keyof Metrics;
  name: string;
  digits?: number;
  /** Its colour where it is drawn. */
  colour?: number;
}

/** What is known of a validation, and drawn. */
const SCORES: readonly Score[] = [
  { key: 'accuracy', name: 'accuracy', colour: 0 },
  { key: 'balancedAccuracy', name: 'balanced accuracy', colour: 3 },
  { key: 'auc', name: 'AUC', digits: 4, colour: 2 },
  { key: 'top5', name: 'top-5', colour: 4 },
  { key: 'macroF1', name: 'macro F1', digits: 3 },
];
/** Of several labels a picture. */
const LABEL_SCORES: readonly Score[] = [
  { key: 'map', name: 'mean average precision', digits: 3, colour: 0 },
  { key: 'auc', name: 'AUC', digits: 4, colour: 2 },
  { key: 'macroF1', name: 'macro F1', digits: 3, colour: 3 },
  { key: 'microF1', name: 'micro F1', digits: 3 },
  { key: 'accuracy', name: 'every label right', colour: 4 },
];

const scoresOf = (validated: readonly ValidatedRecord[]): readonly Score[] =>
  has(validated, 'microF1') ? LABEL_SCORES : SCORES;

const has = (validated: readonly ValidatedRecord[], key: keyof Metrics): boolean =>
  validated.some(({ val }) => val[key] !== undefined);

type Point = readonly [x: number, y: number];

/** Lines over the epochs, with the phases and the best epoch. */
function over(
  { best, epochs, phases, losses, stepsPerEpoch }: RunPart,
  { plot, draw }: Pen,
  label: string,
  lines: readonly { points: readonly Point[]; colour: number; dots?: boolean }[],
  y: { domain?: [number, number]; zero?: boolean; label: string; tickFormat?: string },
): Html {
  const last = Math.max(epochs.at(-1)?.epoch ?? 0, (losses.at(-1)?.[0] ?? 0) / stepsPerEpoch, 1);
  let at = 0;
  const starts = phases.map(({ epochs: count, trains }) => {
    const start = { at, trains };
    at += count;
    return start;
  });
  const later = starts.slice(1).filter((start) => start.at < last);
  return draw(
    {
      height: HEIGHT,
      marginLeft: 48,
      marginTop: 28,
      x: { domain: [0, last], label: 'epoch', ticks: Math.min(last, 8), tickFormat: ',d' },
      y: { ...y, grid: true, nice: true, ticks: 5 },
      marks: [
        best === null
          ? null
          : plot.ruleX([best], { stroke: 'var(--c3)', strokeOpacity: 0.35, strokeWidth: 6 }),
        plot.ruleX(later, { x: 'at', stroke: 'var(--muted)', strokeDasharray: '2 3' }),
        plot.text(later, {
          x: 'at',
          text: 'trains',
          frameAnchor: 'top',
          dy: -14,
          fill: 'var(--muted)',
          textAnchor: 'middle',
        }),
        ...lines.flatMap(({ points, colour, dots }) => [
          plot.line(points, {
            stroke: COLOURS[colour],
            strokeWidth: dots ? 2 : 1.25,
            strokeOpacity: dots ? 1 : 0.8,
          }),
          dots
            ? plot.dot(points, { fill: COLOURS[colour], r: 3, symbol: SYMBOLS[colour % SYMBOLS.length] })
            : null,
        ]),
      ],
    },
    { label, description: best === null ? undefined : `epoch ${best}, the best, is marked` },
  );
}

/** Lines differ in more than colour. */
const SYMBOLS = ['circle', 'diamond', 'square', 'triangle', 'cross', 'star'] as const;

function losses(run: RunPart, validated: readonly ValidatedRecord[], pen: Pen): Html {
  const training = run.losses.map(([step, loss]): Point => [step / run.stepsPerEpoch, loss]);
  const validation = validated.map(({ epoch, val }): Point => [epoch, val.loss]);
  const chart = over(
    run,
    pen,
    'Training and validation loss over the epochs',
    [
      { points: training, colour: 5 },
      { points: validation, colour: 1, dots: true },
    ],
    { label: 'loss', zero: true },
  );
  return figure(
    html`<h3>Loss</h3>${legend([
      { name: 'training', colour: 6 },
      { name: 'validation', colour: 2 },
    ])}${chart}`,
    'Mean cross-entropy. The training loss is of the pictures as they were varied, while the network learnt from them; the validation loss of pictures that it does not learn from.',
  );
}

function scores(run: RunPart, validated: readonly ValidatedRecord[], pen: Pen): Html {
  // Where classes are even, balanced accuracy is accuracy.
  const even = validated.every(
    ({ val }) => Math.abs((val.balancedAccuracy ?? val.accuracy) - val.accuracy) < 1e-9,
  );
  const drawn = scoresOf(validated).flatMap(({ colour, ...score }) =>
    colour === undefined || !has(validated, score.key) || (even && score.key === 'balancedAccuracy')
      ? []
      : [{ ...score, colour }],
  );
  const lines = drawn.map(({ key, colour }) => ({
    points: validated.flatMap(({ epoch, val }): Point[] =>
      val[key] === undefined ? [] : [[epoch, val[key]]],
    ),
    colour,
    dots: true,
  }));
  const lowest = lines.flatMap(({ points }) => points).reduce((low, [, y]) => Math.min(low, y), 1);
  const chart = over(run, pen, 'Figures of the validation pictures over the epochs', lines, {
    label: 'share',
    domain: [lowest >= 0.5 ? 0.5 : 0, 1],
    tickFormat: '.0%',
  });
  return figure(
    html`<h3>Validation</h3>${legend(drawn.map(({ name }, index) => ({ name, colour: lines[index].colour + 1 })))}${chart}`,
    'After each epoch.',
  );
}

function rates(run: RunPart, pen: Pen): Html {
  const points = run.rates.map(([step, rate]): Point => [step / run.stepsPerEpoch, rate]);
  const chart = over(run, pen, 'Learning rate over the epochs', [{ points, colour: 0 }], {
    label: 'learning rate',
    zero: true,
    tickFormat: '~g',
  });
  const phases =
    run.phases.length > 1 ? ` In turn: ${run.phases.map(({ trains }) => trains).join('; ')}.` : '';
  return figure(
    html`<h3>Learning rate</h3>${chart}`,
    `Of the last layer, step by step: the highest of the step.${phases}`,
  );
}
