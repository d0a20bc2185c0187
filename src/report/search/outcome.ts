/** What a search gives, and what that is worth beside its controls. */

import { formatCost } from '../../search/cost/target.ts';
import {
  beyond,
  capital,
  pText,
  rangeText,
  returnedFinal,
  roleName,
  searchHeadline,
  signed,
  targetText,
} from '../../search/headline.ts';
import type { Comparison, Final, SearchResult } from '../../search/result.ts';
import { formatCount } from '../../text/figures.ts';
import { wilsonOfShare } from '../../train/evaluation/intervals.ts';
import type { Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, fixed, interval, share, table } from '../parts.ts';
import { intervalsChart } from './intervals-chart.ts';

export function outcome(result: SearchResult, pen: Pen): Html {
  const { finals, comparisons } = result;
  const returned = returnedFinal(result);
  const trained = finals.filter(({ steps }) => steps > 0);
  return html`${returned && tiles(returned, result)}
${searchHeadline(result).map((sentence) => html`<p>${sentence}</p>`)}
${trained.length > 0 && html`<p class="note">${measuredOn(result)}</p>`}
${
  trained.length > 0 &&
  html`<div class="charts">${accuracies(trained, result, pen)}${comparisons.length > 0 && differences(comparisons, pen)}</div>
${knownTable(trained, result)}`
}
${comparisons.length > 0 && comparisonTable(comparisons)}
${finals.length > 0 && costTable(finals, result)}`;
}

/** Which figures are of which pictures, and what was chosen on them. */
function measuredOn({ data, comparisons }: SearchResult): string {
  const { held, fresh, freshIs, classes, train } = data;
  const count = (pictures: number): string => pictures.toLocaleString('en-US');
  const choice = comparisons.some(({ of }) => of.includes('hand-made'))
    ? ', except that the better of winner and hand-made was taken on them, which flatters what is returned a little'
    : '';
  return (
    `Every network learnt from the same ${count(train)} pictures. The search ranked networks by their loss on ${count(held)} held ones, so that what it chose looks better on these than it is. The ${count(fresh)} fresh pictures (${freshIs}) took no part in it${choice}. ` +
    `To guess among ${classes.length} classes has a loss of ${Math.log(classes.length).toFixed(3)} and ${share(1 / classes.length)} right where they are of one size.`
  );
}

const nameOf = ({ role }: Pick<Final, 'role'>): string => capital(roleName(role));

function tiles({ held, fresh, cost, measured, multiplyAdds, parameters }: Final, result: SearchResult): Html {
  const { target, data } = result;
  const [figures, count, which] = fresh ? [fresh, fresh.pictures, 'fresh'] : [held, data.held, 'held'];
  const tile = (name: string, value: string, range: string) =>
    html`<li><span class="name">${name}</span> <strong>${value}</strong>
<span class="range">${range}</span></li>\n`;
  const taken = formatCost(measured ?? cost, target.unit);
  return html`<ul class="tiles">
${
  figures &&
  html`${tile(`Accuracy, ${which} pictures`, share(figures.accuracy), `95 %: ${interval(wilsonOfShare(figures.accuracy, count)) || 'no interval'}`)}${tile(`Loss, ${which} pictures`, fixed(figures.loss), fresh && held ? `held ones: ${fixed(held.loss)}` : 'the search ranked by it')}`
}
${target.unit === 'ms' && tile(measured === null ? 'Time, predicted' : 'Time, measured', taken, `target: ${targetText(target)}`)}
${tile('Parameters', formatCount(parameters), `${formatCount(multiplyAdds)} multiply-adds`)}</ul>`;
}

/** Accuracies with Wilson's intervals, on fresh pictures where there are some. */
function accuracies(trained: readonly Final[], { data }: SearchResult, pen: Pen): Html {
  const fresh = trained.some((final) => final.fresh);
  const rows = trained.flatMap((final) => {
    const figures = fresh ? final.fresh : final.held;
    const range = figures && wilsonOfShare(figures.accuracy, final.fresh?.pictures ?? data.held);
    return range ? [{ name: nameOf(final), value: figures.accuracy, ...range }] : [];
  });
  const chart = intervalsChart(
    pen,
    rows,
    { label: 'Accuracy of each trained network', description: 'the table has the figures' },
    { label: 'share that is right', tickFormat: '.0%' },
  );
  return figure(
    html`<h3>Accuracy</h3>${chart}`,
    `On the ${fresh ? 'fresh' : 'held'} pictures, with 95 % intervals (Wilson's) over pictures; each network was trained once.`,
  );
}

const pairOf = ({ of: [first, second] }: Comparison): string => `${roleName(first)} − ${roleName(second)}`;

/** Differences of loss on the same pictures. */
function differences(comparisons: readonly Comparison[], pen: Pen): Html {
  const chart = intervalsChart(
    pen,
    comparisons.map(({ of: [, second], difference, interval: [low, high] }) => ({
      ...{ name: capital(roleName(second)), value: difference },
      ...{ low, high },
    })),
    { label: 'Differences of loss with their intervals', description: 'the table has the figures' },
    { label: 'difference of loss', zero: true },
  );
  const firsts = new Set(comparisons.map(({ of: [first] }) => roleName(first)));
  const of = firsts.size === 1 ? [...firsts][0] : 'the first network';
  return figure(
    html`<h3>Loss against the controls</h3>${chart}`,
    `Loss of ${of} less that of the network named, on the same pictures, with 95 % bootstrap intervals; left of the dashed line ${of} is better. A hollow dot: not beyond its interval.`,
  );
}

function knownTable(trained: readonly Final[], { data }: SearchResult): Html {
  const fresh = trained.some((final) => final.fresh);
  const cells = (figures: Final['held'], count: number) =>
    figures
      ? [fixed(figures.loss), share(figures.accuracy), interval(wilsonOfShare(figures.accuracy, count))]
      : ['diverged', '–', ''];
  return table(
    'What the trained networks know',
    ['network', ...(fresh ? ['fresh: loss', 'accuracy', '95 %'] : []), ...['held: loss', 'accuracy', '95 %']],
    trained.map((final) => [
      nameOf(final),
      ...(fresh ? cells(final.fresh, final.fresh?.pictures ?? 0) : []),
      ...cells(final.held, data.held),
    ]),
  );
}

function comparisonTable(comparisons: readonly Comparison[]): Html {
  return table(
    'Differences on the same pictures, first − second; right alone: pictures that only the first, only the second has right',
    ['', 'loss', '95 %', 'beyond it', 'pictures', 'right alone', "McNemar's p"],
    comparisons.map((one) => [
      capital(pairOf(one)),
      signed(one.difference),
      rangeText(one.interval),
      beyond(one.interval) ? 'yes' : 'no',
      one.pictures,
      `${one.onlyFirst}, ${one.onlySecond}`,
      pText(one.p),
    ]),
  );
}

function costTable(finals: readonly Final[], { target: { unit } }: SearchResult): Html {
  const timed = unit === 'ms';
  return table(
    'What the networks cost',
    ['network', 'multiply-adds', 'parameters', ...(timed ? ['predicted', 'measured'] : []), 'training steps'],
    finals.map((final) => [
      nameOf(final),
      formatCount(final.multiplyAdds),
      formatCount(final.parameters),
      ...(timed
        ? [
            final.network === null ? '–' : formatCost(final.cost, unit),
            final.measured === null ? '–' : formatCost(final.measured, unit),
          ]
        : []),
      final.steps > 0 ? final.steps : 'not trained',
    ]),
  );
}
