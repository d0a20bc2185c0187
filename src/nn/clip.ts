/**
 * The gradients of many parameters as one vector g: its length, and what is done to all of it.
 *
 *   ‖g‖ = √(Σ over all values of all gradients of g²)
 *   g ← g · min(1, max / (‖g‖ + 1e-6))             clipping (Pascanu et al. 2013, section 3.2)
 *
 * The sum is one of partial sums, one an invocation, which are added in an order that depends on sizes alone: the same
 * gradients give the same bits. Nothing is read back; the factor goes from one dispatch to the next on the GPU. Limited
 * by memory: 4 bytes a value for the length, 8 for the factor.
 */

import { elementwise, program } from '../gpu/index.ts';
import { sum } from '../kernels/index.ts';
import { empty, noGrad, scope, type Tensor, tensor, working } from '../tensor/index.ts';
import { several } from './several.ts';

const squares = several({
  name: 'gradient-squares',
  roles: { g: 'read' },
  shared: { partials: 'write f32' },
  before: 'var total = vec4f(0);',
  // What lies behind the last value of a tensor is not its own.
  element: (slot) => `let g = select(vec4f(0), g${slot}[i], vec4u(0, 1, 2, 3) < vec4u(left));
      total += g * g;`,
  after: 'partials[place] = dot(total, vec4f(1));',
  flops: 2,
  bytes: 4,
});

const scaled = several({
  name: 'gradient-scale',
  roles: { g: 'write' },
  shared: { factor: 'read f32' },
  element: (slot) => `g${slot}[i] *= factor[0];`,
  flops: 1,
  bytes: 8,
});

const lengthProgram = program(
  elementwise({
    name: 'gradient-clip',
    bindings: { squares: 'read f32', norm: 'write f32', factor: 'write f32' },
    params: { most: 'f32' },
    wgsl: `fn element(i: u32) {
  let length = sqrt(squares[0]);
  norm[0] = length;
  factor[0] = min(p.most / (length + 1e-6), 1);
}`,
  }),
);

const checkedProgram = program(
  elementwise({
    name: 'loss-if-finite',
    bindings: { loss: 'read u32', norm: 'read u32', checked: 'write u32' },
    params: {},
    // Bits, since compilers may assume that floats are never infinite or NaN.
    wgsl: `fn element(i: u32) {
  checked[0] = select(loss[0], norm[0], (norm[0] & 0x7f800000u) == 0x7f800000u);
}`,
  }),
);

/**
 * Scales the gradients of `params` so that they are no longer than `max` together, and returns how long they were: a
 * scalar `[]`, which stays on the GPU until somebody reads it. Parameters without a gradient do not count. Where the length
 * is not finite, what is left of the gradients means nothing; `optimizer.step(norm)` updates nothing then. PyTorch:
 * `nn.utils.clip_grad_norm_`.
 * @throws RangeError where `max` is no number above 0, or no parameter has a gradient
 */
export function clipGradNorm(params: Iterable<Tensor>, max: number): Tensor {
  if (!(max > 0 && max < Number.POSITIVE_INFINITY))
    throw new RangeError(`clipGradNorm: the gradients' largest length is a number above 0, not ${max}`);
  const gradients = gradientsOf(params);
  if (gradients.length === 0)
    throw new RangeError('clipGradNorm: no parameter has a gradient; call it between backward() and step()');
  const { device } = gradients[0];
  return clipping(() =>
    scope(() => {
      const partials = empty(device, [
        squares.invocations(
          device,
          gradients.map(({ size }) => size),
        ),
      ]);
      squares.run(device, { g: gradients }, { partials: partials.buffer });
      const [norm, factor] = [empty(device, []), empty(device, [])];
      device.run(lengthProgram, {
        bindings: { squares: sum(partials).buffer, norm: norm.buffer, factor: factor.buffer },
        params: { count: 1, most: max },
      });
      scaled.run(device, { g: gradients }, { factor: factor.buffer });
      return norm;
    }),
  );
}

/** Multiplies the gradients of `params` by `factor`. */
export function scaleGradients(params: Iterable<Tensor>, factor: number): void {
  const gradients = gradientsOf(params);
  if (gradients.length === 0) return;
  const { device } = gradients[0];
  clipping(() =>
    scope(() => scaled.run(device, { g: gradients }, { factor: tensor([factor], [], { device }).buffer })),
  );
}

/** The loss, or the gradients' length where that is not finite: what an update may ask, and a run that has to end. */
export function lossIfFinite(loss: Tensor, norm: Tensor): Tensor {
  const { device } = loss;
  const checked = empty(device, []);
  clipping(() =>
    device.run(checkedProgram, {
      bindings: { loss: loss.buffer, norm: norm.buffer, checked: checked.buffer },
      params: { count: 1 },
    }),
  );
  return checked;
}

/** Runs `body` as the part of an update that it is. */
function clipping<Result>(body: () => Result): Result {
  return working({ name: 'clipGradNorm', pass: 'update' }, () => noGrad(body));
}

function gradientsOf(params: Iterable<Tensor>): Tensor[] {
  return [...params].flatMap(({ grad }) => (grad ? [grad] : []));
}
