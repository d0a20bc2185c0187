/** Precision, recall, F1 and support of each class. */
import type { Evaluation } from '../../train/evaluation/evaluation.ts';
import { type Html, html } from '../html.ts';
import { decimal, details, interval, share, table } from '../parts.ts';

/** So many classes are shown without being asked for: those with the lowest F1. */
const MOST = 40;
/** More would make a page that nobody can open. */
const MOST_IN_ALL = 1000;

export function perClass({ perClass: classes }: Evaluation): Html {
  const row = ({ name, count, precision, recall, f1, intervals }: (typeof classes)[number]) => [
    name,
    count,
    share(precision),
    interval(intervals.precision),
    share(recall),
    interval(intervals.recall),
    decimal(f1),
    interval(intervals.f1, 3),
  ];
  const head = ['class', 'pictures', 'precision', '95 %', 'recall', '95 %', 'F1', '95 %'];
  const about = html`<p>Precision: how much of what is called so is so. Recall: how much of the class is found. F1: their harmonic mean. A dash: nothing was called so, or there are no pictures.</p>`;
  if (classes.length <= MOST) return html`${about}${table('Each class', head, classes.map(row))}`;
  const worst = classes.toSorted((a, b) => (a.f1 ?? 2) - (b.f1 ?? 2)).slice(0, MOST);
  return html`${about}${table(`The ${MOST} classes with the lowest F1`, head, worst.map(row))}
${classes.length > MOST_IN_ALL ? html`<p>report.json has those of all ${classes.length}.</p>` : details(`All ${classes.length} classes`, table('Each class', head, classes.map(row)))}`;
}
