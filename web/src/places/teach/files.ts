/** A lesson as files: the network that it taught, and all of it as one, to open on another machine. */
import { batch, effect, signal } from '@preact/signals';
import type { Photo } from '../../contract.ts';
import type { TaughtFormat } from '../../lesson.ts';
import { save } from '../../save.ts';
import { client, givenLesson, load, network, sentenceOf } from '../../state.ts';
import { held } from './alike.ts';
import { asExample, before, classes, replaceClasses, taught } from './classes.ts';
import { epochs } from './kept.ts';
import { stop, unmeasured, upToDate } from './lesson.ts';

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

/** Makes the network that was taught the one that answers in the other places. */
export const letItAnswer = (): Promise<void> =>
  trying(async () => load({ name: 'taught.safetensors', blob: new Blob([await bytesOf('safetensors')]) }));

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

// A lesson that was dropped on the page, or chosen in another place.
effect(() => {
  const file = givenLesson.value;
  if (!file) return;
  givenLesson.value = null;
  void openLesson(file);
});
