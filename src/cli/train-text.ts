/** The first and the last words of `train`: what it will do; what it did, what it measured, what to try next. */
import { join } from 'node:path';
import type { FreezeReport } from '../nn/index.ts';
import { describeMetrics, type Report, trains } from '../report/report.ts';
import { percent } from '../train/metrics.ts';
import { BEST } from '../train/node/checkpoint.ts';
import type { Preflight } from '../train/preflight.ts';
import type { Progress } from '../train/progress.ts';
import { DEFAULT_MODEL, defaultWeights } from '../weights/start.ts';
import { commandLine } from './command-line.ts';
import type { Costs } from './train-preflight.ts';
import type { Setup } from './train-setup.ts';
import { bold, formatBytes, formatNumber, formatSeconds } from './ui.ts';

/** What is trained on what, in lines. */
export function openingText({ settings, set, out }: Setup, freezing: FreezeReport, costs: Costs): string[] {
  const { model, size, epochs, batch, lr, data } = settings;
  const classes = set.classes.length > 6 ? `${set.classes.length} classes` : set.classes.join(' / ');
  const lines = [
    `${model} on ${set.train.length} pictures (${set.val.length} validate), ${classes}; input ${size}×${size}, ` +
      `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} in steps of ${batch}, learning rate ${lr}, results in ${out}`,
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
  return lines;
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

/** The closing text of a run, finished or stopped, in lines. */
export function closingText(
  report: Report,
  progress: Progress,
  stepsPerEpoch: number,
  adapter: string | undefined,
): string[] {
  if (report.finished) return finished(report);
  const resume = commandLine('train', ['--resume', report.out, ...(adapter ? ['--adapter', adapter] : [])]);
  return [`${stopped(report, progress, stepsPerEpoch)} Go on with:`, `  ${resume}`];
}

function stopped({ out, settings }: Report, { epoch, batch }: Progress, stepsPerEpoch: number): string {
  const where =
    batch < stepsPerEpoch
      ? `after ${batch} of ${stepsPerEpoch} steps of epoch ${epoch + 1} of ${settings.epochs}`
      : `before the validation of epoch ${epoch + 1} of ${settings.epochs}`;
  return `Stopped ${where}; everything is saved in ${out}.`;
}

function finished(report: Report): string[] {
  const { out, settings, pictures, seconds, imagesPerSecond, peakBytes, best, last } = report;
  const rate = imagesPerSecond > 0 ? `, ${formatNumber(imagesPerSecond)} images/s` : '';
  const lines = [
    '',
    bold(
      `Trained ${report.model} (${trains(settings)}) on ${pictures.train} pictures for ${settings.epochs} ` +
        `${settings.epochs === 1 ? 'epoch' : 'epochs'} in ${formatSeconds(seconds)}${rate}, ${formatBytes(peakBytes)} of GPU memory.`,
    ),
  ];
  if (last)
    lines.push(
      `Last epoch: ${describeMetrics(last.val)}, on ${last.val.count} pictures it never trained on.`,
    );
  if (best && best !== last) lines.push(`Best epoch, ${best.epoch}: ${describeMetrics(best.val)}.`);
  if (pictures.unreadable > 0)
    lines.push(
      `${pictures.unreadable} ${pictures.unreadable === 1 ? 'picture' : 'pictures'} could not be read and took no part.`,
    );
  lines.push(
    `${join(out, BEST)} has the weights of the best epoch; ${join(out, 'report.svg')} shows the run, report.json has its figures.`,
    '',
    'Next:',
    ...nextSteps(report).flatMap(([command, why]) => [`  ${command}`, `      ${why}`]),
  );
  return lines;
}

/** [command, what for]. */
function nextSteps({ out, settings, classes, epochs, best, parameters }: Report): [string, string][] {
  const { data, weights, model } = settings;
  const start = [...(data === null ? [] : ['--data', data]), ...startArgs(model, weights)];
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
      commandLine('train', [...start, '--train-from', lastFrozen]),
      `${lastFrozen} trains too: slower; whether it is better, its figures say`,
    ]);
  if (falling)
    steps.push([
      commandLine('train', [...start, '--epochs', String(2 * settings.epochs)]),
      'it was still getting better: more epochs',
    ]);
  if (data === null)
    steps.push([commandLine('train', ['--data', 'DIR']), 'your own pictures, a folder for each class']);
  return steps;
}

/** The options that give this model and these weights, none where they are the defaults. */
function startArgs(model: string, weights: string | null): string[] {
  const named = weights === defaultWeights(model) ? [] : ['--weights', weights ?? 'none'];
  return model === DEFAULT_MODEL && named.length === 0 ? [] : ['--model', model, ...named];
}
