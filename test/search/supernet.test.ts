/** A child of the supernet is the ordinary network with its weights: logits, statistics, gradients. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type SupernetSoakRow, soakSupernet } from '../../bench/soak-supernet.ts';
import { fromSamples } from '../../src/data/in-thread.ts';
import type { Batch } from '../../src/data/loader.ts';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { crossEntropy } from '../../src/kernels/index.ts';
import type { MBConvNet } from '../../src/models/mbconv-net.ts';
import { buildModel } from '../../src/models/table.ts';
import { AdamW } from '../../src/nn/index.ts';
import { fairDraw, fairStep } from '../../src/search/shared/fair.ts';
import { buildSupernet, type Supernet } from '../../src/search/shared/supernet.ts';
import {
  type Choice,
  COLUMNS,
  choiceOf,
  keyOf,
  largest,
  SMALL_SPACE,
  SPACES,
  smallest,
  tableOf,
  VALUES,
} from '../../src/search/space.ts';
import { scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { randomStream } from '../../src/tensor/random.ts';
import { type Criterion, labelCriterion } from '../../src/train/criterion.ts';
import { fit } from '../../src/train/fit.ts';
import { infer } from '../../src/train/infer.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { testDevice } from '../helpers/device.ts';
import { PREPROCESSING, stripes } from '../train/tiny.ts';
import { TINY_SPACE } from './tiny-space.ts';

const test = suite('supernet');

const CHILDREN: Choice[] = [
  smallest(TINY_SPACE),
  largest(TINY_SPACE),
  // Something from both ends in each stage, and a width that is no multiple of four.
  choiceOf(TINY_SPACE, 'k5e1w4d2s0.25-k3e3w6d1s0-k3e2w8d2s0.25'),
];

const device = await testDevice();
const x = tensor(pseudo('x', 4 * 8 * 8 * 3), [4, 8, 8, 3], { device, owned: true });
const labels = Int32Array.of(0, 1, 2, 1);

const batch: Batch = {
  images: pseudo('x', 4 * 8 * 8 * 3),
  labels,
  size: 4,
  index: 0,
  samples: [],
  skipped: 0,
};
const context = { device, epoch: 0, index: 0, count: 1, last: true, holdUpdate: () => undefined };

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

for (const space of [TINY_SPACE, ...SPACES])
  test(`a fair draw of ${space.name} takes every value equally often`, () => {
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const children = fairDraw(space, randomStream(1, 'test', 0, round));
      assert.is(children.length, 3);
      for (const [stage, lists] of space.stages.entries())
        for (const column of COLUMNS) {
          const values = lists[VALUES[column]];
          const counts = values.map(
            (value) => children.filter((child) => child[stage]![column] === value).length,
          );
          assert.is(
            counts.reduce((sum, count) => sum + count),
            3,
          );
          assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${column}: ${counts}`);
        }
      for (const child of children) seen.add(keyOf(child));
    }
    assert.ok(seen.size > 50, 'they are different children');
  });

test('a fair step sums the gradients of its children and updates once', async () => {
  const made = () => buildSupernet(TINY_SPACE, { device, numClasses: 3, seed: 5, dropout: 0 });
  const supernet = made();
  const other = made();
  const children = fairDraw(TINY_SPACE, randomStream(9, 'fair', 0, 7));
  const losses = children.map((child) =>
    scope(() => {
      const loss = crossEntropy(other.use(child).forward(x), labels);
      loss.backward();
      return loss.detach();
    }),
  );
  const optimizers = [other, supernet].map(
    (model) => new AdamW(model.parameters(), { lr: 0.01, weightDecay: 0.1 }),
  );
  optimizers[0]!.step();
  let questions = 0;
  const criterion: Criterion = (asked, place) => {
    questions++;
    return labelCriterion()(asked, place);
  };
  const loss = scope(() =>
    fairStep(supernet, 9, { criterion })(batch, {
      ...context,
      model: supernet,
      optimizer: optimizers[1]!,
      step: 7,
    }),
  );
  const values = await Promise.all(losses.map((each) => each.item()));
  assert.ok(Math.abs((await loss.item()) - values.reduce((sum, value) => sum + value) / 3) < 1e-6);
  assert.is(questions, 1, 'one for all children');
  const before = new Map(made().namedParameters());
  const updated = new Map(supernet.namedParameters());
  let idle = 0;
  for (const [name, parameter] of other.namedParameters()) {
    const bits = await parameter.data();
    assert.equal(await updated.get(name)!.data(), bits, name);
    if (parameter.grad) continue;
    idle++;
    assert.equal(
      bits,
      await before.get(name)!.data(),
      `${name}, which no child has, neither learns nor decays`,
    );
  }
  assert.ok(idle > 0);
  for (const optimizer of optimizers) optimizer.dispose();
  for (const model of [supernet, other]) model.dispose();
});

test('fit trains a supernet, and infer asks the child in use', async () => {
  const preprocessing = { ...PREPROCESSING, inputSize: 8, resizeSize: 8 };
  const source = fromSamples(stripes(8, 1, 8), { batchSize: 4, preprocessing, seed: 1 });
  const supernet = buildSupernet(TINY_SPACE, { device, numClasses: 2, seed: 5 });
  const optimizer = new AdamW(supernet.parameters(), { lr: 0.01 });
  const { finished } = await fit({
    model: supernet,
    device,
    optimizer,
    train: source,
    step: fairStep(supernet, 3, { clipNorm: 1 }),
    epochs: 1,
  });
  assert.ok(finished);
  const logits: number[][] = [];
  for (const child of [smallest(TINY_SPACE), largest(TINY_SPACE), smallest(TINY_SPACE)]) {
    const answers = await infer(supernet.use(child), device, source.load(0));
    logits.push([...answers!.logits]);
  }
  assert.ok(logits.flat().every(Number.isFinite));
  assert.equal(logits[2], logits[0]);
  assert.not.equal(logits[1], logits[0]);
  for (const [name, statistics] of supernet.namedBuffers())
    if (name.startsWith('bn1.'))
      assert.ok(
        (await statistics.data()).every((value) => value === Number(name.endsWith('var'))),
        'norms of children leave running statistics alone',
      );
  optimizer.dispose();
  supernet.dispose();
});

test('shapes that change with every step pile nothing up', async () => {
  const { device: dry } = await dryDevice(PLAIN_DEVICE);
  const rows: SupernetSoakRow[] = [];
  const stages = TINY_SPACE.stages.slice(0, 2).map((stage) => ({ ...stage, widths: [4, 6] })); // two children a step
  await soakSupernet(dry, { space: { ...TINY_SPACE, stages }, steps: 40, every: 1 }, (row) => rows.push(row));
  const most = (from: number, to: number, what: keyof SupernetSoakRow): number =>
    Math.max(...rows.slice(from, to).map((row) => row[what]));
  for (const what of ['live', 'pooled', 'optimizer', 'buffers', 'pipelines'] as const) {
    const [before, after] = [most(0, 20, what), most(20, 40, what)];
    assert.ok(after <= 1.1 * before, `${what}: ${before}, later ${after}`);
  }
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
