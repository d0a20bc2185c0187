/**
 * Exported graphs: what their nodes answer, by ONNX's own definitions in float64 (evaluate-onnx.ts), is what the engine
 * answers; no picture is transposed on the way; what cannot be written is refused by name. What onnxruntime and onnx's
 * checker say of whole networks is tried by hand (test/reference/exported.py).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exportOnnx } from '../../src/export/node/export-onnx.ts';
import { onnxBytes } from '../../src/export/node/onnx-file.ts';
import { type OnnxOptions, OPSET_RANGE, onnxModel } from '../../src/export/onnx/export.ts';
import { attribute, ELEMENT, type ModelProto, rawBytes, valueInfo } from '../../src/export/onnx/model.ts';
import { EXPORTED_OPS } from '../../src/export/onnx/table.ts';
import { type Device, elementwise, program } from '../../src/gpu/index.ts';
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  concat,
  conv2d,
  crossEntropy,
  div,
  dropout,
  flatten,
  globalAvgPool,
  linear,
  logSoftmax,
  lrn,
  matmul,
  maxPool2d,
  mean,
  mul,
  pad,
  permute,
  relu,
  relu6,
  reshape,
  resize,
  sigmoid,
  silu,
  slice,
  softmax,
  sub,
  sum,
} from '../../src/kernels/index.ts';
import type { MBConvTable } from '../../src/models/mbconv-table.ts';
import { buildModel } from '../../src/models/table.ts';
import {
  BatchNorm2d,
  Conv2d,
  convAct,
  convNormAct,
  Linear,
  Module,
  parameter,
  SqueezeExcitation,
} from '../../src/nn/index.ts';
import { copyOf, empty, noGrad, type Shape, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { shapeBuilder } from '../../src/weights/expected.ts';
import { testDevice } from '../helpers/device.ts';
import { type Array64, evaluateOnnx } from './evaluate-onnx.ts';
import { readOnnx } from './read-onnx.ts';

const test = suite('export/onnx');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

/** A network of some layers and a function of them. */
class Network<Layers extends Record<string, Module | Tensor>> extends Module {
  constructor(
    readonly layers: Layers,
    private readonly compute: (x: Tensor, layers: Layers) => Tensor,
  ) {
    super();
    Object.assign(this, layers);
  }

  forward(x: Tensor): Tensor {
    return this.compute(x, this.layers);
  }
}

/** Gives every tensor values of its own, statistics and scales that are nobody's default among them. */
function spread(model: Module): void {
  for (const { name, tensor: values, attribute: kind } of model.tensors()) {
    const noise = pseudo(name, values.size);
    values.write(kind === 'runningVar' ? noise.map((v) => 0.5 + Math.abs(v)) : noise);
  }
}

/** [N, H, W, C] as ONNX takes it. */
function channelsFirst(x: Float32Array, [n, h, w, c]: readonly number[]): Array64 {
  const data = Array.from({ length: x.length }, (_, i) => {
    const [pixel, rest] = [i % (h! * w!), Math.floor(i / (h! * w!))];
    return x[(Math.floor(rest / c!) * h! * w! + pixel) * c! + (rest % c!)]!;
  });
  return { shape: [n!, c!, h!, w!], data };
}

async function exported(model: Module, options: OnnxOptions): Promise<ModelProto> {
  return readOnnx(await onnxBytes(await onnxModel(model, options)));
}

const typesOf = ({ graph }: ModelProto): string[] => graph.node.map(({ op_type }) => op_type);

function assertClose(actual: Array64, expected: ArrayLike<number>, what: string): void {
  assert.is(actual.data.length, expected.length, what);
  let [largest, off] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    off = Math.max(off, Math.abs(actual.data[i]! - expected[i]!));
  }
  assert.ok(off <= 1e-5 * largest, `${what}: ${off} of ${largest}`);
}

/** Engine and graph on the same pictures. */
async function compare(
  model: Module,
  shape: Shape,
  what: string,
  options: Partial<OnnxOptions> = {},
): Promise<ModelProto> {
  const pictures = [3, ...shape];
  const values = pseudo(
    what,
    pictures.reduce((a, b) => a * b),
  );
  const x = tensor(values, pictures, { device });
  const y = noGrad(() => scope(() => model.eval().forward(x)));
  const graph = await exported(model, { shape, ...options });
  const answer = evaluateOnnx(graph, channelsFirst(values, pictures));
  assert.equal(answer.shape, y.shape, what);
  assertClose(answer, await y.data(), what);
  return graph;
}

const conv = (options: ConstructorParameters<typeof Conv2d>[3], outputs = 4, inputs = 4) =>
  new Conv2d(inputs, outputs, 3, options);
const window = { kernelSize: 3, stride: 2, ceilMode: true } as const;

type Case = [what: string, nodes: string, build: () => Module, shape?: Shape];
const of = (compute: (x: Tensor) => Tensor) => (): Module =>
  new Network({ scale: parameter([1], { constant: 1 }) }, compute);

// biome-ignore format: a table
const CASES: Case[] = [
  ['a convolution with all settings', 'Conv', () => new Network({ c: conv({ stride: [2, 1], padding: [1, 2, 0, 1], dilation: [1, 2], groups: 2 }, 6) }, (x, { c }) => c.forward(x))],
  ['TensorFlow\'s padding as pads', 'Conv', () => new Network({ c: conv({ stride: 2, padding: 'same' }) }, (x, { c }) => c.forward(x)), [7, 6, 4]],
  ['a depthwise convolution', 'Conv', () => new Network({ c: conv({ groups: 4, padding: 1, bias: false }) }, (x, { c }) => c.forward(x))],
  ['an activation after a convolution', 'Conv Sigmoid Mul', () => new Network({ c: conv({}) }, (x, { c }) => convAct(x, c, 'silu'))],
  ['norm, residual and activation in one kernel', 'Conv Add Relu', () => new Network({ c: conv({ padding: 1, bias: false }), n: new BatchNorm2d(4) }, (x, { c, n }) => convNormAct(x, c, n, 'relu', x))],
  ['a norm after a convolution with a bias', 'Conv Clip', () => new Network({ c: conv({ groups: 2 }), n: new BatchNorm2d(4, { eps: 1e-3 }) }, (x, { c, n }) => convNormAct(x, c, n, 'relu6'))],
  ['one convolution for two norms', 'Conv Conv Add', () => new Network({ c: conv({ bias: false }), n: new BatchNorm2d(4), m: new BatchNorm2d(4) }, (x, { c, n, m }) => add(convNormAct(x, c, n, 'none'), convNormAct(x, c, m, 'none')))],
  ['a norm whose convolution is read elsewhere too', 'Conv BatchNormalization Add', () => new Network({ c: conv({}), n: new BatchNorm2d(4) }, (x, { c, n }) => { const y = c.forward(x); return add(n.forward(y), y); })],
  ['a norm of vectors', 'GlobalAveragePool Flatten BatchNormalization', () => new Network({ n: new BatchNorm2d(4) }, (x, { n }) => n.forward(globalAvgPool(x)))],
  ['response normalisation', 'LRN', of((x) => lrn(x, { size: 3, alpha: 0.5, beta: 0.6, k: 2 }))],
  ['squeeze-and-excitation', 'GlobalAveragePool Conv Sigmoid Mul Conv Sigmoid Mul', () => new Network({ s: new SqueezeExcitation(4, 2) }, (x, { s }) => s.forward(x))],
  ['max-pooling', 'MaxPool', of((x) => maxPool2d(x, { kernelSize: [3, 2], stride: 2, padding: 1 }))],
  ['max-pooling beyond the picture', 'Pad MaxPool', of((x) => maxPool2d(x, { ...window, dilation: 2, stride: 3, padding: 1 })), [6, 7, 4]],
  ['mean pooling, padding counted', 'AveragePool', of((x) => avgPool2d(x, { kernelSize: 3, padding: 1 }))],
  ['mean pooling, padding not counted', 'AveragePool', of((x) => avgPool2d(x, { ...window, padding: 1, countIncludePad: false })), [6, 6, 4]],
  ['mean pooling beyond the padding', 'Pad AveragePool', of((x) => avgPool2d(x, { ...window, padding: 1 })), [6, 6, 4]],
  ['adaptive pooling that divides', 'AveragePool', of((x) => adaptiveAvgPool2d(x, [3, 2])), [6, 6, 4]],
  ['adaptive pooling that overlaps', 'MatMul MatMul', of((x) => adaptiveAvgPool2d(x, [3, 2]))],
  ['a scale from the mean of all', 'GlobalAveragePool Sigmoid Mul', of((x) => mul(x, sigmoid(adaptiveAvgPool2d(x, 1))))],
  ['the linear layer behind a flatten', 'Flatten Relu Gemm', () => new Network({ f: new Linear(100, 3, { after: [4, 5, 5] }) }, (x, { f }) => f.forward(dropout(relu(flatten(x)), 0.5, { training: false })))],
  ['a linear layer without a bias', 'GlobalAveragePool Flatten Gemm', () => new Network({ f: new Linear(4, 3, { bias: false }) }, (x, { f }) => f.forward(globalAvgPool(x)))],
  ['a product with a matrix', 'GlobalAveragePool Flatten Gemm', () => new Network({ w: parameter([3, 4], { normal: 1 }) }, (x, { w }) => matmul(globalAvgPool(x), w, { transposeB: true }))],
  ['numbers and vectors of channels', 'Mul Add Sub Div', () => new Network({ v: parameter([4], { normal: 1 }), u: parameter([5, 4], { normal: 1 }) }, (x, { v, u }) => div(sub(add(mul(x, v), u), 0.5), 3))],
  ['a parameter in another shape', 'Add', () => new Network({ v: parameter([4], { normal: 1 }) }, (x, { v }) => add(x, reshape(v, [1, 1, 1, 4])))],
  ['the square of a flatten, as a picture', 'Flatten Flatten Mul Reshape', of((x) => reshape(mul(flatten(x), flatten(x)), x.shape))],
  ['activations', 'Relu Clip Sigmoid Sigmoid Mul', of((x) => silu(sigmoid(relu6(relu(x)))))],
  ['the softmax over channels', 'Softmax', of(softmax)],
  ['its logarithm for vectors', 'GlobalAveragePool Flatten LogSoftmax', of((x) => logSoftmax(globalAvgPool(x)))],
  ['means over pixels', 'ReduceMean', of((x) => mean(x, [1, 2]))],
  ['sums over rows', 'ReduceSum Transpose', of((x) => sum(x, 1))],
  ['sums over channels that stay', 'ReduceSum', of((x) => sum(x, -1, true))],
  ['axes in another order', 'Transpose', of((x) => permute(x, [0, 2, 1, 3]))],
  ['there and back', 'Transpose Transpose', of((x) => permute(permute(x, [0, 3, 1, 2]), [0, 2, 3, 1]))],
  ['channels side by side', 'Relu Concat', of((x) => concat([x, relu(x)], -1))],
['a part of a picture', 'Slice', of((x) => slice(x, [[], [1, 4], [], [1]]))],
  ['a part of rows', 'GlobalAveragePool Flatten Slice', of((x) => slice(globalAvgPool(x), [[], [1, 3]]))],
  ['a part of a weight', 'Conv', () => new Network({ w: parameter([3, 3, 4, 6], { normal: 1 }) }, (x, { w }) => conv2d(x, slice(w, [[1], [], [], [2, 5]])))],
  ['margins', 'Pad', of((x) => pad(x, [1, 0, 2, 3], 0.5))],
  ['a resize', 'MatMul MatMul', of((x) => resize(x, [3, 8], { interpolation: 'bicubic' }))],
  ['pixels as rows', 'Transpose Reshape Relu', of((x) => relu(reshape(x, [x.shape[0]!, 25, 4])))],
  ['one pixel as a row, and back', 'GlobalAveragePool Reshape Relu Reshape', of((x) => reshape(relu(reshape(adaptiveAvgPool2d(x, 1), [x.shape[0]!, 2, 2])), [x.shape[0]!, 1, 1, 4]))],
  ['another tensor over the same memory', 'Relu Add', of((x) => add(relu(x).detach(), x))],
];
/** What the graph's end in the engine's order takes, where the last value is of pictures. */
const END = /( ?Transpose| ?Reshape Transpose Reshape)$/;

for (const [what, nodes, build, shape = [5, 5, 4]] of CASES)
  test(what, async () => {
    const model = build();
    spread(model);
    const graph = await compare(model, shape, what);
    const types = typesOf(graph).join(' ');
    assert.ok([types, types.replace(END, '')].includes(nodes), types || 'nothing');
    model.dispose();
  });

test('every row of the table is tried', () => {
  const source = readFileSync(new URL(import.meta.url), 'utf8')
    .split('const CASES')[1]!
    .split('\n];')[0]!;
  const written = {
    conv2d: 'conv({',
    depthwiseConv2d: 'groups: 4',
    batchNorm: 'BatchNorm2d',
    linear: 'Linear(',
    squeezeExcite: 'SqueezeExcitation(4, 2)',
  };
  for (const op of EXPORTED_OPS)
    assert.ok(source.includes((written as Record<string, string>)[op] ?? op), `no case has ${op}`);
});

test('each opset has the same answer', async () => {
  const model = of((x) => mean(pad(x, [1, 1, 1, 1]), [1, 2]))();
  for (let opset = OPSET_RANGE[0]; opset <= OPSET_RANGE[1]; opset++) {
    const graph = await compare(model, [5, 5, 4], `opset ${opset}`, { opset });
    assert.is(graph.opset_import[0]!.version, opset);
  }
  model.dispose();
});

const TABLE: MBConvTable = {
  name: 'tiny',
  rows: [
    [1, 3, 1, 8, 1, 0.25],
    [4, 5, 2, 8, 2, 0],
  ],
  stem: 8,
  head: 16,
  activation: 'silu',
  inputSize: 17,
  padding: 'same',
  normEps: 1e-3,
};

test('a whole network, pictures of 8 bits in, probabilities out', async () => {
  const model = buildModel(TABLE, { device, numClasses: 3 });
  await compare(model, [17, 17, 3], 'logits');
  const [mean, std] = [
    [0.4, 0.5, 0.6],
    [0.2, 0.3, 0.25],
  ] as const;
  const metadata = { classes: '["a","b","c"]' };
  const graph = await exported(model, {
    shape: [17, 17, 3],
    softmax: true,
    preprocessing: { mean, std },
    metadata,
  });
  const pixels = Uint8Array.from({ length: 3 * 17 * 17 }, (_, i) => (i * 37) % 256);
  const x = tensor(
    Float32Array.from(pixels, (v, i) => (v / 255 - mean[i % 3]!) / std[i % 3]!),
    [1, 17, 17, 3],
    { device },
  );
  const y = noGrad(() => scope(() => softmax(model.eval().forward(x))));
  assertClose(evaluateOnnx(graph, { shape: [1, 17, 17, 3], data: pixels }), await y.data(), 'probabilities');
  const { input, output } = graph.graph;
  assert.equal(input, [valueInfo('pictures', ELEMENT.uint8, ['N', 17, 17, 3])]);
  assert.equal(output, [valueInfo('probabilities', ELEMENT.float, ['N', 3])]);
  assert.equal(graph.metadata_props, [{ key: 'classes', value: '["a","b","c"]' }]);
  assert.is(typesOf(graph).filter((type) => type === 'Transpose').length, 1);
  model.dispose();
});

/** Networks of the table, by their nodes. */
const SHAPES: [name: string, nodes: Record<string, number>][] = [
  ['resnet18', { Conv: 20, Relu: 17, MaxPool: 1, Add: 8, GlobalAveragePool: 1, Flatten: 1, Gemm: 1 }],
  ['efficientnet_b0', { Conv: 81, Sigmoid: 65, Mul: 65, GlobalAveragePool: 17, Add: 9, Flatten: 1, Gemm: 1 }],
  ['tf_efficientnet_lite0', { Conv: 49, Clip: 33, Add: 9, GlobalAveragePool: 1, Flatten: 1, Gemm: 1 }],
];
for (const [name, nodes] of SHAPES)
  test(`${name}: norms are folded, nothing is transposed, and no device computes`, async () => {
    const model = (await shapeBuilder())(name, { numClasses: 2 });
    const sizes = new Map([...model.tensors()].map(({ name: own, tensor: { size } }) => [own, size]));
    const model64 = await onnxModel(model, {
      shape: [64, 64, 3],
      valuesOf: (own) => new Float32Array(sizes.get(own)!).fill(1),
    });
    const counts: Record<string, number> = {};
    for (const type of typesOf(model64)) counts[type] = (counts[type] ?? 0) + 1;
    assert.equal(counts, nodes);
    const read = new Set(model64.graph.node.flatMap(({ input }) => input));
    assert.ok(model64.graph.initializer.every((initializer) => read.has(initializer.name)));
  });

/** A kernel that ends in no `record`. */
const unrecorded = program(
  elementwise({
    name: 'unrecorded',
    bindings: { x: 'read f32', y: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = x[i]; }',
  }),
);
function secret(x: Tensor): Tensor {
  const y = empty(x.device, x.shape);
  x.device.run(unrecorded, { bindings: { x: x.buffer, y: y.buffer }, params: { count: x.size } });
  return y;
}

/** What is asked for rejects with such a sentence. */
const refuses = (work: Promise<unknown>, says: RegExp): Promise<void> =>
  work.then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, says),
  );

// biome-ignore format: a table
const REFUSALS: [what: string, build: () => Module, says: RegExp][] = [
  ['an op without a row', of((x) => crossEntropy(flatten(x), Int32Array.of(0, 0))), /the op crossEntropy has no row in the table of exports; those that have are conv2d, .*add a row/],
  ['dropout in evaluation', of((x) => dropout(x, 0.5, { training: true })), /the op dropout has no row/],
  ['a copy that no op answers for', of((x) => relu(copyOf(x))), /relu reads a tensor .* that a kernel wrote/],
  ['a kernel that no op answers for', of((x) => relu(secret(x))), /relu reads a tensor \[2, ?5, ?5, ?4\] that a kernel wrote and no op answers for; end that kernel's function in record/],
  ['other numbers of pictures', of((x) => reshape(x, [-1])), /reshape of .* moves the pictures' number/],
  ['the pictures\' mean', of((x) => mean(x, 0)), /mean over the pictures themselves .*leave axis 0 out/],
  ['pictures of pictures', of((x) => concat([x, x], 0)), /concat along the first axis/],
  ['pictures elsewhere', of((x) => permute(x, [1, 0, 2, 3])), /permute of axes 1, 0, 2, 3 moves the pictures' number/],
  ['pictures times pictures', of((x) => matmul(flatten(x), flatten(x), { transposeB: true })), /matmul of two computed matrices mixes pictures/],
  ['an axis more', of((x) => add(adaptiveAvgPool2d(x, 2), globalAvgPool(x))), /add repeats a computed tensor .*reshape it to 4 axes first/],
  ['an even window of channels', of((x) => lrn(x, { size: 4 })), /lrn of an even size \(4\)/],
  ['some of the pictures', of((x) => slice(x, [[0, 1]])), /slice of the pictures' axis leaves some of them out/],
  ['roundings', of((x) => resize(x, [4, 4], { interpolation: 'bilinear', round8: true })), /resize with round8/],
  ['a weight that is computed', () => new Network({ w: parameter([100, 2], { normal: 1 }) }, (x, { w }) => linear(flatten(x), relu(w))), /linear has a weight that the forward pass computes; make it a parameter/],
];
for (const [what, build, says] of REFUSALS)
  test(`refused: ${what}`, async () => {
    const model = build();
    await refuses(exported(model, { shape: [5, 5, 4] }), says);
    model.dispose();
  });

test('refused: an opset that cannot be written, and colours that are none', async () => {
  const model = of(relu)();
  const refused = (options: Partial<OnnxOptions>, says: RegExp) =>
    refuses(onnxModel(model, { shape: [5, 5, 4], ...options }), says);
  await refused({ opset: 12 }, /^opset 12 cannot be written; those from 13 to \d+ can$/);
  await refused({ preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] } }, /pictures of 3 channels, not of 4/);
  model.dispose();
});

test('a network as a file: a Model says its own size, another network has to be told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-onnx-'));
  const path = join(folder, 'tiny.onnx');
  const model = buildModel(TABLE, { device, numClasses: 3 });
  await exportOnnx(model, path, { metadata: { source: 'here' } });
  const { graph, metadata_props, producer_name } = readOnnx(new Uint8Array(readFileSync(path)));
  assert.equal(graph.input, [valueInfo('input', ELEMENT.float, ['N', 3, 17, 17])]);
  assert.equal([producer_name, metadata_props], ['Tessera', [{ key: 'source', value: 'here' }]]);
  const other = of(relu)();
  await refuses(exportOnnx(other, path), /give shape: \[height, width, channels\]/);
  rmSync(folder, { recursive: true });
  for (const one of [model, other]) one.dispose();
});

test('a network is left as it was: its modes, its parameters, and no memory taken', async () => {
  const model = new Network({ c: conv({}), n: new BatchNorm2d(4) }, (x, { c, n }) =>
    add(convNormAct(x, c, n, 'relu'), tensor([1], [1], { device })),
  );
  model.train();
  const before = device.memory().live;
  const graph = await exported(model, { shape: [5, 5, 4] });
  assert.equal(typesOf(graph).slice(0, 3), ['Conv', 'Relu', 'Add']);
  assert.ok(model.training && [...model.parameters()].every(({ requiresGrad }) => requiresGrad));
  assert.is(device.memory().live, before);
  model.dispose();
});

test('the bytes are those that onnx itself writes', async () => {
  const { bytes } = JSON.parse(readFileSync(new URL('../reference/onnx.json', import.meta.url), 'utf8')) as {
    bytes: string;
  };
  const node = (
    op_type: string,
    input: string[],
    output: string,
    attributes: Parameters<typeof attribute>[] = [],
  ) => {
    const name = op_type.toLowerCase();
    return { input, output: [output], name, op_type, attribute: attributes.map((one) => attribute(...one)) };
  };
  const model: ModelProto = {
    ir_version: 8,
    producer_name: 'Tessera',
    producer_version: '0.1.0',
    graph: {
      name: 'tiny',
      node: [
        node('Conv', ['input', 'w'], 'conv', [
          ['kernel_shape', [1, 1]],
          ['pads', [0, 0, 0, 0]],
          ['group', 1],
        ]),
        node('LRN', ['conv'], 'lrn', [
          ['size', 5],
          ['alpha', { float: 0.5 }],
        ]),
        node('Reshape', ['lrn', 'shape'], 'logits'),
      ],
      initializer: [
        {
          dims: [2, 1, 1, 1],
          data_type: ELEMENT.float,
          name: 'w',
          raw_data: rawBytes(Float32Array.of(0, 1)),
        },
        { dims: [2], data_type: ELEMENT.int64, name: 'shape', raw_data: rawBytes(BigInt64Array.of(0n, -1n)) },
      ],
      input: [valueInfo('input', ELEMENT.float, ['N', 1, 2, 3])],
      output: [valueInfo('logits', ELEMENT.float, ['N', 12])],
    },
    opset_import: [{ domain: '', version: 17 }],
    metadata_props: [{ key: 'classes', value: '["a","b"]' }],
  };
  assert.is(Buffer.from(await onnxBytes(model)).toString('hex'), bytes);
  const again = await onnxBytes(readOnnx(Buffer.from(bytes, 'hex')));
  assert.is(Buffer.from(again).toString('hex'), bytes);
});

test.run();
