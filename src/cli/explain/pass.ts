/** A run of `explain` over pictures: what its two ways of drawing share. */
import type { Batch } from '../../data/loader.ts';
import { fromSamples } from '../../data/node/loader.ts';
import type { Device } from '../../gpu/index.ts';
import type { Classifier, ClassifierOptions } from '../classifier.ts';
import { fittingBatch } from '../train/preflight.ts';
import type { ProgressBar, StopRequest } from '../ui.ts';
import type { Destination } from './place.ts';

export interface ExplainOptions extends ClassifierOptions {
  method: 'grad-cam' | 'occlusion';
  class?: string;
  stage?: string;
  features?: boolean;
  out?: string;
  batch: number;
  adapter?: string;
  untuned?: boolean;
  json?: boolean;
  debug?: boolean;
}

/** One run over pictures. */
export interface Pass {
  classifier: Classifier;
  device: Device;
  files: readonly string[];
  failures: string[];
  place: Destination;
  options: ExplainOptions;
  bar: ProgressBar;
  stop: StopRequest;
  /** Pictures so far. */
  done: number;
}

/** The pictures as batches that fit; what cannot be read is a failure. */
export async function* batchesOf(pass: Pass, count: number): AsyncGenerator<Batch> {
  const { classifier, device, files, failures, options, bar } = pass;
  const { model, preprocessing } = classifier;
  const source = fromSamples(
    files.map((file) => ({ file, label: 0 })),
    {
      batchSize: await fittingBatch(device, model, preprocessing.inputSize, Math.min(count, options.batch)),
      preprocessing,
      onUnreadable: (error) => failures.push(error.message),
    },
  );
  for await (const batch of source.load(0)) {
    yield batch;
    pass.done += batch.size + batch.skipped;
    bar.update(pass.done, '');
  }
}
