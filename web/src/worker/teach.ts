/**
 * `teach`: a new head for classes of the user's on the network that answers. All else is frozen, so that what it makes of a
 * picture is computed once and kept: from the second epoch on only the head is computed.
 */
import { fromSamples } from '../../../src/data/in-thread.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { AdamW, cosine, freeze } from '../../../src/nn/index.ts';
import { percentRange, wilson } from '../../../src/train/evaluation/intervals.ts';
import { FeatureCache } from '../../../src/train/feature-cache.ts';
import { fit } from '../../../src/train/fit.ts';
import { infer } from '../../../src/train/infer.ts';
import { argmax, confusionMatrix, predictions, rowOf, softmaxRow } from '../../../src/train/metrics.ts';
import { cardMetadata } from '../../../src/weights/card.ts';
import { weightsBytes } from '../../../src/weights/create-model.ts';
import type { Lesson, Taught } from '../contract.ts';
import type { Context } from './serve.ts';
import type { Session } from './session.ts';

const BATCH = 16;
/** As `npm run train` learns a head. */
const RATE = 3e-3;

export async function teach(
  session: Session,
  { classes, pictures, epochs }: Lesson,
  { tell, breathe }: Context<'teach'>,
): Promise<Taught> {
  const begun = performance.now();
  const { model, device, preprocessing } = await session.pupil(classes.length);
  const cache = new FeatureCache({ model, device });
  const unreadable = new Set<string>();
  try {
    const { frozenParameters, trainableParameters } = freeze(model, { except: [model.stages.at(-1)!] });
    // A sample's file is its number in the lesson: names may be alike.
    const samples = pictures.map(({ blob, label }, i): Sample => ({ file: String(i), label, blob }));
    const loading = {
      ...{ batchSize: BATCH, preprocessing },
      onUnreadable: (_: unknown, { file }: Sample) => void unreadable.add(file),
    };
    const learnt = cache.of(
      fromSamples(
        samples.filter((_, i) => !pictures[i]!.held),
        { ...loading, shuffle: true },
      ),
    );
    const heldOut = samples.filter((_, i) => pictures[i]!.held);
    const held = heldOut.length > 0 ? cache.of(fromSamples(heldOut, loading)) : null;
    tell({ done: 0, total: epochs, name: 'what the frozen part makes of each picture' });
    await fit({
      ...{ model, device, epochs, train: learnt, schedule: cosine() },
      ...(held && { val: held }),
      optimizer: new AdamW(model.parameters(), { lr: RATE }),
      callbacks: [
        {
          name: 'lesson',
          async onEpoch({ record: { epoch, trainLoss, val } }) {
            const figures = { trainLoss, valLoss: val?.loss ?? null, accuracy: val?.accuracy ?? null };
            tell({ done: epoch, total: epochs, name: `epoch ${epoch}`, ...figures });
            await breathe();
          },
        },
      ],
    });
    const answers: (Taught['answers'][number] | null)[] = pictures.map(() => null);
    let confusion = classes.map(() => classes.map(() => 0));
    let right = 0;
    for (const source of held ? [learnt, held] : [learnt]) {
      const found = (await infer(model, device, source.load(0)))!;
      for (const [i, { file }] of found.samples.entries()) {
        const row = softmaxRow(rowOf(found, i));
        const index = argmax(row);
        answers[Number(file)] = { index, probability: row[index]! };
      }
      if (source !== held) continue;
      const taken = predictions(found);
      confusion = confusionMatrix(taken, found.labels, classes.length);
      right = taken.filter((index, i) => index === found.labels[i]).length;
    }
    const count = confusion.flat().reduce((sum, one) => sum + one, 0);
    const interval = wilson(right, count);
    const metadata = cardMetadata({ classes, preprocessing });
    return {
      ...{ answers, confusion, right, held: count, frozenParameters, trainedParameters: trainableParameters },
      interval: interval && percentRange(interval),
      seconds: (performance.now() - begun) / 1000,
      file: Uint8Array.from(await weightsBytes(model, { metadata })),
    };
  } finally {
    model.dispose();
  }
}
