/** Runs a lesson: every setting with every seed, one after the other; those that a folder holds already are taken from there. */
import type { Device } from 'tessera';
import { adapterName } from '../../src/gpu/adapter-name.ts';
import { environmentRows } from '../../src/report/environment.ts';
import { inTurn } from '../../src/runner/in-turn.ts';
import type { Form, FormName, Lesson } from './lesson.ts';
import type { Pictures } from './pictures.ts';
import type { Result, Run } from './result.ts';

export interface LessonRun {
  name: string;
  lesson: Lesson;
  device: Device;
  pictures: Pictures;
  form: FormName;
  /** The form's size, where it is another than the lesson's own. */
  size: Form;
  signal: AbortSignal;
  /** What was run before. */
  known: readonly Run[];
  /** Told of each run that is new. */
  onRun(run: Run): Promise<void>;
  /** How much of all runs is done, from 0 to 1, and what there is to see. */
  onProgress(done: number, status: string): void;
}

/** The result; where it was stopped, of the runs that were done. */
export async function runLesson(of: LessonRun): Promise<Result> {
  const { name, lesson, device, pictures, form, size, signal, known, onRun, onProgress } = of;
  const settings = Object.keys(lesson.settings);
  // All settings of a seed, then the next seed, so that settings can be compared before the list is through.
  const items = Array.from({ length: size.seeds }, (_, seed) =>
    settings.map((setting) => ({ setting, seed })),
  ).flat();
  const runs: Run[] = [];
  const course = inTurn(items, {
    known: ({ setting, seed }) => known.find((run) => run.setting === setting && run.seed === seed) ?? null,
    stopped: () => signal.aborted,
    async work({ setting, seed }) {
      const begun = performance.now();
      const progress = (done: number, status = ''): void =>
        onProgress((runs.length + done) / items.length, `${setting}, seed ${seed}${status && `: ${status}`}`);
      progress(0);
      try {
        const outcome = await lesson.run(lesson.settings[setting], {
          device,
          pictures,
          form: size,
          seed,
          signal,
          progress,
        });
        const run = { setting, seed, seconds: (performance.now() - begun) / 1000, ...outcome };
        await onRun(run);
        return run;
      } catch (error) {
        if (signal.aborted && error === signal.reason) return null;
        throw error;
      } finally {
        device.trim();
      }
    },
  });
  for await (const { done } of course) runs.push(done);
  return {
    ...{ format: 'tessera-lesson', version: 1, lesson: name, form, size, pictures: pictures.from },
    machine: environmentRows({ description: adapterName(device.info), software: device.software }),
    runs,
  };
}
