/** The sections of a report that only pictures of several labels have. */
import type { LabelEvaluation, LabelFigures } from '../../train/labels/evaluation.ts';
import { type Html, html } from '../html.ts';
import { decimal, details, interval, share, table } from '../parts.ts';

/** So many labels are shown without being asked for: those with the lowest average precision. */
const MOST = 40;
/** More would make a page that nobody can open. */
const MOST_IN_ALL = 1000;

/** Precision, recall, F1, average precision and AUC of each label. */
export function perLabel({ perLabel: labels }: LabelEvaluation): Html {
  const row = (of: LabelFigures) => [
    of.name,
    of.count,
    decimal(of.averagePrecision),
    interval(of.intervals.averagePrecision, 3),
    decimal(of.auc),
    interval(of.intervals.auc, 3),
    share(of.precision),
    interval(of.intervals.precision),
    share(of.recall),
    interval(of.intervals.recall),
    decimal(of.f1),
    interval(of.intervals.f1, 3),
  ];
  const head = [
    'label',
    'pictures',
    'AP',
    '95 %',
    'AUC',
    '95 %',
    'precision',
    '95 %',
    'recall',
    '95 %',
    'F1',
    '95 %',
  ];
  const about = html`<p>AP, average precision: the precision over all recalls, as the label ranks the pictures; AUC: the chance that a picture with the label has a higher probability for it than one without. Neither asks for a threshold. Precision, recall and F1 are of what is called from the label's threshold on. A dash: no picture has the label, or every one, or nothing was called.</p>`;
  if (labels.length <= MOST) return html`${about}${table('Each label', head, labels.map(row))}`;
  const worst = labels
    .toSorted((a, b) => (a.averagePrecision ?? 2) - (b.averagePrecision ?? 2))
    .slice(0, MOST);
  return html`${about}${table(`The ${MOST} labels with the lowest average precision`, head, worst.map(row))}
${labels.length > MOST_IN_ALL ? html`<p>report.json has those of all ${labels.length}.</p>` : details(`All ${labels.length} labels`, table('Each label', head, labels.map(row)))}`;
}

/** From which probability each label is called, and what that makes of the pictures. */
export function labelThresholds({ perLabel: labels, sentence }: LabelEvaluation): Html {
  const rows = labels
    .slice(0, MOST_IN_ALL)
    .map(({ name, threshold, count, called, right }) => [
      name,
      decimal(threshold, 3),
      count,
      called,
      right,
      count - right,
      called - right,
    ]);
  return html`<p>${sentence} Another one is asked for with <code>--threshold</code>, <code>--target-precision</code> or <code>--target-recall</code>.</p>
${table('Each label', ['label', 'called from', 'pictures', 'called', 'found', 'missed', 'called wrongly'], rows)}`;
}

/** Which labels come together, and which are called where another is missed. */
export function labelsTogether({ classes, together, mistaken, metrics }: LabelEvaluation): Html {
  if (!together || !mistaken) return html``;
  const head = ['', ...classes];
  const rows = (matrix: readonly (readonly number[])[]) =>
    matrix.map((row, label) => [classes[label]!, ...row.map((count) => (count === 0 ? '' : count))]);
  return html`<p>Labels that nearly always come together can be told apart by few pictures: what the network learns of one may be the other.</p>
${table(`Pictures of ${metrics.count.toLocaleString('en-US')} that have both labels; with itself: that have it`, head, rows(together))}
<p>A label that is often called where another was missed is taken for it.</p>
${table('Pictures that have the label of the row, which was missed, and for which that of the column was called wrongly', head, rows(mistaken))}`;
}
