/**
 * A network of one's own, from random weights: discs, squares and crosses on small grey pictures, told apart in seconds.
 * Layers, functions and modules of one's own go into a `Sequential` alike; what is made holds its initial values.
 *
 *   npx tsx from-scratch.ts [steps]
 */
import {
  AdamW,
  BatchNorm2d,
  Conv2d,
  cosine,
  crossEntropy,
  globalAvgPool,
  Linear,
  Module,
  manualSeed,
  maxPool2d,
  noGrad,
  openDevice,
  relu,
  Sequential,
  scope,
  type Tensor,
  tensor,
} from 'tessera';

const SIZE = 16;
const BATCH = 32;
const SHAPES = [
  (dx: number, dy: number, r: number) => Math.hypot(dx, dy) < r, // a disc
  (dx: number, dy: number, r: number) => Math.max(Math.abs(dx), Math.abs(dy)) < 0.9 * r, // a square
  (dx: number, dy: number, r: number) =>
    Math.abs(Math.abs(dx) - Math.abs(dy)) < 1.5 && Math.hypot(dx, dy) < r, // a cross
];

/** `BATCH` pictures [N, 16, 16, 1] in noise, and which shape each shows. */
function draw(): { pictures: Float32Array; labels: Int32Array } {
  const pictures = new Float32Array(BATCH * SIZE * SIZE);
  const labels = Int32Array.from({ length: BATCH }, () => Math.floor(Math.random() * SHAPES.length));
  for (const [n, label] of labels.entries()) {
    const [x, y, r] = [6 + 4 * Math.random(), 6 + 4 * Math.random(), 4 + 2 * Math.random()];
    for (let i = 0; i < SIZE * SIZE; i++) {
      const inside = SHAPES[label]!((i % SIZE) - x, Math.floor(i / SIZE) - y, r);
      pictures[n * SIZE * SIZE + i] = (inside ? 1 : 0) + 0.5 * Math.random();
    }
  }
  return { pictures, labels };
}

/** relu(norm(conv(x)) + x): parameters are the attributes of a module, and `forward` is what it computes. */
class Residual extends Module {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;

  constructor(channels: number) {
    super();
    this.conv = new Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.norm = new BatchNorm2d(channels);
  }

  forward(x: Tensor): Tensor {
    return this.norm.apply(this.conv.forward(x), { activation: 'relu', residual: x });
  }
}

const steps = Number(process.argv[2] ?? 120);
const device = await openDevice();
manualSeed(1);
const net = new Sequential([
  new Conv2d(1, 16, 3, { padding: 1 }), //          [N, 16, 16, 16]
  relu,
  (x) => maxPool2d(x, { kernelSize: 2 }), //        [N, 8, 8, 16]
  new Residual(16),
  globalAvgPool, //                                 [N, 16]
  new Linear(16, SHAPES.length),
]);
const optimizer = new AdamW(net.parameters(), { lr: 1e-2 });
const schedule = cosine({ warmup: 5 });

for (let step = 0; step < steps; step++) {
  const { pictures, labels } = draw();
  optimizer.lrFactor = schedule(step, steps);
  const loss = scope(() => {
    const loss = crossEntropy(net.forward(tensor(pictures, [BATCH, SIZE, SIZE, 1])), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step(loss);
    return loss;
  });
  if (step % 20 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(3)}`);
  loss.dispose();
  await device.pace();
}

net.eval();
const { pictures, labels } = draw();
const logits = await noGrad(() => net.forward(tensor(pictures, [BATCH, SIZE, SIZE, 1]))).data();
const answer = (n: number) => {
  const row = [...logits.subarray(n * SHAPES.length, (n + 1) * SHAPES.length)];
  return row.indexOf(Math.max(...row));
};
const right = labels.filter((label, n) => answer(n) === label).length;
console.log(`${right} of ${BATCH} new pictures are right`);
device.close();
