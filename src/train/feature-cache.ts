/**
 * The feature cache: what the frozen part of a network makes of a picture is computed once for each view of it, and kept.
 *
 *   uncached   decode → augment → conv1 … layer4 → pooling → fc → loss     in every epoch
 *   cached                        what was kept of these ──→ fc → loss     from the second time on
 *
 *   const cache = new FeatureCache({ model, device });
 *   const train = cache.of(fromSamples(set.train, { …, train: true, views: 2 }));
 *   const val = cache.of(fromSamples(set.val, { … }));
 *   await fit({ model, train, val, … });
 *
 * It is a maker of batches between the loader and the loader's own maker, so that order, labels and pictures that cannot be
 * read are the loader's business. Where the network is cut follows from what is frozen when an epoch begins (cut.ts), so that
 * every phase has its own cut. Where nothing in front of what trains is frozen, or every epoch shows new views, batches carry
 * pictures as ever.
 *
 * The bits are those of a run without it. A picture's features do not depend on its batch, but one picture alone may be
 * computed by other kernels than several (src/kernels/parts/table.ts): those of a batch of one are kept apart, and one that
 * is missing among several is computed beside a copy of itself. Features are kept under a hash of all that they depend on,
 * the values of the weights included, and that is taken whenever an epoch begins.
 */
import type { BatchJob, BatchResult } from '../data/batch.ts';
import { heightWidth, type InputSize, sizeText } from '../data/input-size.ts';
import { type Batch, type BatchMaker, type BatchSource, type SampleSource, viewsIn } from '../data/loader.ts';
import { PICTURE_MARK } from '../data/picture-set.ts';
import type { Sample } from '../data/sample.ts';
import type { Device } from '../gpu/index.ts';
import type { Cut, Model } from '../nn/index.ts';
import { noGrad, type Shape, scope, sizeOf, type Tensor, tensor, zeros } from '../tensor/index.ts';
import { type CutOptions, cutOf, describeCut } from './cut.ts';
import { type FeatureRoom, type FeatureStore, type KeptFeatures, MemoryStore } from './feature-store.ts';
import { featuresKey } from './features-key.ts';

/** A pass over the pictures of a source. */
export interface FeaturePass {
  /** Pictures whose features were computed, and whose were there. */
  computed: number;
  reused: number;
  /** Pictures of the whole pass, those that turned out unreadable left out. */
  pictures: number;
}

export interface FeatureCacheOptions extends CutOptions {
  /** The network that trains. What is frozen in it says where it is cut. */
  model: Model;
  device: Device;
  /** Default: memory, up to a gibibyte. */
  store?: FeatureStore;
  /**
   * Nobody writes to what is frozen while the cache is open, so that its hash is taken once for a cut and source, and not
   * whenever an epoch begins: it reads all frozen weights back, which in a browser takes longer than an epoch of a head.
   */
  still?: boolean;
  /** Told after each batch for which features were computed. */
  onFeatures?: (pass: FeaturePass) => void;
}

/** See the head of this file. */
export class FeatureCache {
  /** Pictures of all passes so far whose features were computed, and whose were there; `trained` of both were trained on. */
  readonly counts = { computed: 0, reused: 0, trained: 0 };
  private readonly store: FeatureStore;
  /** What is open, by the samples whose features it holds. */
  private readonly rooms = new Map<readonly Sample[], OpenRoom>();
  private lastCut = '';
  private most: Kept = { where: null, bytes: 0 };

  constructor(private readonly options: FeatureCacheOptions) {
    this.store = options.store ?? new MemoryStore();
  }

  /**
   * The batches of `source`, with features in place of pictures wherever what is frozen allows it.
   * @param model that takes the batches, where it is not the one that trains: an average of its weights, a checkpoint of it
   */
  of(source: SampleSource, model: Model = this.options.model): BatchSource {
    return {
      batches: source.batches,
      load: (epoch, startBatch) => this.load(source, model, epoch, startBatch),
    };
  }

  /** Where features are kept, and the most bytes of them that were kept at a time. */
  get kept(): Kept {
    const rooms = [...this.rooms.values()].map(({ room }) => room);
    const bytes = rooms.reduce((sum, room) => sum + room.bytes, 0);
    return bytes > this.most.bytes ? { where: rooms[0].where, bytes } : this.most;
  }

  /** Lets go of what is kept in memory. */
  close(): void {
    this.most = this.kept;
    for (const { room } of this.rooms.values()) room.close();
    this.rooms.clear();
  }

  private async *load(
    source: SampleSource,
    model: Model,
    epoch: number,
    startBatch = 0,
  ): AsyncGenerator<Batch, void, undefined> {
    const { samples, options } = source;
    const { train = false } = options;
    const { model: trained, mixes, taught } = this.options;
    const { cut } = cutOf(trained, train ? { mixes, taught } : {});
    const views = viewsIn(epoch, options);
    if (!cut || views === 0) {
      yield* source.load(epoch, startBatch);
      return;
    }
    const { room, part } = await this.roomFor(source, model, cut, views);
    const pass = { computed: 0, reused: 0, pictures: samples.length - startBatch * options.batchSize };
    const count = (computed: number, reused: number, unreadable: number): void => {
      pass.pictures -= unreadable;
      for (const of of [pass, this.counts]) {
        of.computed += computed;
        of.reused += reused;
      }
      if (train) this.counts.trained += computed + reused;
      if (computed > 0) this.options.onFeatures?.(pass);
    };
    yield* source.madeBy((maker) => new FeatureMaker(maker, part, room, count)).load(epoch, startBatch);
  }

  private async roomFor(
    { samples, options }: SampleSource,
    model: Model,
    cut: Cut,
    views: number,
  ): Promise<OpenRoom> {
    const { device } = this.options;
    if (JSON.stringify(cut) !== this.lastCut) this.close(); // Nobody will ask for those of another phase again.
    this.lastCut = JSON.stringify(cut);
    const before = this.rooms.get(samples);
    if (before && this.options.still && model === this.options.model) return before;
    const key = await featuresKey(model, cut, device, options);
    // Another model may have these weights, and the one before may be gone.
    if (before?.key === key) return { ...before, part: before.part.in(model) };
    before?.room.close();
    const part = FrozenPart.of(model, cut, device, options.preprocessing.inputSize);
    const { inputSize } = options.preprocessing;
    const name = model.spec?.name ?? model.constructor.name;
    const about = `${name} ${describeCut(cut)}, ${samples.length} pictures of ${sizeText(inputSize)}`;
    const room = await this.store.open({ key, about, samples, views, length: sizeOf(part.shape) });
    this.rooms.set(samples, { key, room, part });
    return { key, room, part };
  }
}

interface Kept {
  where: FeatureRoom['where'] | null;
  bytes: number;
}

interface OpenRoom {
  key: string;
  room: FeatureRoom;
  part: FrozenPart;
}

/** The part of a network in front of a cut. */
class FrozenPart {
  private constructor(
    private readonly model: Model,
    readonly cut: Cut,
    private readonly device: Device,
    private readonly inputSize: InputSize,
    /** Of a picture's features. */
    readonly shape: Shape,
  ) {}

  static of(model: Model, cut: Cut, device: Device, inputSize: InputSize): FrozenPart {
    const two: Shape = [2, ...heightWidth(inputSize), 3];
    const shape = scope(() => forwardTo(model, cut, zeros(two, { device })).shape.slice(1));
    return new FrozenPart(model, cut, device, inputSize, shape);
  }

  /** The same part of a model with the same weights. */
  in(model: Model): FrozenPart {
    return new FrozenPart(model, this.cut, this.device, this.inputSize, this.shape);
  }

  /** The features of several pictures, or of one that is alone in its batch. */
  async features(images: Float32Array, pictures: number): Promise<Float32Array> {
    const { model, cut, device } = this;
    const shape: Shape = [pictures, ...heightWidth(this.inputSize), 3];
    const y = scope(() => forwardTo(model, cut, tensor(images, shape, { device })));
    const values = y.data();
    y.dispose();
    return (await values) as Float32Array;
  }
}

/** A frozen part computes in training what it computes in evaluation. */
function forwardTo(model: Model, cut: Cut, x: Tensor): Tensor {
  const { training } = model;
  model.eval();
  try {
    return noGrad(() => scope(() => model.forwardTo(x, cut)));
  } finally {
    model.train(training);
  }
}

/** Makes batches of features: of those that are kept, and of those that it computes from another maker's pictures. */
class FeatureMaker implements BatchMaker {
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly maker: BatchMaker,
    private readonly part: FrozenPart,
    private readonly room: FeatureRoom,
    /** Told what became of a batch's pictures. */
    private readonly count: (computed: number, reused: number, unreadable: number) => void,
  ) {}

  get parallel(): number {
    return this.maker.parallel;
  }

  async make(job: BatchJob, signal: AbortSignal): Promise<BatchResult> {
    const { pictures } = job;
    const alone = pictures.length === 1;
    const kept = await Promise.all(pictures.map(({ index, view }) => this.room.get({ index, view, alone })));
    const missing = pictures.flatMap((_, position) => (kept[position] ? [] : [position]));
    const reused = pictures.length - missing.length;
    let unreadable: BatchResult['unreadable'] = [];
    if (missing.length > 0) {
      const made = await this.compute(
        { ...job, pictures: missing.map((position) => pictures[position]) },
        alone,
        signal,
      );
      for (const [n, position] of missing.entries()) kept[position] = made.features[n];
      unreadable = made.unreadable.map(({ position, reason }) => ({ position: missing[position], reason }));
    }
    this.count(missing.length - unreadable.length, reused, unreadable.length);
    const readable = pictures.flatMap((_, position) => (kept[position] ? [position] : []));
    if (readable.length === 1 && !alone) {
      // Nothing else of its batch can be read.
      const [position] = readable;
      const single = await this.make({ ...job, pictures: [pictures[position]] }, signal);
      const lost = single.unreadable.map(({ reason }) => ({ position, reason }));
      return {
        ...single,
        readable: single.readable.map(() => position),
        unreadable: [...unreadable, ...lost],
      };
    }
    return { ...this.joined(kept.filter((found) => found !== undefined)), readable, unreadable };
  }

  /** Computes and keeps what is missing of a batch; undefined for pictures that cannot be read. */
  private async compute(
    job: BatchJob,
    alone: boolean,
    signal: AbortSignal,
  ): Promise<{ features: (KeptFeatures | undefined)[]; unreadable: BatchResult['unreadable'] }> {
    const { pictures } = job;
    const { images, readable, unreadable, marks } = await this.maker.make(job, signal);
    const features = new Array<KeptFeatures | undefined>(pictures.length);
    if (readable.length === 0) return { features, unreadable };
    const values = await this.inTurn(() => {
      signal.throwIfAborted();
      return readable.length === 1 && !alone
        ? this.part.features(twice(images), 2)
        : this.part.features(images, readable.length);
    });
    const length = sizeOf(this.part.shape);
    for (const [n, position] of readable.entries()) {
      const one = {
        values: values.slice(n * length, (n + 1) * length),
        mark: marks.length > 0 ? marks.slice(n * PICTURE_MARK, (n + 1) * PICTURE_MARK) : undefined,
      };
      features[position] = one;
      const { index, view } = pictures[position];
      await this.room.put({ index, view, alone }, one);
    }
    return { features, unreadable };
  }

  /** One after the other: a readback waits for all that was recorded before, and takes memory of its own. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined); // Who asked for it is told; the next one's turn comes all the same.
    return result;
  }

  private joined(kept: readonly KeptFeatures[]): Pick<BatchResult, 'images' | 'features' | 'marks'> {
    const { shape, cut } = this.part;
    const length = sizeOf(shape);
    const values = new Float32Array(kept.length * length);
    const marked = kept.every(({ mark }) => mark !== undefined);
    const marks = new Uint8Array(marked ? kept.length * PICTURE_MARK : 0);
    for (const [n, { values: own, mark }] of kept.entries()) {
      values.set(own, n * length);
      if (marked) marks.set(mark!, n * PICTURE_MARK);
    }
    return { images: new Float32Array(0), features: { values, shape, cut }, marks };
  }
}

function twice(images: Float32Array): Float32Array {
  const both = new Float32Array(2 * images.length);
  both.set(images);
  both.set(images, images.length);
  return both;
}
