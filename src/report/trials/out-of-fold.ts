/**
 * out-of-fold.csv: what was said to each picture by the run that did not learn from it. The lines are those of the runs'
 * predictions.csv, behind the setting, the seed and the fold.
 */
import { join } from 'node:path';
import { bytesIfThere } from '../../node/files.ts';
import { settingText } from '../../runner/sweep.ts';
import { fileOfRun, PREDICTIONS, TRIAL_RUNS } from '../../train/node/run-folder.ts';
import { cell } from '../predictions.ts';
import type { FinishedTrials } from './finished-trials.ts';

const MOST_BYTES = 2 ** 30;

/** Null where no run of the folds has predictions. */
export async function outOfFoldCsv({ folder, plan, ended }: FinishedTrials): Promise<string | null> {
  let head: string | null = null;
  const parts: string[] = [];
  const order = ended.toSorted((a, b) => a.setting - b.setting || a.seed - b.seed || a.fold! - b.fold!);
  for (const { name, setting, seed, fold, report } of order) {
    if (!report) continue;
    const bytes = await bytesIfThere(
      await fileOfRun(join(folder, TRIAL_RUNS, name), PREDICTIONS),
      MOST_BYTES,
    );
    // No name in a cell holds a line break (src/report/predictions.ts), so that a line is a row.
    const [first, ...rows] = bytes ? new TextDecoder().decode(bytes).split('\r\n') : [''];
    head ??= first === '' ? null : first;
    if (first === '' || first !== head) continue;
    const before = [settingText(plan.settings[setting]), String(seed), String(fold)].map(cell).join(',');
    for (const row of rows) if (row !== '') parts.push(`${before},${row}\r\n`);
  }
  return head === null ? null : [`setting,seed,fold,${head}\r\n`, ...parts].join('');
}
