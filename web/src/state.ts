/**
 * The page's one state, as signals, and what changes it. Everything computed is the worker's; here is what it said, which
 * pictures there are, and where the reader is.
 */
import { batch, computed, signal } from '@preact/signals';
import { Client, isAbort } from './client.ts';
import type { AdapterFacts, Answer, Fetched, NetworkFacts, Photo, Weights } from './contract.ts';
import { hashOf, type Route, readRoute } from './route.ts';
import { type Shipped, shipped } from './shipped.ts';

export const client = new Client(
  new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module', name: 'tessera' }),
);

// --- where the reader is --------------------------------------------------------------------------------------

export const route = signal<Route>(readRoute(location.hash));
addEventListener('hashchange', () => {
  route.value = readRoute(location.hash);
});

// --- the device -----------------------------------------------------------------------------------------------

/** What is not there yet, failed, or is there. */
export type Pending<Value> =
  | { state: 'waiting' }
  | { state: 'failed'; message: string }
  | { state: 'ready'; value: Value };

export const waiting = { state: 'waiting' } as const;
export const ready = <Value>(value: Value): Pending<Value> => ({ state: 'ready', value });
export const failed = (error: unknown): { state: 'failed'; message: string } => ({
  state: 'failed',
  message: sentenceOf(error),
});

/** What went wrong, as a sentence: with a full stop, and a capital letter unless it begins with a name. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const begun = message.replace(/^[a-z]+(?=[ ,'’])/, (word) => word[0]!.toUpperCase() + word.slice(1));
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

export const adapter = signal<Pending<AdapterFacts>>(waiting);

/** Weights that a reader gave before the device was open. */
let early: Weights | null = null;

/** Opens the device, then the network that a reader has given meanwhile, else the one that ships. */
export async function begin(): Promise<void> {
  adapter.value = waiting;
  try {
    adapter.value = ready(await client.ask('open', null));
  } catch (error) {
    adapter.value = failed(error);
    return;
  }
  await load(early ?? 'pretrained');
}

// --- the network that answers ---------------------------------------------------------------------------------

export const network = signal<Pending<NetworkFacts>>(waiting);
/** While weights are on their way. */
export const fetching = signal<Fetched | null>(null);
/** Why the last weights were refused; the network before goes on. */
export const refusal = signal<string | null>(null);

export async function load(weights: Weights): Promise<void> {
  if (adapter.peek().state !== 'ready') {
    early = weights;
    return;
  }
  const before = network.peek();
  client.renew();
  batch(() => {
    network.value = waiting;
    refusal.value = null;
  });
  try {
    const facts = await client.ask('load', weights, {
      onEvent: (event) => {
        fetching.value = event;
      },
    });
    batch(() => {
      network.value = ready(facts);
      answers.value = new Map();
    });
  } catch (error) {
    if (isAbort(error)) return;
    batch(() => {
      if (before.state === 'ready') refusal.value = sentenceOf(error);
      network.value = before.state === 'ready' ? before : failed(error);
    });
  } finally {
    fetching.value = null;
  }
  for (const picture of pictures.peek()) if (!answers.peek().has(picture.id)) void answer(picture);
}

// --- pictures -------------------------------------------------------------------------------------------------

export interface Picture extends Photo {
  id: number;
  /** An address of the blob, for `<img>`. */
  url: string;
}

/** Newest first. */
export const pictures = signal<readonly Picture[]>([]);
/** What the network said of a picture, by its number. */
export const answers = signal<ReadonlyMap<number, Pending<Answer>>>(new Map());
const chosenId = signal<number | null>(null);
/** The picture that places beside Classify are about. */
export const chosen = computed(
  () => pictures.value.find(({ id }) => id === chosenId.value) ?? pictures.value[0],
);

export const choose = (id: number): void => {
  chosenId.value = id;
};

/** Pictures that are kept at most: the oldest go. */
const MOST_PICTURES = 60;
let lastId = 0;

export function addPictures(photos: readonly Photo[]): void {
  const added = photos.map((photo) => ({ ...photo, id: ++lastId, url: URL.createObjectURL(photo.blob) }));
  const all = [...added, ...pictures.peek()];
  batch(() => {
    pictures.value = all.slice(0, MOST_PICTURES);
    chosenId.value = added[0]?.id ?? chosenId.value;
  });
  for (const { url } of all.slice(MOST_PICTURES)) URL.revokeObjectURL(url);
  for (const picture of added) void answer(picture);
}

export function removePicture(id: number): void {
  const gone = pictures.peek().find((picture) => picture.id === id);
  if (gone) URL.revokeObjectURL(gone.url);
  pictures.value = pictures.peek().filter((picture) => picture !== gone);
}

export async function addShipped({ name, address }: Shipped): Promise<void> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${name} cannot be fetched: ${answer.status} ${answer.statusText}`);
  addPictures([{ name, blob: await answer.blob() }]);
}

/** Files of weights by their names' ends; what is neither is tried as a picture, and its sentence says what it is not. */
const WEIGHTS = /\.(safetensors|pth|pt|bin|ckpt)$/i;
const LESSON = /\.lesson$/i;
/** A lesson that was given, until Teach opens it. */
export const givenLesson = signal<Photo | null>(null);

/** Files that were dropped, pasted or picked: weights become the network, the others are pictures. */
export function addFiles(files: Iterable<File>): void {
  const all = [...files].map((file) => ({ name: file.name || 'pasted picture', blob: file }));
  const weights = all.filter(({ name }) => WEIGHTS.test(name));
  const lessons = all.filter(({ name }) => LESSON.test(name));
  addPictures(all.filter((file) => !weights.includes(file) && !lessons.includes(file)));
  if (lessons[0]) {
    givenLesson.value = lessons[0];
    location.hash = hashOf('teach');
  }
  const [first] = weights;
  if (first) void load(first);
}

async function answer(picture: Picture): Promise<void> {
  if (network.peek().state !== 'ready') return; // `load` asks for all when it is there.
  const note = (outcome: Pending<Answer>): void => {
    answers.value = new Map(answers.peek()).set(picture.id, outcome);
  };
  note(waiting);
  try {
    note(ready(await client.ask('classify', { name: picture.name, blob: picture.blob })));
  } catch (error) {
    if (!isAbort(error)) note(failed(error));
  }
}

export { shipped };
