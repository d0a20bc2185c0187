/** A comparison in words and as the rows of a table. */
import { counted, formatNumber } from '../text/figures.ts';
import { median } from '../train/evaluation/intervals.ts';
import { type ComparedEntry, type Comparison, LEAST, type Ratio, VERDICTS } from './compare.ts';
import type { BenchHeader } from './result.ts';

/** What is compared, by what, and what else may have changed the times: lines above the table. */
export function comparisonHead(comparison: Comparison): string[] {
  const { kind, pairs, before, after, warnings, noisy } = comparison;
  const how =
    kind === 'interleaved'
      ? `${counted(pairs ?? 0, 'pair')} of runs, taken in turns`
      : 'two runs, each by itself';
  return [
    `${commitOf(before)}, then ${commitOf(after)}: ${how}. Times are of the quickest sample of a round, in the middle of the rounds.`,
    ...warnings,
    ...(noisy
      ? [
          'THE MACHINE WAS TOO BUSY: not even twice the time would be seen in the usual entry, so nothing is flagged.',
        ]
      : []),
    ...togetherText(comparison),
  ];
}

/** What was counted, and how small a change would have been seen: lines below the table. */
export function comparisonFoot({ entries, kind }: Comparison): string[] {
  const counts = VERDICTS.map(
    (verdict) => [verdict, entries.filter((entry) => entry.verdict === verdict).length] as const,
  );
  const judged = entries.flatMap((entry) => (entry.judged ? [entry.judged] : []));
  const seen =
    judged.length === 0 ? null : Math.max(LEAST, median(judged.map(({ value, high }) => high / value)));
  const words = counts.filter(([, count]) => count > 0).map(([verdict, count]) => `${count} ${verdict}`);
  return [
    `${words.join(', ') || 'Nothing to compare'}. The intervals hold together with 95 %.`,
    ...(seen === null
      ? []
      : [
          `In the usual entry a change of ${percent(seen)} % or more would be seen${seen > 1.1 ? `: more samples${kind === 'stored' ? ', --against REF' : ', more pairs'} or a quieter machine show smaller ones` : ''}.`,
        ]),
  ];
}

/** The table: a heading, then a row for each entry; what changed first. */
export function comparisonRows({ entries, judgedBy }: Comparison): string[][] {
  const order = (entry: ComparedEntry): number => VERDICTS.indexOf(entry.verdict);
  return [
    [
      'entry',
      'before ms',
      'after ms',
      'ratio',
      judgedBy === 'the others' ? 'beside the others' : 'interval',
      '',
    ],
    ...[...entries]
      .sort((a, b) => order(a) - order(b))
      .map((entry) => [
        [entry.name, variantText(entry)].filter(Boolean).join(' · '),
        entry.before === null ? '' : formatNumber(entry.before),
        entry.after === null ? '' : formatNumber(entry.after),
        entry.ratio === null ? '' : entry.ratio.toFixed(2),
        entry.judged ? ratioText(entry.judged) : '',
        entry.why === null ? entry.verdict : `${entry.verdict}: ${entry.why}`,
      ]),
  ];
}

function togetherText({ together, kind, ceilings }: Comparison): string[] {
  if (!together) return ['There are too few entries to see by them what the machine did in the meantime.'];
  const words = `All entries together: ${ratioText(together)} times what it was`;
  if (kind === 'interleaved')
    return [
      together.shown
        ? `${words}. Both were measured in the same minutes: that is the code, and each entry is judged by itself.`
        : `${words}: no difference shown. Each entry is judged beside the others.`,
    ];
  const machine = ceilings
    ? ` (the ceilings, whose kernels are the same, went to ${ceilings.arithmetic.toFixed(2)} of the arithmetic and ${ceilings.bandwidth.toFixed(2)} of the bandwidth)`
    : '';
  const moved = together.value >= LEAST || together.value <= 1 / LEAST;
  return [
    moved
      ? `${words}. A ${together.value > 1 ? 'slower' : 'faster'} machine looks like ${together.value > 1 ? 'slower' : 'faster'} code there${machine}; --against REF tells them apart. Each entry is judged beside the others.`
      : `${words}. Each entry is judged beside the others.`,
  ];
}

const commitOf = ({ commit, date }: BenchHeader): string => commit ?? `a run of ${date.slice(0, 16)}`;

const ratioText = ({ value, low, high }: Ratio): string =>
  `${value.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;

/** Of a ratio of 1.074, 7. */
const percent = (ratio: number): number => Math.round(100 * (ratio - 1));

function variantText({ variant: { before, after } }: ComparedEntry): string {
  if (before === after || after === null || before === null) return before ?? after ?? '';
  return `${before} → ${after}`;
}
