/** Figures of tensors, computed on the GPU and read together: a page wants hundreds, and a readback each would take seconds. */
import { elementwise, program, slices } from '../../../../src/gpu/index.ts';
import { concat, mean, mul, reshape, sub, sum } from '../../../../src/kernels/index.ts';
import { empty, noGrad, scope, type Tensor } from '../../../../src/tensor/index.ts';

const isZero = program(
  elementwise({
    name: 'is-zero',
    bindings: { x: 'read f32', y: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = select(0f, 1f, x[i] == 0); }',
  }),
);

/** The share of values that are exactly 0, a scalar. */
export function zerosOf(x: Tensor): Tensor {
  return scope(() => {
    const y = empty(x.device, x.shape);
    for (const { count, slice } of slices(x.device, x.size))
      x.device.run(isZero, { bindings: { x: slice(x.buffer), y: slice(y.buffer) }, params: { count } });
    return mean(y);
  });
}

/** Σx², a scalar. */
export const squares = (x: Tensor): Tensor => scope(() => sum(mul(x, x)));

/** Mean and variance of each channel, divided by the number of rows: [C] each. */
export function channelStatistics(x: Tensor): [mean: Tensor, variance: Tensor] {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  return scope(() => {
    const centre = mean(x, axes);
    const off = sub(x, centre);
    return [centre, mean(mul(off, off), axes)];
  });
}

/** The values of tensors, one array each, by one readback. What `make` computes is freed. */
export async function readAll(make: () => readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
  let sizes: number[] = [];
  const joined = scope(() =>
    noGrad(() => {
      const made = make();
      sizes = made.map(({ size }) => size);
      return made.length > 0
        ? concat(
            made.map((tensor) => reshape(tensor, [tensor.size])),
            0,
          )
        : null;
    }),
  );
  if (!joined) return [];
  const values = (await joined.data()) as Float32Array<ArrayBuffer>;
  joined.dispose();
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return values.slice(start - size, start);
  });
}
