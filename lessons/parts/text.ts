/** What is said of a result: its table, the paper's claims beside what was measured, what it was run on. */
import { counted, formatNumber, formatSeconds } from '../../src/text/figures.ts';
import type { Spread } from '../../src/train/evaluation/student.ts';
import { percent } from '../../src/train/metrics.ts';
import type { Format, Lesson } from './lesson.ts';
import { type Result, seedsOf, spreadOfFigure, VERDICTS, type Verdict } from './result.ts';

/** `71.3 %`, `0.0412` */
export const written = (value: number, as: Format): string =>
  as === 'share' ? percent(value) : formatNumber(value, as);

/** `71.3 % ± 0.8` */
export function spreadText(spread: Spread | null, as: Format): string {
  if (!spread) return '–';
  const { mean, deviation } = spread;
  if (deviation === null) return written(mean, as);
  return `${written(mean, as)} ± ${as === 'share' ? (100 * deviation).toFixed(1) : formatNumber(deviation, 2)}`;
}

/** A row a setting: its figures over the seeds. */
export function figureRows(
  result: Result,
  { settings, columns }: Lesson,
): { head: string[]; rows: string[][] } {
  return {
    head: ['', ...columns.map(({ head }) => head), 'a run took'],
    rows: Object.keys(settings).map((setting) => [
      setting,
      ...columns.map(({ figure, as }) => spreadText(spreadOfFigure(result, setting, figure), as)),
      timeText(result, setting),
    ]),
  };
}

function timeText({ runs }: Result, setting: string): string {
  const own = runs.filter((run) => run.setting === setting);
  return own.length > 0
    ? formatSeconds(own.reduce((sum, { seconds }) => sum + seconds, 0) / own.length)
    : '–';
}

/** `shown: +0.21 ± 0.04 (95 % interval 0.11 to 0.31, 3 seeds)` */
export function verdictText({ claim: { as, above }, verdict, spread }: Verdict): string {
  if (!spread) return VERDICTS[verdict];
  const plus = above === undefined ? '+' : '';
  const signed = (value: number): string => `${value < 0 ? '−' : plus}${written(Math.abs(value), as)}`;
  const { count, mean, interval } = spread;
  const range = interval ? `95 % interval ${signed(interval.low)} to ${signed(interval.high)}, ` : '';
  return `${VERDICTS[verdict]}: ${signed(mean)} (${range}${counted(count, 'seed')})`;
}

/** How large the experiment was, in a sentence. */
export function sizeText(result: Result, lesson: Lesson): string {
  const { form, size, pictures, runs } = result;
  const seeds = seedsOf(result, lesson).length;
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  return `The ${form} form: ${counted(size.pictures, 'picture')} to learn from and ${size.held.toLocaleString('en-US')} to measure with (${pictures}), ${counted(size.steps, 'step')} for each network, ${counted(seeds, 'seed')}; ${formatSeconds(seconds)} in all.`;
}
