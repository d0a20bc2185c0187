/**
 * Every model with pseudo-random weights against torchvision's and timm's: logits in evaluation mode; of some also
 * loss, gradients, running statistics and an SGD step in training mode. Closes with a table, one row a model. What
 * ResNet-18 does with large pictures and over several steps is in resnet.test.ts.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { modelNames } from '../../src/models/table.ts';
import { testDevice } from '../helpers/device.ts';
import { fixture } from '../helpers/fixture.ts';
import { LIMITS, logitsError, type ModelFixture, trainingErrors } from '../helpers/model-parity.ts';

/** Pixels of a side: at this size the whole table takes seconds on a GPU. */
const SMALL = 100;

type Kind = keyof typeof LIMITS;
/** The largest error of each kind, by model. */
const table = new Map<string, Partial<Record<Kind, number>>>();

function note(model: string, kind: Kind, error: number, at: string): void {
  const row = table.get(model) ?? {};
  table.set(model, { ...row, [kind]: Math.max(row[kind] ?? 0, error) });
  assert.ok(error <= LIMITS[kind], `${model}: ${kind} are off by ${error} at ${at}`);
}

const test = suite('models against PyTorch');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after.each(() => device.trim());
test.after(() => {
  device.close();
  const kinds = Object.keys(LIMITS) as Kind[];
  console.log(`\n${'largest errors'.padEnd(22)} ${kinds.map((kind) => kind.padStart(9)).join(' ')}`);
  for (const [model, row] of table)
    console.log(
      `${model.padEnd(22)} ${kinds.map((kind) => (row[kind]?.toExponential(1) ?? '').padStart(9)).join(' ')}`,
    );
});

for (const model of modelNames()) {
  const stored = fixture<ModelFixture>(`model_${model}.json`);
  const small = ({ input: { shape } }: { input: { shape: number[] } }): boolean => shape[1] < SMALL;
  for (const row of stored.evaluation.filter(small))
    test(`${model}: logits of ${row.input.shape}`, async () => {
      note(model, 'logits', await logitsError(device, stored, row), `${row.input.shape}`);
    });
  for (const row of stored.training.filter(small))
    test(`${model}: training on ${row.input.shape}`, async () => {
      for (const [kind, { error, at }] of Object.entries(await trainingErrors(device, stored, row)))
        note(model, kind as Kind, error, at);
    });
}

test.run();
