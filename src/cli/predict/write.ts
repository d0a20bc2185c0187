/** `predict --out`: answers into a file, as many as there are pictures, with the memory of a few. */
import { fromSamples } from '../../data/node/loader.ts';
import type { Sample } from '../../data/sample.ts';
import type { Device } from '../../gpu/index.ts';
import { inferBatches, NO_NUMBER, unanswered } from '../../train/infer.ts';
import { predictionsOf } from '../../train/prediction.ts';
import type { Classifier } from '../classifier.ts';
import { counted, formatBytes, formatSeconds, progressBar, type StopRequest, say } from '../ui.ts';
import { AnswersFile, type AnswersPlan } from './answers-file.ts';
import type { Answer } from './answers-format.ts';
import { Waited } from './waiting.ts';

export interface Writing {
  path: string;
  plan: AnswersPlan;
  /** The pictures of the shard, in order. */
  files: readonly string[];
  batch: number;
  stop: StopRequest;
}

/** Writes the answers that are not there yet. @returns how many of all that are there say why there is none */
export async function writeAnswers(
  device: Device,
  network: Classifier,
  { path, plan, files, batch, stop }: Writing,
): Promise<number> {
  const { model, preprocessing } = network;
  const out = await AnswersFile.open(path, plan, files);
  const began = out.done;
  try {
    if (began === files.length) {
      say(`${path} holds all ${counted(files.length, 'answer')} already.`);
      return out.refused;
    }
    if (began > 0)
      say(`${path} holds ${began.toLocaleString('en-US')} of ${counted(files.length, 'answer')}: going on.`);
    const samples = files.map((file) => ({ file, label: 0 }));
    const reasons = new Map<Sample, string>();
    const source = fromSamples(samples, {
      batchSize: batch,
      preprocessing,
      onUnreadable: ({ reason }, sample) => reasons.set(sample, reason),
    });
    // Batches are those of a run that nobody ended: a picture's bits may hang on whether it travels alone.
    const startBatch = Math.floor(began / batch);
    let next = startBatch * batch;
    /** The answers for the pictures up to the one `last`, or to the end: those that could not be read say so. */
    const upTo = (last: Sample | null): Answer[] => {
      const lines: Answer[] = [];
      for (; next < samples.length && samples[next] !== last; next++) {
        const sample = samples[next];
        const error = reasons.get(sample);
        if (error === undefined) throw new Error(`predict: nothing was answered for ${sample.file}`);
        reasons.delete(sample);
        if (next >= began) lines.push({ file: sample.file, error });
      }
      return lines;
    };
    const bar = progressBar('Predicting', files.length);
    bar.update(began, '', null);
    const clock = new Waited();
    const memory = process.memoryUsage.rss();
    const put = async (lines: readonly Answer[]): Promise<void> => {
      await out.append(lines);
      const pace = (out.done - began) / (clock.elapsed / 1000);
      bar.update(out.done, `${pace.toFixed(1)} pictures/s`, (files.length - out.done) / pace);
    };
    for await (const answers of inferBatches(model, device, clock.watch(source.load(0, startBatch)))) {
      const none = new Set(unanswered(answers));
      const lines: Answer[] = [];
      for (const [index, prediction] of predictionsOf(answers, network, plan.topK).entries()) {
        const sample = answers.samples[index];
        lines.push(...upTo(sample));
        if (next++ < began) continue;
        lines.push(none.has(sample) ? { file: sample.file, error: NO_NUMBER } : prediction);
      }
      await put(lines);
      if (stop.requested) break;
    }
    if (!stop.requested) await put(upTo(null));
    bar.stop();
    say(...account(out.done - began, clock, memory));
  } finally {
    await out.close();
  }
  if (stop.requested)
    say(
      `${path} holds ${out.done.toLocaleString('en-US')} of ${counted(files.length, 'answer')}; the same command goes on.`,
    );
  return out.refused;
}

/** What the pass took. */
function account(pictures: number, { waited, elapsed }: Waited, before: number): string[] {
  const pace = ((1000 * pictures) / elapsed).toFixed(1);
  const share = ((100 * waited) / elapsed).toFixed(1);
  const after = process.memoryUsage.rss();
  return [
    `${counted(pictures, 'picture')} in ${formatSeconds(elapsed / 1000)}, ${pace} a second; at most ${share} % of the time the GPU waited for decoding.`,
    `Memory: ${formatBytes(before)} at the start, ${formatBytes(after)} at the end.`,
  ];
}
