/** `classify`: a picture through the network, as `predict` does it, and what the network saw of it. */
import { decodeBlob } from '../../../src/data/blob.ts';
import { heightWidth } from '../../../src/data/input-size.ts';
import { evalTransform, networkView, type Preprocessing } from '../../../src/data/transforms.ts';
import type { Device } from '../../../src/gpu/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../../src/tensor/index.ts';
import type { Decided } from '../../../src/train/decided.ts';
import { sigmoidRow } from '../../../src/train/labels/answers.ts';
import { largest, predicted, softmaxRow } from '../../../src/train/metrics.ts';
import type { Answer, Photo } from '../contract.ts';
import { pixelsOf } from './pixels.ts';
import type { Session } from './session.ts';

const LIKELIEST = 5;

/** A picture as the network's input [1, H, W, 3]; whoever asks disposes of it. */
export async function inputOf(photo: Photo, preprocessing: Preprocessing, device: Device): Promise<Tensor> {
  const image = await decodeBlob(photo.blob, photo.name);
  const values = evalTransform(preprocessing)(image, Math.random) as Float32Array<ArrayBuffer>;
  return tensor(values, [1, ...heightWidth(preprocessing.inputSize), 3], { device, owned: true });
}

export function classify(session: Session, { name, blob }: Photo): Promise<Answer> {
  return session.onNetwork(async ({ model, preprocessing, device, facts: { decided } }) => {
    const start = performance.now();
    const image = await decodeBlob(blob, name);
    const decoded = performance.now();
    const values = evalTransform(preprocessing)(image, Math.random) as Float32Array<ArrayBuffer>;
    const prepared = performance.now();
    const shape = [1, ...heightWidth(preprocessing.inputSize), 3];
    const answers = scope(() => noGrad(() => model.forward(tensor(values, shape, { device }))));
    const logits = Float32Array.from(await answers.data());
    const done = performance.now();
    answers.dispose();
    const probabilities = Float32Array.from((decided.thresholds ? sigmoidRow : softmaxRow)(logits));
    const called = calledOf(logits, probabilities, decided);
    const likeliest = largest(logits, LIKELIEST);
    return {
      ...{ logits, probabilities, called },
      top: [...likeliest, ...(called ?? []).filter((index) => !likeliest.includes(index))],
      view: pixelsOf(networkView(image, preprocessing)),
      original: { width: image.width, height: image.height },
      milliseconds: { decode: decoded - start, prepare: prepared - decoded, network: done - prepared },
    };
  });
}

/** What `predict` calls of the same answers; null where that is the likeliest class. */
function calledOf(
  logits: Float32Array,
  probabilities: Float32Array,
  { calling, thresholds }: Decided,
): number[] | null {
  if (calling) return [predicted(logits, calling)];
  if (!thresholds) return null;
  return thresholds.flatMap((threshold, index) => (probabilities[index]! >= threshold ? [index] : []));
}
