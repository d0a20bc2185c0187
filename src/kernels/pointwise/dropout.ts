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
 * Of single values, one invocation computes four neighbours. Of whole samples, a lane draws once and walks through a part of
 * one (channel-lanes.ts): a division for each element would cost a processor more than the element. Limited by memory on a
 * GPU, 8 bytes an element; on a CPU single values are limited by the three rounds of the hash.
 */
import { elementwise, family, program } from '../../gpu/index.ts';
import { checkTypes, empty, record, scope, stepState, type Tensor } from '../../tensor/index.ts';
import { type RandomPurpose, randomRoot } from '../../tensor/random.ts';
import { channelLanes, LANE, LANE_PARAMS, LANES } from '../parts/channel-lanes.ts';
import type { Element } from '../parts/element.ts';
import { RANDOM } from '../parts/random.ts';

export interface DropoutOptions {
  /** Nothing is dropped without it. */
  training: boolean;
  /** Any integer; 0 by default. */
  seed?: number;
  /** Tells the masks of one layer from those of another: give each its name. */
  purpose?: RandomPurpose;
}

const PARAMS = { root: 'u32', threshold: 'u32', scale: 'f32' } as const;

const FACTOR = `${RANDOM}
// u has 24 bits, so u >= p is a comparison of integers.
fn factor(index: u32) -> f32 {
  return select(0, p.scale, (bitsAt(absorb(p.root, step[0]), index) >> 8) >= p.threshold);
}`;

const valuesProgram = program(
  elementwise({
    name: 'drop-values',
    bindings: { x: 'read vec4f', step: 'read u32', y: 'write vec4f' },
    params: PARAMS,
    wgsl: `${FACTOR}
fn element(i: u32) {
  y[i] = x[i] * vec4f(factor(4 * i), factor(4 * i + 1), factor(4 * i + 2), factor(4 * i + 3));
}`,
  }),
);

const samplesProgram = family(({ element }: { element: Element }) => ({
  name: `drop-samples-${element}`,
  bindings: { x: `read ${element}`, step: 'read u32', y: `write ${element}` },
  params: { ...PARAMS, ...LANE_PARAMS, firstY: 'u32' }, // lanes: of one sample
  wgsl: `${FACTOR}
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let sample = id.y + p.firstY;${LANE}
  let kept = factor(sample);
  for (var i = sample * p.count + first; i < sample * p.count + end; i += p.stride) { y[i] = x[i] * kept; }
}`,
}));

type Unit = 'value' | 'sample';

/**
 * Drops single values with probability `p` and scales the rest by 1 / (1 − p), in training; else returns `x`.
 * PyTorch: `F.dropout`. Throws where p is not in [0, 1]. Srivastava et al. 2014.
 */
export function dropout(x: Tensor, p: number, options: DropoutOptions): Tensor {
  checkDropping('dropout', x, p);
  return options.training && p > 0 ? dropped('dropout', x, p, options, 'value') : x;
}

/**
 * Drops whole samples (the first axis) with probability `p` and scales the rest by 1 / (1 − p), in training; else
 * returns `x`. torchvision: `stochastic_depth(x, p, 'row')`. Throws where p is not in [0, 1]. Huang et al. 2016.
 */
export function dropPath(x: Tensor, p: number, options: DropoutOptions): Tensor {
  checkDropping('dropPath', x, p);
  return options.training && p > 0 ? dropped('dropPath', x, p, options, 'sample') : x;
}

function checkDropping(what: string, x: Tensor, p: number): void {
  checkTypes(what, { x });
  if (!(p >= 0 && p <= 1)) throw new RangeError(`${what}: the probability is a number from 0 to 1, not ${p}`);
}

function dropped(what: string, x: Tensor, p: number, options: DropoutOptions, unit: Unit): Tensor {
  const root = randomRoot(options.seed ?? 0, options.purpose ?? what);
  const step = stepState(x.device);
  const y = drop(x, step, p, root, unit);
  return record(what, y, [x], { step }, ({ step }, dy) => [drop(dy, step, p, root, unit)]);
}

function drop(x: Tensor, step: Tensor, p: number, root: number, unit: Unit): Tensor {
  const { device, shape, size } = x;
  return scope(() => {
    const y = empty(device, shape);
    const bindings = { x: x.buffer, step: step.buffer, y: y.buffer };
    const params = { root, threshold: Math.ceil(p * 2 ** 24), scale: p < 1 ? 1 / (1 - p) : 0 };
    const cost = { flops: size, bytes: 8 * size };
    if (unit === 'value')
      device.run(valuesProgram, { bindings, params: { ...params, count: Math.ceil(size / 4) }, ...cost });
    else {
      const samples = shape[0] ?? 1;
      const {
        element,
        params: lanes,
        groups,
      } = channelLanes('map', {
        device,
        shape: shape.length > 1 ? shape.slice(1) : [1],
        size: size / samples,
      });
      device.run(samplesProgram({ element }), {
        bindings,
        params: { ...params, ...lanes },
        groups: [groups[0], samples, 1],
        ...cost,
      });
    }
    return y;
  });
}
