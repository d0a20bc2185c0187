/** The networks themselves, beside each other: what was found, the hand-made one, and the published ones. */

import type { MBConvTable } from '../../models/mbconv-table.ts';
import { mbconvTableOf } from '../../models/table.ts';
import { capital, roleName } from '../../search/headline.ts';
import type { Final, SearchResult } from '../../search/result.ts';
import { formatCount } from '../../text/figures.ts';
import { type Html, html } from '../html.ts';
import { figure, table } from '../parts.ts';
import { mostChannels, networkFigure, squeezeText } from './network-figure.ts';

interface Drawn {
  final: Final;
  /** Of all finals with the same network. */
  names: string;
  table: MBConvTable;
}

/** The networks with their tables, each once. */
function drawnOf(finals: readonly Final[]): Drawn[] {
  const drawn = finals.flatMap((final) => {
    const rows = final.table ?? (final.network === null ? mbconvTableOf(final.role) : null);
    return rows ? [{ final, table: rows }] : [];
  });
  const same = (a: Final, b: Final): boolean => a === b || (a.network !== null && a.network === b.network);
  return drawn
    .filter(({ final }, index) => drawn.findIndex((one) => same(one.final, final)) === index)
    .map((one) => ({
      ...one,
      names: drawn
        .filter(({ final }) => same(final, one.final))
        .map(({ final }) => roleName(final.role))
        .join(' and '),
    }));
}

export function winner({ finals, space }: SearchResult): Html | null {
  const networks = drawnOf(finals);
  if (networks.length === 0) return null;
  const scale = Math.max(...networks.map((one) => mostChannels(one.table)));
  const twice = networks.filter(({ names }) => names.includes(' and '));
  return html`<p>A block is as high as the roots of the channels that enter it, that its depthwise kernel sees, and that leave it, in all drawings alike; the wider, the larger its kernel; the dot is squeeze-and-excitation. A dotted line: the stage halves the sides. Over a stage the side of its maps, for pictures of ${space.inputSize}²; below it its channels, kernel, expansion, blocks, and the share that is left after squeezing. The bars are stem and head.</p>
${twice.map(({ names }) => html`<p>${capital(names)} are one network.</p>`)}
<div class="charts">${networks.map((one) => drawing(one, space.inputSize, scale))}</div>`;
}

function drawing({ final, names, table: rows }: Drawn, inputSize: number, scale: number): Html {
  const { parameters, multiplyAdds } = final;
  const name = capital(names);
  return html`<div>${figure(
    html`<h3>${name}</h3>${networkFigure(rows, `${name}, stage by stage`, inputSize, scale)}`,
    `${formatCount(parameters)} parameters, ${formatCount(multiplyAdds)} multiply-adds a picture.`,
  )}${table(
    `${name}, as a table`,
    ['stage', 'expand', 'kernel', 'stride', 'channels', 'blocks', 'SE'],
    [
      ['stem', '', '3×3', 2, rows.stem, 1, ''],
      ...rows.rows.map(([expandRatio, kernel, stride, channels, repeats, squeeze], index) => [
        index + 1,
        `×${expandRatio}`,
        `${kernel}×${kernel}`,
        stride,
        channels,
        repeats,
        squeeze > 0 ? squeezeText(squeeze) : '–',
      ]),
      ['head', '', '1×1', 1, rows.head, 1, ''],
    ],
  )}</div>`;
}
