/** Pictures that say something of the network, with what it looked at beside each. */
import type { PictureRow, ShownPicture } from '../document.ts';
import { type Html, html } from '../html.ts';
import { share } from '../parts.ts';

export function pictures(rows: readonly PictureRow[]): Html {
  const explained = rows.some((row) => row.pictures.some(({ heatmap }) => heatmap));
  return html`${explained && html`<p>Beside each picture, as the network saw it: Grad-CAM, where it found what speaks for its answer, the brighter, the more. Dark: nothing there counted for it.</p>`}
${rows.map(
  (row) => html`<h3>${row.title}</h3>
<p>${row.words}${border(row)}</p>
<ul class="pictures">${row.pictures.map(card)}</ul>\n`,
)}`;
}

/** How much of what the network looked at lies at the border: much of it says that it looks at framing or background. */
function border({ pictures: shown }: PictureRow): string {
  const shares = shown.flatMap((one) => one.border ?? []);
  if (shares.length === 0) return '';
  const mean = shares.reduce((sum, value) => sum + value, 0) / shares.length;
  return ` ${share(mean)} of what spoke for these answers lies in the outer half of the pictures' area, on average; 50 % would be even.`;
}

function card(shown: ShownPicture): Html {
  const { file, actual, predicted, probability, jpeg, heatmap, right = actual === predicted } = shown;
  if (shown.said !== undefined)
    return html`<li class="${right ? 'right' : 'wrong'}"><div>${image(jpeg, `${predicted}: ${shown.said} ${actual}`)}${heatmap && image(heatmap, `What spoke for ${predicted}, as a heat map over the picture`)}</div>
<p>${shown.said} <b>${actual}</b></p>
${name(file)}</li>\n`;
  const said = html`taken for <b>${predicted}</b>, ${share(probability)}`;
  return html`<li class="${right ? 'right' : 'wrong'}"><div>${image(jpeg, `${actual}, taken for ${predicted}`)}${heatmap && image(heatmap, `What spoke for ${predicted}, as a heat map over the picture`)}</div>
<p>${right ? html`${said}: right` : html`${said}; is <b>${actual}</b>`}</p>
${name(file)}</li>\n`;
}

/** The bytes are of JPEGs that were made for the report: nothing from outside is in the address. */
const image = (jpeg: Uint8Array, alt: string): Html =>
  html`<img alt="${alt}" width="160" height="160" loading="lazy" src="data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}">`;

/** The last folder and the name, `cat/17.jpg`; the whole path where one opens it. */
function name(file: string): Html {
  const tail = file.split(/[/\\]/).slice(-2).join('/');
  return tail === file
    ? html`<p class="file">${file}</p>`
    : html`<details class="file"><summary>${tail}</summary>${file}</details>`;
}
