/**
 * Grad-CAM against PyTorch's values (test/reference/grad_cam.py) and against float64 on a network of two convolutions, on
 * every family of networks, and without a trace in the model.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gradCam, placingStage } from '../../src/explain/grad-cam.ts';
import { heatmapOf } from '../../src/explain/heatmap.ts';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { buildModel } from '../../src/models/table.ts';
import { freeze, type Model } from '../../src/nn/index.ts';
import { empty, tensor } from '../../src/tensor/index.ts';
import { OPS64 } from '../../src/verify/float64.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { Nodes, Tape } from '../../src/verify/tape.ts';
import { relativeError } from '../helpers/check.ts';
import { testDevice } from '../helpers/device.ts';
import { decodeFloats } from '../helpers/expected.ts';
import { fixture } from '../helpers/fixture.ts';
import { build, type ModelRow } from '../helpers/model-parity.ts';
import { type TinyNet, tinyNet } from '../train/tiny.ts';

interface Row extends ModelRow {
  model: string;
  numClasses: number;
  classes: number[];
  /** By stage: the maps before they are divided by their largest values. */
  maps: Record<string, { shape: number[]; values: string }>;
}

const test = suite('Grad-CAM');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after.each(() => device.trim());
test.after(() => device.close());

for (const row of fixture<Row[]>('grad_cam.json'))
  test(`${row.model}: PyTorch's maps`, async () => {
    const { model, x } = build(device, row, row);
    for (const [stage, { shape, values }] of Object.entries(row.maps)) {
      const found = await gradCam(model, x, { classes: row.classes, stage });
      assert.equal([row.classes.length, found.height, found.width], shape);
      assert.equal([...found.classes], row.classes);
      const maps = found.maps.map(
        (value, i) => value * found.strengths[Math.floor(i / (shape[1] * shape[2]))],
      );
      const error = relativeError(maps, decodeFloats(values));
      console.log(`${row.model}, ${stage}: ${error.toExponential(1)}`);
      assert.ok(error <= 1e-4, `${stage}: off by ${error}`);
    }
    for (const used of [model, x]) used.dispose();
  });

const SIDE = 8;
const pictures = (count: number) => pseudo('pictures', count * SIDE * SIDE * 3);
const input = (count: number) => tensor(pictures(count), [count, SIDE, SIDE, 3], { device });

/** Grad-CAM of stage conv1 of a TinyNet in float64, for one picture. */
async function mapInFloat64(net: TinyNet, picture: Float32Array, index: number): Promise<Float64Array> {
  const tape = new Tape();
  const leaf = async (of: { shape: readonly number[]; data(): Promise<ArrayLike<number>> }) =>
    Nodes.leaf(tape, of.shape, await of.data());
  const layer = async (
    x: Nodes,
    conv: TinyNet['conv1'],
    { weight, bias, runningMean, runningVar }: TinyNet['bn1'],
  ) => {
    const y = OPS64.conv2d!({ x0: x, x1: await leaf(conv.weight) }, { stride: 2, padding: 1 }) as Nodes;
    const norm = {
      x0: y,
      weight: await leaf(weight),
      bias: await leaf(bias),
      runningMean: await leaf(runningMean),
      runningVar: await leaf(runningVar),
    };
    return (OPS64.batchNorm!(norm, { training: false, activation: 'relu' }) as Record<string, Nodes>).y!;
  };
  const map = await layer(Nodes.leaf(tape, [1, SIDE, SIDE, 3], picture), net.conv1, net.bn1);
  const pooled = OPS64.globalAvgPool!({ x0: await layer(map, net.conv2, net.bn2) }, {}) as Nodes;
  const logits = OPS64.linear!(
    { x0: pooled, x1: await leaf(net.fc.weight), bias: await leaf(net.fc.bias!) },
    {},
  ) as Nodes;
  const gradient = tape.backward([logits.at(0, index)], [1]);
  const [, h, w, channels] = map.shape as [number, number, number, number];
  const weights = Array.from({ length: channels }, (_, k) => {
    let total = 0;
    for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) total += gradient[map.at(0, i, j, k)]!;
    return total / (h * w);
  });
  return Float64Array.from({ length: h * w }, (_, at) => {
    const sum = weights.reduce((t, weight, k) => t + weight * map.value(0, Math.floor(at / w), at % w, k), 0);
    return Math.max(sum, 0);
  });
}

test('float64 gives the same map', async () => {
  const net = tinyNet(device);
  const found = await gradCam(net, input(2), { classes: [1, 0], stage: 'conv1' });
  for (const [picture, index] of found.classes.entries()) {
    const values = heatmapOf(found, picture).values.map((value) => value * found.strengths[picture]!);
    const own = pictures(2).subarray(picture * SIDE * SIDE * 3, (picture + 1) * SIDE * SIDE * 3);
    const error = relativeError(values, await mapInFloat64(net, own, index));
    assert.ok(error <= 1e-5, `picture ${picture} is off by ${error}`);
  }
  net.dispose();
});

test('the class is the likeliest where none is named, and the probabilities are the network’s', async () => {
  const net = tinyNet(device);
  const { classes, probabilities, maps, strengths, height, width } = await gradCam(net, input(3));
  assert.is(probabilities.length, 3 * 2);
  for (const [picture, index] of classes.entries()) {
    const [first, second] = probabilities.subarray(2 * picture, 2 * picture + 2) as unknown as [
      number,
      number,
    ];
    assert.is(index, first >= second ? 0 : 1);
    assert.ok(Math.abs(first + second - 1) < 1e-6);
    const most = Math.max(...heatmapOf({ maps, height, width } as never, picture).values);
    assert.is(most, strengths[picture]! > 0 ? 1 : 0);
  }
  net.dispose();
});

test('a network that knows nothing gives maps of 0, and says so', async () => {
  const net = tinyNet(device).zeroHead();
  const { maps, strengths } = await gradCam(net, input(2));
  assert.equal([...strengths], [0, 0]);
  assert.ok(maps.every((value) => value === 0));
  net.dispose();
});

test('small pictures are explained by the deepest stage whose map tells places apart', async () => {
  const { device: dry } = await dryDevice(boundless(PLAIN_DEVICE));
  const model = buildModel('resnet18', { device: dry, initialise: false });
  const stages = [224, 192, 96, 64, 16].map((side) => placingStage(model, dry, side));
  assert.equal(stages, ['layer4', 'layer4', 'layer3', 'layer2', 'layer4']);
  assert.is(dry.memory().byKind.activation, 0);
});

test('every family has a map, where no parameter asks for a gradient', async () => {
  const { device: dry } = await dryDevice(boundless(PLAIN_DEVICE));
  dry.read = async (_buffer, bytes) => new ArrayBuffer(bytes);
  for (const [name, side] of [
    ['alexnet', 6],
    ['alexnet_2012', 6],
    ['resnet50', 7],
    ['mobilenet_v2', 7],
    ['tf_efficientnet_lite0', 7],
    ['efficientnet_b0', 7],
  ] as const) {
    const model = buildModel(name, { device: dry, initialise: false });
    freeze(model, { except: [] });
    const x = empty(dry, [2, 224, 224, 3]);
    for (const stage of [model.stages[1]!, model.featureStage]) {
      const { maps, height, width } = await gradCam(model, x, { stage });
      assert.is(maps.length, 2 * height * width, `${name}, ${stage}`);
      if (stage === model.featureStage) assert.equal([height, width], [side, side], name);
    }
  }
});

/** Everything of a model that an explanation could disturb. */
const traces = (model: Model) => ({
  modes: [...model.namedModules()].map(([, { training, frozen }]) => [training, frozen]),
  wanted: [...model.parameters()].map(({ requiresGrad, grad }) => [requiresGrad, grad]),
});

test('mode, gradients, what is frozen and the memory are as before', async () => {
  const net = tinyNet(device);
  const x = input(2);
  freeze(net, { except: ['fc'] });
  net.train();
  net.bn2.training = false;
  await gradCam(net, x);
  device.trim();
  const before = traces(net);
  const used = device.memory().live;
  await gradCam(net, x, { stage: 'conv1' });
  assert.equal(traces(net), before);
  assert.ok(device.memory().live <= used, 'less where what earlier tests left is collected meanwhile');
  for (const held of [net, x]) held.dispose();
});

test('what does not fit is said', async () => {
  const net = tinyNet(device);
  const x = input(2);
  const refused = async (options: object, sentence: RegExp) => {
    const used = device.memory().live;
    await gradCam(net, x, options).then(
      () => assert.unreachable('it should refuse'),
      (error: Error) => assert.match(error.message, sentence),
    );
    assert.ok(device.memory().live <= used, 'less where what earlier tests left is collected meanwhile');
  };
  await refused({ stage: 'fc' }, /'fc' gives \[2,2\], which is no map.*up to 'conv2'/);
  await refused({ stage: 'conf1' }, /conv1/);
  await refused({ classes: [0] }, /1 classes for 2 pictures/);
  await refused({ classes: [0, 2] }, /class 2 for picture 1; the network has 2/);
  for (const held of [net, x]) held.dispose();
});

test.run();
