/**
 * A moving average of the weights (Polyak & Juditsky 1992), which a second network holds: less noisy than the last of
 * them, and what validates and is kept as the best where it is given to `fit` as `validated`.
 *
 *   a ← a + (1 − d)·(w − a)       after every update; t counts them from 1
 *   d = min(decay, (1 + t) / (10 + t))
 *
 * So the first updates, which begin at weights that have learnt nothing, are forgotten fast, whatever the decay: TensorFlow's
 * `ExponentialMovingAverage(num_updates)`. Running statistics are copied, as timm's `ModelEmaV3` does. All of it is a few
 * dispatches an update, and nothing is read back before the state is saved.
 */
import type { Device } from '../../gpu/index.ts';
import { buildModel, networkOf } from '../../models/table.ts';
import type { Model, Module } from '../../nn/index.ts';
import { several } from '../../nn/several.ts';
import { scope, type Tensor, tensor, working } from '../../tensor/index.ts';
import { demand, object, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState, RunEvent, StepEvent } from '../callback.ts';

const follow = several({
  name: 'weight-average',
  roles: { a: 'write', w: 'read' },
  shared: { rate: 'read f32' },
  element: (slot) => `a${slot}[i] += rate[0] * (w${slot}[i] - a${slot}[i]);`,
  flops: 3,
  bytes: 12,
});

/** The state of `WeightAverage` out of a file, as far as it is no tensor. */
export const WEIGHT_AVERAGE_STATE: Rule = object({ updates: whole(0, Number.MAX_SAFE_INTEGER) });

/** A value that is averaged, or copied, and where to. */
interface Pair {
  name: string;
  from: Tensor;
  to: Tensor;
}

export class WeightAverage implements Callback {
  readonly name = 'weight-average';
  /** What trains in this run, and the running statistics of norms; the rest is as the network has it. */
  private averaged: Pair[] = [];
  private statistics: (Pair & { owner: Module })[] = [];
  private updates = 0;
  private restored = false;

  /**
   * @param average of the same architecture as the network that trains, on the same device; its values do not matter
   * @param decay from 0 (no average) to below 1
   * @throws RangeError for another decay
   */
  constructor(
    readonly average: Model,
    private readonly decay: number,
  ) {
    if (!(decay >= 0 && decay < 1))
      throw new RangeError(
        `WeightAverage: a decay of ${decay}; give a number from 0 to below 1, such as 0.99`,
      );
  }

  /** An average of `model`, held by another network of its architecture. @throws RangeError for a network of no name */
  static of(model: Model, decay: number): WeightAverage {
    if (!model.spec)
      throw new RangeError(
        'WeightAverage.of: the network was not made by buildModel or createModel; make another one like it, and give it to the constructor',
      );
    const { device } = model.parameters().next().value!;
    const options = { device, numClasses: model.numClasses, initialise: false };
    return new WeightAverage(buildModel(networkOf(model.spec), options), decay);
  }

  /** @throws RangeError where the two networks are not alike */
  onStart({ model, optimizer, device }: RunEvent): void {
    const targets = new Map([...this.average.tensors()].map(({ name, tensor }) => [name, tensor]));
    const trained = new Set(optimizer.groups.flatMap(({ params }) => params));
    const buffers = new Set([...model.namedBuffers()].map(([, buffer]) => buffer));
    for (const { name, tensor: from, owner } of model.tensors()) {
      const to = targets.get(name);
      if (to?.size !== from.size)
        throw new RangeError(`weight-average: the network of the average has no ${name} of the same size`);
      const pair = { name, from, to };
      if (trained.has(from)) this.averaged.push(pair);
      else if (buffers.has(from)) this.statistics.push({ ...pair, owner });
      if (!this.restored) copy(device, pair);
    }
  }

  onStep({ updated, device }: StepEvent): void {
    if (!updated) return;
    this.updates++;
    const decay = Math.min(this.decay, (1 + this.updates) / (10 + this.updates));
    const [a, w] = [this.averaged.map(({ to }) => to), this.averaged.map(({ from }) => from)];
    working({ name: 'WeightAverage', pass: 'update' }, () =>
      scope(() => follow.run(device, { a, w }, { rate: tensor([1 - decay], [], { device }).buffer })),
    );
    for (const pair of this.statistics) if (!pair.owner.frozen) copy(device, pair);
  }

  async state(): Promise<CallbackState> {
    const tensors: Record<string, Float32Array> = {};
    for (const { name, tensor } of this.average.tensors())
      tensors[name] = (await tensor.data()) as Float32Array;
    return { json: { updates: this.updates }, tensors };
  }

  restore({ json, tensors = {} }: CallbackState): void {
    demand(WEIGHT_AVERAGE_STATE, json, 'the state of weight-average');
    this.updates = (json as { updates: number }).updates;
    for (const { name, tensor } of this.average.tensors()) {
      if (tensors[name]?.length !== tensor.size)
        throw new RangeError(`weight-average: the state does not fit ${name}`);
      tensor.write(tensors[name]);
    }
    this.restored = true;
  }
}

function copy(device: Device, { from, to }: Pair): void {
  device.commands.copy(from.buffer, 0, to.buffer, 0, 4 * from.size);
}
