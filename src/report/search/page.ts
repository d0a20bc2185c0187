/** The report of a search: everything that a `SearchResult` holds, as one page. */
import { targetText } from '../../search/headline.ts';
import type { SearchResult } from '../../search/result.ts';
import { countOf } from '../../search/space.ts';
import { counted, formatSeconds } from '../../text/figures.ts';
import { openPen } from '../chart.ts';
import type { ConfigurationPart } from '../document.ts';
import { pageHtml, type SectionMaker, sectionsOf } from '../frame.ts';
import { namesOf } from '../run-document.ts';
import { configuration } from '../sections/configuration.ts';
import { grid } from './grid.ts';
import { latency } from './latency.ts';
import { mattered } from './mattered.ts';
import { outcome } from './outcome.ts';
import { time } from './time.ts';
import { tried } from './tried.ts';
import { trust } from './trust.ts';
import { winner } from './winner.ts';

/** What the page shows and the result does not hold. */
export interface SearchExtras {
  /** [command, what it does] */
  commands: [command: string, what: string][];
  /** What it was computed on: see `environmentRows`. */
  environment: [name: string, value: string][];
  /** What the method is, with its paper: its `summary`. */
  method?: string;
}

interface SearchPage extends SearchExtras {
  result: SearchResult;
}

/** The sections in their order; one that has nothing to show is not there. */
const SECTIONS: readonly SectionMaker<SearchPage>[] = [
  ['result', 'Result', ({ result }, pen) => outcome(result, pen)],
  ['tried', 'Everything tried', ({ result }, pen) => tried(result, pen)],
  ['networks', 'The networks', ({ result }) => winner(result)],
  [
    'mattered',
    'What mattered',
    ({ result: { surrogate, space } }, pen) => surrogate && mattered(surrogate, space, pen),
  ],
  ['trust', 'How far to trust the ranking', ({ result }, pen) => trust(result, pen)],
  ['latency', 'Latency table', ({ result }, pen) => latency(result, pen)],
  ['time', 'Where the time went', ({ result }, pen) => time(result, pen)],
  ['configuration', 'Configuration', (page) => configuration(configurationOf(page))],
];

/** Of `--grid` and `--scale`, which search nothing. */
const SCALING_SECTIONS: readonly SectionMaker<SearchPage>[] = [
  ['grid', 'Compound scaling', ({ result }, pen) => grid(result.grid!, result.agreements, pen)],
  ...SECTIONS.filter(([id]) => id === 'time' || id === 'configuration'),
];

/** The whole page. */
export async function searchReportHtml(result: SearchResult, extras: SearchExtras): Promise<string> {
  const { finished, method, space, data, target, seed } = result;
  const where = `on ${counted(data.train, 'picture')}${data.folder === null ? ' of the demo' : ` of ${data.folder}`}.`;
  if (result.grid)
    return pageHtml({
      title: `Compound scaling: ${namesOf(data.classes)}`,
      summary: [
        `${counted(result.grid.points.length, 'network')} made of ${space.name} by scaling, trained ${where}`,
      ],
      sections: sectionsOf(SCALING_SECTIONS, { ...extras, result }, await openPen()),
    });
  return pageHtml({
    title: `Architecture search: ${namesOf(data.classes)}`,
    summary: [
      `${finished ? 'Searched' : 'Stopped; searched so far'} the space ${space.name} (${counted(countOf(space), 'network')}) by ${method}, seed ${seed}, for a network of ${targetText(target)}, ${where}`,
      ...(extras.method ? [`The method: ${extras.method.replace(/\.$/, '')}.`] : []),
    ],
    sections: sectionsOf(SECTIONS, { ...extras, result }, await openPen()),
  });
}

/** What one needs to do it again. */
function configurationOf({ result, commands, environment }: SearchPage): ConfigurationPart {
  const { method, seed, space, target, plan, teacher, data } = result;
  const count = (value: number): string => value.toLocaleString('en-US');
  return {
    commands,
    groups: [
      {
        title: 'Search',
        rows: [
          ['method', method],
          ['space', `${space.name}, ${counted(countOf(space), 'network')}`],
          ['target', targetText(target)],
          ['asked for', formatSeconds(plan.seconds)],
          ['seed', String(seed)],
          ['training batch', String(plan.batch)],
          ['teacher', teacher ?? 'none'],
          ['adapter of the measurements', plan.adapter],
          ['its driver', plan.driver],
        ],
      },
      {
        title: 'Pictures',
        rows: [
          ['folder', data.folder ?? 'the demo'],
          ['classes', data.classes.length > 20 ? String(data.classes.length) : data.classes.join(', ')],
          ['to train', count(data.train)],
          ['held: networks are ranked by them', count(data.held)],
          [
            'fresh: the search never sees them',
            data.fresh > 0 ? `${count(data.fresh)} (${data.freshIs})` : 'none',
          ],
        ],
      },
      { title: 'Environment', rows: environment },
    ],
  };
}
