/** The first and the last words of `train`: what it will do; what it did, what it measured, what to try next. */
import { join } from 'node:path';
import type { FreezeReport } from '../nn/index.ts';
import { describeMetrics, type Report, trains } from '../report/report.ts';
import { percent } from '../train/metrics.ts';
import { BEST } from '../train/node/run-folder.ts';
import type { Preflight } from '../train/preflight.ts';
import type { Progress } from '../train/progress.ts';
import { commandLine } from './command-line.ts';
import { optionsOf, resumeCommand, trainCommand } from './train-command.ts';
import type { Costs } from './train-preflight.ts';
import type { TrainOptions } from './train-settings.ts';
import type { Setup } from './train-setup.ts';
import { bold, counted, formatBytes, formatNumber, formatSeconds } from './ui.ts';

/** What is trained on what. */
export function openingText({ settings, set, folder }: Setup, freezing: FreezeReport, costs: Costs): string {
  const { model, size, epochs, batch, lr, data } = settings;
  const classes = set.classes.length > 6 ? `${set.classes.length} classes` : set.classes.join(' / ');
  const lines = [
    `${model} on ${set.train.length} pictures (${set.val.length} validate), ${classes}; input ${size}×${size}, ` +
      `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} in steps of ${batch}, learning rate ${lr}, results in ${folder.path}`,
    describeFreezing(freezing, costs),
  ];
  if (data === null)
    lines.push(
      'No --data was given: this is the demo. It learns to tell photographs from copies that went through a ' +
        "generator's decoder. Your own pictures: --data DIR.",
    );
  if (settings.weights === null)
    lines.push(
      'It starts from random weights, which need many pictures to become good; pretrained ones: --weights FILE.',
    );
  return lines.join('\n');
}

/** What is frozen, and what that saves. */
export function describeFreezing(
  { frozenStages, frozenParameters, trainableParameters }: FreezeReport,
  { step, unfrozen }: Costs,
): string {
  const all = frozenParameters + trainableParameters;
  const costOf = ({ cost, problem }: Preflight): string =>
    cost
      ? `${formatNumber(cost.flops / 1e9)} GFLOP and ${formatBytes(cost.totalBytes)}`
      : `what this adapter does not allow (${problem})`;
  if (frozenParameters === 0)
    return `All ${formatNumber(all)} parameters train: a step takes ${costOf(step)}.`;
  return (
    `Frozen: ${frozenStages.join(', ') || 'a part of the last stage'}, ${formatNumber(frozenParameters)} of ` +
    `${formatNumber(all)} parameters (${percent(frozenParameters / all)}), which need no backward pass, no saved ` +
    `activations and no optimiser state: a step takes ${costOf(step)}${unfrozen ? ` in place of ${costOf(unfrozen)}` : ''}.`
  );
}

/** The closing text of a run, finished or stopped. */
export function closingText(
  report: Report,
  progress: Progress,
  stepsPerEpoch: number,
  { options }: Setup,
): string {
  if (report.finished) return finished(report, options);
  return `${stopped(report, progress, stepsPerEpoch)} Go on with:\n  ${resumeCommand(report.out, options)}`;
}

function stopped({ out, settings }: Report, { epoch, batch }: Progress, stepsPerEpoch: number): string {
  const where =
    batch < stepsPerEpoch
      ? `after ${batch} of ${stepsPerEpoch} steps of epoch ${epoch + 1} of ${settings.epochs}`
      : `before the validation of epoch ${epoch + 1} of ${settings.epochs}`;
  return `Stopped ${where}; everything is saved in ${out}.`;
}

function finished(report: Report, options: TrainOptions): string {
  const { out, settings, pictures, seconds, imagesPerSecond, peakBytes, best, last } = report;
  const rate = imagesPerSecond > 0 ? `, ${formatNumber(imagesPerSecond)} images/s` : '';
  const lines = [
    '',
    bold(
      `Trained ${report.model} (${trains(settings)}) on ${pictures.train} pictures for ${counted(settings.epochs, 'epoch')} ` +
        `in ${formatSeconds(seconds)}${rate}, ${formatBytes(peakBytes)} of GPU memory.`,
    ),
  ];
  if (best)
    lines.push(
      `Best epoch, ${best.epoch}: ${describeMetrics(best.val)}, on ${counted(best.val.count, 'picture')} it never trained on.`,
    );
  if (last && best !== last) lines.push(`Last epoch: ${describeMetrics(last.val)}.`);
  if (pictures.unreadable > 0)
    lines.push(`${counted(pictures.unreadable, 'picture')} could not be read and took no part.`);
  lines.push(
    `${join(out, BEST)} has the weights of the best epoch; ${join(out, 'report.svg')} shows that network and the run, report.json has the figures.`,
    '',
    'Next:',
    ...nextSteps(report, options).map(([command, why]) => `  ${command}\n      ${why}`),
  );
  return lines.join('\n');
}

/** [command, what for]. */
function nextSteps(
  { out, settings, classes, epochs, best, parameters }: Report,
  { adapter, memory, out: named }: TrainOptions,
): [string, string][] {
  const steps: [string, string][] = [
    [
      commandLine('evaluate', ['--checkpoint', out]),
      `the confusion matrix${classes.length === 2 ? ', another --threshold' : ''}`,
    ],
    [commandLine('predict', ['PICTURE', '--checkpoint', out]), 'what it says to pictures of yours'],
  ];
  const [before, last] = epochs.slice(-2);
  const falling = last && best === last && last.val.loss < 0.95 * before.val.loss;
  const lastFrozen = parameters.frozenStages.at(-1);
  if (lastFrozen !== undefined)
    steps.push([
      trainCommand({
        ...optionsOf(settings),
        trainFrom: lastFrozen,
        adapter,
        memory,
        out: named === undefined ? undefined : `${named}-${lastFrozen}`,
      }),
      `${lastFrozen} trains too: slower; whether it is better, its figures say`,
    ]);
  if (falling)
    steps.push([
      trainCommand({ resume: out, epochs: 2 * settings.epochs, adapter, memory }),
      'it was still getting better: more epochs',
    ]);
  if (settings.data === null)
    steps.push([commandLine('train', ['--data', 'DIR']), 'your own pictures, a folder for each class']);
  return steps;
}
