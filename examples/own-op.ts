/**
 * An op of one's own with its gradient: GELU (Hendrycks & Gimpel 2016), which the engine does not have.
 *
 *   y = x/2 · (1 + t)          t = tanh(√(2/π) · (x + 0.044715·x³))
 *   dx = dy · (1 + t)/2 + dy · x/2 · (1 − t²) · √(2/π) · (1 + 3·0.044715·x²)
 *
 * A kernel is a program: names and types of its bindings, and WGSL that computes one element. The op takes an output
 * buffer, runs the program and records how the gradient goes back. At the end the gradient is held against finite
 * differences. All of it works in networks: `new Sequential([conv, gelu, flatten, linear])`.
 *
 *   npx tsx own-op.ts
 */
import { checkTypes, elementwise, empty, openDevice, program, record, type Tensor, tensor } from 'tessera';

const FORMULA = `
const root = 0.7978845608028654;  // √(2/π)
fn inner(x: f32) -> f32 { return tanh(root * (x + 0.044715 * x * x * x)); }
`;

const forward = program(
  elementwise({
    name: 'gelu',
    bindings: { x: 'read f32', y: 'write f32' },
    params: {},
    wgsl: `${FORMULA}
fn element(i: u32) { y[i] = 0.5 * x[i] * (1 + inner(x[i])); }`,
  }),
);

const backward = program(
  elementwise({
    name: 'gelu-backward',
    bindings: { x: 'read f32', dy: 'read f32', dx: 'write f32' },
    params: {},
    wgsl: `${FORMULA}
fn element(i: u32) {
  let t = inner(x[i]);
  let slope = root * (1 + 3 * 0.044715 * x[i] * x[i]);
  dx[i] = dy[i] * 0.5 * (1 + t + x[i] * (1 - t * t) * slope);
}`,
  }),
);

/** GELU in its tanh form, for a tensor of any shape. PyTorch: `F.gelu(x, approximate='tanh')`. */
function gelu(x: Tensor): Tensor {
  checkTypes('gelu', { x });
  const y = empty(x.device, x.shape);
  x.device.run(forward, { bindings: { x: x.buffer, y: y.buffer }, params: { count: x.size } });
  // Recorded only where a gradient is wanted; of what the op saw, `saved` alone outlives the forward pass.
  return record('gelu', y, [x], { x }, (saved, dy) => {
    const dx = empty(x.device, x.shape);
    const bindings = { x: saved.x.buffer, dy: dy.buffer, dx: dx.buffer };
    x.device.run(backward, { bindings, params: { count: dx.size } });
    return [dx];
  });
}

const device = await openDevice();
const points = [-3, -1, -0.5, 0, 0.5, 1, 3];
const shape = [points.length];

const x = tensor(points, shape, { requiresGrad: true });
const y = gelu(x);
y.backward(tensor(new Float32Array(points.length).fill(1), shape));
console.log(y); // What it is
await y.print(); // … and its values.

const step = 1e-2;
const at = async (shift: number) =>
  gelu(
    tensor(
      points.map((value) => value + shift),
      shape,
    ),
  ).data();
const [above, below, gradient] = [await at(step), await at(-step), await x.grad!.data()];
const error = Math.max(
  ...points.map((_, i) => Math.abs((above[i]! - below[i]!) / (2 * step) - gradient[i]!)),
);
console.log(`the gradient is within ${error.toExponential(1)} of finite differences`);
if (!(error < 1e-3)) throw new Error(`the gradient of gelu is off by ${error}`);
device.close();
