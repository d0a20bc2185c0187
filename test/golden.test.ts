/** The bits of logits and losses are those that were recorded; see golden.ts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adapterOf, GOLDENS, type Golden, type GoldenName, goldenOf } from './golden.ts';
import { testDevice } from './helpers/device.ts';
import { fixture } from './helpers/fixture.ts';

const test = suite('goldens');
const recorded = fixture<{ adapter: string; goldens: Record<GoldenName, Golden> }>('goldens.json');
const device = await testDevice({ poison: false });
const same = adapterOf(device) === recorded.adapter;

for (const name of Object.keys(GOLDENS) as GoldenName[])
  (same ? test : test.skip)(`${name}: logits and the losses of 20 steps have the recorded bits`, async () => {
    assert.equal(await goldenOf(device, name), recorded.goldens[name]);
  });

test('they were recorded on an adapter that is named', () => {
  assert.match(recorded.adapter, /\d+ lanes/);
});

test.run();
