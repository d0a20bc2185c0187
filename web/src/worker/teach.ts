/**
 * `teach`: classes of the user's on a network, a new head first, then the last stages with it. What is frozen makes the same of a
 * picture every time, so it is computed once and kept; from the second epoch on only what learns is computed. Phases, rates, steps
 * and the loop are those of `npm run train`.
 */
import { fromSamples } from '../../../src/data/in-thread.ts';
import type { BatchSource } from '../../../src/data/loader.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { type Device, DeviceLost } from '../../../src/gpu/index.ts';
import type { Model } from '../../../src/nn/index.ts';
import { pairedDifference, percentRange, wilson } from '../../../src/train/evaluation/intervals.ts';
import { FeatureCache } from '../../../src/train/feature-cache.ts';
import { fit } from '../../../src/train/fit.ts';
import { freezeFor, type Learning, optimizerOf, phasesOf } from '../../../src/train/from-settings.ts';
import { infer } from '../../../src/train/infer.ts';
import { argmax, rowOf, softmaxRow } from '../../../src/train/metrics.ts';
import type { EpochRecord } from '../../../src/train/progress.ts';
import { type Answers, type Epoch, type Gain, keyOf, type Lesson, type Taught } from '../lesson.ts';
import type { Context } from './serve.ts';
import type { Session } from './session.ts';
import { stepCost } from './step-cost.ts';
import { goOn, Keeper, learntOf, putLearnt } from './study.ts';

const BATCH = 16;
/** Stages in front of the head that are offered to learn. */
const OFFERED = 3;

/** As `npm run train` has them by default (src/cli/train/settings.ts), but for the number of epochs. */
const settingsOf = ({ trainFrom, epochs }: Lesson): Learning => ({
  phases: [{ trainFrom, epochs, lr: trainFrom === 'head' ? 3e-3 : 1e-3, backboneFactor: 0.1 }],
  ...{ trainNorms: false, weightDecay: 0.01, decayNorms: false, lrDecayPerStage: 1 },
  ...{ schedule: 'cosine', warmup: 0.05, accumulate: 1 },
});

const courseOf = (history: readonly EpochRecord[]): Epoch[] =>
  history.map(({ trainLoss, val }) => {
    return { trainLoss, valLoss: val?.loss ?? null, accuracy: val?.accuracy ?? null };
  });

/** A lesson; where the device is lost in the middle of it, it goes on with another one where it was kept. */
export async function teach(session: Session, lesson: Lesson, context: Context<'teach'>): Promise<Taught> {
  try {
    return await taughtBy(session, lesson, context);
  } catch (error) {
    if (!(error instanceof DeviceLost)) throw error;
    return taughtBy(session, { ...lesson, goOn: true }, context);
  }
}

async function taughtBy(
  session: Session,
  lesson: Lesson,
  { tell, breathe, signal }: Context<'teach'>,
): Promise<Taught> {
  const begun = performance.now();
  const { classes, pictures, epochs, trainFrom, base, from } = lesson;
  const { model, device, preprocessing } = await session.pupil(base, classes.length);
  const cache = new FeatureCache({
    ...{ model, device, still: true },
    onFeatures() {
      signal.throwIfAborted();
      tell({
        done: Math.min(cache.counts.computed, pictures.length),
        total: pictures.length,
        name: 'pictures that the frozen part has seen',
      });
    },
  });
  try {
    if (from) putLearnt(model, from.parameters);
    const settings = settingsOf(lesson);
    const { frozenParameters, trainableParameters } = freezeFor(model, { trainFrom, trainNorms: false });
    // A sample's file is its number in the lesson: names may be alike.
    const samples = pictures.map(({ blob, label }, i): Sample => ({ file: String(i), label, blob }));
    const side = (held: boolean): Sample[] => samples.filter((_, i) => pictures[i]!.held === held);
    const loading = { batchSize: BATCH, preprocessing, onUnreadable: () => undefined };
    const learning = cache.of(fromSamples(side(false), { ...loading, shuffle: true }));
    const held = side(true).length > 0 ? cache.of(fromSamples(side(true), loading)) : null;
    tell({ done: 0, total: pictures.length, name: 'pictures that the frozen part has seen' });
    let course: Epoch[] = [];
    if (epochs > 0) {
      const optimizer = optimizerOf(model, settings);
      const key = keyOf(lesson);
      const progress = lesson.goOn ? await goOn(key, model, optimizer) : null;
      if (progress) tell({ ...stepOf(progress.epoch, epochs), course: courseOf(progress.history) });
      const { progress: end } = await fit({
        ...{ model, device, train: learning, optimizer, phases: phasesOf(model, optimizer, settings) },
        ...(held && { val: held }),
        ...(progress && { from: { progress } }),
        callbacks: [
          {
            name: 'course',
            async onEpoch({ record: { epoch }, progress: { history } }) {
              tell({ ...stepOf(epoch, epochs), course: courseOf(history) });
              await breathe();
            },
          },
          new Keeper(
            key,
            signal,
            (error, epoch) => tell({ ...stepOf(epoch, epochs), unkept: String(error) }),
            breathe,
          ),
        ],
      });
      course = courseOf(end.history);
      optimizer.dispose();
    }
    const answers = await answersTo(model, device, held ? [learning, held] : [learning], pictures.length);
    await breathe();
    return {
      ...{ answers, frozenParameters, trainedParameters: trainableParameters, course },
      ...measured(lesson, answers),
      learnt: { base, classes, trainFrom, parameters: { ...from?.parameters, ...(await learntOf(model)) } },
      // From the first one on there is nothing frozen to keep.
      stages: model.stages.slice(1, -1).slice(-OFFERED).reverse(),
      step: epochs > 0 ? await stepCost(model, device, settings, learning) : null,
      seconds: (performance.now() - begun) / 1000,
    };
  } finally {
    cache.close();
    model.dispose();
  }
}

const stepOf = (epoch: number, epochs: number) => ({ done: epoch, total: epochs, name: `epoch ${epoch}` });

/** What each picture is taken for; what cannot be read is in no source's batches. */
async function answersTo(
  model: Model,
  device: Device,
  sources: readonly BatchSource[],
  pictures: number,
): Promise<Answers> {
  const answers: Answers[number][] = new Array(pictures).fill(null);
  for (const source of sources) {
    const found = (await infer(model, device, source.load(0)))!;
    for (const [i, { file }] of found.samples.entries()) {
      const row = softmaxRow(rowOf(found, i));
      const index = argmax(row);
      answers[Number(file)] = { index, probability: row[index]! };
    }
  }
  return answers;
}

/** The figures of the held-out pictures. */
function measured(
  { classes, pictures, before }: Lesson,
  answers: Answers,
): Pick<Taught, 'confusion' | 'right' | 'held' | 'interval' | 'gain'> {
  const confusion = classes.map(() => classes.map(() => 0));
  for (const [i, { label, held }] of pictures.entries())
    if (held && answers[i]) confusion[label]![answers[i].index]!++;
  const held = confusion.flat().reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
  const interval = wilson(right, held);
  return {
    ...{ confusion, right, held, interval: interval && percentRange(interval) },
    gain: before && gainOf(pictures, before, answers),
  };
}

function gainOf(pictures: Lesson['pictures'], before: Answers, after: Answers): Gain | null {
  const counts = { both: 0, before: 0, after: 0, neither: 0 };
  for (const [i, { label, held }] of pictures.entries()) {
    if (!held || !before[i] || !after[i]) continue;
    const [was, is] = [before[i].index === label, after[i].index === label];
    counts[was ? (is ? 'both' : 'before') : is ? 'after' : 'neither']++;
  }
  const change = pairedDifference(counts);
  return (
    change && {
      ...{ before: counts.both + counts.before, after: counts.both + counts.after },
      // Of before − after.
      ...{ low: -100 * change.high, high: -100 * change.low },
    }
  );
}
