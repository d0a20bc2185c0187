/** What `evaluate` prints of pictures of several labels: the headline, the figures with their intervals, and each label. */
import { describeMetrics } from '../../report/report.ts';
import { formatShare } from '../../text/figures.ts';
import { shown } from '../../text/shown.ts';
import { type Interval, percentRange } from '../../train/evaluation/intervals.ts';
import type { LabelEvaluation } from '../../train/labels/evaluation.ts';
import { labelHeadline } from '../../train/labels/headline.ts';
import { percent } from '../../train/metrics.ts';
import { cut, formatNumber, table } from '../ui.ts';

export function labelText(of: LabelEvaluation): string[] {
  return [
    ...labelHeadline(of).map(shown),
    '',
    `${describeMetrics(of.metrics, of.intervals)}. (95 % intervals)`,
    '',
    table([
      ['label', 'pictures', 'AP', 'AUC', 'called from', 'precision', 'recall', 'F1'],
      ...of.perLabel.map(
        ({ name, count, averagePrecision, auc, threshold, precision, recall, f1, intervals }) => [
          cut(shown(name)),
          formatNumber(count),
          figure(averagePrecision, intervals.averagePrecision),
          figure(auc, intervals.auc),
          `${Number(threshold.toFixed(3))}`,
          withRange(precision, intervals.precision),
          withRange(recall, intervals.recall),
          f1 === null ? '–' : f1.toFixed(3),
        ],
      ),
    ]),
  ];
}

/** `0.912 (0.85–0.95)` */
function figure(value: number | null, interval: Interval | null): string {
  if (value === null) return '–';
  const range = interval ? ` (${formatShare(interval.low, 2)}–${formatShare(interval.high, 2)})` : '';
  return `${formatShare(value, 3)}${range}`;
}

/** `98.0 % (89.5–99.6 %)` */
export function withRange(value: number | null, interval: Interval | null): string {
  if (value === null) return '–';
  return interval ? `${percent(value)} (${percentRange(interval)})` : percent(value);
}
