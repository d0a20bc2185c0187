/** The public API: the names that are promised, and weights that go to a file and back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as tessera from '../src/index.ts';
import { pseudo } from '../src/verify/pseudo.ts';
import { readSafetensors, writeSafetensors } from '../src/weights/formats/safetensors.ts';
import { testDevice } from './helpers/device.ts';
import { putIntoCatalog } from './weights/fixtures.ts';

const PROMISED = [
  'openDevice tensor createModel freeze maskGradient SGD AdamW scope noGrad loadWeights saveWeights',
  'matmul linear conv2d depthwiseConv2d batchNorm maxPool2d avgPool2d adaptiveAvgPool2d globalAvgPool lrn',
  'relu relu6 silu sigmoid add sub mul div sum mean reshape flatten softmax logSoftmax crossEntropy binaryCrossEntropy',
  'dropout dropPath resize pad concat slice permute NoAdapterError compoundScale',
  'imageFolder imageList fromSamples loadBatches closeLoader readImage writeImage evalTransform trainTransform atSize cardMetadata',
  'adjustBrightness adjustContrast adjustHue adjustSaturation jitterColors',
  'balancedOrder balancedWeights classWeightsFor mixPictures',
  'fit DivergedError plainStep distilStep stepOf labelCriterion distilCriterion infer logitsOf FeatureCache MemoryStore cutOf measure accuracy topKAccuracy rocAuc confusionMatrix Checkpoints stopOn',
  'gridNetworks scaleTable teacherOf trainEqually',
  'evaluation headline wilson curves calibration chooseThreshold ThresholdChoice stress stressTable perturbed throughJpeg',
  'program elementwise family record recordsGrad empty watchingOps exportOnnx profile',
  'gradCam occlusion overlay heatmapOf borderShare featureMaps firstFilters contactSheet networkView ownView ownPart within heightWidth preparedFor',
  'buildSupernet Supernet fairDraw fairStep methodNamed evolve fitSurrogate kendall spearman pearson mcnemar',
  'mbconvTableOf searchHeadline searchReportHtml',
  'search checkSpace checkResult countOf choiceOf keyOf tableOf largest smallest picturesOf inMemory preprocessingOf sourcesOf',
  'costOf additiveCost countOfTable measureLatencies latenciesFor measureModels measurePlan pacesOf handMade optimum predictedFront',
  'reportHtml writeEvaluationReport predictionsCsv MetricsLog TensorBoard',
  'Module Sequential Linear Conv2d BatchNorm2d Dropout parameter buffer fill manualSeed',
  'kaimingNormal kaimingUniform xavierNormal xavierUniform torchDefault constant cosine stepDecay decayGroups',
].flatMap((line) => line.split(' '));

const { createModel, loadWeights, noGrad, saveWeights, scope, tensor } = tessera;

const test = suite('public API');
let device: tessera.Device;
const folder = mkdtempSync(join(tmpdir(), 'tessera-api-'));
test.before(async () => {
  device = await testDevice();
});
test.after(() => {
  rmSync(folder, { recursive: true });
  device.close();
});

async function logits(model: tessera.Model): Promise<ArrayLike<number>> {
  const x = tensor(pseudo('x', 2 * 64 * 64 * 3), [2, 64, 64, 3], { device });
  const y = noGrad(() => scope(() => model.eval().forward(x)));
  const data = await y.data();
  x.dispose();
  y.dispose();
  return data;
}

test('the promised names are there', () => {
  const missing = PROMISED.filter((name) => typeof Reflect.get(tessera, name) !== 'function');
  assert.equal(missing, []);
});

test('what docs/fine-tuning.md names in place of the options is there', () => {
  const page = readFileSync(new URL('../docs/fine-tuning.md', import.meta.url), 'utf8');
  const rows = page.split('## In a program')[1]!.matchAll(/^\| .* \| (.*) \|$/gm);
  const code = [...rows].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, words]) => words!));
  const names = code.flatMap((words) =>
    /^\w+$/.test(words) ? [words] : [...words.matchAll(/(?:^|[ (])(\w+)\(/g)].map(([, name]) => name!),
  );
  assert.ok(names.length > 20);
  assert.equal(
    names.filter((name) => typeof Reflect.get(tessera, name) !== 'function'),
    [],
  );
});

test('createModel needs a device only, and the same seed gives the same network', async () => {
  const [a, b, c] = await Promise.all(
    [1, 1, 2].map((seed) => createModel('resnet18', { numClasses: 2, seed })),
  );
  assert.equal(await logits(a), await logits(b));
  assert.not.equal(await logits(a), await logits(c));
  for (const model of [a, b, c]) model.dispose();
});

for (const name of ['resnet18', 'efficientnet_lite0', 'alexnet'])
  test(`${name}: saved and loaded weights give the same logits`, async () => {
    const path = join(folder, `${name}.safetensors`);
    const model = await createModel(name, { numClasses: 5, seed: 3, dropout: 0.1 });
    const expected = await logits(model);
    await saveWeights(model, path, { metadata: { classes: 'a,b' } });
    assert.equal(
      readdirSync(folder).filter((file) => file.endsWith('.tmp')),
      [],
    );
    const { tensors, metadata } = readSafetensors(readFileSync(path));
    assert.is(metadata.classes, 'a,b');
    assert.is(metadata.format, 'pt');
    const norms = [...model.namedBuffers()].length / 2;
    const counters = [...tensors].filter(([key]) => key.endsWith('num_batches_tracked'));
    assert.is(counters.length, norms);
    assert.ok(counters.every(([, { dtype, shape }]) => dtype === 'int64' && shape.length === 0));
    assert.is(tensors.size, [...model.namedParameters()].length + 3 * norms);

    // The number of classes comes from the file.
    const again = await createModel(name, { weights: path, seed: 9 });
    assert.is(again.numClasses, 5);
    assert.equal(await logits(again), expected);
    // Another number of classes: a new head, said so.
    let report: tessera.LoadReport | undefined;
    const other = await createModel(name, {
      weights: new Uint8Array(readFileSync(path)),
      numClasses: 2,
      onReport: (value) => {
        report = value;
      },
    });
    assert.equal(report?.replacedHead, [`${other.classifier}.weight`, `${other.classifier}.bias`]);
    // It starts at zero: every class is equally likely, whatever the scale of the features.
    assert.equal(Array.from(await logits(other)), [0, 0, 0, 0]);
    for (const used of [model, again, other]) used.dispose();
    device.trim();
  });

test('a file remembers on which padding and epsilon its weights depend', async () => {
  const path = join(folder, 'same.safetensors');
  const model = await createModel('efficientnet_lite0', { padding: 'same', normEps: 1e-3, numClasses: 2 });
  await saveWeights(model, path, { dtype: 'float16' });
  const again = await createModel('efficientnet_lite0', { weights: path });
  assert.equal(again.spec, {
    name: 'efficientnet_lite0',
    options: { padding: 'same', normEps: 1e-3 },
  });
  const [a, b] = [await logits(model), await logits(again)];
  const largest = Math.max(...Array.from(a, Math.abs));
  assert.ok(Array.from(a).every((value, i) => Math.abs(value - b[i]) < 0.02 * largest));
});

test('weights of a twin bring their padding and epsilon along, also where a header leaves them to the name', async () => {
  const path = join(folder, 'twin.safetensors');
  const model = await createModel('tf_efficientnet_lite0', { numClasses: 2, seed: 4 });
  const expected = await logits(model);
  await saveWeights(model, path);
  const { tensors, metadata } = readSafetensors(readFileSync(path));
  const properties = { padding: 'same', normEps: 1e-3 };
  assert.equal(JSON.parse(metadata['tessera.model']), { name: 'tf_efficientnet_lite0', options: properties });
  const short = writeSafetensors(tensors, {
    'tessera.model': '{"name":"tf_efficientnet_lite0","options":{}}',
  });
  for (const weights of [path, short]) {
    const twin = await createModel('efficientnet_lite0', { weights, padding: undefined });
    assert.equal(await logits(twin), expected);
    assert.equal(twin.spec, { name: 'efficientnet_lite0', options: properties });
    twin.dispose();
  }
  const other = await createModel('efficientnet_lite0', { weights: path, padding: 'torch' });
  assert.not.equal(await logits(other), expected);
  for (const used of [model, other]) used.dispose();
});

test('a file that the catalog knows by its hash is computed with the padding and epsilon of its entry', async () => {
  const model = await createModel('tf_efficientnet_lite0', { numClasses: 2, seed: 4 });
  const { tensors } = readSafetensors(await tessera.weightsBytes(model));
  const weights = writeSafetensors(tensors);
  const remove = putIntoCatalog(weights, tessera.findEntry('tf_efficientnet_lite0.in1k')!);
  const known = await createModel('efficientnet_lite0', { weights }).finally(remove);
  assert.equal(await logits(known), await logits(model));
  const unknown = await createModel('efficientnet_lite0', { weights });
  assert.not.equal(await logits(unknown), await logits(model));
  for (const used of [model, known, unknown]) used.dispose();
});

const WITHOUT_EFFECT: [name: string, options: object, sentence: RegExp][] = [
  ['resnet18', { padding: 'same' }, /^resnet18 has no choice of padding, so padding same does nothing/],
  ['alexnet', { normEps: 1e-3 }, /^alexnet has no choice of batch norm's epsilon, so normEps 0.001 does/],
  ['alexnet', { zeroInitResidual: true }, /^alexnet has no choice of where its residual branches start/],
  ['efficientnet_b0', { zeroInitResidual: true }, /so zeroInitResidual true does nothing; leave it out/],
  ['resnet18', { dropPath: 0.1 }, /^resnet18 has no stochastic depth, so dropPath 0.1 does nothing/],
  ['efficientnet_b0', { padding: 'weird' }, /^efficientnet_b0: padding is 'torch' or 'same', not 'weird'/],
  ['efficientnet_b0', { normEps: -1 }, /^efficientnet_b0: normEps is a number between 0 and 1, .* not -1/],
  ['resnet18', { numClasses: 0 }, /^resnet18: 0 is no number of classes/],
  ['resnet19', {}, /^there is no model 'resnet19'; did you mean resnet18/],
];
test('options that would have no effect are refused, before weights are read', async () => {
  for (const [name, options, sentence] of WITHOUT_EFFECT)
    for (const weights of [undefined, join(folder, 'nothing.pth')]) {
      const error = await createModel(name, { ...options, weights }).catch((reason) => reason);
      assert.match(error.message, sentence);
    }
});

test('what does not fit is refused by name, unless it is not strict', async () => {
  const path = join(folder, 'alexnet.safetensors');
  const resnet = await createModel('resnet18', { numClasses: 5 });
  const error = await loadWeights(resnet, path).catch((reason) => reason);
  assert.match(
    error.message,
    /alexnet\.safetensors holds weights of alexnet, not of resnet18; name that model/,
  );
  const missing = await createModel('resnet18', { weights: join(folder, 'nothing.pth') }).catch(
    (reason) => reason,
  );
  assert.match(missing.message, /^there is no weights file .*nothing\.pth/);
  writeFileSync(join(folder, 'page.pth'), '<!doctype html>');
  const page = await createModel('resnet18', { weights: join(folder, 'page.pth') }).catch((reason) => reason);
  assert.match(page.message, /is an HTML or XML page/);
  const shipped = await createModel('alexnet_2012', { weights: 'pretrained' }).catch((reason) => reason);
  assert.match(shipped.message, /the catalog has no pretrained weights of 'alexnet_2012'/);
});

test('a failed save leaves what was there', async () => {
  const model = await createModel('resnet18', { numClasses: 2 });
  const page = join(folder, 'page.pth');
  const error = await saveWeights(model, join(page, 'model.safetensors')).catch((reason) => reason);
  assert.match(
    error.message,
    /page\.pth\/model\.safetensors could not be written: .*a part of the path is a file.*untouched/,
  );
  assert.is(readFileSync(page, 'utf8'), '<!doctype html>');
  model.dispose();
});

test.run();
