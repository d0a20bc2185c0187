/** Loading: what fits, what is missing, a new head, and a model's state written and read back. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readWeights } from '../../src/weights/formats/read.ts';
import { fromFloat32, type StateDict, type WeightsFile } from '../../src/weights/formats/state.ts';
import {
  describeReport,
  type ExpectedTensor,
  type LoadWeightsOptions,
  planLoad,
} from '../../src/weights/load.ts';
import { fixture } from './fixtures.ts';

const load = suite('weights: loading');

function ramp(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => i + 1);
}

/** A model of one convolution, one norm and a head with `classes`. */
function model(classes: number): Map<string, ExpectedTensor> {
  return new Map<string, ExpectedTensor>([
    ['conv.weight', { shape: [1, 1, 2, 3], layout: 'conv' }],
    ['bn.weight', { shape: [3], layout: 'plain' }],
    ['bn.num_batches_tracked', { shape: [], layout: 'plain', optional: true }],
    ['fc.weight', { shape: [3, classes], layout: 'linear', head: true }],
    ['fc.bias', { shape: [classes], layout: 'plain', head: true }],
  ]);
}

/** The file of that model with three classes, changed by `change`. */
function file(change: (tensors: StateDict) => void = () => {}): WeightsFile {
  const tensors: StateDict = new Map([
    ['conv.weight', fromFloat32(ramp(6), [3, 2, 1, 1])],
    ['bn.weight', fromFloat32(ramp(3), [3])],
    ['bn.num_batches_tracked', { dtype: 'int64' as const, shape: [], bytes: new Uint8Array(8) }],
    ['fc.weight', fromFloat32(ramp(9), [3, 3])],
    ['fc.bias', fromFloat32(ramp(3), [3])],
  ]);
  change(tensors);
  return { tensors, metadata: {}, notes: ['From the reader.'] };
}

load('what fits is loaded in the layout of the engine', () => {
  const { report, values } = planLoad(model(3), file());
  assert.is(report.loaded.length, 5);
  assert.equal(report.notes, ['From the reader.']);
  assert.equal(values.get('conv.weight'), { data: Float32Array.of(1, 3, 5, 2, 4, 6), shape: [1, 1, 2, 3] });
  assert.equal(values.get('fc.weight'), {
    data: Float32Array.of(1, 4, 7, 2, 5, 8, 3, 6, 9),
    shape: [3, 3],
  });
  assert.is(describeReport(report), 'Loaded 5 tensors.\nFrom the reader.');
});

load('num_batches_tracked may be there or not, on either side', () => {
  const without = file((tensors) => tensors.delete('bn.num_batches_tracked'));
  assert.is(planLoad(model(3), without).report.loaded.length, 4);
  const expected = model(3);
  expected.delete('bn.num_batches_tracked');
  assert.equal(planLoad(expected, file()).report.unexpected, []);
});

const REFUSED: [
  label: string,
  change: (tensors: StateDict) => void,
  options: LoadWeightsOptions,
  sentence: RegExp,
][] = [
  ['a missing tensor', (t) => t.delete('bn.weight'), {}, /1 missing: bn\.weight\. .*strict: false/],
  ['an unexpected tensor', (t) => t.set('se.weight', t.get('bn.weight')!), {}, /1 unexpected: se\.weight\. /],
  [
    'another shape',
    (t) => t.set('bn.weight', fromFloat32(ramp(4), [4])).set('conv.weight', fromFloat32(ramp(2), [2])),
    {},
    /2 of another shape: conv\.weight \(file \[2\], model \[3, 2, 1, 1\]\), bn\.weight \(file \[4\], model \[3\]\)/,
  ],
  [
    'a head of another width',
    (t) => t.set('fc.weight', fromFloat32(ramp(12), [3, 4])),
    {},
    /fc\.weight \(file \[3, 4\], model \[3, 3\]\)/,
  ],
  ['names that are all others', renameAll, { strict: false }, /No tensor of the file fits/],
  [
    'many names',
    (t) => Array.from({ length: 20 }, (_, i) => t.set(`extra${i}`, t.get('bn.weight')!)),
    {},
    /20 unexpected: extra0, .*extra7 and 12 more/,
  ],
];

function renameAll(tensors: StateDict): void {
  for (const [name, tensor] of [...tensors]) {
    tensors.delete(name);
    tensors.set(`backbone.${name}`, tensor);
  }
}

for (const [label, change, options, sentence] of REFUSED) {
  load(`refuses ${label}`, () => {
    assert.throws(() => planLoad(model(3), file(change), options), sentence);
  });
}

load('not strict: takes what fits and reports the rest by name', () => {
  const changed = file((tensors) => {
    tensors.delete('bn.weight');
    tensors.set('extra', fromFloat32(ramp(1), [1]));
    tensors.set('fc.bias', fromFloat32(ramp(2), [2]));
  });
  const { report, values } = planLoad(model(3), changed, { strict: false });
  assert.equal(report.missing, ['bn.weight']);
  assert.equal(report.unexpected, ['extra']);
  assert.equal(report.wrongShape, [{ name: 'fc.bias', file: [2], model: [3] }]);
  assert.equal([...values.keys()], ['conv.weight', 'bn.num_batches_tracked', 'fc.weight']);
  const text = describeReport(report);
  assert.match(text, /Loaded 3 tensors/);
  assert.match(text, /left as initialised \(1\): bn\.weight/);
  assert.match(text, /not in the model \(1\): extra/);
  assert.match(text, /another shape.*fc\.bias \(file \[2\], model \[3\]\)/);
});

load(
  'a head with another number of classes is replaced when asked, and refused with the remedy when not',
  () => {
    assert.throws(() => planLoad(model(2), file()), /number of classes differs, ask for a new head/);
    const { report, values } = planLoad(model(2), file(), { replaceHead: true });
    assert.equal(report.replacedHead, ['fc.weight', 'fc.bias']);
    assert.is(values.has('fc.weight'), false);
    assert.match(describeReport(report), /The head starts anew.*fc\.weight, fc\.bias/);
  },
);

load('a head that fits is kept even when it may be replaced; one that is absent starts anew', () => {
  assert.ok(planLoad(model(3), file(), { replaceHead: true }).values.has('fc.weight'));
  const backbone = file((tensors) => {
    tensors.delete('fc.weight');
    tensors.delete('fc.bias');
  });
  assert.equal(planLoad(model(3), backbone, { replaceHead: true }).report.replacedHead, [
    'fc.weight',
    'fc.bias',
  ]);
  assert.throws(() => planLoad(model(3), backbone), /2 missing: fc\.weight, fc\.bias/);
});

load('beside a body that fits, a head of another make and other tensors are left and named', () => {
  const changed = file((tensors) => {
    tensors.set('fc.weight', fromFloat32(ramp(12), [3, 4]));
    tensors.set('fc.1.weight', fromFloat32(ramp(9), [3, 3]));
    tensors.set('conv2.weight', fromFloat32(ramp(1), [1]));
  });
  const beside = (name: string): boolean => name.startsWith('fc.');
  assert.throws(
    () => planLoad(model(3), changed, { replaceHead: true, beside }),
    /1 unexpected: conv2\.weight\. /,
  );
  changed.tensors.delete('conv2.weight');
  const { report } = planLoad(model(3), changed, { replaceHead: true, beside });
  assert.equal(report.replacedHead, ['fc.weight']);
  assert.equal(report.unexpected, ['fc.1.weight']);
  assert.match(describeReport(report), /^In the file but not in the model \(1\): fc\.1\.weight\.$/m);
});

load('NaN, infinity, half precision and integers among the weights are noted', () => {
  const changed = file((tensors) => {
    tensors.set('bn.weight', fromFloat32(Float32Array.of(1, Number.NaN, 2), [3]));
    tensors.set('fc.bias', fromFloat32(Float32Array.of(1, -Infinity, 2), [3], 'float16'));
    tensors.set('conv.weight', { dtype: 'int8', shape: [3, 2, 1, 1], bytes: new Uint8Array(6).fill(3) });
  });
  const { report } = planLoad(model(3), changed);
  assert.equal(report.notes.slice(1), [
    'Read the int8 numbers of conv.weight as they are: no scale is applied.',
    'Converted 1 tensor from float16 to float32.',
  ]);
  assert.equal(report.notFinite, ['bn.weight', 'fc.bias']);
  assert.match(describeReport(report), /^NaN or infinity among the weights of bn\.weight, fc\.bias: /m);
});

load('a tensor of a torch file loads like any other', async () => {
  const torch = await readWeights(fixture('zip.pth'), 'zip.pth');
  const expected = new Map<string, ExpectedTensor>([['transposed', { shape: [4, 4], layout: 'linear' }]]);
  const { values } = planLoad(expected, torch, { strict: false });
  assert.equal([...values.get('transposed')!.data], [...Array(16).keys()]);
});

load.run();
