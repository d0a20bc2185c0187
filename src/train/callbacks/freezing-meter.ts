/**
 * What freezing did save, measured when the run has ended: a step of each phase and one with everything training, one
 * after the other under the same conditions. They take time of their own, so they are taken only where that is little beside
 * the run's; elsewhere the counted figures stand alone.
 */
import { heightWidth, type InputSize } from '../../data/input-size.ts';
import type { Device } from '../../gpu/index.ts';
import { buildModel, type ModelOptions, type Network } from '../../models/table.ts';
import { AdamW, fill } from '../../nn/index.ts';
import { empty, scope } from '../../tensor/index.ts';
import type { Callback, EndEvent } from '../callback.ts';
import { asking, lossOfStep, type Teacher } from '../distil.ts';
import type { FreezingFigures, StepWork } from '../freezing.ts';
import { freezeFor, trainedIn } from '../from-settings.ts';
import type { EpochRecord } from '../progress.ts';
import type { Trains } from '../settings.ts';

export interface FreezingMeterOptions {
  figures: FreezingFigures;
  /** What trains in each phase. */
  phases: readonly Trains[];
  /** Whether a step with everything training fits into memory. */
  fits: boolean;
  /** Seconds of a step, such as `measureStep` gives them. */
  measure: (trains: Trains) => Promise<number>;
}

/** The step that is measured. */
export interface MeasuredStep {
  device: Device;
  network: Network;
  modelOptions: Omit<ModelOptions, 'device' | 'initialise'>;
  batch: number;
  /** Side of the pictures. */
  size: InputSize;
  /** Who is asked about them in each step. Default: nobody. */
  teacher?: Teacher | null;
}

/** Share of the run's time that measuring may take. */
const SHARE = 0.05;
/** Steps for one figure: the first one compiles. */
const STEPS = 2;

export class FreezingMeter implements Callback {
  readonly name = 'freezing';
  /** Those that were planned, with what was measured. */
  readonly figures: FreezingFigures;
  /** Most bytes in use at a moment of the run, before anything was measured here; 0 while it goes on. */
  peakBytes = 0;

  constructor(private readonly options: FreezingMeterOptions) {
    this.figures = structuredClone(options.figures);
  }

  async onEnd({ device, progress, stepsPerEpoch, finished, error }: EndEvent): Promise<void> {
    if (error !== undefined) return;
    this.peakBytes = device.memory().peak;
    const { phases, everything } = this.figures;
    for (const phase of phases) phase.runSeconds = stepSeconds(progress.history, phase.epochs, stepsPerEpoch);
    if (finished && everything && this.options.fits) await this.measure(everything, progress.history);
  }

  /** Measures all steps, from the one of least work on, or none where they would take too long. */
  private async measure(everything: StepWork, history: readonly EpochRecord[]): Promise<void> {
    const steps = [
      ...this.figures.phases.map(({ step }, index) => ({ step, trains: this.options.phases[index]! })),
      { step: everything, trains: { trainFrom: 'all', trainNorms: true } },
    ]
      .flatMap(({ step, trains }) => (step ? [{ step, trains }] : []))
      .sort((a, b) => a.step.multiplyAdds - b.step.multiplyAdds);
    const last = this.figures.phases.at(-1)!;
    let left = SHARE * history.reduce((sum, { trainSeconds }) => sum + trainSeconds, 0);
    // Seconds a multiply-add: as the run went, then as the steps here go, which no cache makes shorter.
    let pace = (last.runSeconds ?? Number.POSITIVE_INFINITY) / (last.step?.multiplyAdds ?? 0);
    for (const { step, trains } of steps) {
      if (!(STEPS * pace * step.multiplyAdds <= left)) {
        for (const { step } of steps) step.seconds = null;
        return;
      }
      step.seconds = await this.options.measure(trains);
      left -= STEPS * step.seconds;
      pace = step.seconds / step.multiplyAdds;
    }
  }
}

/** Mean seconds of a step in some epochs; the run's first one, which compiles, counts where it is alone. */
function stepSeconds(
  history: readonly EpochRecord[],
  [first, last]: readonly [number, number],
  stepsPerEpoch: number,
): number | null {
  const trained = history.filter(({ epoch }) => epoch >= first && epoch <= last);
  const counted = trained.length > 1 ? trained.filter(({ epoch }) => epoch > 1) : trained;
  if (counted.length === 0) return null;
  return counted.reduce((sum, { trainSeconds }) => sum + trainSeconds, 0) / (counted.length * stepsPerEpoch);
}

/** Seconds of a training step alone, on a network of random weights. */
export async function measureStep(
  trains: Trains,
  { device, network, modelOptions, batch, size, teacher }: MeasuredStep,
): Promise<number> {
  const model = buildModel(network, { ...modelOptions, device });
  freezeFor(model, trains);
  model.train();
  const optimizer = new AdamW(
    trainedIn(model, [trains]).map(([, parameter]) => parameter),
    { lr: 0 },
  );
  const labels = new Int32Array(batch);
  const ask = teacher ? asking(teacher) : null;
  let seconds = Number.NaN;
  try {
    for (let step = 0; step < STEPS; step++) {
      const started = performance.now();
      const loss = scope(() => {
        const pictures = empty(device, [batch, ...heightWidth(size), 3]);
        fill(pictures, { normal: 1 }, step, 'pictures');
        const loss = lossOfStep(model, pictures, labels, ask);
        loss.backward();
        optimizer.step(loss);
        optimizer.zeroGrad();
        return loss;
      });
      await loss.item();
      loss.dispose();
      seconds = (performance.now() - started) / 1000;
    }
  } finally {
    optimizer.dispose();
    model.dispose();
  }
  return seconds;
}
