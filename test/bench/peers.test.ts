/**
 * What compares engines (bench/peers), without any of them: graphs as peers get them, the words between bench and peer, when
 * an answer counts as the same, rounds over processes that are no engines, and the table.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { demandEqual, demandSameAdapter, differenceOf } from '../../bench/peers/compare.ts';
import { graphOf } from '../../bench/peers/graph.ts';
import { type Backend, walk } from '../../bench/peers/interpret.ts';
import { ncnnNet } from '../../bench/peers/ncnn-net.ts';
import { PEERS, type Peer } from '../../bench/peers/peers.ts';
import { answerOf, type CaseFiles, linesOf } from '../../bench/peers/protocol.ts';
import { lacking } from '../../bench/peers/python.ts';
import { PEERS_VERSION, type PeersResult, peersResultOf, ratioOf } from '../../bench/peers/result.ts';
import { runCase } from '../../bench/peers/rounds.ts';
import { peersText } from '../../bench/peers/text.ts';
import { peersTables } from '../../docs/drawing/peers.ts';
import { attribute, ELEMENT, type ModelProto, rawBytes, valueInfo } from '../../src/export/onnx/model.ts';

const test = suite('bench/peers');

// --- a small network: convolution, norm, squeeze-and-excitation, residual, classes ------------------------------

type Attributes = Record<string, number | number[] | { float: number }>;

const node = (op_type: string, input: string[], output: string, attributes: Attributes = {}) => ({
  op_type,
  input,
  output: [output],
  name: output,
  attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
});

const window = (kernel: number, group = 1) => ({
  kernel_shape: [kernel, kernel],
  strides: [1, 1],
  dilations: [1, 1],
  pads: kernel === 3 ? [0, 1, 2, 1] : [0, 0, 0, 0],
  group,
});

const TENSORS: Record<string, number[]> = {
  'a.weight': [4, 3, 3, 3],
  'a.bias': [4],
  'n.weight': [4],
  'n.bias': [4],
  'n.running_mean': [4],
  'n.running_var': [4],
  'd.weight': [4, 1, 3, 3],
  'e.weight': [4, 4, 1, 1],
  'fc.weight': [2, 4],
  'fc.bias': [2],
  zero: [],
  six: [],
};

function network(): ModelProto {
  const float = (name: string, dims: number[]) => {
    const size = dims.reduce((product, one) => product * one, 1);
    const values = Float32Array.from({ length: size }, (_, at) =>
      name === 'six' ? 6 : name === 'zero' ? 0 : at,
    );
    return { dims, name, data_type: ELEMENT.float, raw_data: rawBytes(values) };
  };
  return {
    ir_version: 8,
    producer_name: 'a test',
    producer_version: '',
    opset_import: [],
    metadata_props: [],
    graph: {
      name: 'small',
      node: [
        node('Conv', ['input', 'a.weight', 'a.bias'], 'a', window(3)),
        node('BatchNormalization', ['a', 'n.weight', 'n.bias', 'n.running_mean', 'n.running_var'], 'n', {
          epsilon: { float: 0.001 },
        }),
        node('Conv', ['n', 'd.weight'], 'd', window(3, 4)),
        node('Clip', ['d', 'zero', 'six'], 'd6'),
        node('GlobalAveragePool', ['d6'], 'p'),
        node('Conv', ['p', 'e.weight'], 'e', window(1)),
        node('Sigmoid', ['e'], 's'),
        node('Mul', ['d6', 's'], 'm'),
        node('Add', ['m', 'n'], 'r'),
        node('Sigmoid', ['r'], 'g'),
        node('Mul', ['r', 'g'], 'silu'),
        node('GlobalAveragePool', ['silu'], 'q'),
        node('Flatten', ['q'], 'f', { axis: 1 }),
        node('Gemm', ['f', 'fc.weight', 'fc.bias'], 'logits', { transB: 1 }),
      ],
      initializer: Object.entries(TENSORS).map(([name, dims]) => float(name, dims)),
      input: [valueInfo('input', ELEMENT.float, ['N', 3, 4, 4])],
      output: [valueInfo('logits', ELEMENT.float, ['N', 2])],
    },
  };
}

/** An engine whose values are the words for how they are computed. */
const inWords = (log: string[] = []): Backend<string> => ({
  weight: (values, _shape, role) => {
    log.push(role);
    return `${role}${values.length}`;
  },
  again(value) {
    log.push(`again ${value}`);
    return value;
  },
  conv: (x, weight, bias, { groups, pads }, activation) =>
    `conv(${[x, weight, bias ?? '-', `/${groups}`, pads.join(''), activation?.high ?? '-'].join(' ')})`,
  norm: (x, _scale, _shift, _mean, _variance, { epsilon, training }) =>
    `norm(${x} ${epsilon.toFixed(3)} ${training})`,
  activate: (x, { low, high }) => `clip(${x} ${low} ${high})`,
  sigmoid: (x) => `sigmoid(${x})`,
  swish: (x) => `swish(${x})`,
  add: (a, b) => `(${a} + ${b})`,
  multiply: (a, b) => `(${a} · ${b})`,
  maxPool: (x) => `max(${x})`,
  averagePool: (x) => `average(${x})`,
  globalAverage: (x) => `mean(${x})`,
  flatten: (x) => `flat(${x})`,
  product: (x, weight, bias) => `product(${x} ${weight} ${bias})`,
  localNorm: (x) => `local(${x})`,
});

test('a graph names its tensors, where they stand and which of them train', () => {
  const { graph, weights } = graphOf(network());
  assert.is(weights.length, 108 + 4 * 5 + 36 + 16 + 8 + 2 + 2);
  const trained = Object.keys(graph.tensors).filter((name) => graph.tensors[name]!.trains);
  assert.equal(trained, [
    'a.weight',
    'a.bias',
    'n.weight',
    'n.bias',
    'd.weight',
    'e.weight',
    'fc.weight',
    'fc.bias',
  ]);
  assert.equal([...weights.subarray(graph.tensors.six!.at)], [6]);
});

test('a walk fuses activations for inference, and not where it trains', () => {
  const { graph, weights } = graphOf(network());
  const log: string[] = [];
  const result = walk(graph, weights, inWords(log)).run('x');
  const n = 'norm(conv(x conv108 vector4 /1 0121 -) 0.001 false)';
  const d6 = `conv(${n} depthwise36 - /4 0121 6)`;
  const gated = `(${d6} · sigmoid(conv(mean(${d6}) conv16 - /1 0000 -)))`;
  assert.is(result, `product(flat(mean(swish((${gated} + ${n})))) matrix8 vector2)`);
  assert.equal(
    log.filter((line) => line.startsWith('again')),
    [`again ${n}`, `again ${d6}`],
    'what is read twice is asked for once more, once',
  );
  const trains = walk(graph, weights, inWords(), true).run('x');
  assert.match(trains, `clip(conv(${n.replace('false', 'true')} depthwise36 - /4 0121 -) 0 6)`);
  assert.match(trains, ') · sigmoid((');
});

test('a node that no peer is told is refused by name', () => {
  const strange = network();
  (strange.graph.node as unknown[]).push(node('Softmax', ['logits'], 'more'));
  const { graph, weights } = graphOf(strange);
  assert.throws(() => walk(graph, weights, inWords()).run('x'), /a node Softmax/);
  assert.throws(() => ncnnNet(graph, weights, 4), /a node BatchNormalization/);
});

test('ncnn gets a layer for each copy, and its weights in order', () => {
  const folded = network();
  // Norms are folded in what ncnn gets.
  folded.graph = {
    ...folded.graph,
    node: folded.graph.node.filter(({ op_type }) => op_type !== 'BatchNormalization'),
  };
  folded.graph.node[1]!.input[0] = 'a';
  folded.graph.node.find(({ op_type }) => op_type === 'Add')!.input[1] = 'a';
  const { graph, weights } = graphOf(folded);
  const { param, bin } = ncnnNet(graph, weights, 4);
  const [magic, counts, ...layers] = param.trimEnd().split('\n');
  assert.is(magic, '7767517');
  assert.is(counts, `${layers.length} ${layers.reduce((sum, line) => sum + Number(line.split(' ')[3]), 0)}`);
  assert.equal(
    layers.map((line) => line.split(' ')[0]),
    'Input Convolution Split ConvolutionDepthWise Split Pooling Convolution Sigmoid BinaryOp BinaryOp Swish Pooling Flatten InnerProduct'.split(
      ' ',
    ),
  );
  assert.match(layers[1]!, ' 0=4 1=3 2=1 3=1 4=1 5=1 6=108 11=3 12=1 13=1 14=0 15=1 16=2');
  assert.match(layers[3]!, ' 7=4 9=3');
  assert.match(layers[3]!, ' -23310=2,0.0,6.0');
  // Four weights with a tag of four bytes each, two biases without.
  assert.is(bin.length, 4 * (108 + 36 + 16 + 8 + 4 + 2 + 4));
});

// --- words, answers, adapters --------------------------------------------------------------------------------------

test('answers are read, errors thrown, and what is neither refused', () => {
  assert.equal(answerOf('{"ms":1,"values":[1,null]}', 'first', 'tfjs'), { ms: 1, values: [1, null] });
  assert.throws(() => answerOf('{"error":"no such layer"}', 'load', 'tfjs'), /^no such layer$/);
  for (const line of ['{"ms":"1","values":[]}', '{"ms":-1,"values":[1]}', '{}', '[', 'null'])
    assert.throws(() => answerOf(line, 'first', 'tfjs'), /the answer of tfjs/);
  assert.equal(linesOf('one\r\ntwo\nthr'), { lines: ['one', 'two'], rest: 'thr' });
});

test('an answer counts as the same within what is allowed', () => {
  const forward = { pass: 'forward', precision: 'f32' } as const;
  const ours = [
    [1, -4],
    [2, 2],
  ];
  assert.is(differenceOf(ours, ours, forward).value, 0);
  assert.is(
    differenceOf(
      [
        [1, -4],
        [2, 2.5],
      ],
      ours,
      forward,
    ).value,
    0.5 / 4,
  );
  assert.throws(
    () =>
      demandEqual(
        differenceOf(
          [
            [1, -4],
            [2, 2.5],
          ],
          ours,
          forward,
        ),
        'it',
      ),
    /differs by 1\.3e-1/,
  );
  assert.throws(() => demandEqual({ value: Number.NaN, allowed: 1 }, 'it'), /differs/);
  assert.throws(
    () =>
      differenceOf(
        [
          [1, -4],
          [2, null],
        ],
        ours,
        forward,
      ),
    /not finite/,
  );
  assert.throws(() => differenceOf([[1, -4], [2]], ours, forward), /1 numbers in place of 2/);
  assert.throws(() => differenceOf([[1, -4]], ours, forward), /0 numbers/);
  // Losses are held against how far they fell, not against what they are.
  const step = { pass: 'step', precision: 'f32' } as const;
  assert.ok(differenceOf([[7], [6.9], [6.85]], [[7], [6.9], [6.8]], step).value > 0.2);
});

const PEER: Peer = { ...PEERS[0]!, id: 'fake', label: 'fake', packages: ['one', 'two'] };

test('a peer runs on our adapter, or has no time', () => {
  const on = (adapter: string, kind = 'webgpu') => ({ adapter, kind, versions: {} });
  const ours = on('llvmpipe-llvm-15-0-6-256-bits-');
  demandSameAdapter(PEER, on('llvmpipe (LLVM 15.0.6, 256 bits)'), ours);
  demandSameAdapter(PEER, on(''), ours);
  assert.throws(() => demandSameAdapter(PEER, on('AMD EPYC', 'cpu'), ours), /runs on cpu, not on webgpu/);
  assert.throws(() => demandSameAdapter(PEER, on('SwiftShader'), ours), /SwiftShader, and we on llvmpipe/);
  demandSameAdapter({ ...PEER, on: 'cpu' }, on('AMD EPYC', 'cpu'), ours);
});

test('what Python lacks is said with what to type', () => {
  assert.is(lacking(PEER, { python: 'python3', missing: ['three'] }), null);
  assert.match(
    lacking(PEER, { python: 'python3', missing: ['two'] })!,
    /lacks two: python3 -m pip install two$/,
  );
  assert.match(lacking(PEER, { python: 'nothing', missing: null })!, /nothing is no Python that runs/);
});

// --- rounds and the table --------------------------------------------------------------------------------------------

test('ratios are paired by rounds', () => {
  const ratio = ratioOf(
    [[20, 22, 24], [200]],
    [
      [10, 11, 12],
      [100, 100, 100],
    ],
  );
  assert.equal(ratio, { median: 2, p10: 2, p90: 2 });
});

const CASE: CaseFiles = {
  network: 'small',
  pass: 'forward',
  batch: 1,
  size: 4,
  classes: 2,
  inputs: 3,
  rate: 0,
  momentum: 0,
  files: {
    graph: '',
    weights: '',
    onnx: '',
    safetensors: '',
    ncnnParam: '',
    ncnnBin: '',
    nchw: [],
    nhwc: [],
    labels: [],
  },
};

test('rounds time those that answer the same, and say why the others have no time', async () => {
  const fake = (kind: string): Peer => ({
    ...PEER,
    id: kind,
    label: kind,
    child: ['../../../test/bench/fake-peer.ts', kind],
  });
  const said: string[] = [];
  const rows = await runCase(['right', 'wrong', 'fails', 'dies', 'elsewhere', 'right'].map(fake), CASE, {
    python: '',
    timeout: 300_000,
    cold: true,
    samples: 4,
    progress: (what) => said.push(what),
    signal: new AbortController().signal,
  });
  assert.equal(
    rows!.map(({ failed }) => failed),
    [
      null,
      'its answers: it differs by 3.3e-1, of at most 1e-4; no time of it counts',
      'there is no such thing',
      'its process ended with code 3: Error: out of everything',
      'it runs on Another, and we on An adapter (of tests): times would say nothing',
      null,
    ],
  );
  assert.equal(
    rows!.map(({ timing }) => timing?.rounds.map((round) => round.length) ?? null),
    [[3, 3], null, null, null, null, [3, 3]],
  );
  assert.is(rows![0]!.ratio!.median, 1);
  assert.is(rows![0]!.note, 'as it likes');
  assert.ok(said.includes('round 2 of 2, right'));

  const result = {
    format: 'tessera-peers',
    version: PEERS_VERSION,
    header: {
      date: '',
      commit: null,
      adapter: { description: '', vendor: '', architecture: '', device: '', software: true },
      dawn: null,
      runtime: 'Node',
      processor: null,
      driver: null,
      toggles: [],
      features: [],
      lanes: 8,
    },
    shaderCache: 'off',
    load: { before: 0, after: 0, cores: 1 },
    cases: [{ network: 'small', pass: 'forward', batch: 1, size: 4, weights: 'pseudo-random', rows: rows! }],
  } satisfies PeersResult;
  const text = peersText(result);
  assert.match(text, /^small forward 1×4², pseudo-random weights\n/);
  assert.match(text, /\nright \(as it likes\) +webgpu /);
  assert.match(text, /\nfails: no time\. there is no such thing\n/);

  const json = JSON.stringify(result);
  assert.equal(peersResultOf(json, 'a file'), JSON.parse(json));
  assert.throws(
    () => peersResultOf(json.replace('"off"', '"on"'), 'a file'),
    /a file\.shaderCache is one of/,
  );
  const tables = peersTables(result);
  assert.match(tables['peers-times']!, /\| fails \| no time \|/);
  assert.match(tables['peers-failures']!, '- fails: there is no such thing *(small forward 1×4²)*');
});

test('a stop ends the children, and gives no rows', async () => {
  const controller = new AbortController();
  const peer: Peer = { ...PEER, child: ['../../../test/bench/fake-peer.ts', 'right'] };
  const rows = await runCase([peer, peer], CASE, {
    python: '',
    timeout: 300_000,
    cold: true,
    samples: 3,
    progress: () => controller.abort(),
    signal: controller.signal,
  });
  assert.is(rows, null);
});

test.run();
