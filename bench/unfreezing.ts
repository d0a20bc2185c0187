/**
 * Whether training more than the head pays on small sets, and at which rates: EfficientNet-Lite0 at 128², from ImageNet's
 * weights, on the demo data, faces (100 pictures a class) and CIFAR-10 (20 a class, 20 others validate).
 *
 *   TESSERA_DATA=DIR node --import tsx bench/unfreezing.ts                    what `train --train-from blocks.6 --views 0` does
 *   … bench/unfreezing.ts demo,cifar 0,1 blocks.6 0.3,3,0.1 all:0.1,3,1    sets, seeds, stage, candidates in its place
 *
 * A candidate is a second phase: `[STAGE:]RATE,EPOCHS,FACTOR[,norms]`, the head's rate over that of the first phase, epochs,
 * the other stages' rate over the head's, and whether batch norms train. Every epoch shows new
 * crops (`--views 0`). All candidates go on from the bits that the first phase ends with, so that differences are paired. The
 * sets are those of small-sets.ts.
 */
import { preprocessingFor } from '../src/cli/data-source.ts';
import { phasesFor, settingsOf } from '../src/cli/train/settings.ts';
import { closeLoader, fromSamples } from '../src/data/node/loader.ts';
import type { DataSet } from '../src/data/sample.ts';
import type { Device } from '../src/gpu/index.ts';
import type { Optimizer } from '../src/nn/index.ts';
import { openDevice } from '../src/node/open-device.ts';
import { fit } from '../src/train/fit.ts';
import { optimizerOf, phasesOf } from '../src/train/from-settings.ts';
import { infer } from '../src/train/infer.ts';
import { type Metrics, measure } from '../src/train/metrics.ts';
import type { Progress } from '../src/train/progress.ts';
import type { TrainSettings } from '../src/train/settings.ts';
import { createModel, openStart } from '../src/weights/node/create-model.ts';
import { openSmallSet, SETS, type SetName } from './small-sets.ts';

const MODEL = 'efficientnet_lite0';
const SIZE = 128;
/** What a second phase is tried with. */
interface Candidate {
  name: string;
  settings: TrainSettings;
}

/** The settings of `train --size 128 --train-from STAGE` on a set. */
function settingsFor(name: SetName, seed: number, trainFrom: string): TrainSettings {
  const options = { ...(name === 'demo' ? {} : { data: name }), seed, size: SIZE, trainFrom };
  const settings = settingsOf(options, { model: MODEL, weights: 'pretrained' }, { inputSize: SIZE });
  return { ...settings, phases: phasesFor(options, 'pretrained', true) };
}

/** `blocks.6:0.3,3,0.1,norms` as the settings of a run, in place of the second phase's defaults. */
function candidate(text: string, base: TrainSettings): Candidate {
  const [stage, rest] = text.includes(':') ? text.split(':') : [base.phases[1].trainFrom, text];
  const [factor, epochs, backboneFactor, norms] = rest.split(',');
  const [head] = base.phases;
  const phase = {
    trainFrom: stage,
    lr: head.lr * Number(factor),
    epochs: Number(epochs),
    backboneFactor: Number(backboneFactor),
  };
  return { name: text, settings: { ...base, phases: [head, phase], trainNorms: norms === 'norms' } };
}

/** A run after its first phase: what a second one goes on from. */
interface Trained {
  metrics: Metrics;
  progress: Progress;
  values: Map<string, Float32Array<ArrayBuffer>>;
  state: [string, Float32Array][];
}

/** Trains the head alone, or goes on from there with what follows. */
async function train(
  device: Device,
  set: DataSet,
  settings: TrainSettings,
  from?: Trained,
): Promise<Trained> {
  const { batch: batchSize, seed, augmentation, phases } = settings;
  const preprocessing = preprocessingFor(settings, (await openStart({ model: MODEL })).preprocessing);
  const model = await createModel(MODEL, {
    device,
    weights: 'pretrained',
    numClasses: set.classes.length,
    seed,
  });
  const optimizer = optimizerOf(model, settings);
  if (from) {
    for (const { name, tensor } of model.tensors()) tensor.write(from.values.get(name)!);
    optimizer.loadState(from.state.map((entry) => padded(entry, optimizer)));
  }
  const { progress } = await fit({
    model,
    device,
    optimizer,
    train: fromSamples(set.train, { batchSize, preprocessing, seed, augmentation, train: true }),
    phases: phasesOf(model, optimizer, settings),
    callbacks: [
      {
        name: 'phase',
        onEpoch: ({ record: { epoch }, stop }) => {
          if (!from && epoch === phases[0].epochs) stop('the head is trained');
        },
      },
    ],
    ...(from && { from: { progress: from.progress } }),
  });
  const answers = await infer(model, device, fromSamples(set.val, { batchSize, preprocessing }).load(0));
  const end: Trained = { metrics: measure(answers!), progress, values: new Map(), state: [] };
  for (const { name, tensor } of model.tensors())
    end.values.set(name, Float32Array.from((await tensor.data()) as Float32Array));
  for await (const [name, array] of optimizer.stateTensors())
    end.state.push([name, Float32Array.from(array)]);
  optimizer.dispose();
  model.dispose();
  return end;
}

/** The head's parameters come first in every optimiser, so that only the list of steps has another length. */
function padded([name, array]: [string, Float32Array], { groups }: Optimizer): [string, Float32Array] {
  if (name !== 'step') return [name, array];
  const steps = new Float32Array(groups.flatMap(({ params }) => params).length);
  steps.set(array.subarray(0, steps.length));
  return [name, steps];
}

const [sets = SETS.join(), seeds = '0,1,2', trainFrom = 'blocks.6', ...candidates] = process.argv.slice(2);
const names = sets.split(',') as SetName[];
const device = await openDevice();
/** By set and by what was trained, the figures of the seeds. */
const results = new Map(names.map((name) => [name, new Map<string, Metrics[]>()]));
// Seed after seed, so that a run that is broken off has something of every set.
for (const seed of seeds.split(',').map(Number))
  for (const name of names) {
    const set = await openSmallSet(name, SIZE);
    const note = (what: string, { metrics, progress }: Trained): void => {
      const rows = results.get(name)!;
      rows.set(what, [...(rows.get(what) ?? []), metrics]);
      const { trainSeconds } = progress.history.at(-1)!;
      process.stderr.write(
        `${name} ${seed} ${what}: ${metrics.accuracy} ${metrics.loss.toFixed(3)} (${trainSeconds.toFixed(0)} s an epoch)\n`,
      );
    };
    const base = settingsFor(name, seed, trainFrom);
    const tried =
      candidates.length > 0
        ? candidates.map((text) => candidate(text, base))
        : [{ name: trainFrom, settings: base }];
    const head = await train(device, set, base);
    note('head', head);
    for (const { name: what, settings } of tried) note(what, await train(device, set, settings, head));
  }
for (const [name, rows] of results)
  for (const [what, metrics] of rows) print(name, what, metrics, rows.get('head')!);
await closeLoader();
device.close();

/** A row of the table: accuracies of the seeds, their mean, and the mean of what they are above the head's. */
function print(name: string, what: string, metrics: Metrics[], head: Metrics[]): void {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const of = (one: Metrics): number => 100 * one.accuracy;
  const cells = [
    name,
    what,
    metrics.map((one) => of(one).toFixed(1)).join(' '),
    mean(metrics.map(of)).toFixed(1),
    mean(metrics.map((one, i) => of(one) - of(head[i]))).toFixed(1),
    mean(metrics.map(({ loss }) => loss)).toFixed(3),
    mean(metrics.map(({ loss }, i) => loss - head[i].loss)).toFixed(3),
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
