/**
 * Distillation (Hinton, Vinyals & Dean: "Distilling the Knowledge in a Neural Network", 2015,
 * https://arxiv.org/abs/1503.02531): a network learns what another says to its pictures, beside their labels. How much
 * likelier a network finds a cat to be a dog than a truck is in its answer, and not in the label.
 *
 *   loss = (1 − share) · CE(labels, student) + share · T² · KL(softmax(teacher / T) ‖ softmax(student / T))
 *
 * T, the temperature, makes both softer, so that the small probabilities count too; T² makes up for gradients that are
 * smaller by that much. The teacher answers to the very pictures that the student is shown, cut, flipped and mixed as they
 * are, so that there is always something to learn from it (Beyer et al.: "Knowledge distillation: A good teacher is patient
 * and consistent", 2022).
 */
import { add, logSoftmax, mul, softmax, sub, sum } from '../kernels/index.ts';
import { crossEntropy, Model } from '../nn/index.ts';
import { noGrad, type Shape, sameShape, scope, show, type Tensor } from '../tensor/index.ts';
import { between, demand, number, object, type Rule } from '../text/rules.ts';
import { type Criterion, type LabelOptions, labelCriterion } from './criterion.ts';
import { type Step, stepOf, type UpdateOptions } from './step.ts';

/** What a teacher says to pictures [N, H, W, 3] as the student is shown them: logits [N, classes]. */
export type Teacher = (pictures: Tensor) => Tensor;

export interface DistilOptions extends Omit<LabelOptions, 'classWeights'> {
  /** A network, which is asked in evaluation mode, or what answers in its place. It learns nothing. */
  teacher: Model | Teacher;
  /** T. Default 4; Hinton et al. take 2.5 to 20. */
  temperature?: number;
  /** How much the teacher counts, from 0 (nothing) to 1 (labels do not count). Default 0.9. */
  share?: number;
}

/** A share and a temperature out of a file. */
export const DISTIL_SHARE: Rule = number(0, 1);
export const DISTIL_TEMPERATURE: Rule = between(0, 1000);

/**
 * The step of a network that learns from another: `plainStep` with the teacher's share in the loss. It belongs to one run.
 * @throws RangeError for a share or temperature that is none; the step throws Error where batches carry features in place
 * of pictures, and RangeError where the teacher's classes are not as many as the student's
 */
export function distilStep({ accumulate, clipNorm, ...options }: DistilOptions & UpdateOptions): Step {
  return stepOf(distilCriterion(options), { accumulate, clipNorm });
}

/** The loss of `distilStep` for a step of one's own. The teacher is asked once for a batch, whoever learns from it. */
export function distilCriterion({ teacher, temperature, share, ...labels }: DistilOptions): Criterion {
  const ask = asking(teacher, { temperature, share });
  const criterion = labelCriterion(labels);
  return (batch, place) => {
    if (batch.features)
      throw new Error(
        'distilStep: this batch carries features of a FeatureCache, and the teacher needs the pictures; load it without the cache',
      );
    const question = criterion(batch, place);
    const taught = ask(question.input, [batch.size, place.model.numClasses]);
    return { ...question, lossOf: (logits) => taught(logits, question.lossOf(logits)) };
  };
}

/** See `asking`. */
export type Asking = (pictures: Tensor, answer: Shape) => (logits: Tensor, labelLoss: Tensor) => Tensor;

/** The loss of a rehearsed step: cross entropy of labels, and what a teacher makes of it where one is asked. */
export function lossOfStep(
  model: Model,
  pictures: Tensor,
  labels: Int32Array<ArrayBuffer>,
  ask: Asking | null,
): Tensor {
  const taught = ask?.(pictures, [labels.length, model.numClasses]);
  const logits = model.forward(pictures);
  const loss = crossEntropy(logits, labels);
  return taught?.(logits, loss) ?? loss;
}

/**
 * What a teacher makes of a loss: called with pictures, and the shape of what a student answers to them, it asks the teacher
 * and gives what takes the student's logits and their loss by the labels alone, and returns the loss of `distilStep`.
 * @throws RangeError for a share or temperature that is none; when called, where the shape of the answer is another
 */
export function asking(
  teacher: Model | Teacher,
  { temperature = 4, share = 0.9 }: { temperature?: number | undefined; share?: number | undefined } = {},
): Asking {
  const rule = object({ share: DISTIL_SHARE, temperature: DISTIL_TEMPERATURE });
  demand(rule, { share, temperature }, 'distilStep');
  return (pictures, answer) => {
    const taught = noGrad(() =>
      scope(() => {
        const logits = mul(answerOf(teacher, pictures), 1 / temperature);
        checkAnswer(logits.shape, answer);
        return [softmax(logits), logSoftmax(logits)] as const;
      }),
    );
    return (logits, labelLoss) =>
      add(
        mul(labelLoss, 1 - share),
        mul(divergence(mul(logits, 1 / temperature), ...taught), share * temperature ** 2),
      );
  };
}

/** KL(p ‖ softmax(logits)), the mean over the batch. PyTorch: `F.kl_div`, reduction 'batchmean'. */
function divergence(logits: Tensor, p: Tensor, logP: Tensor): Tensor {
  return mul(sum(mul(p, sub(logP, logSoftmax(logits)))), 1 / logits.shape[0]!);
}

function answerOf(teacher: Model | Teacher, pictures: Tensor): Tensor {
  return teacher instanceof Model ? teacher.eval().forward(pictures) : teacher(pictures);
}

function checkAnswer(answer: Shape, wanted: Shape): void {
  if (!sameShape(answer, wanted))
    throw new RangeError(
      `distilStep: the teacher answers ${show(answer)} where the student answers ${show(wanted)}; both need the same classes in the same order`,
    );
}
