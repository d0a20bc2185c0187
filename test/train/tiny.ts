/** A network and pictures small enough that a whole training run takes a second. */

import { fromSamples } from '../../src/data/in-thread.ts';
import type { SampleSource } from '../../src/data/loader.ts';
import type { Sample } from '../../src/data/sample.ts';
import type { Preprocessing } from '../../src/data/transforms.ts';
import type { Device } from '../../src/gpu/index.ts';
import { globalAvgPool } from '../../src/kernels/index.ts';
import { BatchNorm2d, Conv2d, convNormAct, Dropout, Linear, Model, onDevice } from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { randomUniform } from '../../src/tensor/random.ts';

/** Two convolutions with norms, dropout, a linear layer. */
export class TinyNet extends Model {
  readonly conv1 = new Conv2d(3, 8, 3, { stride: 2, padding: 1, bias: false });
  readonly bn1 = new BatchNorm2d(8);
  readonly conv2 = new Conv2d(8, 16, 3, { stride: 2, padding: 1, bias: false });
  readonly bn2 = new BatchNorm2d(16);
  readonly dropout = new Dropout(0.2);
  fc = new Linear(16, 2);

  readonly classifier = 'fc';
  readonly inputSize = 16;
  protected readonly lastFeatureStage = 'conv2';
  protected override readonly stagePrefixes = {
    conv1: ['conv1', 'bn1'],
    conv2: ['conv2', 'bn2'],
    fc: ['dropout', 'fc'],
  };
  protected readonly stageTable = {
    conv1: (x: Tensor) => convNormAct(x, this.conv1, this.bn1, 'relu'),
    conv2: (x: Tensor) => convNormAct(x, this.conv2, this.bn2, 'relu'),
    fc: (x: Tensor) => this.fc.forward(this.dropout.forward(globalAvgPool(x))),
  };

  get numClasses(): number {
    return this.fc.outFeatures;
  }

  protected replaceClassifier(numClasses: number): void {
    this.fc = new Linear(this.fc.inFeatures, numClasses);
  }
}

export const tinyNet = (device: Device, seed = 1): TinyNet =>
  onDevice(device, () => new TinyNet())
    .seedDropout(seed)
    .initialise(seed);

export const PREPROCESSING: Preprocessing & { inputSize: number } = {
  inputSize: 16,
  resizeSize: 16,
  interpolation: 'bilinear',
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
};

/** Noise, with stripes across for class 0 and down for class 1. */
export function stripes(count: number, seed: number, side = 16): Sample[] {
  return Array.from({ length: count }, (_, index) => {
    const label = index % 2;
    const pixels = new Uint8Array(side * side * 3);
    for (let i = 0; i < pixels.length; i++) {
      const x = Math.floor(i / 3) % side;
      const y = Math.floor(i / 3 / side);
      const noise = 80 * (randomUniform(seed, 'stripes', index, i) - 0.5);
      pixels[i] = 128 + noise + ((label === 0 ? y : x) % 4 < 2 ? 25 : -25);
    }
    return { file: `stripes ${index}`, label, image: { width: side, height: side, pixels } };
  });
}

/** Training and validation batches of stripes; the last ones are not full. */
export function stripeBatches(seed = 1, views = 0): { train: SampleSource; val: SampleSource } {
  const common = { batchSize: 8, preprocessing: PREPROCESSING, seed };
  return {
    train: fromSamples(stripes(44, 1), {
      ...common,
      train: true,
      views,
      augmentation: { scale: [0.6, 1], flip: 0.5 },
    }),
    val: fromSamples(stripes(22, 2), common),
  };
}
