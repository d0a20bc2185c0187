/**
 * Softmax and its logarithm along the last axis.
 *
 *   softmax:     y = exp(x − m) / s            dx = y · (dy − Σ dy·y)
 *   logSoftmax:  y = x − m − log s             dx = dy − exp(y) · Σ dy
 *
 * m and s are the maximum and the sum of exp(x − m) of a row (row-statistics.ts), Σ runs over a row
 * (partial-sums.ts); both programs here then compute one element, or four neighbours, an invocation. Any finite x is
 * safe. Limited by memory: 12 bytes an element forward, 20 backward.
 */
import { elementwise, family } from '../../gpu/index.ts';
import { checkTypes, empty, record, scope, type Tensor } from '../../tensor/index.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import { sumGroup } from '../parts/partial-sums.ts';
import { rowStatistics } from '../parts/row-statistics.ts';

type Kind = 'softmax' | 'log-softmax';
type Form = { kind: Kind; element: Element };

const FORWARD: Record<Kind, string> = {
  softmax: 'exp(x[i] - row.x) / row.y',
  'log-softmax': 'x[i] - row.x - log(row.y)',
};

const BACKWARD: Record<Kind, string> = {
  softmax: 'y[i] * (dy[i] - sums[i / p.length])',
  'log-softmax': 'dy[i] - exp(y[i]) * sums[i / p.length]',
};

const forwardProgram = family(({ kind, element }: Form) =>
  elementwise({
    name: `${kind}-${element}`,
    bindings: { x: `read ${element}`, statistics: 'read vec2f', y: `write ${element}` },
    params: { length: 'u32' },
    wgsl: `
fn element(i: u32) {
  let row = statistics[i / p.length];
  y[i] = ${FORWARD[kind]};
}`,
  }),
);

const backwardProgram = family(({ kind, element }: Form) =>
  elementwise({
    name: `${kind}-backward-${element}`,
    bindings: { y: `read ${element}`, dy: `read ${element}`, sums: 'read f32', dx: `write ${element}` },
    params: { length: 'u32' },
    wgsl: `fn element(i: u32) { dx[i] = ${BACKWARD[kind]}; }`,
  }),
);

/** exp(x) / Σ exp(x) along the last axis. PyTorch: `F.softmax(x, -1)`. */
export const softmax = (x: Tensor): Tensor => along('softmax', 'softmax', x);

/** x − log Σ exp(x) along the last axis. PyTorch: `F.log_softmax(x, -1)`. */
export const logSoftmax = (x: Tensor): Tensor => along('logSoftmax', 'log-softmax', x);

function along(op: string, kind: Kind, x: Tensor): Tensor {
  checkTypes(op, { x });
  const columns = x.shape.at(-1) ?? 1;
  const form: Form = { kind, element: elementOf(columns) };
  const unit = widthOf(form.element);
  const [count, length] = [x.size / unit, columns / unit];
  return scope(() => {
    const statistics = rowStatistics(x);
    const y = empty(x.device, x.shape);
    x.device.run(forwardProgram(form), {
      bindings: { x: x.buffer, statistics: statistics.buffer, y: y.buffer },
      params: { count, length },
      flops: 3 * x.size,
      bytes: 8 * x.size,
    });
    return record(op, y, [x], { y }, ({ y }, dy) => {
      const rows = y.size / columns;
      const times = kind === 'softmax' ? y : null;
      const sums = sumGroup(dy, [rows], { outer: rows, reduce: columns, inner: 1, times });
      const dx = empty(y.device, y.shape);
      y.device.run(backwardProgram(form), {
        bindings: { y: y.buffer, dy: dy.buffer, sums: sums.buffer, dx: dx.buffer },
        params: { count, length },
        flops: 4 * y.size,
        bytes: 12 * y.size,
      });
      return [dx];
    });
  });
}
