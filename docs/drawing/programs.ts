/** The table of docs/kernels.md: which programs an op dispatches, forward and backward, found by running it dry. */
import {
  batchNorm,
  conv2d,
  crossEntropy,
  globalAvgPool,
  linear,
  lrn,
  maxPool2d,
} from '../../src/kernels/index.ts';
import { empty, type Shape, type Tensor } from '../../src/tensor/index.ts';
import { markdown } from './tables.ts';
import { type Ran, tracedDevice } from './trace.ts';

/** Makes a leaf tensor that wants a gradient. */
type Leaf = (...shape: Shape) => Tensor;

function norm(leaf: Leaf, channels: number, training = true) {
  const [runningMean, runningVar] = [leaf(channels).detach(), leaf(channels).detach()];
  return { weight: leaf(channels), bias: leaf(channels), runningMean, runningVar, training };
}

/** Ops at sizes of the networks, one picture each. */
const OPS: readonly (readonly [name: string, run: (leaf: Leaf) => Tensor])[] = [
  ['conv 3×3, 56² × 64 → 64', (leaf) => conv2d(leaf(1, 56, 56, 64), leaf(3, 3, 64, 64), { padding: 1 })],
  [
    'conv 3×3 / 2, 56² × 64 → 128',
    (leaf) => conv2d(leaf(1, 56, 56, 64), leaf(3, 3, 64, 128), { padding: 1, stride: 2 }),
  ],
  ['conv 1×1, 56² × 64 → 256', (leaf) => conv2d(leaf(1, 56, 56, 64), leaf(1, 1, 64, 256))],
  [
    'conv 7×7 / 2, 224² × 3 → 64',
    (leaf) => conv2d(leaf(1, 224, 224, 3).detach(), leaf(7, 7, 3, 64), { padding: 3, stride: 2 }),
  ],
  [
    'depthwise 3×3, 56² × 144',
    (leaf) => conv2d(leaf(1, 56, 56, 144), leaf(3, 3, 1, 144), { padding: 1, groups: 144 }),
  ],
  ['linear, 9216 → 4096', (leaf) => linear(leaf(1, 9216), leaf(9216, 4096), leaf(4096))],
  [
    'batch norm and ReLU, training',
    (leaf) => batchNorm(leaf(1, 56, 56, 64), { ...norm(leaf, 64), activation: 'relu' }),
  ],
  [
    '… with a residual',
    (leaf) =>
      batchNorm(leaf(1, 56, 56, 64), {
        ...norm(leaf, 64),
        activation: 'relu',
        residual: leaf(1, 56, 56, 64),
      }),
  ],
  ['LRN, 55² × 96', (leaf) => lrn(leaf(1, 55, 55, 96), { size: 5 })],
  [
    'max-pool 3×3 / 2, 112² × 64',
    (leaf) => maxPool2d(leaf(1, 112, 112, 64), { kernelSize: 3, stride: 2, padding: 1 }),
  ],
  ['average of 7² × 2048', (leaf) => globalAvgPool(leaf(1, 7, 7, 2048))],
  ['cross-entropy, 1000 classes', (leaf) => crossEntropy(leaf(8, 1000), new Int32Array(8))],
];

/** A row an op: its dispatches in order. */
export async function programTable(): Promise<string> {
  const rows: string[][] = [];
  for (const [name, run] of OPS) {
    const { device, ran } = await tracedDevice();
    const y = run((...shape) => empty(device, shape, { requiresGrad: true }));
    const forward = ran.splice(0);
    y.backward(y.size === 1 ? undefined : empty(device, y.shape));
    rows.push([name, listOf(forward), listOf(ran)]);
  }
  return markdown(['op', 'forward', 'backward'], rows);
}

/** Names without what is specialised: `tile-32-12-forward-false-…` is `tile-forward`. */
function listOf(ran: readonly Ran[]): string {
  const plain = ran.map(({ program }) =>
    program
      .split('-')
      .filter((part) => !/^(\d.*|true|false|none|bias|f32|vec\d.?|to|stride|dilation)$/.test(part))
      .join('-'),
  );
  return plain.map((name) => `\`${name}\``).join(', ');
}
