/** What many runs leave beside their folders: summary.json, report.html, the table, and of folds what was said to each picture. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../../node/files.ts';
import type { TrialsSummary } from '../../../report/trials/figures.ts';
import { type FinishedTrials, readTrials } from '../../../report/trials/finished-trials.ts';
import { outOfFoldCsv } from '../../../report/trials/out-of-fold.ts';
import { trialsHtml } from '../../../report/trials/page.ts';
import { summaryOf } from '../../../report/trials/summary.ts';
import { shownJson } from '../../../text/shown.ts';
import { OUT_OF_FOLD, PAGE, SUMMARY } from '../../../train/node/run-folder.ts';
import { say } from '../../ui.ts';
import { summaryText } from './text.ts';

/** Makes and writes all of it, as far as the runs have come. @param place where a file of the folder goes */
export async function writeSummary(
  folder: string,
  place: (file: string) => string | Promise<string> = (file) => join(folder, file),
): Promise<TrialsSummary> {
  const trials = await readTrials(folder);
  const summary = await summaryOf(trials);
  await writeFolds(trials, await place(OUT_OF_FOLD));
  await writeWhole(await place(SUMMARY), `${shownJson(summary)}\n`);
  await writeWhole(await place(PAGE), await trialsHtml(summary, trials));
  return summary;
}

async function writeFolds(trials: FinishedTrials, path: string): Promise<void> {
  const rows = trials.plan.folds === null ? null : await outOfFoldCsv(trials);
  if (rows === null) await rm(path, { force: true });
  else await writeWhole(path, rows);
}

/** The table on the terminal, where the page is, and of what was stopped what goes on. */
export function tell(summary: TrialsSummary, folder: string, again: string | null): void {
  if (summary.done > 0) say('', ...summaryText(summary), '');
  if (summary.done > 0) say(`The page to look at: ${join(folder, PAGE)}`);
  if (again !== null) say(`Stopped; everything is saved in ${folder}. Go on with:`, `  ${again}`);
}
