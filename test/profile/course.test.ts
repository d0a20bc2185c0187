/** A profile of a training run: `fit` with the callback that `train --profile` gives it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { SGD } from '../../src/nn/index.ts';
import { ProfiledCourse } from '../../src/profile/course.ts';
import type { ProfileFiles } from '../../src/profile/document.ts';
import type { Callback } from '../../src/train/callback.ts';
import { stopOn } from '../../src/train/callbacks/stop-request.ts';
import { fit } from '../../src/train/fit.ts';
import { testDevice } from '../helpers/device.ts';
import { stripeBatches, tinyNet } from '../train/tiny.ts';

const test = suite('profile/course');

let device: Device;
test.before(async () => {
  device = await testDevice({ profile: true, poison: false });
});
test.after(() => device.close());

/** Three epochs of six steps; what was trained, and what was written of it. */
async function run(profiled: boolean, more: Callback[] = []) {
  const written: ProfileFiles[] = [];
  const course = new ProfiledCourse(async (files) => void written.push(files));
  const model = tinyNet(device);
  const { train, val } = stripeBatches();
  const { finished } = await fit({
    ...{ model, device, val, epochs: 3 },
    optimizer: new SGD(model.parameters(), { lr: 0.05 }),
    train: profiled ? course.watching(train) : train,
    callbacks: profiled ? [course, ...more] : more,
  });
  const values: number[][] = [];
  for (const { tensor } of model.tensors()) values.push([...(await tensor.data())]);
  model.dispose();
  return { finished, values, written };
}

test('a profiled run trains to the same bits, and is written once: the first step, and the third to the twelfth', async () => {
  const { values, written } = await run(true);
  assert.equal(values, (await run(false)).values);
  assert.is(written.length, 1);
  const [{ document, trace, text }] = written as [ProfileFiles];
  assert.is(document.format, 'tessera-profile');
  assert.equal(
    document.parts.map(({ steps }) => steps),
    [
      [1, 1],
      [3, 12],
    ],
  );
  const [cold, warm] = document.parts as [ProfileFiles['document']['parts'][0], (typeof document.parts)[0]];
  const layers = warm!.layers.map(({ name }) => name);
  for (const layer of ['conv1', 'bn1', 'conv2', 'bn2', 'dropout', 'fc'])
    assert.ok(layers.includes(layer), layer);
  assert.ok(warm!.dispatches > 9 * cold.dispatches);
  for (const { wall, wallMs } of document.parts) {
    assert.ok(Math.abs(wall.reduce((sum, { ms }) => sum + ms, 0) - wallMs) < 1e-6 * wallMs);
    assert.ok(wall.find(({ part }) => part === 'decoding')!.totalMs > 0);
  }
  assert.equal(JSON.parse(JSON.stringify(document)), document);
  assert.ok(JSON.parse(trace).traceEvents.length > warm!.dispatches);
  assert.match(text.join('\n'), /^Profile of step 1 on (.*\n)*^Profile of steps 3–12 on /m);
});

test('one that is stopped before is written with what there is', async () => {
  let steps = 0;
  const counting: Callback = { name: 'counting', onStep: () => void steps++ };
  const stop = stopOn({
    get requested() {
      return steps >= 2;
    },
  });
  const { finished, written } = await run(true, [counting, stop]);
  assert.is(finished, false);
  assert.equal(
    written.flatMap(({ document }) => document.parts.map(({ steps }) => steps)),
    [
      [1, 1],
      [2, 2],
    ],
  );
});

test('one that fails is written as well', async () => {
  const written: ProfileFiles[] = [];
  const course = new ProfiledCourse(async (files) => void written.push(files));
  const model = tinyNet(device);
  const { train } = stripeBatches();
  const error = await fit({
    ...{ model, device, train, epochs: 1 },
    optimizer: new SGD(model.parameters(), { lr: 0.05 }),
    callbacks: [
      course,
      {
        name: 'failing',
        onStep() {
          throw new Error('it fails');
        },
      },
    ],
  }).catch((reason) => reason);
  assert.is(error.message, 'it fails');
  assert.is(written.length, 1);
});

test.run();
