/** Scopes: what they free, what outlives them, and what they refuse. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { add, mul, sum } from '../../src/kernels/index.ts';
import { keep, noGrad, recordsGrad, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('tensor/scope');

let device: Device;
let start: number;
const live = (): number => device.memory().live - start;

test.before.each(async () => {
  device = await testDevice();
  start = device.memory().live;
});
test.after.each(() => device.close());

const make = (value: number): Tensor => tensor([value], [1]);

test('everything created inside is freed, the result is not', async () => {
  const result = scope(() => mul(add(make(1), make(2)), make(3)));
  assert.is(live(), 256);
  assert.is(await result.item(), 9);
  result.dispose();
  assert.is(live(), 0);
});

test('tensors inside arrays, objects, maps and sets survive; values come back as they are', () => {
  const results = scope(() => {
    make(0);
    const [a, b, c, d, e] = [1, 2, 3, 4, 5].map(make) as [Tensor, Tensor, Tensor, Tensor, Tensor];
    return { a, list: [b, [c]], map: new Map([['d', d]]), set: new Set([e]), n: 7, text: 'x', nothing: null };
  });
  assert.is(live(), 5 * 256);
  assert.equal([results.n, results.text, results.nothing], [7, 'x', null]);
  assert.is(
    scope(() => 42),
    42,
  );
  const { a, list, map, set } = results;
  for (const survivor of [a, list[0] as Tensor, (list[1] as Tensor[])[0]!, map.get('d')!, ...set])
    survivor.dispose();
  assert.is(live(), 0);
});

test('objects that refer to themselves are no trap', () => {
  const result = scope(() => {
    const loop: { self?: object; x: Tensor } = { x: make(1) };
    loop.self = loop;
    return loop;
  });
  assert.is(live(), 256);
  result.x.dispose();
});

test('an inner result belongs to the outer scope', () => {
  scope(() => {
    const inner = scope(() => {
      make(1);
      return make(2);
    });
    assert.is(live(), 256);
    return sum(inner).dispose();
  });
  assert.is(live(), 0);
});

test('keep takes a tensor out of every scope', async () => {
  let kept: Tensor | undefined;
  scope(() => {
    scope(() => {
      kept = keep(make(5));
    });
  });
  assert.is(await kept!.item(), 5);
  kept!.dispose();
  assert.is(live(), 0);
});

test('owned tensors are left to their owner', () => {
  const parameter = scope(() => tensor([1], [1], { owned: true, kind: 'parameter' }));
  scope(() => {
    tensor([1], [1], { owned: true });
    return null;
  });
  assert.is(live(), 512);
  assert.is(device.memory().byKind.parameter, 256);
  parameter.dispose();
});

test('an error frees what was created and passes on', () => {
  assert.throws(
    () =>
      scope(() => {
        make(1);
        scope(() => {
          make(2);
          throw new Error('stop');
        });
      }),
    'stop',
  );
  assert.is(live(), 0);
  // And the scopes are closed: a new tensor is nobody's.
  const x = make(1);
  scope(() => make(2)).dispose();
  assert.is(live(), 256);
  x.dispose();
});

test('tensors that existed before are not touched', async () => {
  const x = make(3);
  scope(() => {
    add(x, x);
  });
  assert.is(await x.item(), 3);
  assert.is(
    scope(() => x),
    x,
  );
  x.dispose();
  assert.is(live(), 0);
});

test('freeing early inside of a scope is fine', () => {
  scope(() => make(1).dispose());
  assert.is(live(), 0);
});

test('noGrad refuses a promise as well, and gradients are recorded again behind it', () => {
  assert.throws(
    () => noGrad(async () => make(1)),
    'noGrad: the function returned a promise; what it awaits would run with gradients on again. Await outside of noGrad',
  );
  assert.ok(recordsGrad(scope(() => tensor([1], [1], { requiresGrad: true, owned: true }))));
});

test('a promise is refused, and the work behind it does not end the process', async () => {
  assert.throws(
    () =>
      scope(async () => {
        const x = make(1);
        await Promise.resolve();
        return x.alias(); // x is gone by now
      }),
    'scope: the function returned a promise; what it awaits would run after its tensors are freed. Await outside of the scope',
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.is(live(), 0);
});

test.run();
