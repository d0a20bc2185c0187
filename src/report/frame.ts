/**
 * The frame of every page: one file that opens from a disk and asks no network, with a heading, links to its sections, and
 * the sections.
 *
 * Its policy (CSP) allows pictures in the file, this style and this script, by their hashes; a name that became markup
 * after all could load and run nothing.
 */
import { createHash } from 'node:crypto';
import type { Pen } from './chart.ts';
import { escaped, type Html, html } from './html.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

export interface Section {
  id: string;
  title: string;
  body: Html;
}

/** What makes a section of what the page is of; nothing where there is nothing to say. */
export type SectionMaker<T> = readonly [
  id: string,
  title: string,
  make: (of: T, pen: Pen) => Html | null | false,
];

/** The sections that have something to say, in their order. */
export function sectionsOf<T>(makers: readonly SectionMaker<T>[], of: T, pen: Pen): Section[] {
  return makers.flatMap(([id, title, make]) => {
    const body = make(of, pen);
    return body ? [{ id, title, body }] : [];
  });
}

export interface Page {
  title: string;
  /** Sentences below it. */
  summary: readonly string[];
  sections: readonly Section[];
  /** Rules behind those of every page. */
  style?: string;
  /** In place of the script of a report; it holds nothing of the page's content either. */
  script?: string;
}

/** The whole page. */
export function pageHtml({ title, summary, sections, style = '', script = SCRIPT }: Page): string {
  const rules = STYLE + style;
  const body = html`<a class="skip" href="#main">To the result</a>
<header><h1>${title}</h1>
${summary.map((sentence) => html`<p>${sentence}</p>`)}</header>
<nav aria-label="Sections"><ul>${sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
<main id="main" tabindex="-1">
${sections.map(
  ({ id, title: name, body: content }) => html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${name}</h2>
${content}
</section>\n`,
)}</main>
<footer>Written by Tessera. This file needs no network and sends nothing.</footer>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src ${hashOf(rules)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${rules}</style>
</head>
<body>
${body.text}
<script>${script}</script>
</body>
</html>
`;
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
