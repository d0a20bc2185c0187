/** Learning rates over a run, and when it ends: against PyTorch's values (test/reference/training.json), and by rules. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cosine, type OneCycleOptions, oneCycle, perUpdate, warmUp } from '../../src/nn/index.ts';
import type { EpochEvent } from '../../src/train/callback.ts';
import { EarlyStopping } from '../../src/train/callbacks/early-stopping.ts';
import { Plateau, type PlateauOptions } from '../../src/train/callbacks/plateau.ts';
import { type BestBy, better, type Metrics } from '../../src/train/metrics.ts';
import { fixture } from '../helpers/fixture.ts';

const test = suite('train/schedules');
const { oneCycle: cycles, plateau: plateaus } = fixture<{
  oneCycle: { total: number; options: OneCycleOptions; rates: number[] }[];
  plateau: { losses: number[]; options: PlateauOptions; rates: number[] }[];
}>('training.json');

const near = (found: number[], expected: number[], what: string): void =>
  assert.ok(
    found.length === expected.length && found.every((x, i) => Math.abs(x - expected[i]) < 1e-9),
    `${what}: ${found}`,
  );

for (const { total, options, rates } of cycles)
  test(`one cycle of ${total} steps, ${JSON.stringify(options)}`, () => {
    const schedule = oneCycle(options);
    near(
      rates.map((_, step) => schedule(step, total)),
      rates,
      'rates',
    );
  });

const epochOf = (epoch: number, val: Partial<Metrics>, finished: string[] = []) =>
  ({
    record: { epoch, val },
    finish: (reason: string) => void finished.push(reason),
  }) as unknown as EpochEvent;

for (const { losses, options, rates } of plateaus)
  test(`plateau ${JSON.stringify(options)}, taken up again after every epoch`, () => {
    let plateau = new Plateau(options);
    const found = losses.map((loss, index) => {
      plateau.onEpoch(epochOf(index + 1, { loss }));
      const state = JSON.parse(JSON.stringify(plateau.state()));
      plateau = new Plateau(options);
      plateau.restore(state);
      return plateau.schedule()(0, 1);
    });
    near(found, rates, 'rates');
  });

test('a phase begins at its own full rate; a damaged state is refused', () => {
  const plateau = new Plateau({ patience: 0, factor: 0.5, phases: [3, 3] });
  const levels = [1, 1, 1, 1, 1].map((loss, index) => {
    plateau.onEpoch(epochOf(index + 1, { loss }));
    return plateau.schedule(warmUp(1))(0, 4);
  });
  assert.equal(levels, [0.5, 0.25, 0.5, 0.25, 0.125]);
  assert.throws(() => plateau.restore({ json: { level: 2, best: 1, bad: 0, cooling: 0 } }), /level/);
});

test('a schedule of updates has the rates of the large batch', () => {
  // 7 batches an epoch in threes: updates of 3, 3 and 1.
  const schedule = perUpdate(cosine({ warmup: 2 }), 3, 2);
  const rates = Array.from({ length: 14 }, (_, step) => schedule(step, 14));
  const updates = [0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 4, 4, 5];
  assert.equal(
    rates,
    updates.map((update) => cosine({ warmup: 2 })(update, 6)),
  );
});

test('early stopping: its patience, phases that do not count, taken up again', () => {
  const accuracies = [0.5, 0.4, 0.4, 0.6, 0.6, 0.5, 0.6, 0.5];
  const ends = (patience: number, after = 0): number => {
    let callback = new EarlyStopping({ patience, after, by: 'accuracy' });
    for (const [index, accuracy] of accuracies.entries()) {
      const finished: string[] = [];
      callback.onEpoch(epochOf(index + 1, { count: 1, loss: 1, accuracy }, finished));
      if (finished.length > 0) return index + 1;
      const state = JSON.parse(JSON.stringify(callback.state()));
      callback = new EarlyStopping({ patience, after, by: 'accuracy' });
      callback.restore(state);
    }
    return Number.POSITIVE_INFINITY;
  };
  assert.equal([ends(1), ends(2), ends(3), ends(2, 2), ends(5)], [2, 3, 7, 6, Number.POSITIVE_INFINITY]);
  assert.throws(() => new EarlyStopping({ patience: 0 }), /at least 1/);
});

const A = { count: 4, loss: 1, accuracy: 0.9, balancedAccuracy: 0.6, macroF1: 0.5, largestShare: 0.9 };
const B = { count: 4, loss: 2, accuracy: 0.8, balancedAccuracy: 0.7, macroF1: 0.5, largestShare: 0.9 };
const BETTER: [by: BestBy | null, a: Metrics, b: Metrics, what: boolean][] = [
  [null, A, B, false],
  [null, { ...A, auc: 0.9 }, { ...B, auc: 0.8 }, true],
  ['accuracy', A, B, true],
  ['loss', A, B, true],
  ['loss', B, A, false],
  ['balanced-accuracy', B, A, true],
  ['macro-f1', A, B, true], // a tie: the smaller loss
  ['auc', B, A, true], // none: the balanced accuracy
];
for (const [by, a, b, what] of BETTER)
  test(`better by ${by ?? 'default'}: ${what}`, () => assert.is(better(a, b, by), what));

test.run();
