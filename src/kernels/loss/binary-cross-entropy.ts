/**
 * Binary cross-entropy of logits x [N, C] with targets t [N, C], the mean over all of them: each label is a question of its own,
 * to be answered yes or no.
 *
 *   l    = w·t·softplus(−x) + (1 − t)·softplus(x)        w: a weight for each label's yes, 1 by default
 *   loss = Σ l / (N·C)
 *   dx   = dy · ((1 − t)·σ(x) − w·t·σ(−x)) / (N·C)
 *
 * In a form that does not overflow: softplus(±x) = max(±x, 0) + log(1 + e^−|x|), so that l is max(x, 0) − x·t + log(1 + e^−|x|)
 * where w is 1; and of e = e^−|x| the sigmoids are 1/(1 + e) and e/(1 + e), the larger one on the side of x.
 *
 * One invocation computes one or four neighbouring labels. Limited by memory: 12 bytes a logit forward and 12 backward.
 */
import { elementwise, family } from '../../gpu/index.ts';
import { checkTypes, empty, record, sameShape, scope, show, Tensor, tensor } from '../../tensor/index.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import { sumAxes } from '../parts/partial-sums.ts';

export interface BinaryCrossEntropyOptions {
  /** w: how much a yes of each label counts beside a no, [C]. PyTorch: `pos_weight`. */
  posWeight?: Tensor | readonly number[] | Float32Array | undefined;
}

interface Form {
  weighted: boolean;
  element: Element;
}

/** The weight of a label's yes. classes: in elements of x as it is bound. */
const weightOf = ({ weighted, element }: Form): string =>
  `fn weightOf(i: u32) -> ${element} { return ${weighted ? 'weight[i % p.classes]' : `${element}(1)`}; }`;

const INPUTS = ({ weighted, element }: Form) => ({
  x: `read ${element}` as const,
  t: `read ${element}` as const,
  ...(weighted ? { weight: `read ${element}` as const } : {}),
});

const named = (form: Form, what: string): string =>
  `binary-cross-entropy${form.weighted ? '-weighted' : ''}${what}-${form.element}`;

const forwardProgram = family((form: Form) =>
  elementwise({
    name: named(form, ''),
    bindings: { ...INPUTS(form), terms: `write ${form.element}` },
    params: { classes: 'u32' },
    wgsl: `${weightOf(form)}
fn element(i: u32) {
  let zero = ${form.element}(0);
  let rest = log(1 + exp(-abs(x[i])));
  terms[i] = weightOf(i) * t[i] * (max(-x[i], zero) + rest) + (1 - t[i]) * (max(x[i], zero) + rest);
}`,
  }),
);

const gradientProgram = family((form: Form) =>
  elementwise({
    name: named(form, '-backward'),
    bindings: { ...INPUTS(form), dy: 'read f32', dx: `write ${form.element}` },
    params: { classes: 'u32', scale: 'f32' },
    wgsl: `${weightOf(form)}
fn element(i: u32) {
  let e = exp(-abs(x[i]));
  let likely = 1 / (1 + e);
  let positive = x[i] >= ${form.element}(0);
  let yes = select(e * likely, likely, positive);
  let no = select(likely, e * likely, positive);
  dx[i] = ((1 - t[i]) * yes - weightOf(i) * t[i] * no) * (dy[0] * p.scale);
}`,
  }),
);

/**
 * The mean binary cross-entropy of `logits` [N, C], a scalar `[]`, where several labels may hold of a sample. PyTorch:
 * `F.binary_cross_entropy_with_logits`, reduction 'mean'.
 *
 * Targets are from 0 to 1 (0 and 1 themselves as a rule): N·C of them in an array, checked here, or a float32 tensor [N, C]. The
 * gradient goes to the logits only. Throws where shapes do not fit, and where a target of an array lies outside, naming its place.
 */
export function binaryCrossEntropy(
  logits: Tensor,
  targets: ArrayLike<number> | Tensor,
  { posWeight }: BinaryCrossEntropyOptions = {},
): Tensor {
  return scope(() => {
    checkTypes('binaryCrossEntropy', { logits });
    const [rows, classes] = logits.shape;
    if (logits.shape.length !== 2 || rows === undefined || classes === undefined)
      throw new RangeError(`binaryCrossEntropy: the logits are [N, labels], not ${show(logits.shape)}`);
    const t = targetTensor(logits, targets);
    const weight = posWeight === undefined ? null : weightTensor(logits, posWeight);
    const form = { weighted: weight !== null, element: elementOf(classes) };
    const run = { form, classes: classes / widthOf(form.element), scale: 1 / logits.size };
    const terms = empty(logits.device, logits.shape);
    logits.device.run(forwardProgram(form), {
      bindings: { x: logits.buffer, t: t.buffer, ...weightBinding(weight), terms: terms.buffer },
      params: { count: logits.size / widthOf(form.element), classes: run.classes },
      flops: 8 * logits.size,
      bytes: 12 * logits.size,
    });
    const loss = sumAxes(terms, [0, 1], [], run.scale);
    return record('binaryCrossEntropy', loss, [logits], { x: logits, t, weight }, (saved, dy) => [
      gradient(run, saved, dy),
    ]);
  });
}

const weightBinding = (weight: Tensor | null): Record<string, Tensor['buffer']> =>
  weight ? { weight: weight.buffer } : {};

/** dx = dy · ((1 − t)·σ(x) − w·t·σ(−x)) / (N·C). */
function gradient(
  { form, classes, scale }: { form: Form; classes: number; scale: number },
  { x, t, weight }: { x: Tensor; t: Tensor; weight: Tensor | null },
  dy: Tensor,
): Tensor {
  const dx = empty(x.device, x.shape);
  x.device.run(gradientProgram(form), {
    bindings: { x: x.buffer, t: t.buffer, ...weightBinding(weight), dy: dy.buffer, dx: dx.buffer },
    params: { count: x.size / widthOf(form.element), classes, scale },
    flops: 10 * x.size,
    bytes: 12 * x.size,
  });
  return dx;
}

/** The targets as a tensor. The values of one that is a tensor already are not looked at, which would wait for the GPU. */
function targetTensor({ shape, device, size }: Tensor, targets: ArrayLike<number> | Tensor): Tensor {
  if (targets instanceof Tensor) {
    if (targets.requiresGrad || targets.node)
      throw new Error(
        'binaryCrossEntropy: the targets require a gradient, which goes to the logits only; detach() them',
      );
    checkTypes('binaryCrossEntropy', { targets });
    if (!sameShape(targets.shape, shape))
      throw new RangeError(
        `binaryCrossEntropy: targets ${show(targets.shape)} for logits ${show(shape)}; both have a value for each label`,
      );
    return targets;
  }
  if (targets.length !== size)
    throw new RangeError(`binaryCrossEntropy: ${targets.length} targets for logits ${show(shape)}`);
  // A plain loop: an array of JavaScript may hold anything, or have holes.
  for (let position = 0; position < size; position++) {
    const target = targets[position]!;
    if (!(typeof target === 'number' && target >= 0 && target <= 1))
      throw new RangeError(
        `binaryCrossEntropy: target ${target} at position ${position} is no number from 0 to 1`,
      );
  }
  return tensor(targets, shape, { device, dtype: 'float32' });
}

function weightTensor({ shape, device }: Tensor, weight: Tensor | readonly number[] | Float32Array): Tensor {
  const found = weight instanceof Tensor ? weight.shape : [weight.length];
  const wanted = [shape[1]!];
  if (!sameShape(found, wanted))
    throw new RangeError(
      `binaryCrossEntropy: the weights are ${show(found)}, and there are ${wanted[0]} labels`,
    );
  if (!(weight instanceof Tensor)) return tensor(weight, wanted, { device, dtype: 'float32' });
  checkTypes('binaryCrossEntropy', { posWeight: weight });
  return weight;
}
