/** report.html of many runs: one table and one plot with the spread, the curves over each other, the runs themselves. */
import { formatNumber, formatSeconds } from '../../text/figures.ts';
import { percentRange } from '../../train/evaluation/intervals.ts';
import type { Spread } from '../../train/evaluation/student.ts';
import { PAGE, TRIAL_RUNS } from '../../train/node/run-folder.ts';
import { COLOURS, openPen, type Pen } from '../chart.ts';
import { type Course, curves } from '../compare/curves.ts';
import { pageHtml, type SectionMaker, sectionsOf } from '../frame.ts';
import { type Html, html } from '../html.ts';
import { type Cell, details, figure, fixed, interval, share, table } from '../parts.ts';
import { intervalsChart } from '../search/intervals-chart.ts';
import type { TrialsSummary } from './figures.ts';
import type { FinishedTrials } from './finished-trials.ts';
import { spreadChart } from './spread-chart.ts';

interface TrialsPage extends TrialsSummary {
  courses: readonly Course[];
  options: readonly (readonly [name: string, value: string])[];
  command: string;
}

/** So many rows and lines are drawn; the tables have all. */
const MOST_DRAWN = 40;
const MOST_CURVES = 200;

const SECTIONS: readonly SectionMaker<TrialsPage>[] = [
  ['result', 'Result', result],
  [
    'together',
    'All folds together',
    ({ settings }) => settings.some(({ pooled }) => pooled.length > 0) && pooled(settings),
  ],
  ['curves', 'Course of the runs', ({ courses }, pen) => courses.length > 0 && curves(courses, pen, 'run')],
  ['runs', 'The runs', runs],
  ['configuration', 'Configuration', configuration],
];

/** What an interval is, by what it is over. */
const INTERVALS = {
  runs: "that of the mean over runs (Student's t); of a single run Wilson's over pictures",
  pictures: "Wilson's over pictures",
};

function result(page: TrialsPage, pen: Pen): Html {
  const { settings, sentences, pairs, best } = page;
  const over = settings.some(({ interval: range }) => range?.over === 'runs') ? 'runs' : 'pictures';
  const drawn = settings.filter(({ figures }) => figures.accuracy).length;
  return html`${sentences.map((sentence) => html`<p>${sentence}</p>`)}
<div class="charts">${
    drawn > 0 &&
    drawn <= MOST_DRAWN &&
    figure(
      html`<h3>Accuracy</h3>${spreadChart(page, pen)}`,
      `A circle is a run, the tick the mean, the bar the 95 % interval, ${INTERVALS[over]}.`,
    )
  }${pairs.length > 0 && pairs.length <= MOST_DRAWN && best !== null && differences(page, best, pen)}</div>
${table(
  `Settings: mean and standard deviation over their runs, and the 95 % interval of the accuracy, ${INTERVALS[over]}`,
  ['', 'runs', 'accuracy', '95 %', 'balanced accuracy', 'AUC', 'loss'],
  settings.map(
    (
      { name, finished, planned, interval: range, figures: { accuracy, balancedAccuracy, auc, loss } },
      index,
    ) => [
      index === best && settings.length > 1 ? html`${name} <span class="badge">highest mean</span>` : name,
      finished === planned ? finished : `${finished} of ${planned}`,
      shareWith(accuracy),
      interval(range),
      shareWith(balancedAccuracy),
      numberWith(auc, 4),
      numberWith(loss, 3),
    ],
  ),
)}
${pairs.length > 0 && best !== null && pairTable(page, best)}`;
}

/** `95.7 % ± 1.2`; a dash where there is none. */
const shareWith = (spread: Spread | undefined): string =>
  `${share(spread?.mean)}${spread?.deviation == null ? '' : `\u00a0± ${(100 * spread.deviation).toFixed(1)}`}`;

/** `0.095 ± 0.017` */
const numberWith = (spread: Spread | undefined, digits: number): string =>
  `${fixed(spread?.mean, digits)}${spread?.deviation == null ? '' : `\u00a0± ${spread.deviation.toFixed(digits)}`}`;

const signed = (value: number): string =>
  `${value < 0 ? '−' : '+'}${(100 * Math.abs(value)).toFixed(1)}\u00a0%`;

function differences({ settings, pairs }: TrialsPage, best: number, pen: Pen): Html {
  const rows = pairs.flatMap(({ other, difference, interval: range }) =>
    range ? [{ name: `− ${settings[other].name}`, value: difference, ...range }] : [],
  );
  const chart = intervalsChart(
    pen,
    rows,
    { label: 'Differences of accuracy with their intervals', description: 'the table has the figures' },
    { label: 'difference of accuracy', tickFormat: '+.0%', zero: true },
  );
  return figure(
    html`<h3>${settings[best].name} less the others</h3>${chart}`,
    'On the same pictures, seed by seed and fold by fold, with 95 % intervals. A hollow dot: the interval holds 0.',
  );
}

function pairTable({ settings, pairs }: TrialsPage, best: number): Html {
  return table(
    `${settings[best].name} against each other setting`,
    ['', 'pairs', 'difference', '95 %', 'p', 'corrected (Holm)'],
    pairs.map(({ other, by, pairs: count, difference, interval: range, p, corrected }) => [
      settings[other].name,
      `${count.toLocaleString('en-US')} ${by}`,
      signed(difference),
      range ? `${signed(range.low)} to ${signed(range.high)}` : '',
      formatNumber(p),
      formatNumber(corrected),
    ]),
  );
}

function pooled(settings: TrialsSummary['settings']): Html {
  const rows = settings.flatMap(({ name, pooled: some }) => some.map((one) => ({ name, ...one })));
  return html`<p>Every picture as the run answered that did not learn from it, with Wilson’s intervals over pictures. They hold what the pictures vary, and not what another choice of training pictures would.</p>
${table(
  'All pictures together',
  ['', 'seed', 'pictures', 'right', 'accuracy', '95 %'],
  rows.map(({ name, seed, pictures, right, accuracy, interval: range }) => [
    ...[name, seed, pictures, right],
    ...[share(accuracy), interval(range)],
  ]),
)}
${rows.map(({ name, seed, classes }) =>
  details(
    `Classes of ${name}, seed ${seed}`,
    table(
      'Share right of the pictures of each class',
      ['', 'pictures', 'right', 'recall', '95 %'],
      classes.map((one) => [one.name, one.pictures, one.right, share(one.recall), interval(one.interval)]),
    ),
  ),
)}`;
}

function runs({ trials, settings }: TrialsPage): Html {
  const href = (name: string): string => [TRIAL_RUNS, name, PAGE].map(encodeURIComponent).join('/');
  return table(
    'Each run is one of train; its name leads to its report',
    ['', 'setting', 'seed', 'fold', 'accuracy', '95 %', 'loss', 'best epoch', 'time'],
    trials.map(
      ({
        name,
        setting,
        seed,
        fold,
        figures,
        interval: range,
        bestEpoch,
        epochs,
        seconds,
        error,
      }): Cell[] => {
        const place: Cell[] = [settings[setting].name, seed, fold ?? '–'];
        if (!figures)
          return [name, ...place, html`<span title="${error ?? ''}">failed</span>`, '', '', '', ''];
        return [
          html`<a href="${href(name)}">${name}</a>`,
          ...place,
          ...[share(figures.accuracy), interval(range), fixed(figures.loss)],
          `${bestEpoch ?? '–'} of ${epochs}`,
          formatSeconds(seconds ?? Number.NaN),
        ];
      },
    ),
  );
}

function configuration({ options, command, trials }: TrialsPage): Html {
  const failed = trials.filter(({ error }) => error !== null);
  return html`<p>These runs again:</p><pre><code>${command}</code></pre>
${options.length > 0 && table('Options that all of them have', ['', ''], options, { words: true })}
${
  failed.length > 0 &&
  table(
    'Why runs failed',
    ['', ''],
    failed.map(({ name, error }) => [name, error ?? '']),
    { words: true },
  )
}`;
}

/** The whole page, one file that asks no network. */
export async function trialsHtml(summary: TrialsSummary, { plan, ended }: FinishedTrials): Promise<string> {
  const { settings, planned, seeds, folds, best } = summary;
  const drawn = [...settings.keys()].flatMap((index): Course[] => {
    const own = ended.filter(({ setting, report }) => setting === index && report);
    const { name } = settings[index];
    return own.length > 0 ? [{ name, runs: own.map(({ report }) => report!) }] : [];
  });
  const lines = drawn.reduce((sum, course) => sum + course.runs.length, 0);
  const kinds = [
    ...(settings.length > 1 ? [`${settings.length} settings`] : []),
    ...(seeds.length > 1 ? [`${seeds.length} seeds`] : []),
    ...(folds === null ? [] : [`${folds} folds`]),
  ];
  const range = best === null ? null : settings[best].interval;
  return pageHtml({
    title: kinds.length > 0 ? kinds.join(' × ') : `${planned} runs`,
    summary: [
      `${planned.toLocaleString('en-US')} runs of ${summary.model ?? 'several networks'}${summary.data === null ? '' : ` on ${summary.data}`}.`,
      ...(range
        ? [
            `The highest ${range.over === 'runs' ? 'mean ' : ''}accuracy has the 95 % interval ${percentRange(range)}.`,
          ]
        : []),
    ],
    sections: sectionsOf(
      SECTIONS,
      {
        ...summary,
        // Two times as many courses as colours can be told apart, dashed.
        courses: drawn.length <= 2 * COLOURS.length && lines <= MOST_CURVES ? drawn : [],
        options: Object.entries(plan.options).map(([name, value]) => [`--${name}`, String(value)] as const),
        command: plan.command,
      },
      await openPen(),
    ),
  });
}
