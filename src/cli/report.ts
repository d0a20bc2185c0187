/** `npm run report`: finished runs of `train` side by side, and the table of a folder of many. */
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { closeLoader } from '../data/node/loader.ts';
import { writeWhole } from '../node/files.ts';
import { comparisonOf, type RunComparison } from '../report/compare/comparison.ts';
import { readRuns } from '../report/compare/finished-run.ts';
import { comparisonHtml, MOST_SHOWN } from '../report/compare/page.ts';
import { thumbnails } from '../report/compare/thumbnails.ts';
import { readTrials } from '../report/trials/finished-trials.ts';
import { trialsHtml } from '../report/trials/page.ts';
import { summaryOf } from '../report/trials/summary.ts';
import { trialPlanIn } from '../runner/node/trial-plan.ts';
import { formatShare } from '../text/figures.ts';
import { percentRange } from '../train/evaluation/intervals.ts';
import { percent } from '../train/metrics.ts';
import {
  fileOfRun,
  PAGE,
  PREDICTIONS,
  REPORT,
  TRIAL_PLAN,
  TRIAL_RUNS,
  TRIALS,
} from '../train/node/run-folder.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { summaryText } from './train/trials/text.ts';
import { formatNumber, formatSeconds, printJson, say, table, UserError } from './ui.ts';

export const description =
  'Puts finished runs of `train` side by side: the settings that differ, the curves, the figures with their intervals, ' +
  "McNemar's test on the pictures that they share, and the pictures on which they disagree. Of a folder of many runs (--seeds, " +
  '--folds, --sweep) the table with their spread, made again.';

export function options(command: Command): void {
  command
    .argument('<run...>', 'folders of runs, two or more; or one of many runs')
    .option('--out <file>', 'where the page goes (default: comparison.html beside the first run)')
    .option('--json', 'print one JSON document on stdout, and write no page where --out names none');
}

interface ReportOptions {
  out?: string;
  json?: boolean;
}

export async function run(folders: string[], { out, json }: ReportOptions): Promise<number> {
  const many = await Promise.all(folders.map(async (folder) => (await trialPlanIn(folder)) !== null));
  if (folders.length === 1 && many[0]) return reportTrials(folders[0], { out, json });
  const among = folders.find((_, index) => many[index]);
  if (among !== undefined)
    throw new UserError(
      `${among} holds many runs; name it alone for their table, or single ones: ${join(among, TRIAL_RUNS, '…')}`,
    );
  if (folders.length < 2)
    throw new UserError('name two runs at least: npm run report -- runs/one runs/another');
  const runs = await readRuns(folders);
  const page = out ?? (json ? null : join(dirname(runs[0].folder), 'comparison.html'));
  if (page !== null) {
    const read = await Promise.all(
      runs.flatMap(({ folder }) => [REPORT, PREDICTIONS].map((file) => fileOfRun(folder, file))),
    );
    await refuseOverInputs([page], inputs('a file of a run', read));
  }
  const comparison = comparisonOf(runs);
  if (json) printJson(comparison);
  else process.stdout.write(`${comparisonText(comparison)}\n`);
  if (page === null) return 0;
  try {
    const shown = comparison.disagreements.slice(0, MOST_SHOWN).map(({ file }) => file);
    await writeWhole(page, await comparisonHtml(comparison, await thumbnails(shown)));
  } finally {
    await closeLoader();
  }
  say(`The page to look at: ${page}`);
  return 0;
}

/** The table of a folder of many runs, as far as they have come. */
async function reportTrials(folder: string, { out, json }: ReportOptions): Promise<number> {
  const trials = await readTrials(folder);
  const summary = await summaryOf(trials);
  if (json) printJson(summary);
  else process.stdout.write(`${summaryText(summary).join('\n')}\n`);
  const page = out ?? (json ? null : join(folder, PAGE));
  if (page === null) return 0;
  if (out !== undefined)
    await refuseOverInputs(
      [page],
      inputs(
        'a file of these runs',
        [TRIAL_PLAN, TRIALS].map((file) => join(folder, file)),
      ),
    );
  await writeWhole(page, await trialsHtml(summary, trials));
  say(`The page to look at: ${page}`);
  return 0;
}

/** The tables of the terminal, and what may be said. */
function comparisonText({ runs, pairs, settings, sentences }: RunComparison): string {
  const names = runs.map(({ name }) => name);
  const ofRuns = runs.map(({ name, report: { model, evaluation, best, seconds } }) => {
    const { metrics, intervals } = evaluation ?? { metrics: null, intervals: null };
    return [
      ...[name, model],
      metrics ? percent(metrics.accuracy) : '–',
      intervals?.accuracy ? percentRange(intervals.accuracy) : '',
      metrics?.auc === undefined ? '–' : formatShare(metrics.auc, 4),
      metrics ? metrics.loss.toFixed(3) : '–',
      ...[String(metrics?.count ?? '–'), String(best?.epoch ?? '–'), formatSeconds(seconds)],
    ];
  });
  const ofPairs = pairs.map(
    ({ of: [first, second], pictures, onlyFirst, onlySecond, difference, p, corrected }) => [
      `${names[first]} − ${names[second]}`,
      ...[String(pictures), `${onlyFirst}, ${onlySecond}`],
      `${(100 * difference).toFixed(1)} %`,
      ...[formatNumber(p), formatNumber(corrected)],
    ],
  );
  const differing = settings.map(({ name, values }) => [
    name,
    ...values.map((value) => String(value ?? '–')),
  ]);
  const tables = [
    [['run', 'network', 'accuracy', '95 %', 'AUC', 'loss', 'pictures', 'epoch', 'time'], ...ofRuns],
    [['pair', 'pictures', 'right alone', 'difference', "McNemar's p", 'corrected'], ...ofPairs],
    [['setting', ...names], ...differing],
  ];
  return [...tables.filter((rows) => rows.length > 1).map((rows) => table(rows)), sentences.join('\n')].join(
    '\n\n',
  );
}
