/** A lesson's file: what it is given comes back, and files that were changed end in a sentence or in a lesson. In Node. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LessonContent } from '../../web/src/lesson.ts';
import { openLesson, packLesson } from '../../web/src/worker/lesson-file.ts';
import { type Edit, withstands } from '../helpers/hostile.ts';

const test = suite('web/lesson-file');

const picture = (name: string, held: boolean, type = 'image/png') => ({
  ...{ name, held },
  blob: new Blob([`the bytes of ${name}`], { type }),
});
const CONTENT: LessonContent = {
  classes: [
    { name: 'red "and" so on', pictures: [picture('a.png', true), picture('b.jpg', false, 'image/jpeg')] },
    { name: 'blau 🔵', pictures: [picture('c', false, '')] },
  ],
  epochs: 30,
  courses: [
    [{ trainLoss: 0.7, valLoss: null, accuracy: null }],
    [{ trainLoss: 0.1, valLoss: 0.2, accuracy: 1 }],
  ],
  learnt: {
    classes: ['red "and" so on', 'blau 🔵'],
    trainFrom: 'head',
    parameters: { 'fc.weight': new Float32Array([1, 2, 3, 4]), 'fc.bias': new Float32Array([0.5, -0.5]) },
    base: { model: 'tiny', weights: 'own.pth', sha256: '0'.repeat(64), file: picture('own.pth', false, '') },
  },
};

/** What is in a lesson, with the bytes of its blobs as texts. */
async function plain(content: LessonContent): Promise<unknown> {
  const photo = async ({ name, blob, held }: { name: string; blob: Blob; held?: boolean }) => ({
    ...{ name, held, type: blob.type },
    text: await blob.text(),
  });
  const { classes, learnt, ...rest } = content;
  const file = learnt?.base.file;
  return {
    ...rest,
    classes: await Promise.all(
      classes.map(async ({ name, pictures }) => ({ name, pictures: await Promise.all(pictures.map(photo)) })),
    ),
    learnt: learnt && { ...learnt, base: { ...learnt.base, file: file && (await file.blob.text()) } },
  };
}

test('what a lesson holds comes back; without what was learnt too', async () => {
  for (const content of [CONTENT, { ...CONTENT, learnt: null, courses: [] }]) {
    const opened = await openLesson({ name: 'my.lesson', blob: await packLesson(content) });
    assert.equal(await plain(opened), await plain(content));
  }
});

/** Another value somewhere in the description, in a file that is whole otherwise. */
const otherValue: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.nat(1000),
    fc.constantFrom('0', '-1', '1e999', '65535', '"text/html"', 'null', 'true', '[]', '{}'),
  )
  .map(
    ([which, value]): Edit =>
      (bytes) => {
        const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
        let header: { __metadata__?: Record<string, string> } = {};
        try {
          header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
        } catch {
          // An edit before this one was here.
        }
        const said = header.__metadata__?.['tessera.lesson'] ?? '';
        const values = [...said.matchAll(/(?<=[:,[])(?:"[^"]*"(?!:)|[-\w.]+)/g)];
        const one = values[which % values.length];
        if (!one || !header.__metadata__) return bytes;
        header.__metadata__['tessera.lesson'] =
          said.slice(0, one.index) + value + said.slice(one.index + one[0].length);
        const json = new TextEncoder().encode(JSON.stringify(header));
        const changed = new Uint8Array(8 + json.length + bytes.length - end);
        new DataView(changed.buffer).setBigUint64(0, BigInt(json.length), true);
        changed.set(json, 8);
        changed.set(bytes.subarray(end), 8 + json.length);
        return changed;
      },
  );

test('mutated files: a sentence that names the file, or a lesson', async () => {
  const bytes = new Uint8Array(await (await packLesson(CONTENT)).arrayBuffer());
  await withstands({
    name: 'a lesson',
    seeds: [{ bytes, focus: [[0, bytes.length - 200]] }],
    files: 400,
    structured: otherValue,
    stages: ['header', 'description', 'read'],
    header: 'header',
    read: (file) => openLesson({ name: 'my.lesson', blob: new Blob([Uint8Array.from(file)]) }),
    refused: (error) => {
      const { name, message } = error as Error;
      if (name !== 'InputError' || !message.startsWith('my.lesson ')) return null;
      return /no lesson that can be opened|newer page|holds no lesson/.test(message)
        ? 'description'
        : 'header';
    },
    allowance: 16 * 2 ** 20,
  });
});

test.run();
