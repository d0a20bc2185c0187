/**
 * `npm run lesson`: what papers claim, run on one's own machine. Each run (a setting and a seed) is a line of runs.jsonl in the
 * lesson's folder, so that one that was stopped goes on behind the last of them. Lines of another form, other pictures or another
 * text of the lesson's program stay in the file and count for nothing.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { closeLoader } from 'tessera';
import { commandLine, optionArgs, wholeNumber } from '../../src/cli/command-line.ts';
import { openCommandDevice, UNTUNED } from '../../src/cli/device.ts';
import { inputs, refuseOverInputs } from '../../src/cli/inputs.ts';
import { announceSoftware, counted, onStop, progressBar, say, table, UserError } from '../../src/cli/ui.ts';
import { makeFolder, writeWhole } from '../../src/node/files.ts';
import { FolderLock } from '../../src/node/lock.ts';
import { RecordLines } from '../../src/runner/node/record-lines.ts';
import { unknownName } from '../../src/text/suggest.ts';
import type { FormName, Lesson } from './lesson.ts';
import { lessonHtml } from './page.ts';
import { drawnShapes, folderPictures } from './pictures.ts';
import { type Result, type Run, seedsOf, verdictsOf } from './result.ts';
import { runLesson } from './run-lesson.ts';
import { LESSONS } from './table.ts';
import { figureRows, sizeText, verdictText } from './text.ts';

export const description =
  'Runs a lesson: what a paper claims, tried on this machine with small networks. Without a name it lists the lessons. ' +
  'The programs are in lessons/, a screen or two each, to be read and changed; docs/lessons/ shows what they gave.';

interface LessonOptions {
  data?: string;
  full?: boolean;
  seeds?: number;
  out?: string;
  json?: string;
  adapter?: string;
  untuned?: boolean;
  debug?: boolean;
}

export function options(command: Command): void {
  command
    .argument('[name]', `one of ${Object.keys(LESSONS).join(', ')}`)
    .option(
      '--data <dir>',
      'pictures to learn from, a folder for each class (default: shapes that are drawn)',
    )
    .option('--full', 'the full form: more steps, and all seeds; about an hour on two processor cores')
    .option('--seeds <n>', "how many seeds to run (default: the form's)", wholeNumber(1, 100))
    .option('--out <dir>', 'folder for the page and what goes on after an end (default: runs/lessons/NAME)')
    .option('--json <file>', 'write the result there too')
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option(...UNTUNED);
}

export async function run([name]: string[], given: LessonOptions): Promise<number> {
  if (name === undefined) {
    process.stdout.write(
      `${table(
        Object.entries(LESSONS).map(([key, { title }]) => [key, title]),
        { left: () => true },
      )}\n`,
    );
    return 0;
  }
  const lesson = LESSONS[name];
  if (!lesson) throw new UserError(unknownName('lesson', name, Object.keys(LESSONS)));
  const form: FormName = given.full ? 'full' : 'short';
  const asked = { ...lesson.forms[form], ...(given.seeds !== undefined && { seeds: given.seeds }) };
  const wanted = { side: lesson.side, train: asked.pictures, held: asked.held };
  const pictures =
    given.data === undefined
      ? drawnShapes(wanted)
      : await folderPictures(given.data, wanted, ({ message }) => say(message));
  const size = { ...asked, pictures: pictures.train.length, held: pictures.held.length };
  const out = given.out ?? join('runs', 'lessons', name);
  const files = {
    lines: join(out, 'runs.jsonl'),
    result: join(out, 'result.json'),
    page: join(out, 'lesson.html'),
  };
  const writes = [...Object.values(files), ...(given.json === undefined ? [] : [given.json])];
  await refuseOverInputs(writes, inputs('one of the pictures', pictures.files));

  await makeFolder(out);
  const lock = await FolderLock.take(out, commandLine('lesson', [name, ...optionArgs(given)]));
  const stop = onStop(
    'Stopping after this step; the same command goes on behind the last run that was done.',
  );
  const device = await openCommandDevice(given);
  try {
    announceSoftware(device);
    const lines = new RecordLines(async () => files.lines, 'run the lesson again');
    const key = keyOf(name, {
      ...size,
      seeds: 0,
      pictures: pictures.from,
      data: given.data && resolve(given.data),
    });
    const known = ((await lines.read()) as { key: string; run: Run }[])
      .filter((line) => line.key === key)
      .map(({ run }) => run);
    if (known.length > 0) say(`${counted(known.length, 'run')} of before found in ${out}.`);
    const bar = progressBar(lesson.title, 1000, undefined, (count) => `${(count / 10).toFixed(0)} %`);
    const result = await runLesson({
      ...{ name, lesson, device, pictures, form, size, known, signal: stop.signal },
      onRun: (run) => lines.append({ key, run }),
      onProgress: (done, status) => bar.update(Math.floor(1000 * done), status),
    });
    bar.stop();
    if (seedsOf(result, lesson).length === 0) {
      say(
        `${counted(result.runs.length, 'run')} of ${Object.keys(lesson.settings).length * size.seeds} are done.`,
      );
      return stop.exitCode;
    }
    await lock.check();
    await writeWhole(files.result, documentOf(result));
    await writeWhole(files.page, await lessonHtml(result, lesson));
    if (given.json !== undefined) await writeWhole(given.json, documentOf(result));
    process.stdout.write(`${textOf(result, lesson)}\n${files.page}\n`);
    return stop.requested ? stop.exitCode : 0;
  } finally {
    await closeLoader();
    stop.dispose();
    lock.release();
    device.close();
  }
}

const documentOf = (result: Result): string => `${JSON.stringify(result, null, 1)}\n`;

/** What stands for everything that a run hangs on, beside its setting and its seed. */
function keyOf(name: string, size: object): string {
  const programs = [`../${name}.ts`, 'teach.ts', 'pictures.ts'].map((path) =>
    readFileSync(new URL(path, import.meta.url)),
  );
  const hash = createHash('sha256').update(JSON.stringify(size));
  for (const program of programs) hash.update(program);
  return hash.digest('hex').slice(0, 16);
}

/** The table, and the claims with what was measured of them. */
function textOf(result: Result, lesson: Lesson): string {
  const { head, rows } = figureRows(result, lesson);
  const claims = verdictsOf(result, lesson).flatMap((one) => [
    `${one.claim.here}: ${verdictText(one)}`,
    `  “${one.claim.quote}” (${one.claim.source})`,
  ]);
  return [sizeText(result, lesson), '', table([head, ...rows]), '', ...claims, ''].join('\n');
}
