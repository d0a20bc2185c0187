/**
 * docs/lessons/: a page and its plots for each lesson that was recorded. All of it comes from the lesson's program and from
 * docs/data/lessons/NAME.json, NAME-PICTURES.json, which `npm run lesson -- NAME --json FILE` wrote.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { drawing } from '../../lessons/parts/charts.ts';
import type { Chart, Lesson } from '../../lessons/parts/lesson.ts';
import { type Result, resultOf, verdictsOf } from '../../lessons/parts/result.ts';
import { LESSONS } from '../../lessons/parts/table.ts';
import { figureRows, sizeText, verdictText } from '../../lessons/parts/text.ts';
import { COLOURS, openPen, type Pen, WIDTH } from '../../src/report/chart.ts';
import type { Html } from '../../src/report/html.ts';
import { html } from '../../src/report/html.ts';
import { DARK, LIGHT } from '../../src/report/style.ts';
import { markdown } from './tables.ts';

const root = new URL('../../', import.meta.url);
const folder = new URL('docs/data/lessons/', root);

/** What was recorded, by the names of the files. */
export function recordedLessons(): Map<string, Result> {
  const files = readdirSync(folder).sort((a, b) => a.length - b.length || a.localeCompare(b));
  return new Map(
    files.map((file) => [
      file.replace('.json', ''),
      resultOf(readFileSync(new URL(file, folder), 'utf8'), LESSONS, `docs/data/lessons/${file}`),
    ]),
  );
}

/** Path from docs/ → what the file holds. */
export async function lessonPages(recorded: ReadonlyMap<string, Result>): Promise<Record<string, string>> {
  const pen = await openPen();
  const documents: Record<string, string> = {};
  for (const [name, lesson] of Object.entries(LESSONS)) {
    const own = [...recorded].filter(([, result]) => result.lesson === name);
    if (own.length === 0) continue;
    documents[`lessons/${name}.md`] = pageOf(name, lesson, own);
    for (const [file, result] of own)
      for (const [index, chart] of lesson.charts.entries())
        documents[`lessons/${file}-${index + 1}.svg`] = plotOf(chart, result, lesson, pen);
  }
  return documents;
}

/** The lessons, with those that were recorded as links. */
export function lessonsTable(recorded: ReadonlyMap<string, Result>): string {
  const results = [...recorded.values()];
  const rows = Object.entries(LESSONS).map(([name, { title, papers }]) => [
    results.some(({ lesson }) => lesson === name) ? `[${title}](lessons/${name}.md)` : title,
    `\`npm run lesson -- ${name}\``,
    papers.map((paper) => `[${paper.title}](${paper.url})`).join('; '),
  ]);
  return markdown(['lesson', '', 'papers'], rows);
}

function pageOf(
  name: string,
  lesson: Lesson,
  recorded: readonly (readonly [file: string, result: Result])[],
): string {
  const papers = lesson.papers.map(({ title, url }) => `[${title}](${url})`).join('; ');
  const claims = lesson.claims.flatMap(({ quote, source, here }, index) => [
    `> “${quote}” (${source})`,
    `Measured: ${here}.`,
    recorded
      .map(([, result]) => `- ${result.pictures}: **${verdictText(verdictsOf(result, lesson)[index]!)}**`)
      .join('\n'),
  ]);
  return `${[
    `# ${lesson.title}`,
    lesson.idea,
    `Papers: ${papers}. The program: [lessons/${name}.ts](../../lessons/${name}.ts), to be read, run and changed:`,
    `\`\`\`\nnpm run lesson -- ${name}\n\`\`\``,
    '## The papers and these runs',
    ...claims,
    '“Shown” is what the 95 % t interval of the mean over the seeds bears out; “seen, not certain” is what every seed has, with an interval that does not.',
    ...recorded.flatMap(([file, result]) => recordOf(file, result, lesson)),
    '## What this cannot show',
    lesson.limits.map((limit) => `- ${limit}`).join('\n'),
    '## In the code',
    lesson.code
      .map(({ what, file, line }) => `- [${what}](../../${file}#L${numberOf(file, line)})`)
      .join('\n'),
  ].join('\n\n')}\n`;
}

function recordOf(file: string, result: Result, lesson: Lesson): string[] {
  const { head, rows } = figureRows(result, lesson);
  const [first, ...others] = head;
  return [
    `## On ${result.pictures}`,
    `${sizeText(result, lesson)} It was run by \`${commandOf(result, lesson)}\`.`,
    markdown([first!, ...others.map((name) => `>${name}`)], rows),
    ...lesson.charts.map(
      ({ title, caption }, index) => `### ${title}\n\n![${title}](${file}-${index + 1}.svg)\n\n${caption}`,
    ),
    `Run on ${result.machine.map(([what, value]) => `${what} ${value}`).join('; ')}.`,
  ];
}

/** `npm run lesson -- shortcut --seeds 3`; the folder of the pictures is whose machine it was. */
function commandOf({ lesson: name, form, size }: Result, { forms }: Lesson): string {
  const seeds = size.seeds === forms[form].seeds ? '' : ` --seeds ${size.seeds}`;
  return `npm run lesson -- ${name}${form === 'full' ? ' --full' : ''}${seeds}`;
}

/** The number of the first line of a file that holds a text. */
function numberOf(file: string, text: string): number {
  const lines = readFileSync(new URL(file, root), 'utf8').split('\n');
  const index = lines.findIndex((line) => line.includes(text));
  if (index < 0) throw new Error(`${file} has no line with ${text}, to which a lesson points`);
  return index + 1;
}

/** Height of a row of names, and the width of a character. */
const [ROW, CHARACTER] = [18, 6.6];

/** A chart as a file: on a ground of its own, with the names of its colours above. */
function plotOf(chart: Chart, result: Result, lesson: Lesson, pen: Pen): string {
  const inner = drawing(chart, result, lesson, pen).text;
  const [, , height] = /viewBox="0 0 (\d+) (\d+)"/.exec(inner)!.map(Number) as [number, number, number];
  const names = chart.kind === 'lines' ? (chart.of ?? Object.keys(lesson.settings)) : [];
  const { keys, rows } = keysOf(names);
  const whole = [WIDTH + 20, height + rows * ROW + 20] as const;
  const rules = `svg{${LIGHT};color:var(--fg)}@media(prefers-color-scheme:dark){svg{${DARK}}}text{font:11px system-ui,sans-serif}`;
  return `${
    html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole[0]} ${whole[1]}" width="${whole[0]}" height="${whole[1]}" role="img">
<title>${chart.title}</title>
<style>`.text
  }${rules}</style>
<rect width="100%" height="100%" rx="6" fill="var(--bg)"/>
${keys.map(({ text }) => text).join('\n')}
<g transform="translate(10 ${10 + rows * ROW})">${inner.replace('<svg', `<svg height="${height}"`)}</g>
</svg>
`;
}

function keysOf(names: readonly string[]): { keys: Html[]; rows: number } {
  let [x, row] = [10, names.length > 0 ? 1 : 0];
  const keys = names.map((name, index) => {
    const width = 34 + CHARACTER * name.length;
    if (x + width > WIDTH + 10) [x, row] = [10, row + 1];
    const [at, y] = [x, row * ROW];
    x += width;
    const colour = COLOURS[index % COLOURS.length]!;
    const dash = index >= COLOURS.length && html` stroke-dasharray="5 3"`;
    return html`<path d="M${at} ${y}h18" stroke="${colour}" stroke-width="2"${dash}/><text x="${at + 23}" y="${y + 4}" fill="currentColor">${name}</text>`;
  });
  return { keys, rows: row };
}
