/** Every network that was measured: loss against cost, and a table. */

import { formatCost } from '../../search/cost/target.ts';
import type { Trial } from '../../search/method.ts';
import type { SearchResult } from '../../search/result.ts';
import { COLUMNS, countOf, VALUES } from '../../search/space.ts';
import { counted } from '../../text/figures.ts';
import type { Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { details, fixed, share, table } from '../parts.ts';
import { besideAlike, costChart } from './cost-chart.ts';
import { key } from './marks.ts';
import { squeezeText } from './network-figure.ts';

/** So many trials are shown without being asked for. */
const BEST = 10;
/** More would make a page that nobody can open; trials.jsonl has them all. */
const MOST_IN_ALL = 1000;

export function tried(result: SearchResult, pen: Pen): Html {
  const { trials, space } = result;
  const sound = trials.filter(({ diverged, loss }) => !diverged && Number.isFinite(loss));
  const networks = new Set(trials.map(({ network }) => network));
  const lost = trials.length - sound.length;
  return html`<p>${counted(trials.length, 'measurement')} of ${counted(networks.size, 'network')} out of the ${countOf(space).toLocaleString('en-US')} that the space ${space.name} holds. A loss is the one that a network had when it was measured, after the steps that are named (with the shared weights, where it is a child of a supernet), not the one that it would reach.${lost > 0 && ` In ${lost} of them the training had diverged; the chart leaves these out.`}</p>
${sound.length > 0 && html`<div class="charts">${costChart(result, sound, pen)}${besideAlike(result, sound, pen)}</div>`}
${trials.length > 0 && trialTables(result)}
${details('The space', spaceTable(result))}`;
}

function trialTables({ trials, target }: SearchResult): Html {
  const head = ['', 'by', 'rung', 'steps', 'cost', 'loss', 'its halves', 'accuracy', 'network'];
  const row = (trial: Trial) => {
    const { index, by, rung, steps, cost, loss, halves, accuracy, diverged, network } = trial;
    return [
      index + 1,
      by,
      rung + 1,
      steps,
      formatCost(cost, target.unit),
      diverged ? 'diverged' : fixed(loss),
      diverged ? '' : `${fixed(halves[0])}, ${fixed(halves[1])}`,
      diverged ? '–' : share(accuracy),
      key(network),
    ];
  };
  const sorted = trials.toSorted((a, b) => a.loss - b.loss);
  const all =
    trials.length > MOST_IN_ALL
      ? html`<p>trials.jsonl has all ${trials.length.toLocaleString('en-US')}.</p>`
      : details(
          `All ${counted(trials.length, 'measurement')}`,
          table('In their order', head, trials.map(row)),
        );
  return html`${table(`The ${Math.min(BEST, trials.length)} measurements of the lowest loss on the held pictures; chosen by it, which flatters them`, head, sorted.slice(0, BEST).map(row))}
${trials.length > BEST && all}`;
}

/** What may be chosen, stage by stage. */
function spaceTable({ space }: SearchResult): Html {
  const { stages, stem, head, activation, inputSize } = space;
  return html`<p>A stem of ${stem} channels, these stages, a head of ${head}; activation ${activation}, pictures of ${inputSize}².</p>${table(
    'Values that a stage may take',
    ['stage', 'stride', 'kernel', 'expansion', 'channels', 'blocks', 'squeeze'],
    stages.map((stage, index) => [
      index + 1,
      stage.stride,
      ...COLUMNS.map((column) =>
        stage[VALUES[column]].map(column === 'squeeze' ? squeezeText : String).join(', '),
      ),
    ]),
  )}`;
}
