/** How far a ranking can be trusted: whether two looks at the same networks put them into the same order. */
import { beyond, capital, rangeText, signed } from '../../search/headline.ts';
import type { Trial } from '../../search/method.ts';
import type { Agreement, SearchResult } from '../../search/result.ts';
import { counted } from '../../text/figures.ts';
import type { Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { colourOf } from '../marks.ts';
import { figure, share, table } from '../parts.ts';
import { intervalsChart } from './intervals-chart.ts';
import { drawable, rungMark } from './marks.ts';

export function trust({ agreements, trials, data }: SearchResult, pen: Pen): Html | null {
  const sound = trials.filter(({ diverged, loss }) => !diverged && Number.isFinite(loss));
  if (agreements.length === 0 && sound.length < 2) return null;
  return html`<p>Networks are ranked by their loss on ${counted(data.held, 'picture')}. Kendall's τ says how far two rankings of the same networks agree: 1 the same order, 0 none, −1 the reverse; of all pairs of networks (1 + τ)/2 stand in the same order. Its interval is over networks; where it holds 0, the agreement is not told from chance. Multiply-adds rank the larger network above the smaller one, without any training.</p>
${agreements.length > 0 && agreementTable(agreements)}
<div class="charts">${agreements.length > 0 && agreementChart(agreements, pen)}${halves(sound, pen)}${rungPairs(sound).map((pair) => rungs(pair, pen))}</div>`;
}

function agreementTable(agreements: readonly Agreement[]): Html {
  return table(
    'Agreement of rankings',
    ['', 'networks', 'τ', '95 %', 'pairs in the same order', ''],
    agreements.map(({ what, tau, interval, count }) => [
      capital(what),
      count,
      signed(tau, 2),
      rangeText(interval, 2),
      share((1 + tau) / 2),
      verdict(interval),
    ]),
  );
}

function verdict(interval: Agreement['interval']): string {
  if (!beyond(interval)) return 'not told from chance';
  return interval[0] > 0 ? 'more than chance' : 'reversed';
}

function agreementChart(agreements: readonly Agreement[], pen: Pen): Html {
  const chart = intervalsChart(
    pen,
    agreements.map(({ what, tau, interval: [low, high] }) => ({
      name: capital(what),
      value: tau,
      low,
      high,
    })),
    { label: 'Rank agreements with their intervals', description: 'the table has the figures' },
    { label: "Kendall's τ", domain: [-1, 1], zero: true },
  );
  return figure(
    html`<h3>Rank agreement</h3>${chart}`,
    'With 95 % bootstrap intervals over networks. Hollow: not told from chance.',
  );
}

/** Fewer show nothing. */
const FEWEST = 3;

type Pair = readonly [x: number, y: number];

/** Two looks at the same networks, on equal axes. */
function against(
  pairs: readonly Pair[],
  { plot, draw }: Pen,
  rung: number,
  about: { title: string; x: string; y: string },
): Html {
  const mark = rungMark(rung);
  return draw(
    {
      height: 320,
      marginLeft: 48,
      marginTop: 32,
      x: { label: about.x, nice: true, ticks: 5 },
      y: { label: about.y, grid: true, nice: true, ticks: 5 },
      marks: [
        plot.dot(drawable(pairs), { symbol: mark.symbol, r: 3.6, fill: colourOf(mark), fillOpacity: 0.75 }),
      ],
    },
    { label: about.title, description: 'the table of everything tried has the figures' },
  );
}

/** Of the largest set of networks that were measured alike: trained longer, all have a lower loss on both halves. */
function halves(trials: readonly Trial[], pen: Pen): Html | null {
  const alike = new Map<string, Trial[]>();
  for (const trial of trials) {
    const kind = `${trial.by} ${trial.rung}`;
    alike.set(kind, [...(alike.get(kind) ?? []), trial]);
  }
  const largest = [...alike.values()].reduce((most, one) => (one.length > most.length ? one : most), []);
  const pairs = largest.map(({ halves: [first, second] }): Pair => [first, second]);
  if (pairs.length < FEWEST || !pairs.flat().every(Number.isFinite)) return null;
  const [{ by, rung, steps }] = largest;
  const chart = against(pairs, pen, 0, {
    title: 'Loss on one half of the held pictures against the other',
    x: 'loss on the first half',
    y: 'loss on the second half',
  });
  return figure(
    html`<h3>Halves of the held pictures</h3>${chart}`,
    `${counted(pairs.length, 'network')} of ${by === 'random' ? 'the random search' : `rung ${rung + 1}`}, after ${counted(steps, 'step')}. The closer they lie to a rising line, the less the ranking depends on which pictures were held.`,
  );
}

interface RungPair {
  rung: number;
  pairs: Pair[];
}

/** The method's networks that were measured at a rung and at the next. */
function rungPairs(trials: readonly Trial[]): RungPair[] {
  const byRung = new Map<number, Map<string, Trial>>();
  for (const trial of trials.filter(({ by }) => by === 'method')) {
    const members = byRung.get(trial.rung) ?? new Map<string, Trial>();
    byRung.set(trial.rung, members.set(trial.network, trial));
  }
  return [...byRung]
    .sort(([a], [b]) => a - b)
    .flatMap(([rung, members]) => {
      const next = byRung.get(rung + 1);
      const pairs = [...(next ?? [])].flatMap(([network, later]): Pair[] => {
        const earlier = members.get(network);
        return earlier ? [[earlier.loss, later.loss]] : [];
      });
      return pairs.length >= FEWEST ? [{ rung, pairs }] : [];
    });
}

function rungs({ rung, pairs }: RungPair, pen: Pen): Html {
  const chart = against(pairs, pen, rung + 1, {
    title: `Loss at rung ${rung + 1} against loss at rung ${rung + 2}`,
    x: `loss at rung ${rung + 1}`,
    y: `loss at rung ${rung + 2}`,
  });
  return figure(
    html`<h3>Rung ${rung + 1} and rung ${rung + 2}</h3>${chart}`,
    `The ${counted(pairs.length, 'network')} that went on. They are the best of rung ${rung + 1}, so that what would have become of the others is not known.`,
  );
}
