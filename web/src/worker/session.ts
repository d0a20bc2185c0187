/**
 * What the worker holds: the device, and the network that answers. A device that was lost is opened again, and the network
 * built anew from its weights, which stay in memory: whoever asks next notices nothing but the time it takes.
 */
import { type InputSize, sizeText } from '../../../src/data/input-size.ts';
import type { Preprocessing } from '../../../src/data/transforms.ts';
import { adapterName } from '../../../src/gpu/adapter-name.ts';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../../src/gpu/dry.ts';
import { type Device, DeviceLost, NoAdapterError } from '../../../src/gpu/index.ts';
import { buildModel } from '../../../src/models/table.ts';
import type { Model } from '../../../src/nn/index.ts';
import { openDevice } from '../../../src/tensor/web-device.ts';
import { IMAGENET_CLASSES } from '../../../src/weights/catalog/imagenet-classes.ts';
import { createModelFrom } from '../../../src/weights/create-model.ts';
import type { WeightsFiles } from '../../../src/weights/door.ts';
import { describeReport, type LoadReport } from '../../../src/weights/load.ts';
import { atSize, IMAGENET_PREPROCESSING, openStartFrom, type Start } from '../../../src/weights/start.ts';
import type { AdapterFacts, NetworkFacts, Weights } from '../contract.ts';
import type { Base } from '../lesson.ts';
import { sha256 } from './fetched.ts';

/** A network that answers. */
export interface Loaded {
  start: Start;
  model: Model;
  preprocessing: Preprocessing;
  facts: NetworkFacts;
}

/** A network that a reader looks into. */
export interface Explored {
  model: Model;
  device: Device;
  preprocessing: Preprocessing;
  /** Its weights are random. */
  random: boolean;
}

/** A network for whoever changes it. */
export interface Copied {
  model: Model;
  device: Device;
  preprocessing: Preprocessing;
  classes: readonly string[];
  /** All of its weights are random, or those of the head are. */
  random: boolean;
  newHead: boolean;
}

/** Milliseconds before another try. */
const TRIES = [250, 500, 1000, 2000];

/** Opens a device. A browser whose GPU process has just begun, or begins again after a crash, has no adapter for a moment. */
async function opened(): Promise<Device> {
  for (const wait of TRIES) {
    try {
      return await openDevice({ profile: true });
    } catch (error) {
      if (!(error instanceof NoAdapterError) || !('gpu' in navigator)) throw error;
      await new Promise((later) => setTimeout(later, wait));
    }
  }
  return openDevice({ profile: true });
}

/** Weights that were given as bytes, under the name that sentences call them. */
function bytesAs(name: string, bytes: Uint8Array): WeightsFiles {
  return {
    file: (path) => Promise.resolve(path),
    read: () => Promise.resolve(bytes),
    beside: () => Promise.resolve(null),
    inFolder: (file) => Promise.resolve(file === name ? bytes : null),
  };
}

export class Session {
  /** @param shipped brings the weights that ship */
  constructor(private readonly shipped: () => Promise<{ file: string; bytes: Uint8Array<ArrayBuffer> }>) {}

  private opened: Device | null = null;
  private loaded: Loaded | null = null;
  /** What was taught on last: it need not be what answers now. */
  private taughtOn: { sha256: string; start: Start } | null = null;
  /** A network of random weights that a reader looks into. */
  private stranger: { name: string; device: Device; model: Model } | null = null;

  /** The device; opened where there is none yet, or no more. @throws NoAdapterError */
  async device(): Promise<Device> {
    if (this.opened && !this.opened.fault) return this.opened;
    this.opened?.close();
    this.opened = null;
    this.opened = await opened();
    if (this.loaded) this.loaded.model = await this.built(this.loaded.start, () => undefined);
    return this.opened;
  }

  async facts(): Promise<AdapterFacts> {
    const { info, software } = await this.device();
    return { name: adapterName(info) || 'a GPU that does not say its name', software };
  }

  /** The network that answers. @throws Error where none is loaded */
  async network(): Promise<Loaded & { device: Device }> {
    const device = await this.device();
    if (!this.loaded) throw new Error('no network is loaded yet');
    return { ...this.loaded, device };
  }

  /** Makes weights the network that answers; the one before stays where they are refused. */
  async load(weights: Weights, bytes: Uint8Array<ArrayBuffer>, file: string): Promise<NetworkFacts> {
    const named = weights === 'pretrained' ? { weights } : { weights: file };
    const start = await openStartFrom(named, bytesAs(file, bytes));
    let report: LoadReport | null = null;
    const model = await this.built(start, (told) => {
      report = told;
    });
    const facts = await factsOf(start, model, weights, report!, await sha256(bytes)).catch(
      (error: unknown) => {
        model.dispose();
        throw error;
      },
    );
    this.loaded?.model.dispose();
    this.loaded = { start, model, preprocessing: start.preprocessing, facts };
    return facts;
  }

  /**
   * A network to look into: the one that answers, where it has that name, else one of random weights, which stays until
   * another one is looked into.
   */
  async explored(name: string): Promise<Explored> {
    const device = await this.device();
    if (this.loaded?.start.model === name) return { ...this.loaded, device, random: false };
    if (this.stranger?.name !== name || this.stranger.device !== device) {
      if (this.stranger?.device === device) this.stranger.model.dispose();
      this.stranger = null;
      const model = buildModel(name, { device }).eval();
      this.stranger = { name, device, model };
    }
    const { model } = this.stranger;
    return { model, device, preprocessing: atSize(IMAGENET_PREPROCESSING, model.inputSize), random: true };
  }

  /** The network of that name without memory and values, for figures; with other classes than its own where asked for. */
  async shapes(
    name: string,
    numClasses?: number,
  ): Promise<{ model: Model; size: InputSize; random: boolean }> {
    const { device } = await dryDevice(boundless(this.opened ?? PLAIN_DEVICE));
    const own = this.loaded?.start.model === name ? this.loaded : null;
    const model = buildModel(own?.start.network ?? name, {
      device,
      initialise: false,
      numClasses: numClasses ?? own?.model.numClasses ?? 1000,
    });
    return { model, size: own?.preprocessing.inputSize ?? model.inputSize, random: !own };
  }

  /** `work` on the network that answers; once more where the device was lost meanwhile. */
  async onNetwork<Result>(work: (loaded: Loaded & { device: Device }) => Promise<Result>): Promise<Result> {
    try {
      return await work(await this.network());
    } catch (error) {
      if (!(error instanceof DeviceLost) && !(this.opened?.fault instanceof DeviceLost)) throw error;
      return work(await this.network());
    }
  }

  /** A network to be taught, built for other classes: its head starts at zero. */
  async pupil(
    base: Base,
    numClasses: number,
  ): Promise<{ model: Model; device: Device; preprocessing: Preprocessing }> {
    const device = await this.device();
    const start = await this.startOf(base);
    const options = { device, weights: start.known!, numClasses, use: 'train' as const };
    const model = await createModelFrom(start.network, options, bytesAs('', new Uint8Array()));
    // The file's own head is another one, also where it happens to have as many classes.
    return { model: model.zeroHead(), device, preprocessing: start.preprocessing };
  }

  /** The weights of a base: those that answer, those that were taught on last, else out of their file. */
  private async startOf({ sha256: wanted, file, weights }: Base): Promise<Start> {
    const { loaded, taughtOn } = this;
    if (loaded?.facts.base.sha256 === wanted) this.taughtOn = { sha256: wanted, start: loaded.start };
    else if (taughtOn?.sha256 !== wanted) {
      const found = file
        ? { file: file.name, bytes: new Uint8Array(await file.blob.arrayBuffer()) }
        : await this.shipped();
      if ((await sha256(found.bytes)) !== wanted)
        throw new Error(
          `what was learnt belongs to another network than this page has (${weights}); open it with the version of the page that it was taught with`,
        );
      const named = { weights: file ? found.file : 'pretrained' };
      this.taughtOn = { sha256: wanted, start: await openStartFrom(named, bytesAs(found.file, found.bytes)) };
    }
    return this.taughtOn!.start;
  }

  /**
   * A network for whoever changes it, which they dispose of: a copy of the one that answers, where it has that name, else
   * one of random weights. It has the classes that are given, with a new head of random weights where they are others than
   * its own: from zero, as `pupil` starts, no gradient would go back through it. Null: the classes of the one that answers.
   */
  async copy(name: string, given: readonly string[] | null): Promise<Copied> {
    const { start, facts, preprocessing, device } = await this.network();
    const classes = given ?? facts.classes;
    const numClasses = classes.length;
    if (start.model !== name) {
      const model = buildModel(name, { device, numClasses });
      const prepared = atSize(IMAGENET_PREPROCESSING, model.inputSize);
      return { model, device, classes, preprocessing: prepared, random: true, newHead: true };
    }
    const options = { device, weights: start.known!, numClasses, use: 'train' as const };
    const model = await createModelFrom(start.network, options, bytesAs('', new Uint8Array()));
    const newHead = classes.join('\n') !== facts.classes.join('\n');
    if (newHead) model.initialise(0, (parameter) => model.isHead(parameter));
    return { model, device, classes, preprocessing, random: false, newHead };
  }

  private async built(start: Start, onReport: (report: LoadReport) => void): Promise<Model> {
    const device = await this.device();
    const files = bytesAs('', new Uint8Array());
    const options = { device, weights: start.known!, use: 'answer' as const, onReport };
    return (await createModelFrom(start.network, options, files)).eval();
  }
}

/** @throws InputError where the file is a checkpoint whose description is damaged */
async function factsOf(
  start: Start,
  model: Model,
  weights: Weights,
  report: LoadReport,
  sha256: string,
): Promise<NetworkFacts> {
  const { numClasses } = model;
  const own = start.known!.card.classes;
  const classes = own?.length === numClasses ? own : classesFor(numClasses);
  const file = weights === 'pretrained' ? null : weights;
  const words = file?.name ?? "Google's ImageNet weights, which ship";
  // What ships decides nothing; what reads decisions comes with the first file that may.
  const { decided, sentence } = file
    ? (await import('./decided.ts')).decidedOf(start.known!, classes)
    : { decided: {}, sentence: null };
  const left = file ? [start.assumed, ...describeReport(report).split('\n').slice(1)] : [];
  return {
    model: start.model,
    weights: words,
    base: { model: start.model, weights: words, sha256, file },
    classes,
    decided,
    inputSize: sizeText(start.preprocessing.inputSize),
    parameters: [...model.namedParameters()].reduce((sum, [, { size }]) => sum + size, 0),
    notes: [sentence, ...left].filter((note) => note !== null),
  };
}

/** Names of outputs that the weights do not name: ImageNet's for a thousand of them, else numbers. */
const classesFor = (count: number): readonly string[] =>
  count === IMAGENET_CLASSES.length
    ? IMAGENET_CLASSES
    : Array.from({ length: count }, (_, index) => `class ${index}`);
