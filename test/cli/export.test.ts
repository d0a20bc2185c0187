/**
 * `export` as people run it: what it writes, what lies beside it, what comes back from it, and what it refuses. The programs
 * beside the files are read here and run by hand (docs/export.md).
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elsewhere, LIBRARIES } from '../../src/export/libraries.ts';
import { nodeForOnnx, pythonForOnnx } from '../../src/export/runners.ts';
import { type buildModel, familyOf, modelNames } from '../../src/models/table.ts';
import { torchShape } from '../../src/nn/index.ts';
import { IMAGENET_CLASSES } from '../../src/weights/catalog/imagenet-classes.ts';
import { readKnown } from '../../src/weights/door.ts';
import { expectedTensors, shapeBuilder } from '../../src/weights/expected.ts';
import { fromFloat32, type StateDict } from '../../src/weights/formats/state.ts';
import { matchNames, underNames } from '../../src/weights/names.ts';
import { openStart } from '../../src/weights/node/create-model.ts';
import { IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';
import { readOnnx } from '../export/read-onnx.ts';
import { type Outcome, tessera } from './in-process.ts';
import { saveTinyCheckpoint } from './tiny-checkpoint.ts';

const test = suite('cli/export');
const home = process.cwd();
let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-export-'));
  process.chdir(folder);
});
test.after.each(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

const run = (...args: string[]): Promise<Outcome> => tessera('export', ...args);
const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

const CLASSES = ['ant', 'größte "Katze"'];
const checkpoint = (path: string): Promise<void> =>
  saveTinyCheckpoint(path, CLASSES, {
    decision: { positive: 'ant', threshold: 0.25, by: 'given', target: null, on: null, pictures: null },
  });

test('the weights that ship as ONNX: what is in the file and beside it, and nothing is replaced unasked', async () => {
  const { code, out, err } = await run('efficientnet_lite0', '--to', 'onnx');
  assert.is(code, 0, err);
  assert.equal(
    readdirSync('.').sort(),
    ['', '.json', '.mjs', '.py'].map((end) => `efficientnet_lite0.onnx${end}`),
  );
  assert.match(out, /^efficientnet_lite0\.onnx: efficientnet_lite0, 1000 classes, 17\.7 MiB, in /);
  const { graph, metadata_props, producer_name, producer_version, opset_import } = readOnnx(
    bytesOf('efficientnet_lite0.onnx'),
  );
  const metadata = Object.fromEntries(metadata_props.map(({ key, value }) => [key, value]));
  assert.equal(JSON.parse(metadata.classes!), IMAGENET_CLASSES);
  assert.is(JSON.parse(metadata.preprocessing!).inputSize, 224);
  assert.match(metadata.source!, /^https:/);
  assert.equal([metadata.licence, metadata.model], ['Apache-2.0', 'efficientnet_lite0']);
  assert.equal(
    [producer_name, metadata['tessera.version'], opset_import[0]!.version],
    ['Tessera', producer_version, 17],
  );
  assert.not.ok(graph.node.some(({ op_type }) => ['Transpose', 'BatchNormalization'].includes(op_type)));
  assert.equal(JSON.parse(readFileSync('efficientnet_lite0.onnx.json', 'utf8')).classes, IMAGENET_CLASSES);
  // What is printed is what lies beside the file.
  const lines = out.split('\n');
  for (const [program, end] of [
    ['python', '.py'],
    ['node', '.mjs'],
  ]) {
    assert.ok(lines.includes(`${program} efficientnet_lite0.onnx${end} PHOTO`), out);
    for (const line of readFileSync(`efficientnet_lite0.onnx${end}`, 'utf8').split('\n'))
      assert.ok(line === '' || lines.includes(`  ${line}`), line);
  }
  const again = await run('efficientnet_lite0', '--to', 'onnx');
  assert.equal(
    [again.code, again.err.includes('efficientnet_lite0.onnx is there already; --overwrite replaces it')],
    [64, true],
  );
});

for (const to of ['pth', 'safetensors'])
  test(`a checkpoint as ${to}: classes, preprocessing and every bit come back with --weights`, async () => {
    await checkpoint('before.safetensors');
    mkdirSync('run');
    await checkpoint('run/best.safetensors');
    const { code, err, out } = await run('run', '--to', to, '--json');
    assert.is(code, 0, err);
    assert.match(err, /'ant' is called from a probability of 0\.25, as was asked for\. An exported file/);
    const { beside, notes } = JSON.parse(out);
    assert.equal(beside, []);
    assert.match(notes[0], /^Neither torchvision nor timm has tiny with these weights' padding/);
    const [before, after] = [bytesOf('before.safetensors'), bytesOf(`run.${to}`)];
    const [one, other] = [await readKnown(before, 'a'), await readKnown(after, 'b')];
    assert.equal(other.card, one.card);
    assert.equal([...other.file.tensors], [...one.file.tensors]);
    assert.is(JSON.parse(other.file.metadata.decision!).threshold, 0.25);
    const start = await openStart({ weights: `run.${to}` });
    assert.equal([start.model, start.assumed, start.preprocessing.resizeSize], ['tiny', null, 36]);
  });

test('a checkpoint as ONNX: a path, another size, probabilities, pictures of 8 bits', async () => {
  await checkpoint('best.safetensors');
  const options = ['--softmax', '--with-preprocessing', '--opset', '20', '--size', '48', '--out', 'a/b.onnx'];
  const { code, err } = await run('best.safetensors', '--to', 'onnx', ...options);
  assert.is(code, 0, err);
  const { graph, metadata_props, opset_import, ir_version } = readOnnx(bytesOf('a/b.onnx'));
  assert.equal([opset_import[0]!.version, ir_version], [20, 9]);
  const dims = graph.input[0]!.type.tensor_type.shape.dim.map((dim) => dim.dim_param ?? dim.dim_value);
  assert.equal(
    [graph.input[0]!.name, dims, graph.output[0]!.name],
    ['pictures', ['N', 48, 48, 3], 'probabilities'],
  );
  const metadata = Object.fromEntries(metadata_props.map(({ key, value }) => [key, value]));
  assert.equal(JSON.parse(metadata.classes!), CLASSES);
  assert.equal(JSON.parse(metadata.decision!).positive, 'ant');
  assert.match(readFileSync('a/b.onnx.py', 'utf8'), /x = np\.asarray\(image\)\[None\]/);
});

// biome-ignore format: a table
const REFUSALS: [args: string[], says: RegExp][] = [
  [['efficientnet_lite0'], /required option '--to <format>' not specified/],
  [['efficientnet_lite0', '--to', 'tflite'], /It is one of onnx, pth, safetensors/],
  [['resnet19', '--to', 'onnx'], /^error: there is no resnet19: name the folder of a run, .*; did you mean resnet18\?$/m],
  [['runs/none', '--to', 'onnx'], /there is no runs\/none: .*weights -- list shows/],
  [['pretrained', '--to', 'onnx'], /there is no pretrained/],
  [['.', '--to', 'onnx'], /\. holds no best\.safetensors/],
  [['page.pth', '--to', 'onnx'], /page\.pth is an HTML or XML page/],
  [['alexnet', '--to', 'onnx'], /fetch it first: npm run weights -- fetch alexnet/],
  [['efficientnet_lite0', '--to', 'onnx', '--opset', '12'], /opset 12 cannot be written; those from 13 to 25 can/],
  [['efficientnet_lite0', '--to', 'onnx', '--names', 'timm'], /--names is for pth and safetensors, so it does nothing to --to onnx/],
  [['efficientnet_lite0', '--to', 'pth', '--with-preprocessing'], /--with-preprocessing is for onnx, so it does nothing to --to pth; leave it out/],
  [['net.safetensors', '--to', 'onnx', '--model', 'resnet18'], /net\.safetensors names its model, weights and size itself; leave out --model$/m],
  [['efficientnet_lite0', '--to', 'pth', '--names', 'torchvision'], /torchvision has no efficientnet_lite0 of padding 'same' and epsilon 0\.001; timm does/],
  [['efficientnet_lite0', '--to', 'onnx', '--size', '5000'], /HEIGHTxWIDTH such as 160x320, of at most 4096 each/],
  [['efficientnet_lite0', '--to', 'onnx', '--out', 'folder'], /folder could not be written: it is a folder/],
  [['own.pth', '--to', 'pth'], /own\.pth is the file to export itself and would be written over; name another one with --out/],
];
test('what cannot be exported is refused in a sentence, and nothing is written', async () => {
  mkdirSync('folder');
  await checkpoint('net.safetensors');
  writeFileSync('page.pth', '<!doctype html><html></html>');
  assert.is((await run('efficientnet_lite0', '--to', 'pth', '--out', 'own.pth')).code, 0);
  const before = readdirSync('.', { recursive: true });
  for (const [args, says] of REFUSALS) {
    const { code, out, err } = await run(...args);
    assert.is(code, 64, `${args.join(' ')}: ${err}`);
    assert.match(err, says);
    assert.is(out, '');
  }
  assert.equal(readdirSync('.', { recursive: true }), before);
  assert.ok(existsSync('own.pth.py'));
});

test('the programs are what their languages can read, whatever the network wants', () => {
  for (const interpolation of ['bilinear', 'bicubic'] as const)
    for (const normalises of [true, false])
      for (const softmax of [true, false]) {
        const options = { preprocessing: { ...IMAGENET_PREPROCESSING, interpolation }, normalises, softmax };
        transformSync(nodeForOnnx(options), { format: 'esm' });
        const python = pythonForOnnx(options);
        assert.ok(python.includes(`Image.${interpolation.toUpperCase()}`));
        assert.is(python.includes('0.485'), !normalises);
        assert.is(python.includes('np.exp'), !softmax);
        assert.ok(python.split('\n').length < 18);
      }
});

/** A model's tensors as a file has them. */
function stateOf(model: Awaited<ReturnType<typeof buildModel>>): StateDict {
  return new Map(
    [...expectedTensors(model)].map(([name, { shape, layout }]) => {
      const torch = torchShape(shape, layout);
      return [name, fromFloat32(new Float32Array(torch.reduce((a, b) => a * b, 1)), torch)];
    }),
  );
}

test('every network under the names of each library that has it, and back', async () => {
  const build = await shapeBuilder();
  const tried: Record<string, number> = { torchvision: 0, timm: 0 };
  for (const name of modelNames()) {
    if (/b[1-7]|lite[1-4]|resnet(34|50|101|152)|^alexnet/.test(name)) continue;
    const model = build(name, { numClasses: 2 });
    for (const library of LIBRARIES) {
      const there = elsewhere(name, model.spec!.options, library);
      if (!there) continue;
      tried[library]!++;
      const own = stateOf(model);
      const theirs = underNames(own, model, there.style);
      const signs = familyOf(name).names.find(({ style }) => style === there.style)!.signs;
      assert.ok(
        signs.every((sign) => theirs.has(sign)),
        `${name} in ${library}`,
      );
      assert.equal([...matchNames(theirs, model).tensors.keys()], [...own.keys()]);
      assert.is(new Set(theirs.keys()).size, own.size);
    }
  }
  assert.equal(tried, { torchvision: 4, timm: 11 });
});

// biome-ignore format: a table
const CALLS: [network: string, options: Record<string, number | string>, torchvision: string | null, timm: string | null][] = [
  ['resnet50', {}, 'torchvision.models.resnet50(num_classes=3)', "timm.create_model('resnet50', num_classes=3)"],
  ['alexnet', {}, 'torchvision.models.alexnet(num_classes=3)', null],
  ['alexnet_2012', {}, null, null],
  ['mobilenetv2_100', {}, 'torchvision.models.mobilenet_v2(num_classes=3)', "timm.create_model('mobilenetv2_100', num_classes=3)"],
  ['efficientnet_b0', { padding: 'torch', normEps: 1e-5 }, 'torchvision.models.efficientnet_b0(num_classes=3)', "timm.create_model('efficientnet_b0', num_classes=3)"],
  ['efficientnet_b5', { padding: 'torch', normEps: 1e-3 }, 'torchvision.models.efficientnet_b5(num_classes=3)', "timm.create_model('efficientnet_b5', num_classes=3, bn_eps=0.001)"],
  ['tf_efficientnet_b0', { padding: 'same', normEps: 1e-3 }, null, "timm.create_model('efficientnet_b0', num_classes=3, pad_type='same', bn_eps=0.001)"],
];
test('the calls that build a network elsewhere', () => {
  for (const [network, options, ...calls] of CALLS)
    for (const [index, library] of LIBRARIES.entries())
      assert.is(
        elsewhere(network, options, library)?.build(3) ?? null,
        calls[index],
        `${network} in ${library}`,
      );
});

test.run();
