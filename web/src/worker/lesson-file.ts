/**
 * A lesson as one file: safetensors, so that others can look into it. Its pictures as they were given are tensors of bytes,
 * what was learnt tensors of float32, all else stands as JSON in the metadata:
 *
 *   picture.0 …     U8 [bytes]     the encoded pictures, which the browser alone decodes
 *   learnt.NAME     F32 [values]   in the engine's layout
 *   network         U8 [bytes]     the file of the network that was taught, where it is not the one that ships
 *
 * Nothing is read from the file before its header says that all of it is there, and pictures not even then: they stay where
 * they are until they are looked at.
 */
import { InputError } from '../../../src/text/input-error.ts';
import {
  among,
  demand,
  flag,
  list,
  number,
  object,
  orNull,
  parseBounded,
  type Rule,
  text,
  whole,
} from '../../../src/text/rules.ts';
import { WeightsError } from '../../../src/weights/formats/error.ts';
import {
  HEADER_START,
  headerEnd,
  type Placed,
  readHeader,
  writeHeader,
} from '../../../src/weights/formats/safetensors.ts';
import type { Photo } from '../contract.ts';
import type { LessonContent } from '../lesson.ts';

const KEY = 'tessera.lesson';
const FORMAT = 1;

/** What stands in the metadata. Pictures and values are named by their tensors. */
interface Description {
  format: number;
  classes: { name: string; pictures: { name: string; type: string; held: boolean }[] }[];
  epochs: number;
  courses: LessonContent['courses'];
  learnt: {
    trainFrom: string;
    base: { model: string; weights: string; sha256: string; file: string | null };
  } | null;
}

const name = text(1000);
const MOST_CLASSES = 1000;
const MOST_PICTURES = 10_000;
const MOST_EPOCHS = 1000;
const MOST_COURSES = 100;
const loss = number(0, Number.MAX_VALUE);
const DESCRIPTION: Rule = object({
  format: among([FORMAT]),
  classes: list(
    object({ name, pictures: list(object({ name, type: text(100), held: flag }), 0, MOST_PICTURES) }),
    1,
    MOST_CLASSES,
  ),
  epochs: whole(1, MOST_EPOCHS),
  courses: list(
    list(object({ trainLoss: loss, valLoss: orNull(loss), accuracy: orNull(number(0, 1)) }), 0, MOST_EPOCHS),
    0,
    MOST_COURSES,
  ),
  learnt: orNull(
    object({
      trainFrom: text(256),
      base: object({ model: text(256), weights: name, sha256: text(64), file: orNull(name) }),
    }),
  ),
} satisfies Record<keyof Description, Rule>);

/** The tensors before they are anywhere: their bytes as blobs stay where they are. */
interface Piece extends Pick<Placed, 'dtype' | 'shape'> {
  bytes: Blob | Float32Array<ArrayBuffer>;
}

export async function packLesson({ classes, epochs, courses, learnt }: LessonContent): Promise<Blob> {
  const pieces = new Map<string, Piece>();
  const bytesOf = (blob: Blob): Piece => ({ dtype: 'uint8', shape: [blob.size], bytes: blob });
  for (const { blob } of classes.flatMap(({ pictures }) => pictures))
    pieces.set(`picture.${pieces.size}`, bytesOf(blob));
  for (const [name, values] of Object.entries(learnt?.parameters ?? {}))
    pieces.set(`learnt.${name}`, { dtype: 'float32', shape: [values.length], bytes: values });
  const file = learnt?.base.file ?? null;
  if (file) pieces.set('network', bytesOf(file.blob));
  const description: Description = {
    ...{ format: FORMAT, epochs, courses },
    classes: classes.map(({ name, pictures }) => ({
      name,
      pictures: pictures.map(({ name, blob, held }) => ({ name, type: blob.type, held })),
    })),
    learnt: learnt && {
      trainFrom: learnt.trainFrom,
      base: { ...learnt.base, file: file?.name ?? null },
    },
  };
  const { head, order } = writeHeader(pieces, { [KEY]: JSON.stringify(description) });
  return new Blob([head, ...order.map((name) => pieces.get(name)!.bytes)]);
}

/** @throws InputError, a sentence, where the file holds no lesson, is damaged, or says what cannot be */
export async function openLesson({ name: file, blob }: Photo): Promise<LessonContent> {
  try {
    const first = new Uint8Array(await blob.slice(0, HEADER_START).arrayBuffer());
    const head = new Uint8Array(await blob.slice(0, headerEnd(first, blob.size)).arrayBuffer());
    const { tensors, metadata } = readHeader(head, blob.size);
    const json = metadata[KEY];
    if (json === undefined)
      throw new InputError(
        `${file} holds no lesson; weights become the network that answers when they are dropped on the page`,
      );
    return await contentOf(descriptionIn(file, json), tensors, blob);
  } catch (error) {
    if (error instanceof WeightsError) throw new InputError(`${file} ${error.message}`, { cause: error });
    if (error instanceof RangeError)
      throw new InputError(
        `${file} is no lesson that can be opened: ${error.message}; take another copy of it`,
        {
          cause: error,
        },
      );
    throw error;
  }
}

function descriptionIn(file: string, json: string): Description {
  const found = parseBounded(json, 'its description') as Partial<Description> | null;
  if (typeof found?.format === 'number' && found.format > FORMAT)
    throw new InputError(
      `${file} was written by a newer page (format ${found.format}, this one reads ${FORMAT}); open it there`,
    );
  demand(DESCRIPTION, found, 'its description');
  return found as Description;
}

async function contentOf(
  { classes, epochs, courses, learnt }: Description,
  tensors: Map<string, Placed>,
  blob: Blob,
): Promise<LessonContent> {
  const take = (name: string, dtype: Placed['dtype'], type = ''): Blob => {
    const placed = tensors.get(name);
    if (placed?.dtype !== dtype) throw new RangeError(`${name} is to be a tensor of ${dtype}`);
    tensors.delete(name);
    return blob.slice(placed.begin, placed.end, type);
  };
  let count = 0;
  const content: LessonContent = {
    ...{ epochs, courses, learnt: null },
    classes: classes.map(({ name, pictures }) => ({
      name,
      // The browser makes of a picture what its bytes say; a type that is none of a picture is left out.
      pictures: pictures.map(({ name, type, held }) => {
        return {
          name,
          held,
          blob: take(`picture.${count++}`, 'uint8', /^image\/[\w.+-]+$/.test(type) ? type : ''),
        };
      }),
    })),
  };
  if (!learnt) return nothingLeft(tensors, content);
  const { base } = learnt;
  const parameters: Record<string, Float32Array<ArrayBuffer>> = {};
  for (const name of [...tensors.keys()].filter((name) => name.startsWith('learnt.')))
    parameters[name.slice('learnt.'.length)] = new Float32Array(await take(name, 'float32').arrayBuffer());
  const file = base.file === null ? null : { name: base.file, blob: take('network', 'uint8') };
  const names = classes.map(({ name }) => name);
  return nothingLeft(tensors, {
    ...content,
    learnt: { ...learnt, classes: names, parameters, base: { ...base, file } },
  });
}

function nothingLeft(tensors: Map<string, Placed>, content: LessonContent): LessonContent {
  const [more] = tensors.keys();
  if (more !== undefined) throw new RangeError(`it holds ${more}, of which its description says nothing`);
  return content;
}
