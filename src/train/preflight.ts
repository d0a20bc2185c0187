/**
 * The preflight: what a training step will take, said before the first one. WebGPU refuses nothing until it is too
 * late (and a software adapter not even then), so the step is taken on a dry device (src/gpu/dry.ts) with the limits
 * of the real one: the bytes are those that the pool will hold, and a tensor that no binding can hold ends the step
 * where it would end the real one.
 */
import { heightWidth, type InputSize, longerSide, mapSides } from '../data/input-size.ts';
import { type DeviceLike, dryDevice, type Tally } from '../gpu/dry.ts';
import { type Device, type Limit, TooLarge } from '../gpu/index.ts';
import { buildModel, type ModelOptions, type Network } from '../models/table.ts';
import { AdamW, type Model, type Optimizer } from '../nn/index.ts';
import { empty, noGrad, scope, type Tensor } from '../tensor/index.ts';
import { fewestPictures } from './batches.ts';
import { type Asking, asking, lossOfStep, type Teacher } from './distil.ts';
import { freezeFor, trainedIn } from './from-settings.ts';
import type { Trains } from './settings.ts';

export interface PreflightOptions {
  /** The device that will train; only its limits and features are asked. */
  device: DeviceLike;
  /** The network, and how it is built. */
  model: Network;
  modelOptions?: Omit<ModelOptions, 'device' | 'initialise'>;
  batch: number;
  /** Of the pictures, a side or [height, width]. */
  size: InputSize;
  /** What trains, one phase after the other. */
  phases: readonly Trains[];
  /** AdamW over everything that trains in any phase by default; it is made for a model that is frozen for the first. */
  optimizer?: (model: Model) => Optimizer;
  /** Whether gradients of one batch wait while the next is computed. Default: no. */
  accumulates?: boolean;
  /** Whether a second network holds an average of the weights. Default: no. */
  averages?: boolean;
  /** Makes a network on a device that is asked about the pictures of every step (distil.ts). Default: there is none. */
  teacher?: (device: Device) => Teacher;
  /** Bytes that the run may take. */
  budget: number;
}

/** What a training step of a phase takes, the phases before it done. Bytes are buffers of the pool, its rounding included. */
export interface StepCost {
  /** Floating-point operations of a step, as the kernels count them: forward, backward and update. */
  flops: number;
  dispatches: number;
  /** Parameters and running statistics, those of an average and of a teacher too. */
  parameterBytes: number;
  gradientBytes: number;
  optimizerBytes: number;
  /** Activations that wait for the backward pass, the pictures among them. */
  savedBytes: number;
  /** The same by stage. */
  savedByStage: Record<string, number>;
  /** The most bytes in use at a moment so far. */
  peakBytes: number;
  /** What the process holds after two steps and a validation pass: pooled buffers are kept. This has to fit. */
  totalBytes: number;
}

export interface Preflight {
  batch: number;
  size: InputSize;
  budget: number;
  /** The fewest pictures that a step of every phase makes sense with. */
  fewest: number;
  fits: boolean;
  /** Why it does not fit, as a sentence. */
  problem: string | null;
  /** It is no question of memory: the step itself refuses such pictures or so few; `problem` is its sentence. */
  impossible: boolean;
  /**
   * Of the phase whose steps take most work; null where the step is impossible or an adapter's limit is broken: the step
   * does not come to its end.
   */
  cost: StepCost | null;
  /** Of each phase; none where `cost` is null. */
  costs: StepCost[];
  /** Where `batch` does not fit: the largest batch that does, 0 where none does; null where it is impossible. */
  largestBatch: number | null;
  /** Where no batch fits: smaller pictures that do, and the largest batch of them up to `batch`. */
  smaller: { size: InputSize; batch: number } | null;
}

/** Sides that are tried where no batch fits are multiples of this: what five strides of two divide. */
const SIZE_STEP = 32;

/** A preflight, and the programs that the step and a validation pass run, for `Device.compile`. */
export interface Rehearsed {
  step: Preflight;
  programs: Tally['programs'];
}

/** Takes a step without taking it. Throws RangeError for names of models and stages that do not exist. */
export async function preflight(options: PreflightOptions): Promise<Preflight> {
  return (await rehearse(options)).step;
}

/** As `preflight`, with what ran. */
export async function rehearse(options: PreflightOptions): Promise<Rehearsed> {
  const rehearsal = await Rehearsal.open(options);
  const { batch, size, budget } = options;
  const { fewest } = rehearsal;
  const attempt = rehearsal.attempt(batch, size);
  // Before the search below runs others.
  const programs = new Map(rehearsal.programs);
  const fits = attempt.problem === null;
  const largestBatch =
    fits || attempt.impossible ? null : largest(fewest, batch - 1, (less) => rehearsal.fits(less, size));
  const smaller = largestBatch === 0 ? rehearsal.smallerPictures() : null;
  rehearsal.close();
  return { step: { batch, size, budget, fewest, fits, ...attempt, largestBatch, smaller }, programs };
}

/** The largest whole number from `least` to `most` that fits, where every smaller one does too; 0 where none does. */
function largest(least: number, most: number, fits: (value: number) => boolean): number {
  let [known, fails] = [least - 1, most + 1];
  while (fails - known > 1) {
    const middle = (known + fails) >> 1;
    if (fits(middle)) known = middle;
    else fails = middle;
  }
  return known < least ? 0 : known;
}

/** A refusal of the device, by the size alone: programs and buffers mean nothing before a run. */
const REFUSALS: Record<Limit, (asked: number, most: number) => string> = {
  buffer: (asked, most) => `takes ${inMiB(asked)}, and this adapter's largest buffer is ${wholeMiB(most)}`,
  binding: (asked, most) => `takes ${inMiB(asked)}, and this adapter binds at most ${wholeMiB(most)} at once`,
  workgroups: (asked, most) =>
    `takes ${asked} workgroups, and an adapter starts at most ${most} in a dimension`,
};

/** A model and its optimiser on a dry device. */
class Rehearsal {
  /** What is being rehearsed: whose a tensor is that turns out too large. */
  private at = '';
  readonly fewest: number;

  private constructor(
    private readonly device: Device,
    private readonly tally: Tally,
    private readonly model: Model,
    private readonly optimizer: Optimizer,
    private readonly options: PreflightOptions,
    /** Held, or its memory would be given back. */
    readonly average: Model | null,
    private readonly ask: Asking | null,
  ) {
    const fewest = options.phases.map((phase) => {
      freezeFor(model, phase);
      return fewestPictures(model);
    });
    this.fewest = Math.max(...fewest);
  }

  static async open(options: PreflightOptions): Promise<Rehearsal> {
    const { device: like, model: name, modelOptions, phases } = options;
    const { device, tally } = await dryDevice(like);
    const model = buildModel(name, { ...modelOptions, device, initialise: false });
    const average = options.averages
      ? buildModel(name, { ...modelOptions, device, initialise: false })
      : null;
    freezeFor(model, phases[0]);
    const trained = trainedIn(model, phases).map(([, parameter]) => parameter);
    const optimizer = options.optimizer?.(model) ?? new AdamW(trained, { lr: 0 });
    const ask = options.teacher ? asking(options.teacher(device)) : null;
    return new Rehearsal(device, tally, model, optimizer, options, average, ask);
  }

  close(): void {
    this.device.close();
  }

  /** All that ran so far. */
  get programs(): Tally['programs'] {
    return this.tally.programs;
  }

  /** The cost of a batch of pictures of a size, and why it does not fit where it does not. */
  attempt(batch: number, size: InputSize): Pick<Preflight, 'cost' | 'costs' | 'problem' | 'impossible'> {
    this.optimizer.zeroGrad();
    this.device.trim();
    try {
      const costs = this.options.phases.map((phase) => {
        freezeFor(this.model, phase);
        return this.costOf(batch, size);
      });
      const { totalBytes } = costs[costs.length - 1];
      const cost = costs.reduce((most, each) => (each.flops > most.flops ? each : most));
      const { budget } = this.options;
      const problem =
        totalBytes > budget
          ? `a step of ${batch} ${batch === 1 ? 'picture' : 'pictures'} takes ${inMiB(totalBytes)}, and ${wholeMiB(budget)} may be used`
          : null;
      return { cost, costs, problem, impossible: false };
    } catch (error) {
      if (error instanceof TooLarge)
        return {
          cost: null,
          costs: [],
          problem: `a tensor of ${this.at} ${REFUSALS[error.limit](error.asked, error.most)}`,
          impossible: false,
        };
      if (error instanceof RangeError)
        return { cost: null, costs: [], problem: error.message, impossible: true };
      throw error;
    }
  }

  fits(batch: number, size: InputSize): boolean {
    return this.attempt(batch, size).problem === null;
  }

  /** The largest pictures of about the same aspect of which some fit, and how many of them. */
  smallerPictures(): Preflight['smaller'] {
    const { batch: wanted, size: tooLarge } = this.options;
    const few = Math.min(wanted, this.fewest);
    const longer = longerSide(tooLarge);
    const inSteps = (n: number): InputSize =>
      mapSides(tooLarge, (side) => SIZE_STEP * Math.max(1, Math.round((n * side) / longer)));
    const steps = largest(1, Math.ceil(longer / SIZE_STEP) - 1, (n) => this.fits(few, inSteps(n)));
    if (steps === 0) return null;
    const size = inSteps(steps);
    return { size, batch: largest(few, wanted, (batch) => this.fits(batch, size)) };
  }

  private costOf(batch: number, size: InputSize): StepCost {
    const { device, model, tally } = this;
    model.train();
    const pictures = () => empty(device, [batch, ...heightWidth(size), 3]);
    const savedByStage = this.savedBytes(pictures);
    // No stage's own: what goes forward has just passed.
    this.at = 'the loss, the backward pass or the update';
    if (this.options.accumulates) scope(() => void this.gradients(pictures));
    this.step(pictures);
    const before = { ...tally };
    const gradientBytes = this.step(pictures);
    const { flops, dispatches } = tally;
    model.eval();
    noGrad(() => scope(() => void model.forward(pictures())));
    const { live, pooled, peak, byKind } = device.memory();
    return {
      flops: flops - before.flops,
      dispatches: dispatches - before.dispatches,
      parameterBytes: byKind.parameter,
      gradientBytes,
      optimizerBytes: byKind.optimizer,
      savedBytes: Object.values(savedByStage).reduce((sum, bytes) => sum + bytes, 0),
      savedByStage,
      peakBytes: peak,
      // Without the kilobytes of parameters, which are no buffers of the pool.
      totalBytes: live + pooled - byKind.uniform,
    };
  }

  /** One step as the trainer takes it; returns the bytes of the gradients. */
  private step(pictures: () => Tensor): number {
    const { device, optimizer } = this;
    return scope(() => {
      const loss = this.gradients(pictures);
      const { gradient } = device.memory().byKind;
      optimizer.step(loss);
      optimizer.zeroGrad();
      return gradient;
    });
  }

  /** Forward, loss and backward. */
  private gradients(pictures: () => Tensor): Tensor {
    const images = pictures();
    const loss = lossOfStep(this.model, images, new Int32Array(images.shape[0]), this.ask);
    loss.backward();
    return loss;
  }

  /** What each stage leaves in memory for the backward pass; the pictures count to the first. */
  private savedBytes(pictures: () => Tensor): Record<string, number> {
    const { device, model } = this;
    const saved: Record<string, number> = {};
    scope(() => {
      const atRest = device.memory().byKind.activation;
      this.at = 'the pictures';
      let [x, before] = [pictures(), 0];
      for (const stage of model.stages) {
        this.at = stage;
        const y = model.forwardStages(x, { from: stage, through: stage });
        if (y !== x) x.dispose();
        x = y;
        // An output that no formula saved is only handed over; where the next stage saves it, it counts there.
        const handedOver = y.shared ? 0 : y.buffer.size;
        const kept = device.memory().byKind.activation - atRest - handedOver;
        saved[stage] = kept - before;
        before = kept;
      }
    });
    return saved;
  }
}

/** What is taken is rounded up and what is allowed down, so that the one that is larger reads so. */
const inMiB = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
const wholeMiB = (bytes: number): string => `${Math.floor(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
