/** The figures on the same pictures with one thing changed in each row, on which a right answer does not depend. */
import type { StressFigure, StressTable } from '../../train/evaluation/stress.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, interval, share, table } from '../parts.ts';

/** So many classes have a column of their own. */
const MOST = 8;

export function stressed({ count, classes, clean, rows, sentences }: StressTable, pen: Pen): Html {
  const named = classes.length <= MOST ? classes : [];
  const cells = (accuracy: StressFigure, recalls: readonly StressFigure[]) => [
    share(accuracy.value),
    interval(accuracy.interval),
    ...named.map((_, index) => share(recalls[index].value)),
  ];
  return html`${sentences.map((sentence) => html`<p class="note">${sentence}</p>`)}
<p>The same ${count.toLocaleString('en-US')} pictures, each time with one thing changed on which a right answer does not depend.</p>
${figure(html`<h3>Accuracy</h3>${chart(clean.accuracy, rows, pen)}`, 'With 95 % intervals; the band is that of the pictures as they are.')}
${table(
  'Accuracy, and how much of each class is found',
  ['', 'accuracy', '95 %', ...named],
  [
    ['as they are', ...cells(clean.accuracy, clean.recalls)],
    ...rows.map(({ label, accuracy, recalls }) => [label, ...cells(accuracy, recalls)]),
  ],
)}`;
}

function chart(clean: StressFigure, rows: StressTable['rows'], { plot, draw }: Pen): Html {
  const drawn = rows.filter(({ accuracy }) => accuracy.value !== null);
  return draw(
    {
      height: 60 + 26 * drawn.length,
      marginLeft: 130,
      x: { domain: [0, 1], label: 'accuracy', grid: true, tickFormat: '.0%', ticks: 5 },
      y: { domain: drawn.map(({ label }) => label), label: null, tickSize: 0 },
      marks: [
        clean.interval
          ? plot.rectX([clean.interval], { x1: 'low', x2: 'high', fill: COLOURS[0], fillOpacity: 0.15 })
          : null,
        plot.ruleX([clean.value ?? 0], { stroke: COLOURS[0] }),
        plot.ruleY(drawn, {
          y: 'label',
          x1: ({ accuracy }) => accuracy.interval?.low ?? accuracy.value,
          x2: ({ accuracy }) => accuracy.interval?.high ?? accuracy.value,
          stroke: COLOURS[1],
          strokeOpacity: 0.5,
          strokeWidth: 4,
        }),
        plot.dot(drawn, { y: 'label', x: ({ accuracy }) => accuracy.value, fill: COLOURS[1], r: 4 }),
      ],
    },
    { label: 'Accuracy under each change', description: 'the table has the figures' },
  );
}
