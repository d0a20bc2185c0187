/** What a report shows of answers beside their figures, of classes or of labels: the table of them, and pictures. */
import type { Inference } from '../train/infer.ts';
import { labelAnswers } from '../train/labels/answers.ts';
import type { AnyEvaluation } from '../train/task.ts';
import { answeredAs } from './answered.ts';
import type { PictureRow } from './document.ts';
import { type ExampleOptions, exampleRows } from './examples.ts';
import { labelExampleRows } from './labels/examples.ts';
import { labelPredictionsCsv } from './labels/predictions.ts';
import { predictionsCsv } from './predictions.ts';

/** Of answers and of what they are worth. */
export interface Told {
  /** predictions.csv */
  csv: string;
  pictures: PictureRow[];
  /** What could not be made, sentences. */
  missing: string[];
}

export async function toldOf(
  inference: Inference,
  evaluation: AnyEvaluation,
  options: Pick<ExampleOptions, 'preprocessing' | 'explain'>,
): Promise<Told> {
  const { classes } = evaluation;
  if (evaluation.task === 'labels') {
    const answers = labelAnswers(inference);
    const thresholds = evaluation.perLabel.map(({ threshold }) => threshold);
    const files = inference.samples.map(({ file }) => file);
    return {
      csv: labelPredictionsCsv(files, answers, classes, thresholds),
      ...(await labelExampleRows(inference, answers, thresholds, { ...options, classes })),
    };
  }
  const called = answeredAs(inference, evaluation);
  return {
    csv: predictionsCsv(inference, classes, called),
    ...(await exampleRows(inference, { ...options, classes, called })),
  };
}
