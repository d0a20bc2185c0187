/** SGD and AdamW against their formulas in float64 over several steps, on parameters of awkward sizes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { dropout, mul } from '../../src/kernels/index.ts';
import { AdamW } from '../../src/nn/adamw.ts';
import { fill } from '../../src/nn/init.ts';
import { Linear } from '../../src/nn/layers.ts';
import { maskGradient } from '../../src/nn/mask.ts';
import { onDevice } from '../../src/nn/module.ts';
import { decayGroups, type Optimizer, type Parameters } from '../../src/nn/optimizer.ts';
import { SGD } from '../../src/nn/sgd.ts';
import { collect } from '../../src/node/collect.ts';
import { empty, scope, setStep, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { relativeError } from '../helpers/check.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

interface Options {
  lr: number;
  momentum?: number;
  weightDecay?: number;
  nesterov?: boolean;
  betas?: [number, number];
  eps?: number;
}

type Rule = (
  x: Float64Array,
  g: Float32Array,
  state: Float64Array[],
  t: number,
  options: Options,
  parameter: number,
) => void;

/** torch.optim.SGD, a step for one parameter. */
const sgd: Rule = (x, g, [m], t, { lr, momentum = 0, weightDecay = 0, nesterov }) => {
  for (let i = 0; i < x.length; i++) {
    const d = g[i] + weightDecay * x[i];
    m[i] = t === 1 ? d : momentum * m[i] + d;
    x[i] -= lr * (nesterov ? d + momentum * m[i] : momentum > 0 ? m[i] : d);
  }
};

/** torch.optim.AdamW, a step for one parameter. */
const adamw: Rule = (x, g, [m, v], t, { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 }) => {
  for (let i = 0; i < x.length; i++) {
    x[i] *= 1 - lr * weightDecay;
    m[i] = betas[0] * m[i] + (1 - betas[0]) * g[i];
    v[i] = betas[1] * v[i] + (1 - betas[1]) * g[i] ** 2;
    const denominator = Math.sqrt(v[i]) / Math.sqrt(1 - betas[1] ** t) + eps;
    x[i] -= ((lr / (1 - betas[0] ** t)) * m[i]) / denominator;
  }
};

const CASES: [name: string, kind: 'SGD' | 'AdamW', options: Options][] = [
  ['plain', 'SGD', { lr: 0.1 }],
  ['weight decay', 'SGD', { lr: 0.5, weightDecay: 0.1 }],
  ['momentum', 'SGD', { lr: 0.1, momentum: 0.9, weightDecay: 0.01 }],
  ['Nesterov', 'SGD', { lr: 0.1, momentum: 0.5, nesterov: true, weightDecay: 0.1 }],
  ['defaults', 'AdamW', { lr: 0.01 }],
  ['all options', 'AdamW', { lr: 0.02, betas: [0.8, 0.99], eps: 1e-3, weightDecay: 0.1 }],
  ['no averages', 'AdamW', { lr: 0.02, betas: [0, 0], eps: 1e-2, weightDecay: 0 }],
];

// More parameters than one dispatch binds, sizes that fill no vec4, one of several blocks.
const SHAPES = [[1], [7], [5, 3], [3, 3, 4, 8], [33, 65], [2], [130, 67], [4]];
const STEPS = 5;

class Bench {
  readonly parameters: Tensor[];
  readonly expected: Float64Array[];
  readonly state: Float64Array[][];
  readonly counts: number[];

  constructor(
    device: Device,
    readonly rule: Rule,
    shapes = SHAPES,
  ) {
    const values = shapes.map((shape, i) => pseudo(`p${i}`, zerosOf(shape).length));
    this.parameters = values.map((data, i) =>
      tensor(data, shapes[i], { device, requiresGrad: true, owned: true, kind: 'parameter' }),
    );
    this.expected = values.map((data) => Float64Array.from(data));
    this.state = values.map((data) => [new Float64Array(data.length), new Float64Array(data.length)]);
    this.counts = values.map(() => 0);
  }

  /** One step of both sides on the parameters in `which`. */
  step(
    optimizer: Optimizer,
    round: number,
    which: readonly number[],
    optionsOf: (i: number) => Options,
  ): void {
    optimizer.zeroGrad();
    for (const i of which) {
      const parameter = this.parameters[i];
      const gradient = pseudo(`g${round}.${i}`, parameter.size);
      parameter.grad = tensor(gradient, parameter.shape, { device: parameter.device, owned: true });
      this.rule(this.expected[i], gradient, this.state[i], ++this.counts[i], optionsOf(i), i);
    }
    optimizer.step();
  }

  async check(tolerance = 2e-6): Promise<void> {
    for (const [i, parameter] of this.parameters.entries()) {
      const error = relativeError(await parameter.data(), this.expected[i]);
      assert.ok(error <= tolerance, `parameter ${i} [${parameter.shape}] is off by ${error}`);
    }
  }
}

const zerosOf = (shape: readonly number[]): Float32Array =>
  new Float32Array(shape.reduce((a, b) => a * b, 1));
const all = SHAPES.map((_, i) => i);

function make(kind: 'SGD' | 'AdamW', params: Parameters, options: Options): Optimizer {
  return kind === 'SGD' ? new SGD(params, options) : new AdamW(params, options);
}
const ruleOf = (kind: 'SGD' | 'AdamW'): Rule => (kind === 'SGD' ? sgd : adamw);

const test = suite('optimizers');
const device = await testDevice();
const clamped = await clampedDevice();

for (const [name, kind, options] of CASES)
  for (const [where, on] of [
    ['', device],
    [' on default limits', clamped],
  ] as const)
    test(`${kind}, ${name}${where}`, async () => {
      const bench = new Bench(on, ruleOf(kind));
      const optimizer = make(kind, bench.parameters, options);
      for (let round = 0; round < STEPS; round++) bench.step(optimizer, round, all, () => options);
      await bench.check();
      optimizer.dispose();
    });

/** Masks that parameters have in each of five steps: [cout] and of the parameter's shape, changed and taken off midway. */
const outputs = (size: number, ...trained: number[]): number[] =>
  Array.from({ length: size }, (_, i) => Number(trained.includes(i)));
const odd = (size: number): number[] => Array.from({ length: size }, (_, i) => i % 2);
const MASKS: [parameter: number, masks: (number[] | null)[]][] = [
  [0, [[0], [0], [1], [0], null]],
  [1, [null, odd(7), odd(7), null, odd(7)]],
  [3, [outputs(8, 1, 6), outputs(8, 1, 6), outputs(8, 2), null, outputs(8)]],
  [4, [odd(33 * 65), odd(33 * 65), outputs(65, 64), odd(33 * 65), odd(33 * 65)]],
  [6, [outputs(67, 0, 66), outputs(67, 0, 66), outputs(67, 0, 66), outputs(67, 0, 66), outputs(67, 0, 66)]],
];

/** The optimiser's rule on the elements that train; the others are as they were, state included. */
const onlyMasked =
  (rule: Rule, maskOf: (parameter: number) => number[] | null): Rule =>
  (x, g, state, t, options, parameter) => {
    const mask = maskOf(parameter);
    const all = [x, ...state];
    const before = all.map((values) => values.slice());
    rule(x, g, state, t, options, parameter);
    for (const [which, values] of all.entries())
      for (const i of values.keys()) if (mask?.[i % mask.length] === 0) values[i] = before[which][i];
  };

for (const [name, kind, options, on] of [
  ['plain with decay', 'SGD', { lr: 0.5, weightDecay: 0.1 }, device],
  ['Nesterov', 'SGD', { lr: 0.1, momentum: 0.5, nesterov: true, weightDecay: 0.1 }, clamped],
  ['all options', 'AdamW', { lr: 0.02, betas: [0.8, 0.99], eps: 1e-3, weightDecay: 0.1 }, device],
] as [string, 'SGD' | 'AdamW', Options, Device][])
  test(`${kind}, ${name}: what a mask holds back keeps its bits, the rest trains as ever`, async () => {
    let round = 0;
    const maskIn = (parameter: number) => MASKS.find(([of]) => of === parameter)?.[1][round] ?? null;
    const bench = new Bench(on, onlyMasked(ruleOf(kind), maskIn));
    const optimizer = make(kind, bench.parameters, options);
    for (; round < STEPS; round++) {
      const masked = MASKS.map(([parameter]) => ({
        tensor: bench.parameters[parameter],
        mask: maskIn(parameter),
      }));
      for (const { tensor: parameter, mask } of masked)
        maskGradient(
          parameter,
          mask?.length === parameter.size && round > 0 ? tensor(mask, parameter.shape, { device: on }) : mask,
        );
      const before = await Promise.all(masked.map(({ tensor }) => tensor.data()));
      bench.step(optimizer, round, all, () => options);
      const after = await Promise.all(masked.map(({ tensor }) => tensor.data()));
      for (const [which, { mask }] of masked.entries()) {
        const held = (_: number, i: number): boolean => mask?.[i % mask.length] === 0;
        assert.equal(after[which].filter(held), before[which].filter(held));
      }
    }
    await bench.check();
    for (const parameter of bench.parameters) maskGradient(parameter, null);
    optimizer.dispose();
  });

test('a mask of ones gives the bits of none', async () => {
  const ends = [false, true].map((masked) => {
    const bench = new Bench(device, adamw);
    if (masked)
      for (const parameter of bench.parameters)
        maskGradient(parameter, new Float32Array(parameter.size).fill(1));
    const optimizer = new AdamW(bench.parameters, { lr: 0.02, weightDecay: 0.1 });
    for (let round = 0; round < 3; round++) bench.step(optimizer, round, all, () => ({ lr: 0.02 }));
    return bench.parameters;
  });
  for (const [i] of SHAPES.entries()) assert.equal(await ends[0][i].data(), await ends[1][i].data());
});

test('groups have their own rates, and lrFactor scales them all', async () => {
  const bench = new Bench(device, adamw);
  const groups = [
    { params: bench.parameters.slice(0, 3), lr: 0.1, weightDecay: 0 },
    { params: bench.parameters.slice(3) },
  ];
  const optimizer = new AdamW(groups, { lr: 0.01, weightDecay: 0.2 });
  for (let round = 0; round < STEPS; round++) {
    optimizer.lrFactor = [1, 0.5, 0, 2, 0.25][round];
    bench.step(optimizer, round, all, (i) => ({
      lr: (i < 3 ? 0.1 : 0.01) * optimizer.lrFactor,
      weightDecay: i < 3 ? 0 : 0.2,
    }));
  }
  await bench.check();
});

for (const [kind, options] of [
  ['SGD', { lr: 0.1, momentum: 0.9 }],
  ['AdamW', { lr: 0.01 }],
] as const)
  test(`${kind}: parameters without a gradient are skipped and keep their own step count`, async () => {
    const bench = new Bench(device, ruleOf(kind));
    const optimizer = make(kind, bench.parameters, options);
    for (const [round, which] of [[3, 5], all, [0, 1, 3], all, []].entries())
      bench.step(optimizer, round, which, () => options);
    await bench.check();
  });

for (const kind of ['SGD', 'AdamW'] as const)
  test(`${kind}: decayGroups spares vectors, which are norms and biases, the decay`, async () => {
    const bench = new Bench(device, ruleOf(kind));
    const optimizer = make(kind, decayGroups(bench.parameters, 0.1), { lr: 0.05 });
    for (let round = 0; round < STEPS; round++)
      bench.step(optimizer, round, all, (i) => ({ lr: 0.05, weightDecay: SHAPES[i].length > 1 ? 0.1 : 0 }));
    await bench.check();
    assert.is(decayGroups(bench.parameters.slice(0, 2), 0.1).length, 1, 'no empty group');
  });

test('a loss that is not finite stops the update and the step count', async () => {
  const bench = new Bench(device, adamw);
  const optimizer = new AdamW(bench.parameters, { lr: 0.01 });
  bench.step(optimizer, 0, all, () => ({ lr: 0.01 }));
  const before = await bench.parameters[4].data();
  for (const loss of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    optimizer.step(tensor([loss], [], { device }));
  assert.equal(await bench.parameters[4].data(), before);
  bench.step(optimizer, 1, all, () => ({ lr: 0.01 }));
  await bench.check();
  optimizer.step(tensor([1e30], [], { device }));
  assert.not.equal(await bench.parameters[4].data(), before);
});

for (const [kind, options] of [
  ['SGD', { lr: 0.1, momentum: 0.9 }],
  ['AdamW', { lr: 0.01 }],
] as const)
  test(`${kind}: saved and restored state goes on as if nothing had happened`, async () => {
    const bench = new Bench(device, ruleOf(kind));
    const first = make(kind, bench.parameters, options);
    bench.step(first, 0, [0, 4], () => options);
    bench.step(first, 1, [0, 1, 2, 4, 6], () => options);
    const saved: [string, ArrayLike<number>][] = [];
    for await (const entry of first.stateTensors()) saved.push(entry);
    first.dispose();
    const second = make(kind, bench.parameters, options);
    second.loadState(saved);
    bench.step(second, 2, all, () => options);
    await bench.check();
  });

test('a steady loop creates no buffers and few dispatches', async () => {
  const bench = new Bench(device, adamw);
  const optimizer = new AdamW(bench.parameters, { lr: 0.01 });
  bench.step(optimizer, 0, all, () => ({ lr: 0.01 }));
  const before = device.memory();
  const dispatches = device.commands.dispatches;
  optimizer.step();
  assert.ok(
    device.commands.dispatches - dispatches <= 5,
    'one dispatch prepares, four update eight parameters',
  );
  bench.step(optimizer, 1, all, () => ({ lr: 0.01 }));
  assert.equal(device.memory().live, before.live);
});

test('a parameter larger than a binding is updated in slices', async () => {
  const slice = clamped.limits.maxStorageBufferBindingSize / 4;
  const sizes = [5, slice + 1000, 7];
  const parameters = sizes.map((size) =>
    empty(clamped, size > slice ? [size / 5, 5] : [size], { requiresGrad: true, owned: true }),
  );
  for (const parameter of parameters) {
    fill(parameter, { constant: 0.5 }, 0, '');
    parameter.grad = empty(clamped, parameter.shape, { owned: true });
    fill(parameter.grad, { constant: 0.25 }, 0, '');
  }
  const optimizer = new AdamW(parameters, { lr: 0.1, weightDecay: 0.1 });
  optimizer.step();
  optimizer.step();
  const expected = Float64Array.of(0.5);
  const state = [Float64Array.of(0), Float64Array.of(0)];
  for (const t of [1, 2]) adamw(expected, Float32Array.of(0.25), state, t, { lr: 0.1, weightDecay: 0.1 }, 1);
  for (const { buffer, size } of parameters)
    for (const at of [0, slice - 2, size - 4].filter((index) => index >= 0 && index + 4 <= size)) {
      const values = new Float32Array(await clamped.read(buffer, 16, 4 * at));
      for (const value of values) assert.ok(Math.abs(value / expected[0] - 1) < 1e-6, `${value} at ${at}`);
    }
  // The second piece begins within a row of five, and its end in none of four. Of each row the first does not train.
  const large = parameters[1];
  const around = [0, slice - 6, slice, slice + 994];
  const valuesAround = async (): Promise<number[]> =>
    (await Promise.all(around.map((at) => clamped.read(large.buffer, 24, 4 * at)))).flatMap((bytes) => [
      ...new Float32Array(bytes),
    ]);
  const places = around.flatMap((at) => [0, 1, 2, 3, 4, 5].map((i) => at + i));
  assert.is.not(slice % 5, 0);
  const whole = empty(clamped, large.shape);
  fill(whole, { constant: 0 }, 0, '');
  for (const [mask, trains] of [
    [[0, 1, 1, 1, 1], (at: number) => at % 5 !== 0],
    [whole, () => false],
  ] as const) {
    maskGradient(large, mask);
    const before = await valuesAround();
    optimizer.step();
    const after = await valuesAround();
    assert.equal(
      after.map((value, i) => value !== before[i]),
      places.map(trains),
    );
  }
  maskGradient(large, null);
  whole.dispose();
  optimizer.zeroGrad();
  optimizer.dispose();
  for (const parameter of parameters) parameter.dispose();
  clamped.trim();
});

/** A parameter with a gradient. */
function trained(value: number): Tensor {
  const parameter = tensor([value, value, value, value], [4], { device, requiresGrad: true, owned: true });
  parameter.grad = tensor([1, 1, 1, 1], [4], { device, owned: true });
  return parameter;
}

test('an optimiser out of use frees its state', async () => {
  const parameters = [trained(1), trained(2)];
  const { optimizer: before } = device.memory().byKind;
  (() => new AdamW(parameters, { lr: 0.1 }).step())();
  assert.ok(device.memory().byKind.optimizer > before);
  for (let turn = 0; turn < 50 && device.memory().byKind.optimizer > before; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.is(device.memory().byKind.optimizer, before);
});

test('a set of parameters that changes with every step leaves no buffers behind, and each counts its own steps', async () => {
  const parameters = Array.from({ length: 10 }, (_, k) => trained(k));
  const gradients = parameters.map(({ grad }) => grad!);
  const optimizer = new AdamW(parameters, { lr: 0.1 });
  optimizer.step();
  const updates = new Array<number>(10).fill(1);
  const step = (set: number): void => {
    parameters.forEach((parameter, k) => {
      const active = ((set >> k) & 1) === 1;
      parameter.grad = active ? gradients[k] : null;
      if (active) updates[k]++;
    });
    optimizer.step();
  };
  for (let set = 1; set <= 8; set++) step(set);
  const { optimizer: held } = device.memory().byKind;
  for (let set = 9; set <= 300; set++) step(set);
  assert.ok(device.memory().byKind.optimizer <= held + 8 * 10 * 256, 'bytes of plans');
  for await (const [name, values] of optimizer.stateTensors())
    if (name === 'step') assert.equal([...values], updates);
  optimizer.dispose();
  optimizer.dispose();
});

test('a bare loop draws a new dropout mask after every step, and setStep wins', async () => {
  const x = tensor(new Float32Array(256).fill(1), [256], { device });
  const optimizer = new SGD([trained(1)], { lr: 0.1 });
  const mask = async () => (await scope(() => dropout(x, 0.5, { training: true })).data()).join();
  setStep(device, 5);
  const fifth = await mask();
  assert.is(await mask(), fifth);
  optimizer.step();
  const sixth = await mask();
  assert.is.not(sixth, fifth);
  setStep(device, 5);
  assert.is(await mask(), fifth);
  setStep(device, 6);
  assert.is(await mask(), sixth);
  setStep(device, 0);
});

test('a parameter that is freed takes its state along, and the others keep theirs', async () => {
  for (const make of [
    (params: Tensor[]) => new AdamW(params, { lr: 0.1 }),
    (params: Tensor[]) => new SGD(params, { lr: 0.1, momentum: 0.9 }),
  ]) {
    const body = [trained(1), trained(3)];
    const alone = [trained(1), trained(3)];
    const head = onDevice(device, () => new Linear(512, 1024));
    for (const parameter of head.parameters())
      parameter.grad = zeros(parameter.shape, { device, owned: true });
    const optimizer = make([body[0], ...head.parameters(), body[1]]);
    const reference = make(alone);
    const step = () => {
      optimizer.step();
      reference.step();
    };
    step();
    step();
    const before = device.memory().byKind.optimizer;
    head.dispose();
    assert.is(head.weight.grad, null);
    // A gradient that somebody left there asks for no update.
    head.weight.grad = zeros(head.weight.shape, { device, owned: true });
    step();
    head.weight.grad.dispose();
    assert.ok(device.memory().byKind.optimizer <= before - 4 * 512 * 1024, 'the state of the head is free');
    step();
    for (const [index, parameter] of body.entries())
      assert.equal(await parameter.data(), await alone[index].data());
    const names: string[] = [];
    for await (const [name] of optimizer.stateTensors()) names.push(name.split('.')[0]);
    assert.equal([...new Set(names)], ['step', '0', '3']);
    optimizer.dispose();
    reference.dispose();
  }
});

const layer = (): Linear => onDevice(device, () => new Linear(2, 3));

/** Parameters that no optimiser takes. */
const REFUSED: [parameters: () => Iterable<Tensor>, sentence: RegExp][] = [
  [() => [], /no parameters were given/],
  [() => [zeros([3], { device }), zeros([2], { device })], /none of the 2 parameters requires a gradient/],
  [() => [mul(zeros([3], { device, requiresGrad: true }), 2)], /parameter 0 \[3\] was computed by an op/],
  [() => [zeros([3], { device, dtype: 'int32' })], /parameter 0 is int32 \[3\], and \w+ takes float32/],
  [() => layer().namedParameters() as unknown as Iterable<Tensor>, /parameter 0 is no tensor; give model/],
  [
    () => {
      const freed = zeros([3], { device, requiresGrad: true });
      freed.dispose();
      return [freed];
    },
    /parameter 0 \[3\] was freed/,
  ],
  [
    () => {
      const frozen = layer();
      for (const parameter of frozen.parameters()) parameter.requiresGrad = false;
      return frozen.parameters();
    },
    /none of the 2 parameters requires a gradient \(all are frozen\), so that nothing would train/,
  ],
];

for (const Optimizer of [SGD, AdamW])
  test(`${Optimizer.name} refuses what it could not train`, () => {
    for (const [parameters, sentence] of REFUSED) {
      assert.throws(() => new Optimizer(parameters(), { lr: 1 }), sentence);
      assert.throws(() => new Optimizer([{ params: parameters() }], { lr: 1 }), sentence);
    }
    const part = [zeros([3], { device }), zeros([3], { device, requiresGrad: true })];
    new Optimizer(part, { lr: 1 }).dispose();
  });

test('what cannot be is refused in a sentence', () => {
  const x = zeros([3], { device, requiresGrad: true });
  const other = zeros([3], { device: clamped, requiresGrad: true });
  assert.throws(() => new SGD([], { lr: 1 }), /no parameters/);
  assert.throws(() => new SGD([x, x], { lr: 1 }), /given twice/);
  assert.throws(() => new SGD([x, other], { lr: 1 }), /several devices/);
  assert.throws(() => new SGD([x], { lr: 1, nesterov: true }), /Nesterov needs a momentum/);
  assert.throws(() => new AdamW([x], { lr: 1, betas: [0.9, 1] }), /betas 0.9, 1/);
  assert.throws(() => new SGD([x], { lr: -1 }).step(), /lr -1/);
  const adam = new AdamW([x], { lr: 1 });
  assert.throws(() => adam.loadState([['step', [1, 2]]]), /of 2 parameters, this optimiser has 1/);
  assert.throws(() => adam.loadState([['0.momentum', [1, 2, 3]]]), /no state of this optimiser/);
  assert.throws(() => adam.loadState([['0.expAvg', [1, 2]]]), /2 values, its parameter 3/);
});

test.run();
