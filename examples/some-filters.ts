/**
 * Part of a layer trains: two of a convolution's eight filters are Sobel's, set by hand, and keep their bits through
 * AdamW with weight decay; the other six learn beside them. Stripes across, down and aslant are told apart.
 *
 *   npx tsx some-filters.ts [steps]
 */
import {
  AdamW,
  Conv2d,
  crossEntropy,
  globalAvgPool,
  Linear,
  manualSeed,
  maskGradient,
  openDevice,
  relu,
  Sequential,
  scope,
  tensor,
} from 'tessera';

const [SIZE, BATCH, FILTERS] = [16, 32, 8];
const SOBEL = [-1, 0, 1, -2, 0, 2, -1, 0, 1];

/** Pictures [N, 16, 16, 1] of stripes four pixels apart, in noise, and their directions: 0 across, 1 down, 2 aslant. */
function draw(): { pictures: Float32Array; labels: Int32Array } {
  const labels = Int32Array.from({ length: BATCH }, () => Math.floor(3 * Math.random()));
  const pictures = Float32Array.from({ length: BATCH * SIZE * SIZE }, (_, i) => {
    const [x, y] = [i % SIZE, Math.floor(i / SIZE) % SIZE];
    const along = [y, x, x + y][labels[Math.floor(i / SIZE ** 2)]!]!;
    return Number(along % 4 < 2) + 0.5 * Math.random();
  });
  return { pictures, labels };
}

const steps = Number(process.argv[2] ?? 60);
const device = await openDevice();
manualSeed(1);
const conv = new Conv2d(1, FILTERS, 3, { padding: 1, bias: false });
const net = new Sequential([conv, relu, globalAvgPool, new Linear(FILTERS, 3)]);

// Weights lie as [kh, kw, cin, cout]: filter 0 answers to edges that run down, filter 1 to edges that run across.
const weights = await conv.weight.data();
for (const [tap, value] of SOBEL.entries()) {
  weights[tap * FILTERS] = value / 4;
  weights[((tap % 3) * 3 + Math.floor(tap / 3)) * FILTERS + 1] = value / 4;
}
conv.weight.write(weights);
maskGradient(conv.weight, [0, 0, 1, 1, 1, 1, 1, 1]); // One value for each filter: 0 holds back the whole update.

const optimizer = new AdamW(net.parameters(), { lr: 2e-2, weightDecay: 0.1 });
let loss = Number.NaN;
for (let step = 0; step < steps; step++) {
  const { pictures, labels } = draw();
  const recorded = scope(() => {
    const recorded = crossEntropy(net.forward(tensor(pictures, [BATCH, SIZE, SIZE, 1])), labels);
    optimizer.zeroGrad();
    recorded.backward();
    optimizer.step(recorded);
    return recorded;
  });
  loss = await recorded.item();
  recorded.dispose();
}

const after = await conv.weight.data();
const moved = new Set([...after.keys()].filter((i) => after[i] !== weights[i]).map((i) => i % FILTERS));
console.log(`loss ${loss.toFixed(3)} after ${steps} steps (chance is ${Math.log(3).toFixed(3)})`);
console.log(`${moved.size} of ${FILTERS} filters moved: ${[...moved].sort().join(', ')}`);
device.close();
