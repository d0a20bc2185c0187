/** The pictures: how many of each class, how they were split, what was left out, what is there twice. */
import type { DataPart } from '../document.ts';
import { type Html, html } from '../html.ts';
import { details, table } from '../parts.ts';

const MOST = 40;
/** More would make a page that nobody can open. */
const MOST_IN_ALL = 1000;

export function data({ classes, sides, notes }: DataPart): Html {
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  const rows = classes.map((name, index) => [name, ...sides.map(({ counts }) => counts[index])]);
  const sums = ['all', ...sides.map(({ counts, pictures }) => pictures ?? total(counts))];
  const head = ['class', ...sides.map(({ name }) => name)];
  return html`${notes.length > 0 && html`<ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>`}
${
  rows.length <= MOST
    ? table('Pictures of each class', head, [...rows, sums])
    : html`${table('Pictures', head, [sums])}${rows.length <= MOST_IN_ALL && details(`All ${classes.length} classes`, table('Pictures of each class', head, rows))}`
}`;
}
