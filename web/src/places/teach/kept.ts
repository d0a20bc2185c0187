/** What the browser keeps of a lesson, so that a reload loses nothing of it: read once, then written after every change. */
import { batch, effect, signal } from '@preact/signals';
import { get, setMany } from 'idb-keyval';
import type { Photo } from '../../contract.ts';
import type { Base, Look, Plan, StudyFacts } from '../../lesson.ts';
import { KEYS, STUDY, store } from '../../lesson-store.ts';
import { sentenceOf } from '../../state.ts';
import { asExample, classes, looks, replaceClasses, type TaughtLesson, taught } from './classes.ts';

/** Epochs that a new head learns for, as the reader wants it; the last stages learn for a third of them. */
export const epochs = signal(30);
export const MOST_EPOCHS = 1000;

/** Milliseconds after a change until it is kept, so that a burst is kept once. */
const SOON = 300;

interface Kept {
  classes: readonly {
    name: string;
    examples: readonly (Photo & { id: number; look: Look | null | undefined })[];
  }[];
  epochs: number;
  taught: TaughtLesson | null;
  begun: Plan | null;
}

/** The lesson that was begun and is not over. */
export const begun = signal<Plan | null>(null);
/** Where it stands, as it was kept. */
export const facts = signal<StudyFacts | null>(null);
/** Why the lesson is not kept, as a sentence; null where it is. */
export const unkept = signal<string | null>(null);

/** A base without its file, which is kept apart: it may be large, and changes seldom. */
const bare = <Some extends { base: Base }>(some: Some): Some => ({
  ...some,
  base: { ...some.base, file: null },
});
let keptBases = '';

/**
 * Keeps all there is.
 * @param more is kept with it
 * @param study whether the state of a lesson that broke off stays, where none goes on
 */
export async function keep(more: [string, unknown][] = [], study = false): Promise<void> {
  const { value: last } = taught;
  const kept: Kept = {
    classes: classes.value.map(({ name, examples }) => ({
      name,
      examples: examples.map(({ id, name, blob }) => ({ id, name, blob, look: looks.value.get(id) })),
    })),
    epochs: epochs.value,
    taught: last && { ...last, taught: { ...last.taught, learnt: bare(last.taught.learnt) } },
    begun: begun.value && bare(begun.value),
  };
  const bases = [begun.value?.base, last?.taught.learnt.base].filter((base) => base?.file);
  const hashes = [...new Set(bases.map((base) => base!.sha256))].sort().join();
  const entries: [string, unknown][] = [[KEYS.lesson, kept], ...more];
  if (hashes !== keptBases) {
    const files = Object.fromEntries(bases.map((base) => [base!.sha256, base!.file]));
    entries.push([KEYS.bases, hashes === '' ? undefined : files]);
  }
  if (!begun.value) entries.push(...STUDY.map((key): [string, unknown] => [key, undefined]));
  else if (more.length > 0 && !study) entries.push([KEYS.facts, undefined], [KEYS.state, undefined]);
  try {
    await setMany(entries, store);
    keptBases = hashes;
    unkept.value = null;
  } catch (error) {
    unkept.value = `A reload would lose this lesson: ${sentenceOf(error)}`;
  }
}

/** Asks where a lesson that broke off stands. */
export async function findStudy(): Promise<void> {
  facts.value = (await get<StudyFacts>(KEYS.facts, store)) ?? null;
}

/** Reads what was kept, then keeps every change. */
async function open(): Promise<void> {
  const kept = await get<Kept>(KEYS.lesson, store);
  if (kept) {
    const files = (await get<Record<string, Photo>>(KEYS.bases, store)) ?? {};
    const whole = <Some extends { base: Base }>(some: Some): Some => ({
      ...some,
      base: { ...some.base, file: files[some.base.sha256] ?? null },
    });
    const seen = new Map<number, Look | null>();
    const found = kept.classes.map(({ name, examples }) => ({
      name,
      examples: examples.map(({ look, ...example }) => {
        if (look !== undefined) seen.set(example.id, look);
        return asExample(example, example.id);
      }),
    }));
    batch(() => {
      looks.value = seen;
      replaceClasses(found);
      epochs.value = kept.epochs;
      taught.value = kept.taught && {
        ...kept.taught,
        taught: { ...kept.taught.taught, learnt: whole(kept.taught.taught.learnt) },
      };
      begun.value = kept.begun && whole(kept.begun);
    });
    keptBases = Object.keys(files).sort().join();
    await findStudy();
  }
  let later: ReturnType<typeof setTimeout>;
  let first = true;
  effect(() => {
    for (const signal of [classes, looks, epochs, taught, begun]) void signal.value;
    clearTimeout(later);
    if (!first) later = setTimeout(() => void keep(), SOON);
    first = false;
  });
}

open().catch((error: unknown) => {
  unkept.value = `A reload will lose this lesson: ${sentenceOf(error)}`;
});
