/** What the browser keeps of a lesson (IndexedDB), for the page and its worker. */
import { createStore, promisifyRequest } from 'idb-keyval';
import type { StudyFacts } from './lesson.ts';

/** A database of its own: what others of this origin keep is no concern of it. */
export const store = createStore('tessera', 'teach');

export const KEYS = {
  /** The lesson: classes, pictures, what was learnt. */
  lesson: 'lesson',
  /** The networks that it is and was taught on, where they are files of the reader's, by their hashes. */
  bases: 'bases',
  /** The key of the lesson that is being taught; not there where none is. */
  begun: 'begun',
  /** Where it stands, and what it has learnt so far. */
  facts: 'facts',
  state: 'state',
} as const;

/** What is deleted with a lesson that is over, or not wanted any more. */
export const STUDY = [KEYS.begun, KEYS.facts, KEYS.state];

/** Keeps a state of a lesson, whole or not at all, if it is still the one that was begun: none comes after it was deleted. */
export const keepState = (facts: StudyFacts, state: unknown): Promise<void> =>
  store('readwrite', async (kept) => {
    if ((await promisifyRequest(kept.get(KEYS.begun))) !== facts.key) return;
    kept.put(facts, KEYS.facts);
    kept.put(state, KEYS.state);
    await promisifyRequest(kept.transaction);
  });
