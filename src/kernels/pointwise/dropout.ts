/**
 * Dropout of single values, and of whole samples.
 *
 *   y = x · mask / (1 − p)          mask = [u ≥ p], u uniform in [0, 1)
 *   dx = dy · mask / (1 − p)
 *
 * u is a pure function of (seed, purpose, step, index), index being the number of the value or of the sample: the
 * same as `uniformAt(randomKey(seed, purpose, step), index)` on the CPU. The step is read from the device
 * (src/tensor/step.ts). The mask is not stored: the gradient is the same program on dy, which draws it again from the
 * step that the forward pass read. Two layers need two purposes, or they drop the same values.
 *
 * One invocation computes four neighbours (one where the values of a sample are no multiple of four). Limited by
 * memory on a GPU, 8 bytes an element, and by the three rounds of the hash on a CPU.
 */
import { elementwise, family } from '../../gpu/index.ts';
import { checkTypes, empty, record, scope, stepState, type Tensor } from '../../tensor/index.ts';
import { type RandomPurpose, randomRoot } from '../../tensor/random.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import { RANDOM } from '../parts/random.ts';

export interface DropoutOptions {
  /** Nothing is dropped without it. */
  training: boolean;
  /** Any integer; 0 by default. */
  seed?: number;
  /** Tells the masks of one layer from those of another: give each its name. */
  purpose?: RandomPurpose;
}

type Form = { unit: 'value' | 'sample'; element: Element };

const FACTOR = {
  value: 'vec4f(factor(key, 4 * i), factor(key, 4 * i + 1), factor(key, 4 * i + 2), factor(key, 4 * i + 3))',
  sample: 'factor(key, i / p.length)',
};

const dropProgram = family(({ unit, element }: Form) =>
  elementwise({
    name: `drop-${unit}s-${element}`,
    bindings: { x: `read ${element}`, step: 'read u32', y: `write ${element}` },
    params: { root: 'u32', threshold: 'u32', scale: 'f32', length: 'u32' },
    wgsl: `${RANDOM}
// u has 24 bits, so u >= p is a comparison of integers.
fn factor(key: u32, index: u32) -> f32 { return select(0, p.scale, (bitsAt(key, index) >> 8) >= p.threshold); }
fn element(i: u32) {
  let key = absorb(p.root, step[0]);
  y[i] = x[i] * ${FACTOR[unit]};
}`,
  }),
);

/**
 * Drops single values with probability `p` and scales the rest by 1 / (1 − p), in training; else returns `x`.
 * PyTorch: `F.dropout`. Throws where p is not in [0, 1]. Srivastava et al. 2014.
 */
export function dropout(x: Tensor, p: number, options: DropoutOptions): Tensor {
  checkDropping('dropout', x, p);
  return options.training && p > 0
    ? dropped('dropout', x, p, options, { unit: 'value', element: 'vec4f' })
    : x;
}

/**
 * Drops whole samples (the first axis) with probability `p` and scales the rest by 1 / (1 − p), in training; else
 * returns `x`. torchvision: `stochastic_depth(x, p, 'row')`. Throws where p is not in [0, 1]. Huang et al. 2016.
 */
export function dropPath(x: Tensor, p: number, options: DropoutOptions): Tensor {
  checkDropping('dropPath', x, p);
  const sample = x.size / (x.shape[0] ?? 1);
  const element = elementOf(sample);
  return options.training && p > 0 ? dropped('dropPath', x, p, options, { unit: 'sample', element }) : x;
}

function checkDropping(what: string, x: Tensor, p: number): void {
  checkTypes(what, { x });
  if (!(p >= 0 && p <= 1)) throw new RangeError(`${what}: the probability is a number from 0 to 1, not ${p}`);
}

function dropped(what: string, x: Tensor, p: number, options: DropoutOptions, form: Form): Tensor {
  const root = randomRoot(options.seed ?? 0, options.purpose ?? what);
  const step = stepState(x.device);
  const y = drop(x, step, p, root, form);
  return record(what, y, [x], { step }, ({ step }, dy) => [drop(dy, step, p, root, form)]);
}

function drop(x: Tensor, step: Tensor, p: number, root: number, form: Form): Tensor {
  return scope(() => {
    const y = empty(x.device, x.shape);
    const unit = widthOf(form.element);
    const count = Math.ceil(x.size / unit);
    x.device.run(dropProgram(form), {
      bindings: { x: x.buffer, step: step.buffer, y: y.buffer },
      params: {
        count,
        root,
        threshold: Math.ceil(p * 2 ** 24),
        scale: p < 1 ? 1 / (1 - p) : 0,
        length: x.size / (x.shape[0] ?? 1) / unit,
      },
      flops: x.size,
      bytes: 8 * x.size,
    });
    return y;
  });
}
