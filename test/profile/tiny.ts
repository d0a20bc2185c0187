/** A network of a convolution, a norm, a residual sum and a linear layer, and a training step of it. */
import type { Device } from '../../src/gpu/index.ts';
import { add, globalAvgPool, relu } from '../../src/kernels/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  convNormAct,
  crossEntropy,
  Linear,
  Module,
  manualSeed,
  onDevice,
  Sequential,
  SGD,
} from '../../src/nn/index.ts';
import { scope, type Tensor, tensor } from '../../src/tensor/index.ts';

class Block extends Module {
  readonly conv = new Conv2d(8, 8, 3, { padding: 1, bias: false });
  readonly bn = new BatchNorm2d(8);

  forward(x: Tensor): Tensor {
    return add(convNormAct(x, this.conv, this.bn, 'relu'), x);
  }
}

/** Layers are called 0, 2.conv, 2.bn and 4; between them are relu, add and globalAvgPool. */
export function tinyNetwork(device: Device): Sequential {
  manualSeed(7, device);
  return onDevice(
    device,
    () =>
      new Sequential([
        new Conv2d(4, 8, 3, { padding: 1 }),
        relu,
        new Block(),
        globalAvgPool,
        new Linear(8, 3),
      ]),
  );
}

/** A step: forward, loss, gradients, update. Pictures differ from step to step. */
export function tinySteps(device: Device, net: Module): (step: number) => Promise<void> {
  const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  return async (step) => {
    scope(() => {
      const values = Float32Array.from({ length: 2 * 8 * 8 * 4 }, (_, i) => Math.sin(1 + i + 31 * step));
      const loss = crossEntropy(net.forward(tensor(values, [2, 8, 8, 4], { device })), Int32Array.of(0, 2));
      loss.backward();
      optimizer.step(loss);
      optimizer.zeroGrad();
    });
    await device.pace();
  };
}
