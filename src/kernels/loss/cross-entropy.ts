/**
 * Cross-entropy of logits x [N, C], the mean over the batch as PyTorch defines it.
 *
 *   log p = x − m − log s                      m, s: maximum and Σ exp(x − m) of a row, row-statistics.ts
 *   loss  = Σₙ −Σ_c q[n, c] · log p[n, c] / D
 *   dx    = dy · (p · Qₙ − q) / D              Qₙ = Σ_c q[n, c]
 *
 * What q and D are depends on the labels; w are class weights (1 by default), ε is the label smoothing:
 *
 *   class indices y:   q = (1 − ε) · w[y] · [c = y] + ε/C · w[c]      D = Σₙ w[yₙ]
 *   probabilities t:   q = w[c] · ((1 − ε) · t + ε/C)                 D = N
 *
 * A row whose label is `ignoreIndex` has q = 0 and does not count in D. Where all rows are ignored, D is 0 and the
 * loss NaN, as in PyTorch; the gradient is zero.
 *
 * One invocation a row computes its loss (a lookup; a loop over the classes with smoothing or probabilities), one
 * invocation for one or four neighbouring classes the gradient. Limited by memory: 8 bytes a logit forward (maximum,
 * sum), 8 backward.
 */
import { elementwise, family, program } from '../../gpu/index.ts';
import { checkTypes, empty, record, scope, type Tensor } from '../../tensor/index.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import { sumGroup } from '../parts/partial-sums.ts';
import { rowStatistics } from '../parts/row-statistics.ts';
import {
  type CrossEntropyOptions,
  checkLogits,
  type Labels,
  labelTensor,
  weightTensor,
} from './cross-entropy-inputs.ts';

export type { CrossEntropyOptions } from './cross-entropy-inputs.ts';

type Target = 'indices' | 'probabilities';
interface Form {
  target: Target;
  weighted: boolean;
}

const LABELS = { indices: 'i32', probabilities: 'f32' } as const;

/** What the row programs share: p.spread = ε/C, p.hit = 1 − ε. */
const PARAMS = { classes: 'u32', hit: 'f32', spread: 'f32', ignored: 'i32', notANumber: 'f32' } as const;

/** The weight of class c, one or four neighbours at a time. */
const weights = (weighted: boolean, type: Element): string =>
  `fn weightOf(c: u32) -> ${type} { return ${weighted ? 'weight[c]' : `${type}(1)`}; }`;

const weightBinding = (weighted: boolean, type: Element): Record<string, `read ${string}`> =>
  weighted ? { weight: `read ${type}` } : {};

/** terms = (loss, its share of D); rows = (m, s, Q, (1 − ε) · w[y]). */
const ROW: Record<Target, string> = {
  indices: `
fn element(i: u32) {
  let m = statistics[i].x;
  let s = statistics[i].y;
  let label = labels[i];
  if (label == p.ignored) {
    rows[i] = vec4f(m, s, 0, 0);
    terms[i] = vec2f(0);
    return;
  }
  if (label < 0 || label >= i32(p.classes)) { // labels that the CPU did not see: a loss that nobody can miss
    rows[i] = vec4f(m, s, p.notANumber, 0);
    terms[i] = vec2f(p.notANumber, 1);
    return;
  }
  let start = i * p.classes;
  let w = weightOf(u32(label));
  var q = p.hit * w;
  var loss = q * (log(s) - (x[start + u32(label)] - m));
  if (p.spread > 0) {
    for (var c = 0u; c < p.classes; c++) {
      let part = p.spread * weightOf(c);
      q += part;
      loss += part * (log(s) - (x[start + c] - m));
    }
  }
  rows[i] = vec4f(m, s, q, p.hit * w);
  terms[i] = vec2f(loss, w);
}`,
  probabilities: `
fn element(i: u32) {
  let m = statistics[i].x;
  let s = statistics[i].y;
  let start = i * p.classes;
  var q = 0f;
  var loss = 0f;
  for (var c = 0u; c < p.classes; c++) {
    let part = weightOf(c) * (p.hit * labels[start + c] + p.spread);
    q += part;
    loss += part * (log(s) - (x[start + c] - m));
  }
  rows[i] = vec4f(m, s, q, 0);
  terms[i] = vec2f(loss, 1);
}`,
};

const rowProgram = family(({ target, weighted }: Form) =>
  elementwise({
    name: `cross-entropy-${target}${weighted ? '-weighted' : ''}`,
    bindings: {
      x: 'read f32',
      statistics: 'read vec2f',
      labels: `read ${LABELS[target]}`,
      ...weightBinding(weighted, 'f32'),
      rows: 'write vec4f',
      terms: 'write vec2f',
    },
    params: PARAMS,
    wgsl: `${weights(weighted, 'f32')}${ROW[target]}`,
  }),
);

const quotientProgram = program(
  elementwise({
    name: 'cross-entropy-mean',
    bindings: { totals: 'read vec2f', loss: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { loss[i] = totals[i].x / totals[i].y; }',
  }),
);

type GradientForm = Form & { element: Element };

/** q of the classes of one invocation. */
const TARGET: Record<Target, Record<Element, string>> = {
  indices: {
    f32: `fn q(i: u32, n: u32, c: u32) -> f32 {
  if (labels[n] == p.ignored) { return 0; }
  return select(0, rows[n].w, i32(c) == labels[n]) + p.spread * weightOf(c);
}`,
    vec4f: `fn q(i: u32, n: u32, c: u32) -> vec4f {
  if (labels[n] == p.ignored) { return vec4f(0); }
  let column = vec4i(4 * i32(c)) + vec4i(0, 1, 2, 3);
  return select(vec4f(0), vec4f(rows[n].w), column == vec4i(labels[n])) + p.spread * weightOf(c);
}`,
  },
  probabilities: {
    f32: 'fn q(i: u32, n: u32, c: u32) -> f32 { return weightOf(c) * (p.hit * labels[i] + p.spread); }',
    vec4f: 'fn q(i: u32, n: u32, c: u32) -> vec4f { return weightOf(c) * (p.hit * labels[i] + p.spread); }',
  },
};

const gradientProgram = family(({ target, weighted, element }: GradientForm) =>
  elementwise({
    name: `cross-entropy-${target}${weighted ? '-weighted' : ''}-backward-${element}`,
    bindings: {
      x: `read ${element}`,
      rows: 'read vec4f',
      totals: 'read vec2f',
      labels: `read ${target === 'indices' ? 'i32' : element}`,
      ...weightBinding(weighted, element),
      dy: 'read f32',
      dx: `write ${element}`,
    },
    params: PARAMS, // classes: in elements of x as it is bound
    wgsl: `${weights(weighted, element)}
${TARGET[target][element]}
fn element(i: u32) {
  let n = i / p.classes;
  let row = rows[n];
  if (totals[0].y == 0) { dx[i] = ${element}(0); return; }
  let probability = exp(x[i] - row.x) / row.y;
  dx[i] = (probability * row.z - q(i, n, i % p.classes)) * (dy[0] / totals[0].y);
}`,
  }),
);

/**
 * The mean cross-entropy of `logits` [N, C], a scalar `[]`. PyTorch: `F.cross_entropy`, reduction 'mean'.
 *
 * Labels are class indices (an array, checked here, or an int32 tensor [N], where an index that is no class
 * makes the loss NaN) or probabilities (a float32 tensor [N, C]). The gradient goes to the logits only.
 * Throws where shapes do not fit, and where a label of an array is no class (NaN and 0.5 are none), naming its position.
 */
export function crossEntropy(logits: Tensor, labels: Labels, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing: smoothing = 0, ignoreIndex: ignored = -100 } = options;
  if (!(smoothing >= 0 && smoothing <= 1))
    throw new RangeError(`crossEntropy: the label smoothing is a number from 0 to 1, not ${smoothing}`);
  return scope(() => {
    const { device } = logits;
    checkTypes('crossEntropy', { logits });
    const [count, classes] = checkLogits(logits);
    const target = labelTensor(logits, labels, ignored);
    const weight = weightTensor(device, options.weight, classes);
    const form: Form = {
      target: target.dtype === 'int32' ? 'indices' : 'probabilities',
      weighted: weight !== null,
    };
    const params = { hit: 1 - smoothing, spread: smoothing / classes, ignored, notANumber: Number.NaN };

    const statistics = rowStatistics(logits);
    const rows = empty(device, [count, 4]);
    const terms = empty(device, [count, 2]);
    device.run(rowProgram(form), {
      bindings: {
        x: logits.buffer,
        statistics: statistics.buffer,
        labels: target.buffer,
        ...(weight ? { weight: weight.buffer } : {}),
        rows: rows.buffer,
        terms: terms.buffer,
      },
      params: { ...params, count, classes },
      flops: 3 * logits.size,
      bytes: 4 * logits.size,
    });
    const totals = sumGroup(terms, [2], { outer: 1, reduce: count, inner: 2 });
    const loss = empty(device, []);
    device.run(quotientProgram, {
      bindings: { totals: totals.buffer, loss: loss.buffer },
      params: { count: 1 },
    });
    const saved = { x: logits, rows, totals, target, weight };
    return record('crossEntropy', loss, [logits], saved, (inputs, dy) => [
      gradient(form, params, inputs, dy),
    ]);
  });
}

interface Saved extends Record<string, Tensor | null> {
  x: Tensor;
  rows: Tensor;
  totals: Tensor;
  target: Tensor;
  weight: Tensor | null;
}

/** dx = dy · (p · Q − q) / D. */
function gradient(
  form: Form,
  params: Readonly<Record<string, number>>,
  { x, rows, totals, target, weight }: Saved,
  dy: Tensor,
): Tensor {
  const dx = empty(x.device, x.shape);
  const classes = x.shape[1]!;
  const element = elementOf(classes);
  const unit = widthOf(element);
  const count = x.size / unit;
  x.device.run(gradientProgram({ ...form, element }), {
    bindings: {
      x: x.buffer,
      rows: rows.buffer,
      totals: totals.buffer,
      labels: target.buffer,
      ...(weight ? { weight: weight.buffer } : {}),
      dy: dy.buffer,
      dx: dx.buffer,
    },
    params: { ...params, count, classes: classes / unit },
    flops: 6 * x.size,
    bytes: 8 * x.size,
  });
  return dx;
}
