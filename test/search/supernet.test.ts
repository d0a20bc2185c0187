/** A child of the supernet is the ordinary network with its weights: logits, statistics, gradients. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crossEntropy } from '../../src/kernels/index.ts';
import type { MBConvNet } from '../../src/models/mbconv-net.ts';
import { buildModel } from '../../src/models/table.ts';
import {
  type Choice,
  choiceOf,
  keyOf,
  largest,
  SMALL_SPACE,
  smallest,
  tableOf,
} from '../../src/search/space.ts';
import { buildSupernet, type Supernet } from '../../src/search/supernet.ts';
import { scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { testDevice } from '../helpers/device.ts';
import { TINY_SPACE } from './tiny-space.ts';

const test = suite('supernet');

const CHILDREN: Choice[] = [
  smallest(TINY_SPACE),
  largest(TINY_SPACE),
  // Each stage takes something from both ends, and a width that is no multiple of four.
  choiceOf(TINY_SPACE, 'k5e1w4d2s0.25-k3e3w6d1s0-k3e2w8d2s0.25'),
  choiceOf(TINY_SPACE, 'k3e3w8d1s0-k5e1w6d2s0.25-k5e2w8d1s0'),
];

const device = await testDevice();
const x = tensor(pseudo('x', 4 * 8 * 8 * 3), [4, 8, 8, 3], { device, owned: true });
const labels = Int32Array.of(0, 1, 2, 1);

const childOf = (choice: Choice): MBConvNet =>
  buildModel(tableOf(TINY_SPACE, choice, 'child'), { device, numClasses: 3, seed: 5 }) as MBConvNet;

/** Logits of a training step, whose gradients are left at the parameters. */
async function logitsOf(model: Supernet | MBConvNet): Promise<ArrayLike<number>> {
  const logits = scope(() => {
    const y = model.forward(x);
    crossEntropy(y, labels).backward();
    return y.detach();
  });
  const values = await logits.data();
  logits.dispose();
  return values;
}

/** The values of a tensor by their places, written as `1,0,3`. */
async function placed(values: Tensor, shape = values.shape): Promise<Map<string, number>> {
  // A kernel's taps are counted from its middle, everything else from the first place.
  const middle = shape.length === 4 ? [(shape[0]! - 1) / 2, (shape[1]! - 1) / 2, 0, 0] : shape.map(() => 0);
  return new Map(
    [...(await values.data())].map((value, flat) => {
      let rest = flat;
      const place = [...shape].reverse().map((size) => {
        const at = rest % size;
        rest = Math.floor(rest / size);
        return at;
      });
      return [`${place.reverse().map((at, axis) => at - middle[axis]!)}`, value];
    }),
  );
}

for (const choice of CHILDREN)
  test(`${keyOf(choice)} is the ordinary network`, async () => {
    const supernet = buildSupernet(TINY_SPACE, { device, numClasses: 3, seed: 5 }).use(choice);
    const child = childOf(choice);
    supernet.copyInto(child);
    assert.equal(await logitsOf(supernet), await logitsOf(child), 'the same bits');
    const shared = new Map(supernet.sharedWith(child));
    for (const [name, parameter] of supernet.namedParameters()) {
      const own = shared.get(parameter);
      assert.is(parameter.grad === null, own === undefined, `${name} has a gradient where the child has it`);
      if (!own) continue;
      const expected = await placed(own.grad!);
      for (const [place, value] of await placed(parameter.grad!))
        assert.is(value, expected.get(place) ?? 0, `${name} ${place}`);
    }
    supernet.dispose();
    child.dispose();
  });

test('what is no child is refused', () => {
  const supernet = buildSupernet(TINY_SPACE, { device, numClasses: 3 });
  assert.throws(() => supernet.use(largest(SMALL_SPACE)), /is no network of the space tiny$/);
  const table = tableOf(TINY_SPACE, smallest(TINY_SPACE), 'child');
  const built = (changes: object, numClasses = 3): MBConvNet =>
    buildModel({ ...table, ...changes }, { device, numClasses }) as MBConvNet;
  assert.throws(() => supernet.copyInto(built({}, 2)), 'the supernet has 3 classes, the network 2');
  assert.throws(
    () => supernet.copyInto(built({ rows: [...table.rows, table.rows[2]] })),
    'no network of the space tiny has a block blocks.3.0',
  );
  supernet.dispose();
});

test.run();
