/** A lesson as it is asked for, runs, breaks off and goes on. */
import { batch, computed, effect, signal } from '@preact/signals';
import {
  type Base,
  type Epoch,
  keyOf,
  type Learnt,
  type Lesson,
  type LessonPicture,
  type Plan,
  type StudyFacts,
  type Taught,
} from '../../lesson.ts';
import { KEYS } from '../../lesson-store.ts';
import { Job } from '../../parts/job.tsx';
import { network, sentenceOf } from '../../state.ts';
import { held, looked } from './alike.ts';
import { before, classes, looks, said, type TaughtLesson, taught } from './classes.ts';
import { begun, epochs, facts, findStudy, keep, unkept } from './kept.ts';

/** The last stages learn for a share of the epochs of a head. */
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
export function stop(): void {
  job.clear();
  begun.value = null;
}

/** What a file brought that was learnt, until it has been measured on the pictures beside it. */
export const unmeasured = signal<{
  learnt: Learnt;
  courses: TaughtLesson['courses'];
  heldIds: ReadonlySet<number>;
} | null>(null);

// What a file says that its network had learnt is not believed: it is asked about the pictures.
effect(() => {
  const found = unmeasured.value;
  if (!found || obstacle.value !== null || network.value.state !== 'ready' || busy.peek()) return;
  unmeasured.value = null;
  void measure(found.learnt, found.courses, found.heldIds);
});

/** A lesson that broke off and can go on, since classes and pictures are what they were. */
export const interrupted = computed((): StudyFacts | null => {
  const [plan, study] = [begun.value, facts.value];
  if (!plan || !study || busy.value || obstacle.value !== null) return null;
  return keyOf(lessonOf(plan)) === study.key ? study : null;
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
