/** What a step of training takes on this GPU, and what it keeps in memory; the network is as before afterwards. */
import type { BatchSource } from '../../../src/data/loader.ts';
import type { Device } from '../../../src/gpu/index.ts';
import type { Model } from '../../../src/nn/index.ts';
import { scope } from '../../../src/tensor/index.ts';
import { labelCriterion } from '../../../src/train/criterion.ts';
import { median } from '../../../src/train/evaluation/intervals.ts';
import { type Learning, optimizerOf } from '../../../src/train/from-settings.ts';
import { untouched } from '../../../src/train/untouched.ts';
import type { StepCost } from '../lesson.ts';

/** Steps that are timed, behind one that is not. */
const STEPS = 5;

/** Of a step on the first batch of `train`, with what is frozen now; null where no picture can be read. */
export async function stepCost(
  model: Model,
  device: Device,
  settings: Learning,
  train: BatchSource,
): Promise<StepCost | null> {
  const batches = train.load(0);
  const first = await batches.next();
  await batches.return();
  if (first.done) return null;
  const batch = first.value;
  const place = { model, device, epoch: 0, index: 0 };
  const before = device.memory().byKind.optimizer;
  let gradientBytes = 0;
  const step = (optimizer: ReturnType<typeof optimizerOf>) =>
    scope(() => {
      const { ask, lossOf } = labelCriterion()(batch, place);
      const loss = lossOf(ask(model));
      loss.backward();
      gradientBytes = device.memory().byKind.gradient;
      optimizer.step(loss);
      optimizer.zeroGrad();
      return loss;
    });
  return untouched(model, async () => {
    model.train();
    const optimizer = optimizerOf(model, settings);
    const times: number[] = [];
    try {
      for (let at = 0; at <= STEPS; at++) {
        const begun = performance.now();
        const loss = step(optimizer);
        await loss.item();
        loss.dispose();
        if (at > 0) times.push(performance.now() - begun);
      }
      const parameters = optimizer.groups.flatMap(({ params }) => params);
      return {
        ...{ pictures: batch.size, ms: median(times), gradientBytes },
        parameters: parameters.reduce((sum, { size }) => sum + size, 0),
        optimizerBytes: device.memory().byKind.optimizer - before,
      };
    } finally {
      optimizer.dispose();
    }
  });
}
