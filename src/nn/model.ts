/**
 * `Model`: the contract that every architecture keeps, so that freezing, caching, the summary and the trainer know
 * none of them by name. A model is a list of stages in order; the head is the last one.
 */

import { concat } from '../kernels/index.ts';
import { scope, type Tensor, zeros } from '../tensor/index.ts';
import { unknownName } from '../text/suggest.ts';
import { chain } from './chain.ts';
import { seedDropout } from './dropout.ts';
import { fill } from './init.ts';
import { maskGradient } from './mask.ts';
import { freeTensors, Module, onDevice } from './module.ts';
import { within } from './within.ts';

/** Stages by name, in order; each maps the previous stage's output to its own. */
export type Stages = Readonly<Record<string, (x: Tensor) => Tensor>>;

/** What builds the same architecture again: written into weights files, so that they need nothing beside them. */
export interface ModelSpec {
  readonly name: string;
  /** Properties of the weights: `padding` and `normEps` of an EfficientNet, always both; nothing in other networks. */
  readonly options: Readonly<Record<string, number | string>>;
  /** The network as data, where it stands in no table of networks (src/models/mbconv-table.ts); as a file holds it. */
  readonly table?: unknown;
}

/**
 * Where a network is cut in two: before the stage `from`, or where that is the last one and begins with a pooling
 * (`Model.pooling`), behind it.
 */
export interface Cut {
  readonly from: string;
  readonly pooled: boolean;
}

export abstract class Model extends Module {
  /** Set by `buildModel`. */
  spec: ModelSpec | null = null;
  /** What each stage computes, in order. */
  protected abstract readonly stageTable: Stages;
  /** The last stage of the feature extractor; what follows classifies. */
  protected abstract readonly lastFeatureStage: string;
  /**
   * The global pooling that the last stage begins with: it has no parameters, so what it gives is frozen with the stages
   * before. The entry of `stageTable` is what follows it. Null where the last stage is of one piece.
   */
  readonly pooling: ((x: Tensor) => Tensor) | null = null;
  /** Modules that belong to a stage whose name is not their own prefix (`bn1` to `conv1`). */
  protected readonly stagePrefixes: Readonly<Record<string, readonly string[]>> = {};
  /** Prefix of the parameters of the last layer, whose outputs are the classes. */
  abstract readonly classifier: string;
  /** Height and width that the published weights are evaluated at. */
  abstract readonly inputSize: number;
  /** The number of outputs. */
  abstract readonly numClasses: number;

  /** Puts a new last layer for `numClasses` classes in place of the old one. Its values are not set yet. */
  protected abstract replaceClassifier(numClasses: number): void;

  /** The names of the stages, in order. */
  get stages(): readonly string[] {
    return Object.keys(this.stageTable);
  }

  /** The stage whose result `forwardFeatures` gives. */
  get featureStage(): string {
    return this.lastFeatureStage;
  }

  /** Pictures [N, H, W, 3] → logits [N, classes]. */
  forward(x: Tensor): Tensor {
    return this.forwardStages(x);
  }

  /** Pictures [N, H, W, 3] → the last feature map [N, h, w, c]. */
  forwardFeatures(x: Tensor): Tensor {
    return this.forwardStages(x, { through: this.lastFeatureStage });
  }

  /** Runs the stages from `from` (the first by default) to the end, or up to and including `through`. */
  forwardStages(x: Tensor, range: { from?: string; through?: string } = {}): Tensor {
    const { stages } = this;
    const first = range.from === undefined ? 0 : this.stageIndex(range.from);
    const last = range.through === undefined ? stages.length - 1 : this.stageIndex(range.through);
    return chain(x, this.steps(first, last));
  }

  /** Pictures [N, H, W, 3] → what the part in front of a cut makes of them: [N, h, w, c], or pooled [N, c]. */
  forwardTo(x: Tensor, { from, pooled }: Cut): Tensor {
    const steps = this.steps(0, this.stageIndex(from) - 1);
    return chain(x, pooled ? [...steps, this.poolingBefore(from)] : steps);
  }

  /** What `forwardTo` gave → logits [N, classes]. */
  forwardFrom(x: Tensor, { from, pooled }: Cut): Tensor {
    const steps = this.steps(this.stageIndex(from), this.stages.length - 1);
    if (pooled) this.poolingBefore(from);
    return chain(x, pooled ? steps.slice(1) : steps);
  }

  /** What the stages from one to another do, one after the other. */
  private steps(first: number, last: number): ((x: Tensor) => Tensor)[] {
    const { stages, pooling } = this;
    const steps = stages
      .slice(first, last + 1)
      .map((stage) => (x: Tensor) => within(this, () => this.stageTable[stage](x), stage));
    if (pooling && last === stages.length - 1) steps.splice(-1, 0, (x) => within(this, () => pooling(x)));
    return steps;
  }

  /** @throws RangeError where a stage does not begin with a pooling */
  private poolingBefore(stage: string): (x: Tensor) => Tensor {
    if (this.pooling && stage === this.stages.at(-1)) return this.pooling;
    throw new RangeError(`the stage ${stage} does not begin with a pooling, so there is no cut behind one`);
  }

  /** The place of a stage. Throws a sentence with what may have been meant where there is no such stage. */
  stageIndex(stage: string): number {
    const index = this.stages.indexOf(stage);
    if (index < 0) throw new RangeError(unknownName('stage', stage, this.stages));
    return index;
  }

  /** The stage that a parameter, buffer or module belongs to; undefined for containers of several stages. */
  findStage(name: string): string | undefined {
    const within = (prefix: string): boolean => name === prefix || name.startsWith(`${prefix}.`);
    return this.stages.find((stage) => (this.stagePrefixes[stage] ?? [stage]).some(within));
  }

  /** The stage that a parameter belongs to. Throws where it belongs to none. */
  stageOf(name: string): string {
    const stage = this.findStage(name);
    if (stage === undefined)
      throw new RangeError(`'${name}' belongs to no stage; the stages are ${this.stages.join(', ')}`);
    return stage;
  }

  /** Whether a parameter is one of the last layer's. */
  isHead(name: string): boolean {
    return name.startsWith(`${this.classifier}.`);
  }

  /** Makes dropout and stochastic depth draw from `seed`. */
  seedDropout(seed: number): this {
    seedDropout(this, seed);
    return this;
  }

  /**
   * Sets the last layer to zero, all of it or the parameters that `only` picks, as "Big Transfer" starts its heads
   * (Kolesnikov et al. 2019, arXiv 1912.11370): every class is equally likely at first, whatever the scale of the
   * features. This is how a new head on trained features starts. The rule for a whole network from random weights would
   * not do: EfficientNet's, U(±1/√classes), begins at a loss of 9.2 for two classes on the demo data, and after two
   * epochs of the head 0.59 of the pictures are right, 0.93 from zero, 0.92 from PyTorch's U(±1/√features).
   */
  zeroHead(only: (name: string) => boolean = () => true): this {
    for (const [name, parameter] of this.namedParameters())
      if (this.isHead(name) && only(name)) fill(parameter, { constant: 0 }, 0, name);
    return this;
  }

  /**
   * Replaces the last layer by one for `numClasses` classes, which starts at zero (`zeroHead`); random values come from
   * `model.initialise(seed, (name) => model.isHead(name))`. The old layer is freed with its gradients; an optimiser that was
   * made before does not know the new one.
   */
  resetClassifier(numClasses: number): this {
    if (!Number.isInteger(numClasses) || numClasses < 1)
      throw new RangeError(`resetClassifier: ${numClasses} is no number of classes`);
    const old = [...this.tensors()].filter(({ name }) => this.isHead(name));
    onDevice(old[0].tensor.device, () => this.replaceClassifier(numClasses), { initialise: false });
    freeTensors(old.map(({ tensor }) => tensor));
    this.train(this.training);
    return this.zeroHead();
  }

  /**
   * Appends `count` classes to the last layer. The old ones keep their places and the bits of their weights, and hold them
   * (`holdClasses`) while the new ones, which start at zero, train. An optimiser that was made before does not know the new
   * layer.
   */
  addClasses(count: number): this {
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`addClasses: ${count} is no number of classes to add`);
    const before = this.numClasses;
    const old = this.headParameters();
    const { device } = old[0]![1];
    onDevice(device, () => this.replaceClassifier(before + count), { initialise: false });
    this.train(this.training);
    const extended = new Map(this.headParameters());
    scope(() => {
      for (const [name, values] of old) {
        const added = zeros([...values.shape.slice(0, -1), count], { device });
        const { buffer, size } = extended.get(name)!;
        // Outputs are the last axis of every weight, [in, out] and [kh, kw, in, out], and of the bias.
        device.commands.copy(concat([values, added], -1).buffer, 0, buffer, 0, 4 * size);
      }
    });
    freeTensors(old.map(([, tensor]) => tensor));
    return this.holdClasses(before);
  }

  /**
   * Holds the first `count` classes by a mask (mask.ts): their weights and biases keep their bits whatever trains. Where
   * the stages before are frozen, so do their logits; their softmax shares fall as the other classes' rise. `unfreeze` lets
   * them train again.
   */
  holdClasses(count: number): this {
    if (!Number.isInteger(count) || count < 0 || count > this.numClasses)
      throw new RangeError(`holdClasses: ${count} of ${this.numClasses} classes`);
    const mask = Float32Array.from({ length: this.numClasses }, (_, output) => Number(output >= count));
    for (const [, parameter] of this.headParameters()) maskGradient(parameter, count > 0 ? mask : null);
    return this;
  }

  /** [name, parameter] of the last layer's. */
  private headParameters(): [string, Tensor][] {
    return [...this.namedParameters()].filter(([name]) => this.isHead(name));
  }
}
