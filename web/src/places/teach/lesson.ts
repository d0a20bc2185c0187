/** A lesson as it is asked for, goes on, is kept over a reload, and becomes a file. */
import { batch, computed, effect, signal } from '@preact/signals';
import { get, setMany } from 'idb-keyval';
import type { Photo } from '../../contract.ts';
import {
  type Base,
  type Epoch,
  keyOf,
  type Learnt,
  type Lesson,
  type LessonPicture,
  type Look,
  type Plan,
  type StudyFacts,
  type Taught,
  type TaughtFormat,
} from '../../lesson.ts';
import { KEYS, STUDY, store } from '../../lesson-store.ts';
import { Job } from '../../parts/job.tsx';
import { save } from '../../save.ts';
import { client, givenLesson, network, sentenceOf } from '../../state.ts';
import { held, looked } from './alike.ts';
import {
  asExample,
  before,
  classes,
  looks,
  replaceClasses,
  said,
  type TaughtLesson,
  taught,
} from './classes.ts';

// --- what is taught -------------------------------------------------------------------------------------------

/** Epochs that a new head learns for, as the reader wants it; the last stages learn for a third of them. */
export const epochs = signal(30);
export const MOST_EPOCHS = 1000;
const THAWED_SHARE = 1 / 3;

/** The course of the lesson that runs or broke off. */
const running = signal<readonly Epoch[]>([]);
/** All courses that led to the network as it is, or is becoming. */
export const courses = computed((): readonly (readonly Epoch[])[] => {
  if (job.outcome.value?.state !== 'waiting') return taught.value?.courses ?? [];
  return [...coursesBefore(begun.value), running.value];
});

const coursesBefore = (plan: Plan | null): readonly (readonly Epoch[])[] =>
  plan && plan.trainFrom !== 'head' ? (taught.value?.courses ?? []) : [];

export const job = new Job('teach', ({ course, unkept: fault }) => {
  if (course) running.value = course;
  if (fault) unkept.value = `A reload would lose what was learnt: ${sentenceOf(fault)}`;
});
export const busy = computed(() => job.outcome.value?.state === 'waiting');

/** Pictures of a class below which a reader is warned. */
const FEW = 8;

/** Why the lesson cannot begin, or null. */
export const obstacle = computed((): string | null => {
  const all = classes.value;
  const names = all.map(({ name }) => name.trim());
  if (all.length < 2) return 'A lesson needs two classes or more.';
  if (names.some((name) => name === '')) return 'Every class needs a name.';
  if (new Set(names).size < names.length) return 'Two classes have the same name.';
  const empty = all.find(
    ({ examples }) => examples.filter(({ id }) => looks.value.get(id) !== null).length < 2,
  );
  if (empty) return `${empty.name} needs two pictures or more.`;
  if (network.value.state === 'waiting') return 'The network is on its way …';
  return looked.value ? null : 'Looking at the pictures …';
});

/** What is to be known of figures of so few pictures, or null. */
export const warning = computed((): string | null => {
  const few = classes.value.filter(({ examples }) => examples.length > 0 && examples.length < FEW);
  if (few.length === 0) return null;
  const names = few.map(({ name, examples }) => `${name} (${examples.length})`).join(', ');
  return `Few pictures: ${names}. With fewer than ${FEW} the held-out figures say next to nothing.`;
});

/** Classes and pictures as a lesson is given them. */
const content = computed((): Pick<Lesson, 'classes' | 'pictures'> => {
  const readable = classes.value.flatMap(({ examples }, label) =>
    examples.flatMap(({ id, name, blob }): LessonPicture[] =>
      looks.value.get(id) === null ? [] : [{ id, name, blob, label, held: held.value.has(id) }],
    ),
  );
  return { classes: classes.value.map(({ name }) => name.trim()), pictures: readable };
});

/** What tells whether a network was taught what is there now. */
const situationOf = ({ classes, pictures }: Pick<Lesson, 'classes' | 'pictures'>): string =>
  JSON.stringify([classes, pictures.map(({ id, label, held }) => [id, label, held])]);

/** Whether what was taught is what is there now. */
export const upToDate = computed(() => taught.value?.situation === situationOf(content.value));

/** The lesson of a plan with the pictures that are there. What is thawed goes on from what was taught. */
function lessonOf(plan: Plan, goOn = false): Lesson {
  const last = plan.trainFrom === 'head' ? null : taught.value;
  return {
    ...{ ...plan, ...content.value, goOn },
    ...{ from: last?.taught.learnt ?? null, before: last?.taught.answers ?? null },
  };
}

/** A new head on the network that answers. */
export function teachHead(): void {
  if (network.peek().state !== 'ready') return;
  before('teaching', { end: stop });
  void run(lessonOf({ base: answering(), trainFrom: 'head', epochs: epochs.peek() }));
}

const answering = (): Base => (network.peek() as { value: { base: Base } }).value.base;

/** Lets a stage learn too, and those behind it. */
export function thaw(trainFrom: string): void {
  const { base } = taught.peek()!.taught.learnt;
  before(`letting ${trainFrom} learn`, { end: stop });
  const count = Math.max(1, Math.round(epochs.peek() * THAWED_SHARE));
  void run(lessonOf({ base, trainFrom, epochs: count }), taught.peek()!);
}

/** Goes on with a lesson that broke off. */
export function goOn(): void {
  before('teaching', { end: stop });
  const plan = begun.peek()!;
  void run(lessonOf(plan, true), plan.trainFrom === 'head' ? NOTHING : taught.peek()!);
}

/** @param earlier the courses before this one, and what a step of the head took */
async function run(
  lesson: Lesson,
  earlier: Pick<TaughtLesson, 'courses' | 'headStep'> = NOTHING,
): Promise<void> {
  const { base, trainFrom, epochs: count } = lesson;
  const plan: Plan = { base, trainFrom, epochs: count };
  const now = situationOf(lesson);
  batch(() => {
    begun.value = count > 0 ? plan : null;
    running.value = [];
  });
  // Before the first step, so that a reload finds what goes on.
  if (count > 0) await keep([[KEYS.begun, keyOf(lesson)]], lesson.goOn);
  await job.begin(lesson);
  const outcome = job.outcome.peek();
  if (outcome?.state !== 'ready') {
    await findStudy();
    return;
  }
  const found: Taught = outcome.value;
  batch(() => {
    begun.value = null;
    taught.value = {
      ...{ taught: found, situation: now, ids: lesson.pictures.map(({ id }) => id) },
      courses: count > 0 ? [...earlier.courses, found.course] : earlier.courses,
      headStep: trainFrom === 'head' ? found.step : earlier.headStep,
    };
    said.value = 'The lesson is over.';
  });
}

const NOTHING = { courses: [], headStep: null };

/** Asks a network out of a file about the pictures beside it, held out as they were then. */
function measure(
  learnt: Learnt,
  courses: TaughtLesson['courses'],
  heldIds: ReadonlySet<number>,
): Promise<void> {
  const { base, trainFrom } = learnt;
  const { classes, pictures } = content.peek();
  return run(
    {
      ...{ base, trainFrom, epochs: 0, classes, from: learnt, before: null, goOn: false },
      pictures: pictures.map((picture) => ({ ...picture, held: heldIds.has(picture.id) })),
    },
    { courses, headStep: null },
  );
}

/** Ends the lesson that runs, and forgets where it was. */
function stop(): void {
  job.clear();
  begun.value = null;
}

// --- kept over a reload ---------------------------------------------------------------------------------------

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
const begun = signal<Plan | null>(null);
/** Where it stands, as it was kept. */
const facts = signal<StudyFacts | null>(null);
/** A lesson that broke off and can go on, since classes and pictures are what they were. */
export const interrupted = computed((): StudyFacts | null => {
  const [plan, study] = [begun.value, facts.value];
  if (!plan || !study || busy.value || obstacle.value !== null) return null;
  return keyOf(lessonOf(plan)) === study.key ? study : null;
});

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
async function keep(more: [string, unknown][] = [], study = false): Promise<void> {
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

async function findStudy(): Promise<void> {
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

/** Deletes all pictures, what was learnt of them, and where a lesson was, here and in what the browser keeps. */
export function clear(): void {
  before('deleting all pictures', { end: stop });
  batch(() => {
    stop();
    running.value = [];
    facts.value = null;
    unmeasured.value = null;
    taught.value = null;
    classes.value = classes.value.map((one) => ({ ...one, examples: [] }));
    said.value =
      'Deleted, here and in what the browser keeps. Undo brings them back until this page is left.';
  });
  void keep();
}

// --- files ----------------------------------------------------------------------------------------------------

/** Why a file cannot be written or opened, a sentence. */
export const fileFault = signal<string | null>(null);

async function trying(work: () => Promise<void>): Promise<void> {
  fileFault.value = null;
  try {
    await networkThere();
    await work();
  } catch (error) {
    fileFault.value = sentenceOf(error);
  }
}

/** A network that is on its way takes every answer with it when it comes. */
const networkThere = (): Promise<void> =>
  new Promise((there) => {
    const stop = network.subscribe(({ state }) => {
      if (state === 'waiting') return;
      there();
      queueMicrotask(() => stop());
    });
  });

const bytesOf = (format: TaughtFormat): Promise<Uint8Array<ArrayBuffer>> =>
  client.ask('taughtFile', { learnt: taught.peek()!.taught.learnt, format });

export const saveNetwork = (format: TaughtFormat): Promise<void> =>
  trying(async () => save(`taught.${format}`, await bytesOf(format)));

/** The file of the network that was taught, for the other places. */
export const taughtPhoto = async (): Promise<Photo> => ({
  name: 'taught.safetensors',
  blob: new Blob([await bytesOf('safetensors')]),
});

/** Classes, pictures and, where it is of these pictures, what was learnt. */
export const saveLesson = (): Promise<void> =>
  trying(async () => {
    const current = upToDate.peek() ? taught.peek() : null;
    const file = await client.ask('packLesson', {
      classes: classes.peek().map(({ name, examples }) => ({
        name: name.trim(),
        pictures: examples.map(({ id, name, blob }) => ({ name, blob, held: held.peek().has(id) })),
      })),
      ...{ epochs: epochs.peek(), learnt: current?.taught.learnt ?? null, courses: current?.courses ?? [] },
    });
    const words = classes.peek().map(({ name }) => name.trim().replace(/[^\p{L}\p{N}]+/gu, '-'));
    save(`${words.join('-').slice(0, 60) || 'my'}.lesson`, file);
  });

/** What a file brought that was learnt, until it has been measured on the pictures beside it. */
const unmeasured = signal<{
  learnt: Learnt;
  courses: TaughtLesson['courses'];
  heldIds: ReadonlySet<number>;
} | null>(null);

export const openLesson = (file: Photo): Promise<void> =>
  trying(async () => {
    const opened = await client.ask('openLesson', file);
    before(`opening ${file.name}`, { end: stop });
    const heldIds = new Set<number>();
    batch(() => {
      stop();
      taught.value = null;
      replaceClasses(
        opened.classes.map(({ name, pictures }) => ({
          name,
          examples: pictures.map(({ held, ...picture }) => {
            const example = asExample(picture);
            if (held) heldIds.add(example.id);
            return example;
          }),
        })),
      );
      epochs.value = opened.epochs;
      unmeasured.value = opened.learnt && { learnt: opened.learnt, courses: opened.courses, heldIds };
    });
  });

// What a file says that its network had learnt is not believed: it is asked about the pictures.
effect(() => {
  const found = unmeasured.value;
  if (!found || obstacle.value !== null || network.value.state !== 'ready' || busy.peek()) return;
  unmeasured.value = null;
  void measure(found.learnt, found.courses, found.heldIds);
});

// A lesson that was dropped on the page, or chosen in another place.
effect(() => {
  const file = givenLesson.value;
  if (!file) return;
  givenLesson.value = null;
  void openLesson(file);
});
