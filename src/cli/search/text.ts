/** The first and the last words of `search`: what it will do; what it found, against what, and how to go on. */
import { join } from 'node:path';
import type { Device } from '../../gpu/index.ts';
import { latencyWarning } from '../../search/cost/latency.ts';
import { pacesOf } from '../../search/cost/pace.ts';
import { formatCost } from '../../search/cost/target.ts';
import { middle } from '../../search/handmade.ts';
import { roleName, searchHeadline, targetText } from '../../search/headline.ts';
import type { Method } from '../../search/method.ts';
import type { SearchPictures } from '../../search/options.ts';
import type { Final, SearchResult } from '../../search/result.ts';
import { countOf } from '../../search/space.ts';
import { percentRange, wilsonOfShare } from '../../train/evaluation/intervals.ts';
import { percent } from '../../train/metrics.ts';
import { BEST, PAGE } from '../../train/node/run-folder.ts';
import { commandLine } from '../command-line.ts';
import { adapterName, bold, counted, formatCount, formatNumber, formatSeconds, table } from '../ui.ts';
import { resumeCommand } from './command.ts';
import type { Planned, Setup } from './setup.ts';

/** A network in few letters, stage by stage: `k3e1w16d1 k5e6w24d2s`, the s for squeeze-and-excitation of a quarter. */
export function briefly(network: string): string {
  return network
    .split('-')
    .map((stage) => stage.replace(/s0$/, '').replace(/s0\.25$/, 's'))
    .join(' ');
}

/** What is searched for what, in lines. */
export function openingText(
  { settings, folder }: Pick<Setup, 'settings' | 'folder'>,
  { train, held, fresh, freshIs, classes }: SearchPictures,
  { summary }: Method,
): string[] {
  const { space, minutes, data } = settings;
  const lines = [
    `${counted(countOf(space), 'network')} of the space ${space.name}, input ${space.inputSize}×${space.inputSize}, ` +
      `${classes.length} classes, ${formatSeconds(60 * minutes)}, results in ${folder.path}`,
    `${capital(summary)}`,
    `Networks learn from ${counted(train.length, 'picture')}, are ranked by their loss on ${counted(held.length, 'other')}, ` +
      `and in the end measured on ${fresh.length.toLocaleString('en-US')} that the search never sees (${freshIs}).`,
  ];
  if (data === null)
    lines.push('No --data was given: these are the pictures of the demo. Your own: --data DIR.');
  return lines;
}

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

/** What was measured before the search, in lines. */
export function planText(
  { settings }: Pick<Setup, 'settings'>,
  { plan, target }: Planned,
  device: Pick<Device, 'info'>,
): string[] {
  const { space } = settings;
  const { latency, stepError } = plan;
  const lines: string[] = [];
  if (latency) {
    const { blocks, check, r2, meanError, batch } = latency;
    lines.push(
      `Latencies of ${counted(Object.keys(blocks).length, 'block')} on ${plan.adapter}, ${counted(batch, 'picture')} at a time: ` +
        `their sums predict ${counted(check.length, 'whole network')} with R² ${r2.toFixed(2)} and a mean error of ${(100 * meanError).toFixed(1)} %.`,
    );
    const each = check.map((one) => `${formatNumber(one.measured)} (${formatNumber(one.predicted)})`);
    lines.push(`Measured (predicted), in ms: ${each.join(', ')}.`);
    const warning = latencyWarning(latency);
    if (warning) lines.push(`Warning: ${warning}`);
  }
  const { stepSeconds, scoreSeconds } = pacesOf(plan, space);
  const usual = middle(space);
  lines.push(
    `A training step of ${counted(plan.batch, 'picture')} takes ${formatSeconds(stepSeconds(usual))} with the network in the middle, ` +
      `a measurement ${formatSeconds(scoreSeconds(usual))}. The target: ${targetText(target)}.`,
  );
  if (stepError !== undefined)
    lines.push(
      `Steps that were timed differ from those that are planned with by ${(100 * stepError).toFixed(0)} % on average.`,
    );
  if (plan.adapter !== adapterName(device.info))
    lines.push(
      `Warning: the search was planned on ${plan.adapter}, and this is ${adapterName(device.info)}: its milliseconds are those of the former, and its bits may be others from here on.`,
    );
  return lines;
}

/** The closing text of a search, finished or stopped, in lines. */
export function closingText({ folder, options }: Setup, result: SearchResult): string[] {
  const { path } = folder;
  if (!result.finished)
    return [
      `Stopped after ${counted(result.trials.length, 'measurement')}; everything is saved in ${path}. Go on with:`,
      `  ${resumeCommand(path, options)}`,
    ];
  return [
    '',
    ...finalsTable(result).split('\n'),
    '',
    ...searchHeadline(result).map((line, index) => (index === 0 ? bold(line) : line)),
    `${join(path, BEST)} is the returned network. The report to look at: ${join(path, PAGE)}`,
    '',
    'Next:',
    ...nextSteps(path, result.data.folder).flatMap(([command, why]) => [`  ${command}`, `      ${why}`]),
  ];
}

/** [command, what for]. */
function nextSteps(path: string, data: string | null): [string, string][] {
  const best = join(path, BEST);
  return [
    [commandLine('predict', ['PICTURE', '--checkpoint', path]), 'what it says to pictures of yours'],
    [
      commandLine('evaluate', ['--checkpoint', path, '--stress']),
      'its figures in full, with the confusion matrix',
    ],
    [
      commandLine('train', [
        ...['--weights', best, '--train-from', 'all', '--train-norms'],
        ...(data === null ? [] : ['--data', data]),
      ]),
      'trains it on: what a search gives has learnt for minutes',
    ],
  ];
}

/** The finals as a table: what they cost and what they are worth. */
function finalsTable(result: SearchResult): string {
  const { finals, target, data } = result;
  const inMs = target.unit === 'ms';
  const heading = [
    ...['', 'multiply-adds', 'parameters', ...(inMs ? ['predicted', 'measured'] : [])],
    ...[`held loss (${formatNumber(data.held)})`, `fresh loss (${formatNumber(data.fresh)})`],
    ...['accuracy', '95 % interval'],
  ];
  const row = (final: Final): string[] => [
    roleName(final.role),
    formatCount(final.multiplyAdds),
    formatCount(final.parameters),
    ...(inMs
      ? [
          final.network === null ? '' : formatCost(final.cost, 'ms'),
          final.measured === null ? '' : formatCost(final.measured, 'ms'),
        ]
      : []),
    final.held?.loss.toFixed(3) ?? '',
    final.fresh?.loss.toFixed(3) ?? '',
    ...accuracy(final),
  ];
  return table([heading, ...finals.map(row)]);
}

function accuracy({ fresh }: Final): [string, string] {
  if (!fresh) return ['', ''];
  const interval = wilsonOfShare(fresh.accuracy, fresh.pictures);
  return [percent(fresh.accuracy), interval ? percentRange(interval) : ''];
}
