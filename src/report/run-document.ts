/** A run as its report shows it. */
import { saidSize } from '../data/input-size.ts';
import { shown } from '../text/shown.ts';
import { epochsOf, type TrainSettings } from '../train/settings.ts';
import { type AnyEvaluation, countsOf, headlineOf } from '../train/task.ts';
import type { PictureRow, ReportDocument } from './document.ts';
import { environmentRows } from './environment.ts';
import { type Report, trains } from './report.ts';

/** What the report shows and report.json does not hold. */
export interface RunParts {
  losses: [step: number, loss: number][];
  rates: [step: number, rate: number][];
  stepsPerEpoch: number;
  pictures: PictureRow[];
  /** What else is to be said of the figures. */
  sentences: (string | null)[];
  /** [command, what it does] */
  commands: [command: string, what: string][];
}

export function runDocument(report: Report, parts: RunParts): ReportDocument {
  const { settings, classes, pictures, best, finished, epochs, evaluation, validation } = report;
  return {
    title: `${report.model}: ${namesOf(classes)}`,
    summary: [
      `${finished ? 'Trained' : 'Stopped; trained so far'} on ${pictures.train.toLocaleString('en-US')} pictures` +
        `${settings.data === null ? ' of the demo' : ` of ${settings.data}`}; ${trains(settings)}${settings.teacher ? `; ${settings.teacher.name} taught it` : ''}.`,
    ],
    checkpoint: best && {
      file: `${report.out}/best.safetensors`,
      epoch: best.epoch,
      epochs: finished ? epochs.length : epochsOf(settings),
    },
    sentences: evaluation ? sentencesOf(evaluation, parts.sentences) : [],
    evaluation,
    validation,
    run: {
      finished,
      epochs,
      best: best?.epoch ?? null,
      stepsPerEpoch: parts.stepsPerEpoch,
      losses: parts.losses,
      rates: parts.rates,
      phases: settings.phases.map((phase) => ({
        epochs: phase.epochs,
        trains: trains({ phases: [phase] }),
      })),
      seconds: report.seconds,
      firstStepSeconds: report.firstStepSeconds,
      imagesPerSecond: report.imagesPerSecond,
      peakBytes: report.peakBytes,
    },
    pictures: parts.pictures,
    stress: null,
    savings: { freezing: report.savings, cache: report.cache },
    rateTest: null,
    data: {
      classes,
      sides: [
        { name: 'to train', counts: pictures.perClass.train, pictures: pictures.train },
        { name: 'to validate', counts: pictures.perClass.val, pictures: pictures.val },
        ...(evaluation?.scored === 'test'
          ? [{ name: 'to test', counts: countsOf(evaluation), pictures: evaluation.metrics.count }]
          : []),
      ],
      notes: [
        ...report.notes,
        ...(pictures.unreadable > 0
          ? [`${pictures.unreadable.toLocaleString('en-US')} could not be read and took no part.`]
          : []),
      ],
    },
    configuration: {
      commands: parts.commands,
      groups: [
        { title: 'Settings', rows: settingRows(settings) },
        { title: 'Environment', rows: environmentRows(report.adapter) },
      ],
    },
  };
}

/** What is said first of the figures, and what else is to be said. */
export function sentencesOf(evaluation: AnyEvaluation, more: readonly (string | null)[]): string[] {
  const { confidence } = evaluation;
  return [
    ...headlineOf(evaluation),
    ...more,
    `Of 100 such intervals ${100 * confidence} hold the figure that very many pictures of the same kind would give; of other kinds of pictures they say nothing.`,
  ].filter((sentence) => sentence !== null);
}

/** The classes by their names, or how many they are. */
export const namesOf = (classes: readonly string[]): string =>
  classes.length > 3 ? `${classes.length} classes` : classes.map(shown).join(' / ');

/** Every setting of a run, its phases one by one. */
function settingRows({ phases, ...settings }: TrainSettings): [name: string, value: string][] {
  const size = typeof settings.size === 'number' ? settings.size : saidSize(settings.size);
  return [
    ...phases.flatMap((phase, index) =>
      Object.entries(phase).map(([name, value]): [string, string] => [
        phases.length > 1 ? `phase ${index + 1}: ${words(name)}` : words(name),
        valueText(value),
      ]),
    ),
    ...Object.entries({ ...settings, size }).map(([name, value]): [string, string] => [
      words(name),
      valueText(value),
    ]),
  ];
}

/** `label smoothing` of `labelSmoothing`. */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return JSON.stringify(value) ?? 'none';
}
