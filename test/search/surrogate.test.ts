/** The surrogate and the evolution, on landscapes that are known. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { drawOne, drawSeveral, mutated } from '../../src/search/methods/draw.ts';
import { evolve } from '../../src/search/methods/evolution.ts';
import { fewestMeasured, fitSurrogate } from '../../src/search/methods/surrogate.ts';
import { type Choice, COLUMNS, type Column, keyOf, SMALL_SPACE, VALUES } from '../../src/search/space.ts';
import { randomStream } from '../../src/tensor/random.ts';
import { effectOf, fakeSearch, size, trueLoss } from './fake-context.ts';

const test = suite('search surrogate');
const space = SMALL_SPACE;

const measuredOf = (count: number, noise: number, loss = trueLoss) =>
  drawSeveral(fakeSearch({ budget: 1 }).context, 'measured', count).map((choice, index) => ({
    choice,
    loss: loss(choice) + noise * (randomStream(5, 'noise', 0, index)(0) - 0.5),
    multiplyAdds: size(choice),
  }));
const folds = randomStream(1, 'folds', 0, 0);

test('known effects lie within their intervals, and are found exactly where nothing is noise', () => {
  const { figures } = fitSurrogate(space, measuredOf(120, 0.2), folds);
  const first = (stage: number, column: Column): number => space.stages[stage]![VALUES[column]][0]!;
  const outside = figures.coefficients.filter(({ stage, column, value, interval }) => {
    const effect =
      0.3 * (effectOf(stage, column, value) - effectOf(stage, column, first(stage, column as Column)));
    return effect < interval[0] || effect > interval[1];
  });
  assert.is(figures.coefficients.length, 25);
  assert.ok(outside.length <= 3, `${outside.length} of 25 outside`);
  assert.ok(figures.r > 0.9 && figures.r < 1 && figures.r > figures.rMultiplyAdds, `${figures.r}`);

  const exact = fitSurrogate(space, measuredOf(120, 0), folds);
  for (const { choice, loss } of measuredOf(140, 0).slice(120))
    assert.ok(Math.abs(exact.predict(choice) - loss) < 1e-3);
  assert.ok(exact.figures.r > 0.9999);
});

test('what it predicts is its intercept and its effects', () => {
  const { intercept, effect, predict } = fitSurrogate(space, measuredOf(60, 0.1), folds);
  for (const { choice } of measuredOf(5, 0)) {
    const sum = choice.reduce(
      (all, stage, index) =>
        COLUMNS.reduce((part, column) => part + effect(index, column, stage[column]), all),
      intercept,
    );
    assert.ok(Math.abs(sum - predict(choice)) < 1e-9);
  }
});

test('losses that only size decides are what multiply-adds predict; noise predicts nothing', () => {
  const bySize = fitSurrogate(
    space,
    measuredOf(80, 0, (choice) => 3 - 0.2 * Math.log(size(choice))),
    folds,
  );
  assert.ok(bySize.figures.rMultiplyAdds > 0.9999);
  const byNothing = fitSurrogate(
    space,
    measuredOf(80, 1, () => 2),
    folds,
  );
  assert.ok(
    Math.abs(byNothing.figures.r) < 0.35 && byNothing.figures.rMultiplyAdds < 0.35,
    `${byNothing.figures.r}`,
  );
});

test('too few networks are refused', () => {
  assert.is(fewestMeasured(space), 38);
  assert.throws(
    () => fitSurrogate(space, measuredOf(37, 0), folds),
    /25 coefficients and needs 38 measured networks; there are 37/,
  );
});

test('evolution finds better networks than as many draws, and the same ones for the same seed', () => {
  const { context } = fakeSearch({ budget: 1, most: 60_000 });
  const run = (seed: number, population: number) =>
    evolve<Choice>({
      draw: (random) => drawOne(context, random),
      mutate: (parent, random) => mutated(context, parent, random),
      value: trueLoss,
      population,
      sample: 10,
      cycles: 200,
      random: (index) => randomStream(seed, 'evolution', 0, index),
    });
  const least = (lived: { value: number }[]): number => Math.min(...lived.map(({ value }) => value));
  let won = 0;
  for (let seed = 0; seed < 5; seed++) {
    const lived = run(seed, 30);
    assert.is(lived.length, 200);
    for (const { one } of lived) assert.ok(size(one) <= 60_000);
    // A population as large as all that live is drawn at random.
    if (least(lived) < least(run(seed, 200))) won++;
  }
  assert.is(won, 5);
  assert.equal(run(3, 30), run(3, 30));
});

test('only the youngest are parents: the oldest dies, however good it is', () => {
  const parents: number[] = [];
  const lived = evolve<number>({
    draw: () => 0,
    mutate: (parent) => {
      parents.push(parent);
      return parents.length;
    },
    value: (one) => one,
    population: 4,
    sample: 50,
    cycles: 12,
    random: (index) => randomStream(0, 'evolution', 0, index),
  });
  assert.is(lived.length, 12);
  // The best of each population of four is its oldest, once the four that were drawn are gone.
  assert.equal(parents, [0, 0, 0, 0, 1, 2, 3, 4]);
});

test('a mutation changes one value of one stage, and every value is reached', () => {
  const { context } = fakeSearch({ budget: 1 });
  const [parent] = drawSeveral(context, 'parent', 2);
  const met = new Set<string>();
  for (let index = 0; index < 600; index++) {
    const child = mutated(context, parent!, randomStream(0, 'mutation', 0, index));
    const changed = child.flatMap((stage, at) =>
      COLUMNS.filter((column) => stage[column] !== parent![at]![column]),
    );
    assert.is(changed.length, 1);
    met.add(keyOf(child));
  }
  assert.is(met.size, 25);
  const alone = { space, fits: (choice: Choice) => keyOf(choice) === keyOf(parent!) };
  assert.is(mutated(alone, parent!, randomStream(0, 'mutation', 0, 0)), parent);
});

test.run();
