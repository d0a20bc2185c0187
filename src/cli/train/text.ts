/** The first and the last words of `train`: what it will do; what it did, what it measured, what to try next. */
import { join } from 'node:path';
import { describeMetrics, type Report, trains } from '../../report/report.ts';
import { describeSeen } from '../../report/seen-text.ts';
import type { CacheFigures } from '../../train/callbacks/cache-figures.ts';
import type { FreezingFigures } from '../../train/freezing.ts';
import { BEST, PAGE } from '../../train/node/run-folder.ts';
import type { TrainedOn } from '../../train/node/trained-on.ts';
import type { Progress } from '../../train/progress.ts';
import { epochsOf, type TrainSettings } from '../../train/settings.ts';
import { headlineOf } from '../../train/task.ts';
import {
  classSizes,
  describeBalance,
  describeLabels,
  describeLabelWeights,
  describeSizes,
} from '../class-text.ts';
import { commandLine } from '../command-line.ts';
import { describeInput } from '../size-options.ts';
import { bold, counted, formatBytes, formatNumber, formatSeconds } from '../ui.ts';
import { optionsOf, resumeCommand, trainCommand } from './command.ts';
import { freezingSaved, freezingTable } from './freezing-text.ts';
import type { Costs } from './preflight.ts';
import type { TrainOptions } from './settings.ts';
import type { Setup } from './setup.ts';

/** What is trained on what, in lines. */
export function openingText(
  { settings, set, folder, preprocessing }: Setup,
  freezing: FreezingFigures,
  { unfrozen }: Costs,
): string[] {
  const { model, data } = settings;
  const several = set.task === 'labels';
  const classes =
    set.classes.length > 6
      ? `${set.classes.length} ${several ? 'labels' : 'classes'}`
      : set.classes.join(several ? ', ' : ' / ');
  const balance = several
    ? describeLabelWeights(set, settings)
    : describeBalance(classSizes(set), set.classes, settings);
  const lines = [
    `${model} on ${set.train.length} pictures (${set.val.length} validate), ${classes}; input ${describeInput(preprocessing)}, ` +
      `${counted(epochsOf(settings), 'epoch')} in steps of ${describeBatch(settings)}, learning rate ${settings.phases[0].lr}, results in ${folder.path}`,
    several ? describeLabels(set) : describeSizes(classSizes(set), set.classes),
    ...(balance === null ? [] : [balance]),
    ...freezingTable(freezing),
  ];
  if (unfrozen?.problem)
    lines.push(`With everything training a step is beyond this adapter: ${unfrozen.problem}.`);
  if (data === null)
    lines.push(
      'No --data was given: this is the demo. It learns to tell photographs from copies that went through a ' +
        "generator's decoder. Your own pictures: --data DIR.",
    );
  if (settings.teacher)
    lines.push(
      `It learns what ${settings.teacher.name} answers to its pictures; their labels count for a tenth (docs/fine-tuning.md).`,
    );
  if (settings.weights === null)
    lines.push(
      'It starts from random weights, which need many pictures to become good; pretrained ones: --weights FILE.',
    );
  return lines;
}

/** `32`, or `4 × 8` where the gradients of several batches make an update. */
const describeBatch = ({ batch, accumulate }: TrainSettings): string =>
  accumulate === 1 ? `${batch}` : `${accumulate} × ${batch}`;

/** The closing text of a run, finished or stopped, in lines. */
export function closingText(
  report: Report,
  progress: Progress,
  stepsPerEpoch: number,
  { options, trainedOn }: Setup,
): string[] {
  if (report.finished) return finished(report, progress, options, trainedOn);
  return [
    `${stopped(report, progress, stepsPerEpoch)} Go on with:`,
    `  ${resumeCommand(report.out, options)}`,
  ];
}

function stopped({ out, settings }: Report, { epoch, batch }: Progress, stepsPerEpoch: number): string {
  const of = `epoch ${epoch + 1} of ${epochsOf(settings)}`;
  const where =
    batch < stepsPerEpoch
      ? `after ${batch} of ${stepsPerEpoch} steps of ${of}`
      : `before the validation of ${of}`;
  return `Stopped ${where}; everything is saved in ${out}.`;
}

function finished(report: Report, progress: Progress, options: TrainOptions, trainedOn: TrainedOn): string[] {
  const { out, settings, pictures, seconds, imagesPerSecond, peakBytes, savings, best, last } = report;
  const rate = imagesPerSecond > 0 ? `, ${formatNumber(imagesPerSecond)} images/s` : '';
  const lines = [
    '',
    bold(
      `Trained ${report.model} (${trains(settings)}) on ${pictures.train} pictures for ` +
        `${counted(progress.epoch, 'epoch')} in ${formatSeconds(seconds)}${rate}, ${formatBytes(peakBytes)} of GPU memory.`,
    ),
  ];
  if (progress.finished !== undefined)
    lines.push(`It ended before its ${counted(epochsOf(settings), 'epoch')}: ${progress.finished}.`);
  const { evaluation, validation } = report;
  if (evaluation) lines.push(...headlineOf(evaluation));
  if (report.notChosen) lines.push(report.notChosen);
  if (evaluation && validation)
    lines.push(`Test pictures: ${describeMetrics(evaluation.metrics, evaluation.intervals)}.`);
  if (best) {
    const { metrics, intervals } = validation ?? evaluation ?? { metrics: best.val };
    const seen = report.trainedOn.ofValidation;
    const history = seen === null ? '' : ` ${describeSeen(seen, best.val.count, trainedOn)}`;
    lines.push(
      `Best epoch, ${best.epoch}: ${describeMetrics(metrics, intervals)}, on ${counted(best.val.count, 'picture')}.${history}`,
    );
  }
  if (last && best !== last) lines.push(`Last epoch: ${describeMetrics(last.val)}.`);
  lines.push(...freezingSaved(savings));
  lines.push(...describeSaved(report.cache));
  if (pictures.unreadable > 0)
    lines.push(`${counted(pictures.unreadable, 'picture')} could not be read and took no part.`);
  lines.push(
    `${join(out, BEST)} has the weights of the best epoch. The report to look at: ${join(out, PAGE)}`,
    '',
    'Next:',
    ...nextSteps(report, options).flatMap(([command, why]) => [`  ${command}`, `      ${why}`]),
  );
  return lines;
}

/** What the feature cache saved; nothing where it kept nothing that was asked for again. */
function describeSaved({ computed, reused, where, bytes, first, later, speedUp }: CacheFigures): string[] {
  if (reused === 0) return [];
  const kept = where === null ? '' : ` (${formatBytes(bytes)} ${where === 'disk' ? 'on disk' : 'in memory'})`;
  const faster =
    speedUp === null
      ? ''
      : `: an epoch from the cache took ${formatSeconds(later.meanSeconds!)}, one that computed all of its features ` +
        `${formatSeconds(first.meanSeconds!)}, ${formatNumber(speedUp)} times as long`;
  return [
    `Features of ${counted(computed, 'picture')} were computed${kept} and ${counted(reused, 'time')} used again${faster}.`,
  ];
}

/** [command, what for]. */
function nextSteps(
  { out, settings, classes, epochs, best, parameters, evaluation }: Report,
  { adapter, memory, out: named }: TrainOptions,
): [string, string][] {
  const steps: [string, string][] = [
    [
      commandLine('evaluate', ['--checkpoint', out, '--stress']),
      evaluation?.task === 'labels'
        ? 'the figures of each label, and what it makes of the pictures in grey, blurred, cropped otherwise'
        : `the confusion matrix${classes.length === 2 ? ', another --threshold,' : ''} and what it makes of the pictures in grey, blurred, cropped otherwise`,
    ],
    [commandLine('predict', ['PICTURE', '--checkpoint', out]), 'what it says to pictures of yours'],
    [commandLine('explain', ['PICTURE', '--checkpoint', out]), 'where in them it looks'],
  ];
  const [before, last] = epochs.slice(-2);
  const falling = last && best === last && last.val.loss < 0.95 * before.val.loss;
  const lastFrozen = parameters.frozenStages.at(-1);
  // With another stage the classes that were kept would answer otherwise.
  if (lastFrozen !== undefined && settings.keptClasses === 0)
    steps.push([
      trainCommand({
        ...optionsOf(settings),
        unfreezeSchedule: undefined,
        trainFrom: lastFrozen,
        adapter,
        memory,
        out: named === undefined ? undefined : `${named}-${lastFrozen}`,
      }),
      `${lastFrozen} joins a head that has learnt: slower; whether it is better, its figures say`,
    ]);
  if (falling)
    steps.push([
      trainCommand({ resume: out, epochs: 2 * epochsOf(settings), adapter, memory }),
      'it was still getting better: more epochs',
    ]);
  if (settings.data === null)
    steps.push([
      commandLine('train', ['--data', 'DIR']),
      'your own pictures, a folder for each class (or a CSV of files)',
    ]);
  return steps;
}
