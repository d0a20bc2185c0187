/** What one needs to do it again: commands, settings, and what it ran on. */
import type { ConfigurationPart } from '../document.ts';
import { type Html, html } from '../html.ts';
import { table } from '../parts.ts';

export function configuration({ commands, groups }: ConfigurationPart): Html {
  return html`${commands.map(
    ([command, what]) => html`<p>${what}</p><pre tabindex="0"><code>${command}</code></pre>\n`,
  )}
${groups.map(({ title, rows }) => table(title, ['', 'value'], rows, { words: true }))}`;
}
