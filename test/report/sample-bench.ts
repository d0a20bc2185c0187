/** What a run of the bench could have found, made up from its seed: variants, wrong results, a doubt, starts, what is missing. */
import type { BenchEntry, BenchResult, Pass, StartEntry, Timing } from '../../src/bench/result.ts';
import { randomUniform } from '../../src/tensor/random.ts';

const SEED = 13;
const draw = (purpose: string, index: number): number => randomUniform(SEED, purpose, 0, index);

const ARITHMETIC = 104;
const BANDWIDTH = 9.6;

function timingOf(median: number, index: number): Timing {
  const noise = 0.02 + 0.08 * draw('noise', index);
  const rounds = [0, 1, 2].map((round) =>
    Array.from(
      { length: 5 },
      (_, at) => median * (1 + noise * (draw(`sample${round}`, 5 * index + at) - 0.4)),
    ),
  );
  return { median, p10: median * (1 - noise / 2), p90: median * (1 + noise), rounds, repeats: 4 };
}

/** What an entry is, and the share of its ceiling that it reaches. */
type Made = Partial<BenchEntry> &
  Pick<BenchEntry, 'name' | 'op' | 'pass' | 'flops' | 'bytes'> & { reached: number };

function entryOf({ reached, ...made }: Made, index: number): BenchEntry {
  const [arithmeticMs, bandwidthMs] = [made.flops / ARITHMETIC / 1e6, made.bytes / BANDWIDTH / 1e6];
  const share = reached * (0.85 + 0.3 * draw('share', index));
  return {
    ...{ group: 'kernels', variant: null, networks: [], failed: null },
    error: { value: 1e-7 * (1 + 9 * draw('error', index)), allowed: 1e-5, against: 'plain' },
    timing: timingOf(Math.max(arithmeticMs, bandwidthMs) / share, index),
    limit: arithmeticMs > bandwidthMs ? 'arithmetic' : 'bandwidth',
    share,
    ...made,
  };
}

const PASSES: readonly Pass[] = ['forward', 'input gradient', 'weight gradient'];
type Networks = BenchEntry['networks'];

/** [kernel, side, channels in, channels out, networks, the share that its variants reach] */
const CONVOLUTIONS: readonly [number, number, number, number, Networks, Readonly<Record<string, number>>][] =
  [
    [
      3,
      56,
      64,
      64,
      [
        { name: 'resnet18', times: 4 },
        { name: 'resnet34', times: 6 },
      ],
      { tile: 0.26, winograd: 0.44, plain: 0.02 },
    ],
    [
      3,
      28,
      128,
      128,
      [
        { name: 'resnet18', times: 3 },
        { name: 'resnet34', times: 7 },
      ],
      { tile: 0.28, winograd: 0.47, plain: 0.02 },
    ],
    [
      3,
      7,
      512,
      512,
      [
        { name: 'resnet18', times: 3 },
        { name: 'resnet34', times: 5 },
      ],
      { tile: 0.16, winograd: 0.31 },
    ],
    [1, 56, 64, 256, [{ name: 'resnet50', times: 4 }], { tile: 0.2 }],
    [1, 14, 1024, 256, [{ name: 'resnet50', times: 5 }], { tile: 0.15 }],
    [
      7,
      224,
      3,
      64,
      [
        { name: 'resnet18', times: 1 },
        { name: 'resnet34', times: 1 },
        { name: 'resnet50', times: 1 },
      ],
      { tile: 0.1 },
    ],
  ];

function convolutions(): Made[] {
  return CONVOLUTIONS.flatMap(([kernel, side, from, to, networks, variants]) =>
    PASSES.flatMap((pass, behind) =>
      Object.entries(variants).map(([variant, reached]): Made => {
        const out = kernel === 7 ? side / 2 : side;
        const flops = 2 * out ** 2 * kernel ** 2 * from * to;
        const bytes = 4 * (side ** 2 * from + out ** 2 * to + kernel ** 2 * from * to);
        const name = `conv ${kernel}×${kernel}/${side / out} 1×${side}² ${from}→${to} ${pass}`;
        return {
          name,
          op: 'conv2d',
          pass,
          variant,
          networks,
          flops,
          bytes,
          reached: reached / (1 + 0.5 * behind),
        };
      }),
    ),
  );
}

/** [name, op, pass, FLOPs, bytes, the share of the ceiling] */
const OTHERS: readonly [string, string, Pass, number, number, number][] = [
  ['depthwise 3×3/1 1×56² 144', 'depthwiseConv2d', 'forward', 8.1e6, 3.6e6, 0.35],
  ['depthwise 3×3/1 1×56² 144', 'depthwiseConv2d', 'input gradient', 8.1e6, 3.6e6, 0.3],
  ['depthwise 5×5/1 1×28² 240', 'depthwiseConv2d', 'forward', 9.4e6, 1.5e6, 0.22],
  ['linear 1×9216→4096', 'linear', 'forward', 75.5e6, 151e6, 0.71],
  ['linear 1×9216→4096', 'linear', 'weight gradient', 75.5e6, 151e6, 0.55],
  ['matmul 512×512×512', 'matmul', 'forward', 268e6, 3.1e6, 0.18],
  ['batch norm 1×56²×64', 'batchNorm', 'forward', 1.6e6, 1.6e6, 0.5],
  ['batch norm 1×56²×64', 'batchNorm', 'gradients', 2.4e6, 2.4e6, 0.42],
  ['max-pool 3×3/2 1×112²×64', 'maxPool2d', 'forward', 1.8e6, 4e6, 0.34],
  ['lrn 5 1×55²×96', 'lrn', 'forward', 3.2e6, 2.3e6, 0.2],
  ['pad 1×224²×3', 'pad', 'forward', 0, 1.4e6, 0.83],
  ['AdamW 11.7 M values', 'adamw', 'update', 128e6, 327e6, 0.64],
];

const MODELS: readonly [string, number, number][] = [
  ['resnet18', 3.63e9, 62e6],
  ['efficientnet_b0', 0.78e9, 71e6],
  ['mobilenetv2_100', 0.6e9, 64e6],
  ['alexnet', 1.43e9, 252e6],
];

function models(): Made[] {
  return MODELS.flatMap(([model, flops, bytes], index) =>
    (
      [
        ['forward 1×224²', 'forward', 1],
        ['forward 8×224²', 'forward', 8],
        ['step 4×112²', 'step', 3],
        ['step of the head 4×112²', 'step', 1.1],
      ] as const
    ).map(
      ([what, pass, work]): Made => ({
        ...{ name: `${model} ${what}`, group: 'models', op: model, pass },
        ...{ flops: work * flops, bytes: work * bytes, reached: [0.24, 0.12, 0.14, 0.33][index]! },
        networks: [{ name: model, times: 1 }],
      }),
    ),
  );
}

const start = (name: string, at: number): StartEntry => ({
  name,
  coldMs: 1900 + 700 * at,
  warmMs: at === 2 ? null : 240 + 90 * at,
  programs: Array.from({ length: 8 + 2 * at }, (_, i) => ({
    name: `${['tile-16-12-forward', 'winograd-input-4', 'depthwise-3', 'batch-norm-relu'][i % 4]}-${i}`,
    compileMs: 12 + 600 * draw(name, i) ** 3,
  })),
  made: { buffers: at === 3 ? 2 : 0, bindGroups: at === 3 ? 4 : 0, pipelines: 0 },
  dispatches: 70 + 50 * at,
  javascriptUs: 3.1 + at / 3,
});

/** `name` stands wherever a name does. */
export function sampleBench(name = ''): BenchResult {
  const made = [
    ...convolutions(),
    ...OTHERS.map(
      ([what, op, pass, flops, bytes, reached]): Made => ({
        name: `${what} ${pass}`,
        op,
        pass,
        flops,
        bytes,
        reached,
      }),
    ),
    ...models(),
  ].map(entryOf);
  const none = { timing: null, share: null, limit: null };
  const failing = made.map((entry): BenchEntry => {
    if (entry.variant === 'winograd' && entry.pass === 'weight gradient' && entry.name.includes('56²'))
      return {
        ...{ ...entry, ...none },
        error: { value: 0.31, allowed: 1e-5, against: 'plain' },
        failed: 'its result differs from the plain variant’s by 0.31 of the largest value; 1e-5 is allowed',
      };
    if (entry.name === 'alexnet forward 8×224²')
      return { ...entry, ...none, error: null, failed: 'a buffer of 151 MB exceeds the limit of 128 MiB' };
    return entry.op === 'lrn' ? { ...entry, ...none, error: null } : entry;
  });
  const text = (own: string): string => (name ? `${name}${own}` : own);
  return {
    format: 'tessera-bench',
    version: 1,
    header: {
      date: '2026-11-27T02:10:00.000Z',
      commit: text('43475be+').slice(0, 64),
      adapter: {
        ...{ description: text('llvmpipe (LLVM 19.1.7, 256 bits)'), vendor: 'mesa', architecture: '' },
        ...{ device: '0x0', software: true },
      },
      driver: text('Vulkan, Mesa 25.0.7'),
      dawn: text('webgpu 0.6.2'),
      runtime: 'Node 20.20',
      toggles: [text('disable-dawn-features=timestamp_quantization')],
      features: ['subgroups', 'shader-f16', 'timestamp-query', 'immediates'],
      lanes: 8,
      processor: text('AMD EPYC 7763, 2 threads'),
    },
    ceilings: {
      arithmetic: {
        ...{ value: ARITHMETIC, kernel: text('fma, 12 chains × 16'), doubt: null },
        tried: [
          { kernel: text('fma, 12 chains × 16'), value: ARITHMETIC },
          { kernel: 'fma, 10 chains × 32', value: 55 },
          { kernel: 'fma vec4, 4 chains × 8', value: 91.4 },
        ],
      },
      bandwidth: {
        ...{ value: BANDWIDTH, kernel: 'copy, vec4', doubt: null },
        tried: [
          { kernel: 'copy, vec4', value: BANDWIDTH },
          { kernel: 'read, vec4', value: 8.7 },
        ],
      },
    },
    entries: failing.map((entry) => ({
      ...entry,
      name: text(entry.name),
      op: text(entry.op),
      variant: entry.variant && text(entry.variant),
      failed: entry.failed && text(entry.failed),
      networks: entry.networks.map((one) => ({ ...one, name: text(one.name) })),
    })),
    starts: MODELS.map(([model], at) => start(text(`${model} forward 1×224²`), at)),
  };
}

/** The same with a ceiling that does not stand: no share of it is there. */
export function doubted(result: BenchResult): BenchResult {
  const { arithmetic, bandwidth } = result.ceilings!;
  const doubt = 'matrix products reach 131 GFLOP/s, more than the best of its kernels';
  return {
    ...result,
    ceilings: { arithmetic: { ...arithmetic, doubt }, bandwidth },
    entries: result.entries.map((entry) =>
      entry.limit === 'arithmetic' ? { ...entry, share: null } : entry,
    ),
  };
}
