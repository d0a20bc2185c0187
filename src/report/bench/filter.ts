/** What filters roofline, times and table at once. The script shows it; without one, everything is there. */
import { type Html, html } from '../html.ts';
import type { Facet, Shown } from './rows.ts';

/** Facets of more values are folded away. */
const OPEN = 14;

/** The box of text, its count, and links to the `parts`, which stay in sight. */
export function filterBar({ rows }: Shown, parts: readonly (readonly [id: string, title: string])[]): Html {
  return html`<div class="filter bar" hidden>
<label for="filter-text">Filter</label>
<input id="filter-text" type="search" placeholder="words, all of which must be there: 3x3 winograd" autocomplete="off" spellcheck="false" aria-describedby="filter-count">
<output id="filter-count" for="filter-text">${rows.length.toLocaleString('en-US')} entries</output>
<button type="button" id="filter-clear" hidden>Clear</button>
<span class="jump">${parts.map(([id, title]) => html`<a href="#${id}">${title}</a> `)}</span>
</div>`;
}

/** A chip for each value that entries may have. */
export function filterChips({ facets }: Shown): Html {
  return html`<div class="filter chips" hidden>${facets.map((facet) => facet.values.length > 1 && chips(facet))}</div>`;
}

function chips({ name, values }: Facet): Html {
  const all = values.map(
    ({ key, name: value, count }) =>
      html`<span class="chip"><input type="checkbox" id="f-${key}" value="${key}"><label for="f-${key}">${value} <small>${count.toLocaleString('en-US')}</small></label></span> `,
  );
  return html`<div class="facet" role="group" aria-labelledby="facet-${name}"><span id="facet-${name}">${name}</span><div>${values.length > OPEN ? html`<details><summary>${values.length} of them</summary>${all}</details>` : all}</div></div>\n`;
}
