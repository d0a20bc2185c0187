/** The classes and their pictures, what a reader changes of them, and how it is undone. */
import { batch, computed, signal } from '@preact/signals';
import type { Photo } from '../../contract.ts';
import type { Epoch, Look, StepCost, Taught } from '../../lesson.ts';

export interface Example extends Photo {
  id: number;
  url: string;
}

export interface TaughtClass {
  id: number;
  name: string;
  examples: readonly Example[];
}

/** A network that was taught, and on what. */
export interface TaughtLesson {
  taught: Taught;
  /** Its pictures, in its order, by their numbers. */
  ids: readonly number[];
  /** Classes, pictures and which of them are held out, as they were. */
  situation: string;
  /** The courses of the lessons that led to it, the last one included. */
  courses: readonly (readonly Epoch[])[];
  /** Of a step that taught the head alone. */
  headStep: StepCost | null;
}

let lastId = 0;
export const newId = (): number => ++lastId;
const fresh = (name: string): TaughtClass => ({ id: newId(), name, examples: [] });

export const classes = signal<readonly TaughtClass[]>([fresh('this'), fresh('that')]);
export const taught = signal<TaughtLesson | null>(null);

/** How pictures look, by their numbers; null: it cannot be read. What is not in it was not looked at yet. */
export const looks = signal<ReadonlyMap<number, Look | null>>(new Map());

/** A picture as it was kept, under its number of then. */
export function asExample({ name, blob }: Photo, id = newId()): Example {
  lastId = Math.max(lastId, id);
  return { name, blob, id, url: URL.createObjectURL(blob) };
}

// --- undo -----------------------------------------------------------------------------------------------------

interface Change {
  /** What was done: `removing cat.png`. */
  what: string;
  classes: readonly TaughtClass[];
  taught: TaughtLesson | null;
  /** Ends what the change began. */
  end: () => void;
  /** Changes of one kind that follow one another are undone at once. */
  kind: string | null;
}

const MOST_CHANGES = 50;
const past = signal<readonly Change[]>([]);

/** What Undo would undo, or null. */
export const undoable = computed(() => past.value.at(-1)?.what ?? null);
/** What was undone or done last, a sentence for who does not see it. */
export const said = signal('');

/** Remembers how things are before a change. */
export function before(
  what: string,
  { kind = null, end = () => undefined }: Partial<Pick<Change, 'kind' | 'end'>> = {},
): void {
  said.value = '';
  if (kind !== null && past.peek().at(-1)?.kind === kind) return;
  const change: Change = { what, kind, end, classes: classes.peek(), taught: taught.peek() };
  past.value = [...past.peek(), change].slice(-MOST_CHANGES);
  revokeUnused();
}

export function undo(): void {
  const last = past.peek().at(-1);
  if (!last) return;
  batch(() => {
    last.end();
    past.value = past.peek().slice(0, -1);
    classes.value = last.classes;
    taught.value = last.taught;
    said.value = `Undone: ${last.what}.`;
  });
  revokeUnused();
}

/** Addresses of pictures that were made, by their numbers. */
const made = new Map<number, string>();

/** Lets go of pictures that are in no class any more, and that Undo cannot bring back. */
function revokeUnused(): void {
  const used = new Set<number>();
  for (const state of [classes.peek(), ...past.peek().map((change) => change.classes)])
    for (const { examples } of state)
      for (const { id, url } of examples) {
        used.add(id);
        made.set(id, url);
      }
  for (const [id, url] of made)
    if (!used.has(id)) {
      URL.revokeObjectURL(url);
      made.delete(id);
    }
}

// --- what the reader changes ----------------------------------------------------------------------------------

export function addClass(): void {
  before('adding a class');
  classes.value = [...classes.value, fresh(`class ${classes.value.length + 1}`)];
}

const change = (id: number, to: (one: TaughtClass) => TaughtClass): void => {
  classes.value = classes.value.map((one) => (one.id === id ? to(one) : one));
};
const nameOf = (id: number): string => classes.peek().find((one) => one.id === id)?.name ?? '';

export function rename(id: number, name: string): void {
  before(`renaming ${nameOf(id)}`, { kind: `rename ${id}` });
  change(id, (one) => ({ ...one, name }));
}

export function addExamples(id: number, photos: readonly Photo[]): void {
  if (photos.length === 0) return;
  // A burst of the camera comes one by one, and goes at once.
  const burst = photos.length === 1 && photos[0]!.name.startsWith('camera-');
  before(
    burst
      ? `the pictures of the camera for ${nameOf(id)}`
      : `adding ${counted(photos.length)} to ${nameOf(id)}`,
    { kind: burst ? `camera ${id}` : null },
  );
  const added = photos.map((photo) => asExample(photo));
  change(id, (one) => ({ ...one, examples: [...one.examples, ...added] }));
}

export const counted = (count: number): string => `${count} ${count === 1 ? 'picture' : 'pictures'}`;

export function removeExample(id: number, example: Example): void {
  before(`removing ${example.name} from ${nameOf(id)}`);
  change(id, (one) => ({ ...one, examples: one.examples.filter((other) => other !== example) }));
}

export function removeClass(id: number): void {
  before(`removing the class ${nameOf(id)}`);
  classes.value = classes.value.filter((one) => one.id !== id);
}

/** Forgets what was learnt; the pictures stay. */
export function forget(): void {
  before('forgetting what was learnt');
  taught.value = null;
}

/** In place of all that is there. */
export function replaceClasses(next: readonly { name: string; examples: readonly Example[] }[]): void {
  classes.value = next.map(({ name, examples }) => ({ ...fresh(name), examples }));
}
