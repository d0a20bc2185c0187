/**
 * What is taught: classes with their pictures, of which every fourth is held out. They are kept in the browser (IndexedDB),
 * so that a reload loses nothing, until the reader deletes them.
 */
import { computed, effect, signal } from '@preact/signals';
import { get, set } from 'idb-keyval';
import type { Lesson, LessonPicture, LessonStep, Photo } from '../../contract.ts';
import { Job } from '../../parts/job.tsx';
import { sentenceOf } from '../../state.ts';

export interface Example extends Photo {
  id: number;
  url: string;
}

export interface TaughtClass {
  id: number;
  name: string;
  examples: readonly Example[];
}

let lastId = 0;
const fresh = (name: string): TaughtClass => ({ id: ++lastId, name, examples: [] });

export const classes = signal<readonly TaughtClass[]>([fresh('this'), fresh('that')]);

// --- kept over a reload ---------------------------------------------------------------------------------------

const KEY = 'tessera-lesson';
/** Milliseconds after a change until it is written, so that a burst is written once. */
const SOON = 300;

interface Kept {
  name: string;
  examples: readonly Photo[];
}

/** Why the lesson is not kept, as a sentence; null where it is. */
export const unkept = signal<string | null>(null);

const keep = async (): Promise<void> => {
  const kept = classes.value.map(({ name, examples }): Kept => {
    return { name, examples: examples.map(({ name, blob }) => ({ name, blob })) };
  });
  try {
    await set(KEY, kept);
    unkept.value = null;
  } catch (error) {
    unkept.value = `A reload would lose these pictures: ${sentenceOf(error)}`;
  }
};

/** Reads what was kept, then keeps every change. */
async function open(): Promise<void> {
  const kept = await get<readonly Kept[]>(KEY);
  if (kept)
    classes.value = kept.map(({ name, examples }) => ({ ...fresh(name), examples: examples.map(asExample) }));
  let later: ReturnType<typeof setTimeout>;
  let first = true;
  effect(() => {
    void classes.value;
    clearTimeout(later);
    if (!first) later = setTimeout(() => void keep(), SOON);
    first = false;
  });
}

const asExample = (photo: Photo): Example => ({
  ...{ name: photo.name, blob: photo.blob },
  ...{ id: ++lastId, url: URL.createObjectURL(photo.blob) },
});

open().catch((error: unknown) => {
  unkept.value = `A reload will lose the pictures: ${sentenceOf(error)}`;
});

// --- what the reader changes ----------------------------------------------------------------------------------

export const addClass = (): void => {
  classes.value = [...classes.value, fresh(`class ${classes.value.length + 1}`)];
};

const change = (id: number, to: (one: TaughtClass) => TaughtClass): void => {
  classes.value = classes.value.map((one) => (one.id === id ? to(one) : one));
};

export const rename = (id: number, name: string): void => change(id, (one) => ({ ...one, name }));

export function addExamples(id: number, photos: readonly Photo[]): void {
  const added = photos.map(asExample);
  change(id, (one) => ({ ...one, examples: [...one.examples, ...added] }));
}

export function removeExample(id: number, example: Example): void {
  URL.revokeObjectURL(example.url);
  change(id, (one) => ({ ...one, examples: one.examples.filter((other) => other !== example) }));
}

export function removeClass(id: number): void {
  for (const { url } of classes.value.find((one) => one.id === id)?.examples ?? []) URL.revokeObjectURL(url);
  classes.value = classes.value.filter((one) => one.id !== id);
}

/** Deletes all pictures and what was learnt of them. */
export function clear(): void {
  for (const { examples } of classes.value) for (const { url } of examples) URL.revokeObjectURL(url);
  classes.value = classes.value.map((one) => ({ ...one, examples: [] }));
  job.clear();
  course.value = [];
}

/** Pictures of a class of which the last is held out. */
const HELD_EACH = 4;
export const isHeld = (place: number): boolean => place % HELD_EACH === HELD_EACH - 1;

/** Pictures of a class below which a reader is warned. */
const FEW = 8;

/** Why the lesson cannot begin, or null. */
export const obstacle = computed((): string | null => {
  const all = classes.value;
  const names = all.map(({ name }) => name.trim());
  if (all.length < 2) return 'A lesson needs two classes or more.';
  if (names.some((name) => name === '')) return 'Every class needs a name.';
  if (new Set(names).size < names.length) return 'Two classes have the same name.';
  const empty = all.find(({ examples }) => examples.length < 2);
  return empty ? `${empty.name} needs two pictures or more.` : null;
});

/** What is to be known of figures of so few pictures, or null. */
export const warning = computed((): string | null => {
  const few = classes.value.filter(({ examples }) => examples.length > 0 && examples.length < FEW);
  if (few.length === 0) return null;
  const names = few.map(({ name, examples }) => `${name} (${examples.length})`).join(', ');
  return `Few pictures: ${names}. With fewer than ${FEW} the held-out figures say next to nothing.`;
});

/** An epoch as the curve draws it. */
export type Epoch = Required<Pick<LessonStep, 'trainLoss' | 'valLoss' | 'accuracy'>>;
export const course = signal<readonly Epoch[]>([]);
export const job = new Job('teach', ({ trainLoss, valLoss = null, accuracy = null }) => {
  if (trainLoss !== undefined) course.value = [...course.value, { trainLoss, valLoss, accuracy }];
});

/** The pictures of the lesson that runs or was last, in its order, by their numbers. */
export const taughtIds = signal<readonly number[]>([]);
export const taughtClasses = signal<readonly string[]>([]);

const EPOCHS = 30;

export function begin(): void {
  const examples = classes.value.flatMap((one, label) =>
    one.examples.map((example, place) => ({ example, label, held: isHeld(place) })),
  );
  const lesson: Lesson = {
    classes: classes.value.map(({ name }) => name.trim()),
    pictures: examples.map(
      ({ example: { name, blob }, label, held }): LessonPicture => ({ name, blob, label, held }),
    ),
    epochs: EPOCHS,
  };
  course.value = [];
  taughtIds.value = examples.map(({ example }) => example.id);
  taughtClasses.value = lesson.classes;
  void job.begin(lesson);
}
