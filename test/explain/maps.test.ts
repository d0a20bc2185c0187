/**
 * What explanations are made of, on networks and pictures so small that the answers are known: which place is strongest, how
 * much lies in the border, what is drawn, what occlusion finds, and the filters and feature maps.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RgbImage } from '../../src/data/image.ts';
import { contactSheet, featureMaps, firstFilters, mapPictures } from '../../src/explain/features.ts';
import { gradCam } from '../../src/explain/grad-cam.ts';
import {
  borderShare,
  type Heatmap,
  heatmapOf,
  normaliseMaps,
  strongestPlace,
} from '../../src/explain/heatmap.ts';
import { occlusion } from '../../src/explain/occlusion.ts';
import { heatColour, overlay } from '../../src/explain/overlay.ts';
import type { Device } from '../../src/gpu/index.ts';
import { globalAvgPool } from '../../src/kernels/index.ts';
import { Conv2d, Linear, Model, onDevice } from '../../src/nn/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('explanations');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

/**
 * A network that knows what it looks for: class 0 is a picture's mean red, class 1 its mean blue. Its first stage passes the
 * colours on.
 */
class RedOrBlue extends Model {
  readonly colours = new Conv2d(3, 3, 1, { bias: false });
  fc = new Linear(3, 2);
  readonly classifier = 'fc';
  readonly inputSize = 8;
  protected readonly lastFeatureStage = 'colours';
  protected readonly stageTable = {
    colours: (x: Tensor) => this.colours.forward(x),
    fc: (x: Tensor) => this.fc.forward(globalAvgPool(x)),
  };
  get numClasses(): number {
    return this.fc.outFeatures;
  }
  protected replaceClassifier(numClasses: number): void {
    this.fc = new Linear(3, numClasses);
  }
}

function redOrBlue(): RedOrBlue {
  const net = onDevice(device, () => new RedOrBlue());
  net.colours.weight.write([1, 0, 0, 0, 1, 0, 0, 0, 1]); // [1, 1, in, out]
  net.fc.weight.write([9, 0, 0, 0, 0, 9]); // [in, out]
  net.fc.bias!.write([0, 0]);
  return net;
}

/** Pictures [N, 8, 8, 3] of 0, with one pixel lit in each: [row, column, channel]. */
function lit(...pixels: [row: number, column: number, channel: number][]): Tensor {
  const values = new Float32Array(pixels.length * 8 * 8 * 3);
  for (const [n, [row, column, channel]] of pixels.entries())
    values[n * 192 + (row * 8 + column) * 3 + channel] = 8;
  return tensor(values, [pixels.length, 8, 8, 3], { device });
}

test('Grad-CAM of a network that looks for red is where red is', async () => {
  const net = redOrBlue();
  const x = lit([1, 6, 0], [5, 2, 2], [3, 3, 1]);
  const found = await gradCam(net, x);
  assert.equal([...found.classes], [0, 1, 0]); // of green, neither: the first
  assert.equal(strongestPlace(heatmapOf(found, 0)), { row: 1, column: 6 });
  assert.equal(strongestPlace(heatmapOf(found, 1)), { row: 5, column: 2 });
  assert.is(found.strengths[2], 0);
  const other = await gradCam(net, x, { classes: [1, 0, 0] });
  assert.equal([...other.strengths], [0, 0, 0], 'red does not speak for blue');
  for (const held of [net, x]) held.dispose();
});

test('occlusion finds the part without which the answer falls, and leaves the model as it was', async () => {
  const net = redOrBlue().train();
  const x = lit([1, 6, 0], [5, 2, 2]);
  const used = device.memory().live;
  const calls: [number, number][] = [];
  const onBatch = (done: number, total: number): boolean => calls.push([done, total]) > 0;
  const found = await occlusion(net, x, { batchSize: 24, onBatch });
  assert.ok(found);
  // A quarter of 8 pixels, moved by half of that: 8 × 8 places, whose squares overlap.
  assert.equal([found.height, found.width], [8, 8]);
  assert.equal(
    calls,
    [24, 48, 72, 96, 120, 128].map((done) => [done, 128]),
  );
  for (const [picture, [row, column]] of [
    [1, 6],
    [5, 2],
  ].entries()) {
    const map = heatmapOf(found, picture);
    const places = [...map.values.keys()].filter((place) => map.values[place]! > 0);
    // A square of 2 around the middle of a cell begins in the cell: halves are rounded up.
    const last = 8 * row! + column!;
    assert.equal(places, [last - 9, last - 8, last - 1, last]);
    const [p0, p1] = found.probabilities.subarray(2 * picture, 2 * picture + 2);
    assert.ok(Math.abs(found.strengths[picture]! - (Math.max(p0!, p1!) - 0.5)) < 1e-6);
  }
  assert.is(net.training, true);
  assert.ok(device.memory().live <= used, 'less where what earlier tests left is collected meanwhile');

  const whole = await occlusion(net, x, { size: 8, stride: 8 });
  assert.equal([whole!.height, whole!.width, ...whole!.maps], [1, 1, 1, 1]);
  assert.is(await occlusion(net, x, { onBatch: () => false }), null);
  for (const [options, sentence] of [
    [{ size: 9 }, /size is a whole number from 1 to the picture's side, 8, not 9/],
    [{ stride: 0.5 }, /stride is a whole number/],
    [{ batchSize: 0 }, /batchSize is a whole number of at least 1, not 0/],
    [{ classes: [0, 2] }, /class 2 for picture 1/],
  ] as const)
    await occlusion(net, x, options).then(
      () => assert.unreachable(`${sentence}`),
      (error: Error) => assert.match(error.message, sentence),
    );
  for (const held of [net, x]) held.dispose();
});

const mapOf = (height: number, width: number, at: (row: number, column: number) => number): Heatmap => ({
  values: Float32Array.from({ length: height * width }, (_, i) => at(Math.floor(i / width), i % width)),
  height,
  width,
});

test('the share of the border: a half of an even map, all of a frame, nothing of a spot', () => {
  for (const [height, width] of [
    [1, 1],
    [2, 2],
    [7, 7],
    [14, 14],
    [3, 8],
  ] as const)
    assert.ok(Math.abs(borderShare(mapOf(height, width, () => 0.7)) - 0.5) < 1e-12, `${height} × ${width}`);
  const isEdge = (row: number, column: number): boolean =>
    [0, 13].some((end) => row === end || column === end);
  assert.is(borderShare(mapOf(14, 14, (row, column) => (isEdge(row, column) ? 1 : 0))), 1);
  assert.is(borderShare(mapOf(7, 7, (row, column) => (row === 3 && column === 3 ? 1 : 0))), 0);
  assert.ok(Number.isNaN(borderShare(mapOf(7, 7, () => 0))));
});

test('each map is divided by its own largest value; one without any is 0, whatever it holds', () => {
  const maps = Float32Array.of(0, 1, 2, 4, 0, 0, 0, 0, 0, Number.NaN, 1, Number.POSITIVE_INFINITY);
  const strengths = normaliseMaps(maps, 4);
  assert.equal([...maps], [0, 0.25, 0.5, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal([...strengths.subarray(0, 2)], [4, 0]);
  assert.not.ok(Number.isFinite(strengths[2]));
});

const plain = (width: number, height: number, colour: readonly number[]): RgbImage => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!),
});

test('the overlay is grey where nothing was found and of the map’s colour where most was, bilinear between', () => {
  const picture = plain(4, 2, [200, 100, 50]);
  const grey = Math.round(0.299 * 200 + 0.587 * 100 + 0.114 * 50);
  const drawn = overlay(
    mapOf(1, 2, (_, column) => column),
    picture,
    { opacity: 1 },
  );
  const pixel = (x: number): number[] => [...drawn.pixels.subarray(3 * x, 3 * x + 3)];
  assert.equal([drawn.width, drawn.height], [4, 2]);
  assert.equal(pixel(0), [grey, grey, grey]);
  assert.equal(pixel(3), heatColour(1));
  const exact = (place: number) => heatColour(place).map((c) => Math.round((1 - place) * 124.2 + place * c));
  assert.equal(pixel(1), exact(0.25)); // F.interpolate([0, 1], size=4): 0, 0.25, 0.75, 1
  assert.equal(pixel(2), exact(0.75));
  assert.equal(drawn.pixels.subarray(0, 12), drawn.pixels.subarray(12));
  assert.equal(
    overlay(
      mapOf(3, 3, () => 1),
      picture,
      { opacity: 0 },
    ).pixels,
    plain(4, 2, [grey, grey, grey]).pixels,
  );
  assert.throws(
    () =>
      overlay(
        mapOf(1, 1, () => 1),
        { ...picture, width: 5 },
      ),
    /5 × 2 pixels are not 24 values/,
  );
});

test('the colours grow lighter all the way', () => {
  const light = Array.from({ length: 101 }, (_, i) => {
    const [red, green, blue] = heatColour(i / 100);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  assert.ok(light.every((value, i) => i === 0 || value > light[i - 1]! - 0.5));
  assert.equal([heatColour(-1), heatColour(2)], [heatColour(0), heatColour(1)]);
});

test('the filters of the first layer: 0 is mid-grey, each by its own largest weight', async () => {
  const net = redOrBlue();
  net.colours.weight.write([1, -0.5, 0, 0, 0.25, 0, 0.5, 0, 0]); // out 0: (1, 0, 0.5); out 1: (−0.5, 0.25, 0)
  const { name, filters } = await firstFilters(net);
  assert.is(name, 'colours');
  assert.equal(
    filters.map(({ width, height, pixels }) => [width, height, ...pixels]),
    [
      [1, 1, 255, 128, 192],
      [1, 1, 1, 192, 128],
      [1, 1, 128, 128, 128],
    ],
  );
  net.dispose();
});

test('feature maps: what the stages give, those that vary most first, each from its smallest to its largest value', async () => {
  const net = redOrBlue().train();
  net.colours.weight.write([1, 0, 0, 0, 1, 0, 0, 0, -4]);
  const x = lit([2, 3, 2]);
  const used = device.memory().live;
  const [maps, ...rest] = await featureMaps(net, x, { most: 2 });
  assert.is(rest.length, 0);
  assert.equal([maps!.stage, maps!.height, maps!.width, maps!.channels], ['colours', 8, 8, 3]);
  assert.equal([...maps!.shown], [2, 0]);
  assert.equal([...maps!.ranges], [-32, 0, 0, 0]);
  const y = noGrad(() => scope(() => net.forwardStages(x, { through: 'colours' })));
  const values = await y.data();
  y.dispose();
  for (let i = 0; i < 64; i++) assert.is(maps!.maps[i], (values[3 * i + 2]! + 32) / 32);
  const [picture] = mapPictures(maps!);
  assert.equal([picture!.width, picture!.pixels[3 * (8 * 2 + 3)], picture!.pixels[0]], [8, 0, 255]);
  assert.ok(device.memory().live <= used, 'less where what earlier tests left is collected meanwhile');
  assert.is(net.training, true);
  for (const [call, sentence] of [
    [() => featureMaps(net, x, { stages: ['fc'] }), /'fc' gives no maps; choose among colours/],
    [() => featureMaps(net, lit([0, 0, 0], [0, 0, 0])), /one picture .* not \[2,8,8,3\]/],
  ] as const)
    await call().then(
      () => assert.unreachable(`${sentence}`),
      (error: Error) => assert.match(error.message, sentence),
    );
  for (const held of [net, x]) held.dispose();
});

test('a contact sheet: rows on white, pixels repeated', () => {
  const sheet = contactSheet([plain(1, 1, [1, 2, 3]), plain(2, 2, [4, 5, 6]), plain(2, 1, [7, 8, 9])], {
    columns: 2,
    side: 2,
    gap: 1,
  });
  const row = (y: number): number[] => Array.from({ length: 5 }, (_, x) => sheet.pixels[3 * (5 * y + x)]!);
  assert.equal([sheet.width, sheet.height], [5, 5]);
  assert.equal([0, 1, 2, 3, 4].map(row), [
    [1, 1, 255, 4, 4],
    [1, 1, 255, 4, 4],
    [255, 255, 255, 255, 255],
    [7, 7, 255, 255, 255],
    [255, 255, 255, 255, 255],
  ]);
});

test.run();
