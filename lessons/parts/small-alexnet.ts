/**
 * AlexNet (Krizhevsky, Sutskever & Hinton 2012) for pictures of 16²: two convolutions of 5×5 with overlapping pools, two of 3×3,
 * two linear layers. Weights start as He et al. (2015) have it, without which the
 * network without norms learns nothing in some hundred steps.
 */
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  fill,
  flatten,
  kaimingNormal,
  type Layer,
  Linear,
  lrn,
  maxPool2d,
  relu,
  Sequential,
  type Tensor,
} from 'tessera';

/**
 * What stands at a convolution. `response`: behind the ReLU of the first two, with the constants of section 3.3; `batch`: in
 * front of every ReLU, as Ioffe & Szegedy have it.
 */
export type Norm = 'none' | 'response' | 'batch';

/** Section 3.3: n = 5, α = 1e-4, β = 0.75, k = 2. The paper does not divide α by n, `lrn` does. */
const responseNorm = (x: Tensor): Tensor => lrn(x, { size: 5, alpha: 5e-4, beta: 0.75, k: 2 });
/** Section 3.4. */
const pool = (x: Tensor): Tensor => maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 });

/** @param dropout probability of dropping an input of the two linear layers before the last; 0.5 in the paper */
export function smallAlexNet(
  classes: number,
  { norm = 'none', dropout = 0 }: { norm?: Norm; dropout?: number },
): Sequential {
  const convolution = (inputs: number, outputs: number, kernel: number, first: boolean): Layer[] => [
    new Conv2d(inputs, outputs, kernel, { padding: kernel >> 1, bias: norm !== 'batch' }),
    ...(norm === 'batch' ? [new BatchNorm2d(outputs)] : []),
    relu,
    ...(norm === 'response' && first ? [responseNorm] : []),
  ];
  const hidden = (inputs: number, outputs: number): Layer[] => [
    ...[new Dropout(dropout), new Linear(inputs, outputs, { bias: norm !== 'batch' })],
    ...(norm === 'batch' ? [new BatchNorm2d(outputs)] : []), // of the last axis, whatever stands before it
    relu,
  ];
  const net = new Sequential([
    ...[...convolution(3, 16, 5, true), pool], //              [N, 8, 8, 16]
    ...[...convolution(16, 32, 5, true), pool], //             [N, 4, 4, 32]
    ...convolution(32, 48, 3, false), //                       [N, 4, 4, 48]
    ...[...convolution(48, 32, 3, false), flatten], //         [N, 512]
    ...hidden(512, 128),
    ...hidden(128, 128),
    new Linear(128, classes),
  ]);
  for (const weight of net.parameters()) if (weight.shape.length > 1) fill(weight, kaimingNormal());
  return net;
}
