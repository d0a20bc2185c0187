/**
 * A network as the teacher of others (distil.ts) whose pictures come at another size, with another mean and deviation,
 * or whose classes stand in another order:
 *
 *   x ─ (x·s + m − m′) / s′ ─ resize ─ network ─ columns of the classes ─ logits
 *
 * m, s: mean and deviation with which the pictures come; m′, s′: those of the teacher. What is alike is left out.
 */
import { heightWidth, type InputSize, pixelsOf } from '../data/input-size.ts';
import type { Preprocessing } from '../data/transforms.ts';
import { add, matmul, mul, resize } from '../kernels/index.ts';
import type { Model } from '../nn/index.ts';
import { keep, type Shape, type Tensor, tensor } from '../tensor/index.ts';
import { shown } from '../text/shown.ts';
import { listNames } from '../weights/formats/error.ts';
import type { Teacher } from './distil.ts';

/** What a network answers to: how its pictures are prepared, and its classes in the order of the outputs. */
export interface Schooling {
  preprocessing: Preprocessing;
  classes: readonly string[];
}

/**
 * Where the wanted classes stand among a teacher's. It may know more of them: of those it is as if it had not been asked.
 * @param name of the teacher, for sentences
 * @throws RangeError where it does not know a class, or two of its classes have the name of one
 */
export function placesOf(wanted: readonly string[], known: readonly string[], name: string): number[] {
  const missing = wanted.filter((one) => !known.includes(one));
  if (missing.length > 0)
    throw new RangeError(
      `the teacher ${shown(name)} does not know ${missing.length === 1 ? 'the class' : 'the classes'} ${listNames(missing)} of these pictures (it knows ${listNames(known)}); take one that was trained on the same classes`,
    );
  const twice = wanted.find((one) => known.indexOf(one) !== known.lastIndexOf(one));
  if (twice !== undefined)
    throw new RangeError(
      `the teacher ${shown(name)} has two classes called ${shown(twice)}, so that it is not known which is meant; take one that was trained on the same classes`,
    );
  return wanted.map((one) => known.indexOf(one));
}

/**
 * What a network answers to pictures as students are shown them, in the order of their classes.
 * @param theirs what the network was trained for
 * @param ours how pictures come, and what should be answered
 * @param name of the teacher, for sentences
 * @throws RangeError as `placesOf`
 */
export function teacherOf(model: Model, theirs: Schooling, ours: Schooling, name: string): Teacher {
  const [[, { device }]] = model.namedParameters();
  const { mean, std, inputSize, interpolation } = theirs.preprocessing;
  const { mean: m, std: s } = ours.preprocessing;
  const size = askedAt(inputSize, ours.preprocessing.inputSize);
  const places = placesOf(ours.classes, theirs.classes, name);
  const channels = [0, 1, 2] as const;
  const alike = channels.every((c) => m[c] === mean[c] && s[c] === std[c]);
  const three = (of: (channel: 0 | 1 | 2) => number): Tensor | null =>
    alike ? null : keep(tensor(channels.map(of), [3], { device }));
  const factor = three((c) => s[c] / std[c]);
  const shift = three((c) => (m[c] - mean[c]) / std[c]);
  const inOrder = places.length === theirs.classes.length && places.every((place, i) => place === i);
  const columns = inOrder ? null : keep(tensor(...selection(places, theirs.classes.length), { device }));
  return (pictures) => {
    const own = factor && shift ? add(mul(pictures, factor), shift) : pictures;
    const logits = model.eval().forward(resize(own, size, { interpolation }));
    return columns ? matmul(logits, columns) : logits;
  };
}

/**
 * The size at which a teacher is asked about pictures of another size: its own where they have its aspect, else as many pixels in
 * their aspect, since a picture that is squeezed is another one.
 */
function askedAt(theirs: InputSize, ours: InputSize): [height: number, width: number] {
  const [[h, w], [height, width]] = [heightWidth(theirs), heightWidth(ours)];
  if (h * width === w * height) return [h, w];
  const scale = Math.sqrt(pixelsOf(theirs) / pixelsOf(ours));
  return [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
}

/** What picks columns as a matrix product, [known, places]: a one in each column. */
function selection(
  places: readonly number[],
  known: number,
): [values: Float32Array<ArrayBuffer>, shape: Shape] {
  const values = new Float32Array(known * places.length);
  for (const [column, place] of places.entries()) values[place * places.length + column] = 1;
  return [values, [known, places.length]];
}
