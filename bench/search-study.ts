/**
 * The offline study of docs/search.md: networks of the small space, drawn at random, trained from scratch on a folder with
 * train/ and test/, round by round, each round an epoch of every network. What a search thinks of them after minutes is held
 * against what they are worth here (search-study-figures.ts).
 *
 *   node --import tsx bench/search-study.ts DIR OUT.json [networks = 16] [epochs = 8]
 *   node --import tsx bench/search-study.ts DIR OUT.json [networks = 16] [epochs = 8] --supernet
 *
 * With --supernet one weight-shared network is trained in their place, and after each of its epochs the same networks are
 * measured with its weights. OUT.json is written after every epoch. Nothing is timed, so the machine may do other things beside.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { labelledFolder } from '../src/data/node/folder.ts';
import { closeLoader, fromSamples } from '../src/data/node/loader.ts';
import { buildModel } from '../src/models/table.ts';
import { AdamW, cosine, decayGroups, type Model } from '../src/nn/index.ts';
import { writeWhole } from '../src/node/files.ts';
import { openDevice } from '../src/node/open-device.ts';
import { AUGMENTATION, classMixed, preprocessingOf } from '../src/search/pictures.ts';
import { mean, pictureAnswers } from '../src/search/score.ts';
import { fairStep } from '../src/search/shared/fair.ts';
import { buildSupernet } from '../src/search/shared/supernet.ts';
import { keyOf, randomChoice, SMALL_SPACE, tableOf } from '../src/search/space.ts';
import { scope, setStep } from '../src/tensor/index.ts';
import { randomStream, shuffled } from '../src/tensor/random.ts';
import { infer } from '../src/train/infer.ts';
import { plainStep, type Step } from '../src/train/step.ts';
import type { Study, StudyEpoch } from './search-study-figures.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { supernet: { type: 'boolean', default: false } },
});
const [dir, out, networks = '16', rounds = '8'] = positionals as [string, string, string?, string?];
const space = SMALL_SPACE;
const [count, epochs] = [Number(networks), Number(rounds)];
const classes = (await readdir(join(dir, 'train'))).sort();
const common = { preprocessing: preprocessingOf(space), workers: 1 };
const source = fromSamples((await labelledFolder(dir, classes, 'train')).samples, {
  ...common,
  batchSize: 64,
  train: true,
  seed: 0,
  augmentation: AUGMENTATION,
});
// The weight-shared network normalises by the batch that it is measured on.
const test = classMixed((await labelledFolder(dir, classes, 'test')).samples, 0);
const measured = fromSamples(test, { ...common, batchSize: 100 });
const inHalves = shuffled(test.length, 0, 0, 'halves');
const device = await openDevice();

const choices = Array.from({ length: count }, (_, index) =>
  randomChoice(space, randomStream(0, 'study', 0, index)),
);
const study: Study = {
  space: space.name,
  classes: classes.length,
  epochs,
  networks: choices.map((choice) => ({ key: keyOf(choice), history: [] })),
};

/** A network in training. */
interface Trainee {
  model: Model;
  optimizer: AdamW;
  step: Step;
}

function trainee(model: Model, step: Step): Trainee {
  return { model, optimizer: new AdamW(decayGroups(model.parameters(), 0.05), { lr: 2e-3 }), step };
}

/** An epoch of training; the mean loss of its steps. */
async function train({ model, optimizer, step }: Trainee, epoch: number): Promise<number> {
  const steps = source.batches;
  model.train();
  let sum = 0;
  let pending: Promise<number> | null = null;
  for await (const batch of source.load(epoch)) {
    const at = epoch * steps + batch.index;
    setStep(device, at);
    optimizer.lrFactor = cosine({ warmup: 100 })(at, epochs * steps);
    const place = { epoch, step: at, index: batch.index, count: steps, last: false };
    const loss = scope(() => step(batch, { model, device, optimizer, ...place, holdUpdate() {} }));
    await device.pace();
    if (pending) sum += await pending;
    pending = loss.item();
    loss.dispose();
  }
  return (sum + (await pending!)) / steps;
}

/** What a network says of the test pictures, written down. */
async function judge(model: Model, index: number, trainLoss: number): Promise<void> {
  const each = pictureAnswers((await infer(model, device, measured.load(0)))!);
  if (!each) throw new Error(`${study.networks[index]!.key} diverged: its answers are not finite`);
  const middle = Math.ceil(test.length / 2);
  const half = (places: Int32Array): number =>
    mean(Float64Array.from(places, (place) => each.losses[place]!));
  const { key, history } = study.networks[index]!;
  const record: StudyEpoch = {
    trainLoss,
    loss: mean(each.losses),
    halves: [half(inHalves.subarray(0, middle)), half(inHalves.subarray(middle))],
    accuracy: mean(each.right),
    right: each.right.join(''),
  };
  history.push(record);
  await writeWhole(out, JSON.stringify(study));
  const { loss, accuracy } = record;
  process.stdout.write(`${history.length} ${key} ${loss.toFixed(4)} ${(100 * accuracy).toFixed(1)} %\n`);
}

const options = { device, numClasses: classes.length };
if (values.supernet) {
  const supernet = buildSupernet(space, { ...options, seed: 0 });
  const shared = trainee(supernet, fairStep(supernet, 0));
  for (let epoch = 0; epoch < epochs; epoch++) {
    const loss = await train(shared, epoch);
    for (const [index, choice] of choices.entries()) await judge(supernet.use(choice), index, loss);
  }
} else {
  const trained = choices.map((choice, index) =>
    trainee(buildModel(tableOf(space, choice, `study-${index}`), { ...options, seed: index }), plainStep()),
  );
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const [index, one] of trained.entries()) await judge(one.model, index, await train(one, epoch));
}
await closeLoader();
device.close();
