/**
 * Networks that learn for a search. What a method asks of one is noted and done when the network is measured: a search that
 * goes on asks for the trainings of the trials that it knows already, and none of them is done.
 *
 *   advance(40)   advance(120)   score()
 *        └─ noted ──┴─ noted ───────┴─ loads the last saved state (or starts), trains to 120, measures
 *
 * Training is `fit` over a course of chunks, from the step where the state stands. Everything random hangs on the seed and
 * the number of the step, so that a network which was saved, freed and loaded has the bits of one that stayed.
 *
 * One network at a time is on the GPU; the others lie in the store. Successive halving holds sixteen at once, a supernet is
 * as large as ten.
 */
import type { BatchSource, SampleSource } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import { AdamW, cosine, decayGroups, type Model, type Optimizer, warmUp } from '../nn/index.ts';
import type { Callback } from '../train/callback.ts';
import { DivergedError, fit } from '../train/fit.ts';
import { type Inference, infer } from '../train/infer.ts';
import { noProgress } from '../train/progress.ts';
import type { Step } from '../train/step.ts';
import { WeightsError } from '../weights/formats/error.ts';
import { learnerBytes, restoreLearner } from './learner-state.ts';
import type { Learner, Score, SharedLearner } from './method.ts';
import type { SearchStore } from './options.ts';
import { courseOf } from './pictures.ts';
import { divergedScore, scoreOf } from './score.ts';
import type { Choice } from './space.ts';
import type { TimeSpent } from './time.ts';

/** Steps between two moments in which the state can be saved. */
const CHUNK = 25;
/** Milliseconds between two saves of a network in training. */
const SAVE_EVERY = 30_000;
export const WEIGHT_DECAY = 0.05;
/** Steps of linear warm-up: of a training whose length is unknown, and at the most of one whose length is known. */
const WARM_UP = { unknown: 20, known: 100 };

const STOPPED = 'the search was asked to stop';

/** The search was asked to stop; what was in training is saved. */
export class Stopped extends Error {
  override name = 'AbortError';

  constructor() {
    super(STOPPED);
  }
}

/** The factor on the learning rate: a whole cosine where the length is known, else constant behind a warm-up. */
export function rateAt(step: number, of: number | undefined): number {
  if (of === undefined) return warmUp(WARM_UP.unknown)(step, 0);
  return cosine({ warmup: Math.min(WARM_UP.known, Math.round(of / 10)) })(step, of);
}

/** What the learners of a search share. */
export interface Workshop {
  readonly device: Device;
  readonly store: SearchStore;
  readonly train: SampleSource;
  readonly held: BatchSource;
  readonly lr: number;
  readonly classes: number;
  readonly signal: AbortSignal | undefined;
  readonly time: TimeSpent;
  note(sentence: string): void;
  /** The network that is on the GPU. */
  resident: Training | null;
}

/** A network to be trained: what it is and how it learns. */
export interface Trainee {
  /** Name of its state in the store. */
  name: string;
  /** Makes it with initial values. */
  build(): Model;
  step(model: Model): Step;
  /** It stands at so many steps: `loss` is their mean lately; null where it got there without training now. */
  reached(steps: number, loss: number | null): void;
}

/** A network on the GPU. */
interface Present {
  model: Model;
  optimizer: Optimizer;
  steps: number;
}

/** Trains a network as far as it was asked to, once somebody wants to know something of it. */
export abstract class Training {
  /** Steps that were asked for. */
  steps = 0;
  private readonly asked: { steps: number; of: number | undefined }[] = [];
  private present: Present | null = null;
  private diverged = false;

  constructor(
    private readonly workshop: Workshop,
    private readonly trainee: Trainee,
  ) {}

  async advance(steps: number, of?: number): Promise<void> {
    if (!Number.isSafeInteger(steps) || steps < this.steps)
      throw new RangeError(`advance: ${steps} steps, where ${this.steps} were asked for before`);
    if (of !== undefined && of < steps)
      throw new RangeError(`advance: ${steps} steps of a schedule of ${of}`);
    if (steps === this.steps) return;
    this.asked.push({ steps, of });
    this.steps = steps;
  }

  /** What the network answers to pictures; null where it diverged in training. */
  async answers(pictures: BatchSource, prepare?: (model: Model) => void): Promise<Inference | null> {
    const model = await this.trained();
    if (!model) return null;
    prepare?.(model);
    const { time, device } = this.workshop;
    return time.spend('measuring', () => infer(model, device, pictures.load(0)));
  }

  /** Its score by the held pictures; `child`: of that one of a weight-shared network. */
  abstract score(child?: Choice): Promise<Score>;

  protected async scoreBy(prepare?: (model: Model) => void): Promise<Score> {
    const answers = await this.answers(this.workshop.held, prepare);
    return answers ? scoreOf(answers) : divergedScore(this.workshop.classes);
  }

  /** Books what was asked for as done: its trial is known. */
  pass(): void {
    this.trainee.reached(this.steps, null);
  }

  /** Gives the trained network away: only its state in the store stays. Null where it diverged. */
  async handOver(): Promise<Model | null> {
    const model = await this.trained();
    if (!model) return null;
    this.present!.optimizer.dispose();
    this.present = null;
    this.workshop.resident = null;
    return model.eval();
  }

  /** Frees the memory of the GPU; the state stays in the store. */
  leave(): void {
    if (!this.present) return;
    this.present.optimizer.dispose();
    this.present.model.dispose();
    this.present = null;
    if (this.workshop.resident === this) this.workshop.resident = null;
  }

  async dispose(): Promise<void> {
    this.leave();
    await this.workshop.store.dropState(this.trainee.name);
  }

  /** The network, trained as far as was asked; null where it diverged on the way. */
  private async trained(): Promise<Model | null> {
    if (this.diverged) return null;
    const present = this.present ?? (await this.enter());
    try {
      for (const { steps, of } of this.asked) if (present.steps < steps) await this.take(present, steps, of);
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      this.diverged = true;
      this.leave();
      return null;
    }
    return present.model;
  }

  /** Brings the network onto the GPU as it was saved last, else as it starts. */
  private async enter(): Promise<Present> {
    const { workshop, trainee } = this;
    workshop.resident?.leave();
    const present = (await workshop.time.spend('keeping', () => this.saved())) ?? this.made();
    workshop.resident = this;
    this.present = present;
    if (present.steps > 0) trainee.reached(present.steps, null);
    return present;
  }

  private made(): Present {
    const model = this.trainee.build();
    const groups = decayGroups(model.parameters(), WEIGHT_DECAY);
    return { model, optimizer: new AdamW(groups, { lr: this.workshop.lr }), steps: 0 };
  }

  /** Null where there is no state that can be gone on from. */
  private async saved(): Promise<Present | null> {
    const { store, note } = this.workshop;
    const { name } = this.trainee;
    const bytes = await store.loadState(name);
    if (!bytes) return null;
    const present = this.made();
    const forget = (): null => {
      present.optimizer.dispose();
      present.model.dispose();
      return null;
    };
    try {
      present.steps = await restoreLearner(bytes, name, present.model, present.optimizer);
    } catch (error) {
      if (!(error instanceof WeightsError || error instanceof RangeError)) throw error;
      note(`The saved state of ${name} cannot be used (${error.message}), so it is trained anew.`);
      return forget();
    }
    // A state that is ahead of what is asked is of a search whose last trials were lost.
    return present.steps > this.steps ? forget() : present;
  }

  private async take(present: Present, to: number, of: number | undefined): Promise<void> {
    const { workshop, trainee } = this;
    const { device, train, time, signal } = workshop;
    if (signal?.aborted) throw new Stopped();
    let savedAt = performance.now();
    const watch: Callback = {
      name: 'search',
      onStep: ({ step, meanLoss, stop }) => {
        trainee.reached(step, meanLoss);
        if (signal?.aborted) stop(STOPPED);
      },
      onSave: async ({ progress: { epoch, batch }, epochEnded }) => {
        present.steps = Math.min(epoch * CHUNK + batch, to);
        if (epochEnded && present.steps < to && performance.now() - savedAt < SAVE_EVERY) return;
        await time.spend('keeping', () => this.save(present));
        savedAt = performance.now();
      },
    };
    const { model, optimizer, steps } = present;
    const [epoch, batch] = [Math.floor(steps / CHUNK), steps % CHUNK];
    const { finished } = await time.spend('training', () =>
      fit({
        model,
        device,
        optimizer,
        train: courseOf(train, CHUNK, to),
        step: trainee.step(model),
        epochs: Math.ceil(to / CHUNK),
        schedule: (at) => rateAt(at, of),
        callbacks: [watch],
        from: { progress: { ...noProgress(), epoch, batch } },
      }),
    );
    if (!finished) throw new Stopped();
  }

  private async save({ model, optimizer, steps }: Present): Promise<void> {
    const { store, time } = this.workshop;
    const { name } = this.trainee;
    await store.saveState(name, await learnerBytes(name, model, optimizer, steps));
    await time.save(store);
  }
}

/**
 * A network with weights of its own. It is measured with the norms' running statistics, as it is used: every picture by
 * itself.
 */
export class CandidateLearner extends Training implements Learner {
  score(): Promise<Score> {
    return this.scoreBy();
  }
}

/** What a weight-shared network has beside a model: `use` sets the child that it computes. */
interface Sharing {
  use(child: Choice): void;
}

/**
 * The weight-shared network. A child is measured with the statistics of the held batches: running ones would be of all
 * children together. The held pictures stand in class-mixed order (`classMixed`), so that each batch has all classes in it.
 */
export class SupernetLearner extends Training implements SharedLearner {
  score(child: Choice): Promise<Score> {
    return this.scoreBy((model) => (model as Model & Sharing).use(child));
  }
}
