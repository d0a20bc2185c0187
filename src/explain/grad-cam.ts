/**
 * Grad-CAM: where in a picture a network found what speaks for a class (Selvaraju et al. 2017, "Grad-CAM: Visual
 * Explanations from Deep Networks via Gradient-based Localization", https://arxiv.org/abs/1610.02391).
 *
 *   α_k = mean over positions of ∂y_c / ∂A_k        A [h, w, K] the feature map of a stage, y_c the logit of class c
 *   map = relu(Σ_k α_k · A_k)                       equations 1 and 2
 *
 * A channel counts by how much the class's logit rises with it, and only what speaks for the class stays. Up to the map
 * nothing is recorded, and behind it the map alone asks for a gradient, no parameter: what it costs is a forward pass and
 * the way back from the logits to the map, which is short for the last stage.
 */

import { heightWidth, type InputSize } from '../data/input-size.ts';
import type { Task } from '../data/sample.ts';
import type { Device } from '../gpu/index.ts';
import { mean, mul, relu, sum } from '../kernels/index.ts';
import type { Model } from '../nn/index.ts';
import { noGrad, scope, show, type Tensor, tensor, zeros } from '../tensor/index.ts';
import { checkedClasses, likeliest, probabilityRows } from './classes.ts';
import { type Explanation, normaliseMaps } from './heatmap.ts';
import { observing } from './observing.ts';

export interface GradCamOptions {
  /** The class of each picture's map; by default the one that the network takes it for. */
  classes?: ArrayLike<number>;
  /** The stage whose result is the map; by default the last that has one (`model.featureStage`). */
  stage?: string;
  /** What the network is asked: 'labels' where several may hold of a picture. Default 'classes'. */
  task?: Task;
}

/**
 * Grad-CAM of each of the pictures [N, H, W, 3], in evaluation mode; the maps are as large as the feature map of the stage
 * (7 × 7 for the last one of most networks at 224²). The model's mode, its gradients and what of it is frozen stay as they
 * are.
 * @throws RangeError for a class or a stage that the network does not have, and for a stage whose result is no map
 */
export async function gradCam(
  model: Model,
  images: Tensor,
  { classes, stage = model.featureStage, task = 'classes' }: GradCamOptions = {},
): Promise<Explanation> {
  const chosen = classes && checkedClasses('gradCam', model, images, classes);
  const { features, logits } = traced(model, images, stage);
  try {
    const answers = (await logits.data()) as Float32Array;
    const wanted = chosen ?? likeliest(answers, model.numClasses);
    const raw = scope(() => {
      logits.backward(oneHot(wanted, logits));
      const weights = mean(features.grad!, [1, 2], true);
      return relu(sum(mul(features, weights), 3));
    });
    const maps = Float32Array.from(await raw.data());
    raw.dispose();
    const [, height, width] = features.shape as [number, number, number, number];
    const strengths = normaliseMaps(maps, height * width);
    return {
      maps,
      height,
      width,
      strengths,
      classes: wanted,
      probabilities: probabilityRows(answers, model.numClasses, task),
    };
  } finally {
    features.grad?.dispose();
    for (const used of [logits, features]) used.dispose();
  }
}

/** The feature map of a stage, and the logits with their way back to it. */
function traced(model: Model, images: Tensor, stage: string): { features: Tensor; logits: Tensor } {
  const next = model.stages[model.stageIndex(stage) + 1];
  return observing(model, () => {
    const features = noGrad(() => scope(() => model.forwardStages(images, { through: stage })));
    try {
      if (next === undefined || features.shape.length !== 4)
        throw new RangeError(
          `gradCam: stage '${stage}' gives ${show(features.shape)}, which is no map of the picture; choose one up to '${model.featureStage}'`,
        );
      features.requiresGrad = true;
      return { features, logits: scope(() => model.forwardStages(features, { from: next })) };
    } catch (error) {
      features.dispose();
      throw error;
    }
  });
}

/** dL/dlogits for L = Σ of each picture's logit of its class: 1 there, 0 elsewhere. */
function oneHot(classes: Int32Array, { shape, size, device }: Tensor): Tensor {
  const values = new Float32Array(size);
  for (const [picture, index] of classes.entries()) values[picture * shape[1]! + index] = 1;
  return tensor(values, shape, { device });
}

/** A map of fewer places along a side says little of where in a picture something is. */
const FEWEST_PLACES = 6;

/**
 * The deepest stage of which the map of pictures of a size still tells places apart: it has at least six along the shorter
 * side. That is the last feature stage from 192² on in most networks, an earlier one for smaller pictures.
 */
export function placingStage(model: Model, device: Device, size: InputSize): string {
  const last = model.stageIndex(model.featureStage);
  let found = model.featureStage;
  observing(model, () =>
    noGrad(() =>
      scope(() => {
        let x: Tensor = zeros([1, ...heightWidth(size), 3], { device });
        for (const stage of model.stages.slice(0, last + 1)) {
          x = model.forwardStages(x, { from: stage, through: stage });
          if (x.shape.length === 4 && Math.min(x.shape[1], x.shape[2]) >= FEWEST_PLACES) found = stage;
        }
      }),
    ),
  );
  return found;
}
