/** HTML in which nothing from outside can become markup: what is put into a template is escaped. */
import { shown } from '../text/shown.ts';

/** Markup that is safe as it stands. */
export class Html {
  constructor(readonly text: string) {}
}

type Hole = Html | string | number | null | undefined | false | readonly Hole[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands in HTML and in quoted attributes; what cannot be seen in it is shown (src/text/shown.ts). */
export function escaped(text: string): string {
  return shown(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** `` html`<b>${name}</b>` ``: strings and numbers are escaped, `Html` is not, lists are joined, null and false are nothing. */
export function html(strings: TemplateStringsArray, ...holes: Hole[]): Html {
  return new Html(strings.reduce((text, piece, index) => text + filled(holes[index - 1]) + piece));
}

function filled(hole: Hole): string {
  if (hole === null || hole === undefined || hole === false) return '';
  if (hole instanceof Html) return hole.text;
  if (typeof hole === 'object') return hole.map(filled).join('');
  return escaped(String(hole));
}
