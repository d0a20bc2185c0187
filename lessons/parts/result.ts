/** What a lesson came to: a document of its runs, and what may be said of them. */
import {
  among,
  demand,
  list,
  number,
  object,
  orNull,
  parseBounded,
  record,
  text,
  whole,
} from '../../src/text/rules.ts';
import { type Spread, spreadOf } from '../../src/train/evaluation/student.ts';
import type { Claim, Form, FormName, Lesson, Of, Outcome } from './lesson.ts';

export interface Run extends Outcome {
  setting: string;
  seed: number;
  seconds: number;
}

export interface Result {
  format: 'tessera-lesson';
  version: 1;
  lesson: string;
  form: FormName;
  size: Form;
  /** Where the pictures come from. */
  pictures: string;
  /** On what it was computed. */
  machine: readonly (readonly [name: string, value: string])[];
  runs: readonly Run[];
}

const FIGURE = orNull(number(-Number.MAX_VALUE, Number.MAX_VALUE));
const COUNT = whole(1, 1e9);
const DOCUMENT = object({
  format: among(['tessera-lesson']),
  version: among([1]),
  lesson: text(100),
  form: among(['short', 'full', 'glance']),
  size: object({ pictures: COUNT, held: COUNT, batch: COUNT, steps: COUNT, seeds: COUNT }),
  pictures: text(1000),
  machine: list(list(text(1000), 2, 2), 0, 100),
  runs: list(
    object({
      setting: text(100),
      seed: whole(0, 1e9),
      seconds: number(0, Number.MAX_VALUE),
      figures: record(FIGURE, 100),
      curves: record(list(list(FIGURE, 2, 2), 0, 100_000), 100),
    }),
    1,
    10_000,
  ),
});

/** What a file holds. @throws RangeError, a sentence with the place in the file */
export function resultOf(json: string, lessons: Readonly<Record<string, Lesson>>, place: string): Result {
  const result = parseBounded(json, place);
  demand(DOCUMENT, result, place);
  demand(among(Object.keys(lessons)), (result as Result).lesson, `${place}: lesson`);
  return result as Result;
}

/** The seeds for which every setting was run. */
export function seedsOf({ runs }: Result, lesson: Lesson): number[] {
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  return seeds.filter((seed) =>
    Object.keys(lesson.settings).every((name) =>
      runs.some((run) => run.seed === seed && run.setting === name),
    ),
  );
}

/** A figure of a setting over its seeds; null where one of them has none. */
export function spreadOfFigure({ runs }: Result, setting: string, figure: string): Spread | null {
  const values = runs.filter((run) => run.setting === setting).map((run) => run.figures[figure]);
  return values.length > 0 && values.every((value) => value != null) ? spreadOf(values as number[]) : null;
}

export const VERDICTS = {
  shown: 'shown',
  seen: 'seen, not certain',
  mixed: 'not shown',
  opposite: 'the opposite was seen',
  none: 'not measured',
} as const;

export interface Verdict {
  claim: Claim;
  verdict: keyof typeof VERDICTS;
  /** Of the difference over the seeds. */
  spread: Spread | null;
}

/**
 * What the seeds say of a claim. `shown`: the 95 % t interval of the mean lies above 0 (or what is said in its place); `seen`:
 * every seed is above it, and the interval is not, or there is but one seed.
 */
export function verdictsOf(result: Result, lesson: Lesson): Verdict[] {
  const seeds = seedsOf(result, lesson);
  return lesson.claims.map((claim) => {
    const values = seeds.map((seed) => claim.measure(outcomesOf(result, seed)));
    if (values.length === 0 || values.some((value) => !Number.isFinite(value)))
      return { claim, verdict: 'none', spread: null };
    const spread = spreadOf(values);
    const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    const { above = 0 } = claim;
    if (most <= above) return { claim, verdict: 'opposite', spread };
    if (least <= above) return { claim, verdict: 'mixed', spread };
    return { claim, verdict: spread.interval && spread.interval.low > above ? 'shown' : 'seen', spread };
  });
}

function outcomesOf({ runs }: Result, seed: number): Of {
  return (setting) => {
    const run = runs.find((one) => one.seed === seed && one.setting === setting);
    if (!run) throw new RangeError(`there is no run of '${setting}' with seed ${seed}`);
    return run;
  };
}
