/**
 * The offline study of docs/search.md: networks of the small space, drawn at random, trained from scratch on a folder with
 * train/ and test/, round by round, each round an epoch of every network. What a search thinks of them after minutes is held
 * against what they are worth here.
 *
 *   node --import tsx bench/search-study.ts DIR OUT.json [networks] [epochs]
 *
 * OUT.json is written after every epoch of a network. Nothing is timed, so the machine may do other things beside.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labelledFolder } from '../src/data/node/folder.ts';
import { closeLoader, fromSamples } from '../src/data/node/loader.ts';
import { buildModel } from '../src/models/table.ts';
import { AdamW, cosine, decayGroups } from '../src/nn/index.ts';
import { openDevice } from '../src/node/open-device.ts';
import { keyOf, randomChoice, SMALL_SPACE, tableOf } from '../src/search/space.ts';
import { scope, setStep } from '../src/tensor/index.ts';
import { randomStream } from '../src/tensor/random.ts';
import { infer } from '../src/train/infer.ts';
import { measure } from '../src/train/metrics.ts';
import { plainStep } from '../src/train/step.ts';

const [dir, out, networks = '16', rounds = '8'] = process.argv.slice(2);
const space = SMALL_SPACE;
const [count, epochs] = [Number(networks), Number(rounds)];
const classes = (await readdir(join(dir, 'train'))).sort();
const train = (await labelledFolder(dir, classes, 'train')).samples;
const test = (await labelledFolder(dir, classes, 'test')).samples;
const preprocessing = {
  inputSize: space.inputSize,
  resizeSize: space.inputSize,
  interpolation: 'bilinear' as const,
  mean: [0.485, 0.456, 0.406] as const,
  std: [0.229, 0.224, 0.225] as const,
};
const source = fromSamples(train, {
  batchSize: 64,
  preprocessing,
  train: true,
  seed: 0,
  workers: 1,
  augmentation: { scale: [0.6, 1], flip: 0.5 },
});
const measured = fromSamples(test, { batchSize: 100, preprocessing, workers: 1 });
const device = await openDevice();
const trained = Array.from({ length: count }, (_, index) => {
  const choice = randomChoice(space, randomStream(0, 'study', 0, index));
  const model = buildModel(tableOf(space, choice, `study-${index}`), {
    device,
    numClasses: classes.length,
    seed: index,
  });
  const optimizer = new AdamW(decayGroups(model.parameters(), 0.05), { lr: 2e-3 });
  return {
    key: keyOf(choice),
    model,
    optimizer,
    history: [] as { trainLoss: number; loss: number; accuracy: number; right: string }[],
  };
});
const steps = source.batches;
for (let epoch = 0; epoch < epochs; epoch++) {
  for (const network of trained) {
    const { model, optimizer } = network;
    model.train();
    const step = plainStep();
    let sum = 0;
    let pending: Promise<number> | null = null;
    for await (const batch of source.load(epoch)) {
      const at = epoch * steps + batch.index;
      setStep(device, at);
      optimizer.lrFactor = cosine({ warmup: 100 })(at, epochs * steps);
      const loss = scope(() =>
        step(batch, {
          model,
          device,
          optimizer,
          epoch,
          step: at,
          index: batch.index,
          count: steps,
          last: false,
          holdUpdate() {},
        }),
      );
      await device.pace();
      if (pending) sum += await pending;
      pending = loss.item();
      loss.dispose();
    }
    sum += await pending!;
    const answers = await infer(model, device, measured.load(0));
    const { loss, accuracy } = measure(answers!);
    const right = Array.from(answers!.labels, (label, n) => {
      const row = [...answers!.logits.subarray(n * answers!.classes, (n + 1) * answers!.classes)];
      return row.indexOf(Math.max(...row)) === label ? 1 : 0;
    }).join('');
    network.history.push({ trainLoss: sum / steps, loss, accuracy, right });
    await writeFile(
      out,
      JSON.stringify({ epochs, networks: trained.map(({ key, history }) => ({ key, history })) }),
    );
    process.stdout.write(`${epoch + 1} ${network.key} ${loss.toFixed(4)} ${(100 * accuracy).toFixed(1)} %\n`);
  }
}
await closeLoader();
device.close();
