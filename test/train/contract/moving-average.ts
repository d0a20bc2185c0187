/**
 * A callback over the contract of src/train/callback.ts: an exponential moving average of the weights (Polyak & Juditsky
 * 1992), a ← d·a + (1 − d)·w after every update, held by a second network, which may validate (`fit`'s `validated`).
 */
import { add, mul } from '../../../src/kernels/index.ts';
import type { Model } from '../../../src/nn/index.ts';
import { noGrad, scope, type Tensor } from '../../../src/tensor/index.ts';
import type { Callback, CallbackState, RunEvent, StepEvent } from '../../../src/train/callback.ts';

export class MovingAverage implements Callback {
  readonly name = 'moving-average';
  private restored = false;

  /** @param average of the same architecture as the network that trains, on the same device */
  constructor(
    readonly average: Model,
    private readonly decay: number,
  ) {}

  onStart(event: RunEvent): void {
    if (!this.restored) this.update(event, 0);
  }

  onStep(event: StepEvent): void {
    if (event.updated) this.update(event, this.decay);
  }

  async state(): Promise<CallbackState> {
    const tensors: Record<string, Float32Array> = {};
    for (const { name, tensor } of this.average.tensors())
      tensors[name] = (await tensor.data()) as Float32Array;
    return { tensors };
  }

  restore({ tensors = {} }: CallbackState): void {
    for (const { name, tensor } of this.average.tensors()) {
      if (tensors[name]?.length !== tensor.size)
        throw new RangeError(`moving-average: the state does not fit ${name}`);
      tensor.write(Float32Array.from(tensors[name]));
    }
    this.restored = true;
  }

  private update({ model, device }: RunEvent, decay: number): void {
    const trained = new Map([...model.tensors()].map(({ name, tensor }) => [name, tensor]));
    noGrad(() => {
      for (const { name, tensor } of this.average.tensors())
        scope(() => {
          const next: Tensor =
            decay === 0 ? trained.get(name)! : add(mul(tensor, decay), mul(trained.get(name)!, 1 - decay));
          device.commands.copy(next.buffer, 0, tensor.buffer, 0, 4 * tensor.size);
        });
    });
  }
}
