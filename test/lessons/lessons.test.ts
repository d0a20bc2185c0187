/**
 * Each lesson run for a few steps: that every figure, curve and claim is there, and what has to hold at any number of steps; and
 * the command that runs them.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeLoader, type Device, type GridNetwork, openDevice } from 'tessera';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Lesson, Outcome } from '../../lessons/parts/lesson.ts';
import { lessonHtml } from '../../lessons/parts/page.ts';
import { drawnShapes } from '../../lessons/parts/pictures.ts';
import { type Result, type Run, verdictsOf } from '../../lessons/parts/result.ts';
import { runLesson } from '../../lessons/parts/run-lesson.ts';
import { LESSONS } from '../../lessons/parts/table.ts';
import { shareDevice, tessera } from '../cli/in-process.ts';

const test = suite('lessons');
const closeDevice = shareDevice();
const root = new URL('../../', import.meta.url);
let device: Device;
let folder: string;
test.before(async () => {
  device = await openDevice();
  folder = await mkdtemp(join(tmpdir(), 'tessera-lessons-'));
});
test.after(async () => {
  await closeLoader();
  closeDevice();
  await rm(folder, { recursive: true });
});

/** A lesson with some of its settings, and without claims that are of others. */
const some = (name: string, settings: readonly string[], claims = LESSONS[name]!.claims): Lesson => ({
  ...LESSONS[name]!,
  settings: Object.fromEntries(settings.map((setting) => [setting, LESSONS[name]!.settings[setting]])),
  claims,
});

/** The lessons; of those whose networks are many or large, two settings. */
const TAKEN: typeof LESSONS = {
  ...LESSONS,
  transfer: some('transfer', ['head', 'everything'], LESSONS.transfer!.claims.slice(1)),
  scaling: some('scaling', Object.keys(LESSONS.scaling!.settings).slice(0, 2), []),
};

/** What a lesson comes to in a few steps. */
function glance(name: string, known: readonly Run[] = [], ran: Run[] = []): Promise<Result> {
  const lesson = TAKEN[name]!;
  const size = lesson.forms.glance;
  const pictures = drawnShapes({ side: lesson.side, train: size.pictures, held: size.held });
  return runLesson({
    ...{ name, lesson, device, pictures, form: 'glance', size, known },
    signal: new AbortController().signal,
    onRun: async (run) => void ran.push(run),
    onProgress: () => undefined,
  });
}

/** What has to hold at any number of steps. */
const FACTS: Record<string, (of: (setting: string) => Outcome) => void> = {
  residual(of) {
    for (const [setting, layers] of [
      ['plain 20', 20],
      ['residual 56', 56],
    ] as const)
      for (const curve of ['first', 'last']) {
        const points = of(setting).curves[curve]!;
        assert.equal(
          points.map(([layer]) => layer),
          Array.from({ length: layers }, (_, i) => i + 1),
          `${setting} ${curve}`,
        );
        assert.ok(
          points.every(([, norm]) => norm! > 0),
          `${setting} ${curve}`,
        );
      }
    const growth = (setting: string) => of(setting).figures.growth!;
    assert.ok(growth('plain 56') > 10 * growth('residual 56'), 'shortcuts keep gradients of one size');
  },
  normalisation(of) {
    assert.is(of('none').figures.own, null);
    assert.not.equal(of('none').curves.loss, of('response norm').curves.loss);
  },
  transfer(of) {
    const moved = (setting: string): number[] => of(setting).curves.moved!.map(([, distance]) => distance!);
    assert.is(moved('everything').length, 9);
    assert.ok(moved('everything').every((distance) => distance > 0));
    assert.ok(
      moved('head').every((distance) => distance === 0),
      'what is frozen stays',
    );
    assert.ok(
      of('head').curves.kept!.every(([, share]) => share === 1),
      'and so does the old task',
    );
    assert.ok(of('everything').curves.kept!.at(-1)![1]! < 1, 'at the highest rate something is forgotten');
  },
  separable(of) {
    const full = of('full').figures.multiplyAdds!;
    for (const setting of ['separable', 'inverted', 'inverted with ReLU']) {
      const ratio = of(setting).figures.multiplyAdds! / full;
      assert.ok(ratio > 0.96 && ratio < 1.04, `${setting} has ${ratio} times the multiply-adds`);
    }
    assert.is(of('inverted').figures.multiplyAdds, of('inverted with ReLU').figures.multiplyAdds);
    assert.ok(
      of('full').figures.intensity! > 1.5 * of('separable').figures.intensity!,
      'more arithmetic for each byte',
    );
  },
  scaling() {
    const networks = Object.values(LESSONS.scaling!.settings) as GridNetwork[];
    const larger = networks.filter(({ kind }) => kind !== 'base').map(({ multiplyAdds }) => multiplyAdds);
    assert.ok(Math.max(...larger) / Math.min(...larger) < 1.35, 'of about the same multiply-adds');
    assert.equal(
      [...new Set(networks.map(({ kind }) => kind))],
      ['base', 'compound', 'depth', 'width', 'resolution'],
    );
  },
  shortcut(of) {
    // A few steps are enough for the frame.
    const { accuracy, swapped } = of('framed').figures;
    assert.ok(accuracy! > swapped!, 'it has learnt the frame');
    assert.is(
      of('cropped').figures.swapped,
      of('cropped').figures.accuracy,
      'without frames there is nothing to swap',
    );
  },
  dropout(of) {
    assert.equal(
      of('dropout').curves.gap!.map(([count]) => count),
      [6, 20, 60],
    );
    assert.ok(of('dropout').figures.loss! > of('neither').figures.loss!, 'half of the inputs say less');
    assert.is(of('neither').figures.gap, of('neither').figures.learnt! - of('neither').figures.accuracy!);
  },
};

for (const [name, lesson] of Object.entries(TAKEN))
  test(name, async () => {
    const result = await glance(name);
    for (const { setting, figures, curves } of result.runs) {
      assert.equal(
        Object.keys(figures).filter((figure) => !lesson.columns.some((column) => column.figure === figure)),
        [],
        setting,
      );
      for (const [figure, value] of Object.entries(figures))
        assert.ok(value === null || Number.isFinite(value), `${setting} ${figure}`);
      for (const chart of lesson.charts) {
        const drawn = chart.of?.includes(setting) ?? true;
        if (chart.kind === 'lines' && drawn)
          assert.ok(curves[chart.curve]!.length > 0, `${setting} ${chart.curve}`);
      }
    }
    const verdicts = verdictsOf(result, lesson);
    assert.ok(verdicts.length === 0 || verdicts.some(({ spread }) => spread));
    FACTS[name]!((setting) => result.runs.find((run) => run.setting === setting)!);
    for (const { file, line } of lesson.code)
      assert.ok(readFileSync(new URL(file, root), 'utf8').includes(line), `${file} has no line with ${line}`);
    const page = await lessonHtml(result, lesson);
    for (const setting of Object.keys(lesson.settings)) assert.ok(page.includes(setting), setting);
    const { short, full } = lesson.forms;
    assert.ok(full.seeds >= 3 && full.steps >= short.steps);
  });

test('runs that are known are not run again', async () => {
  const ran: Run[] = [];
  const known = Object.keys(LESSONS.residual!.settings).map(
    (setting): Run => ({ setting, seed: 0, seconds: 1, figures: {}, curves: {} }),
  );
  const result = await glance('residual', known, ran);
  assert.equal([ran, result.runs], [[], known]);
});

test('the command lists lessons, and names what it does not know', async () => {
  const { code, out } = await tessera('lesson');
  assert.is(code, 0);
  for (const [name, { title }] of Object.entries(LESSONS))
    assert.match(out, new RegExp(`^${name} +${title}$`, 'm'));
  const unknown = await tessera('lesson', 'residuals');
  assert.is(unknown.code, 64);
  assert.match(unknown.err, /^error: there is no lesson 'residuals'.*residual/m);
  const empty = await tessera('lesson', 'residual', '--data', folder, '--out', join(folder, 'out'));
  assert.is(empty.code, 64, empty.err);
});

test.run();
