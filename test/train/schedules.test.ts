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

/** The event at the end of each epoch of a run with these figures; `finished` hears of an end. */
const epochsOf = (figures: Partial<Metrics>[], finished: string[] = []): EpochEvent[] =>
  figures.map((_, index) => {
    const history = figures.slice(0, index + 1).map((val, at) => ({ epoch: at + 1, val }));
    const finish = (reason: string) => void finished.push(reason);
    return { progress: { history }, finish } as unknown as EpochEvent;
  });

/** What a rate has fallen to after each epoch, and whether a run that goes on there begins with it. */
function levelsOf(losses: number[], options: PlateauOptions): number[] {
  const plateau = new Plateau(options);
  return epochsOf(losses.map((loss) => ({ loss }))).map((event) => {
    plateau.onEpoch(event);
    const resumed = new Plateau(options);
    resumed.onStart(event);
    const level = plateau.schedule()(0, 1);
    assert.is(resumed.schedule()(0, 1), level);
    return level;
  });
}

for (const { losses, options, rates } of plateaus)
  test(`plateau ${JSON.stringify(options)}`, () => near(levelsOf(losses, options), rates, 'rates'));

test('a phase begins at its own full rate, and a schedule falls with the plateau', () => {
  const options = { patience: 0, factor: 0.5, phases: [3, 3] };
  assert.equal(levelsOf([1, 1, 1, 1, 1], options), [1, 0.5, 1, 0.5, 0.25]);
  const plateau = new Plateau(options);
  plateau.onStart(epochsOf([{ loss: 1 }, { loss: 2 }])[1]);
  assert.is(plateau.schedule(warmUp(1))(0, 4), 0.25);
  assert.throws(() => new Plateau({ factor: 1 }), /from 0 to below 1/);
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

test('early stopping: its patience, and first epochs that are not waited for', () => {
  const accuracies = [0.5, 0.4, 0.4, 0.6, 0.6, 0.5, 0.6, 0.5];
  const ends = (patience: number, after = 0): number => {
    const finished: string[] = [];
    const callback = new EarlyStopping({ patience, after, by: 'accuracy' });
    const events = epochsOf(
      accuracies.map((accuracy) => ({ loss: 1, accuracy })),
      finished,
    );
    return (
      1 +
      events.findIndex((event) => {
        callback.onEpoch(event);
        return finished.length > 0;
      })
    );
  };
  assert.equal([ends(1), ends(2), ends(3), ends(2, 2), ends(5)], [2, 3, 7, 6, 0]);
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
