/**
 * In how many random views a head should see each picture, and for how many epochs, on small sets: EfficientNet-Lite0 at 128²,
 * everything but the last layer frozen. Features are computed once a view and seed and shared by all candidates.
 *
 *   TESSERA_DATA=DIR node --import tsx bench/views.ts [demo,faces,cifar] [0,1] [1,2,4,8] [5,10,20,40] [0.003]
 *                                                     sets, seeds, views, epochs, learning rates
 *
 * A row: accuracy of the last epoch by seed, its mean, the mean loss. Views of at least as many as there are epochs are a new
 * crop in every epoch, as without a cache. The sets are those of small-sets.ts.
 */
import { preprocessingFor } from '../src/cli/data-source.ts';
import { phasesFor, settingsOf } from '../src/cli/train/settings.ts';
import { closeLoader, fromSamples } from '../src/data/node/loader.ts';
import { openDevice } from '../src/node/open-device.ts';
import { FeatureCache } from '../src/train/feature-cache.ts';
import { fit } from '../src/train/fit.ts';
import { freezeFor, optimizerOf, phasesOf } from '../src/train/from-settings.ts';
import type { Metrics } from '../src/train/metrics.ts';
import { isValidated } from '../src/train/progress.ts';
import type { TrainSettings } from '../src/train/settings.ts';
import { createModel, openStart } from '../src/weights/node/create-model.ts';
import { openSmallSet, SETS, type SetName } from './small-sets.ts';

const MODEL = 'efficientnet_lite0';
const SIZE = 128;

const [sets = SETS.join(), seeds = '0,1', views = '1,2,4,8', epochs = '5,10,20,40', rates = '0.003'] =
  process.argv.slice(2);
const numbers = (list: string): number[] => list.split(',').map(Number);
const device = await openDevice();
const rows = new Map<string, Metrics[]>();
for (const name of sets.split(',') as SetName[])
  for (const seed of numbers(seeds)) {
    const options = { ...(name === 'demo' ? {} : { data: name }), seed, size: SIZE };
    const common = settingsOf(options, { model: MODEL, weights: 'pretrained' }, { inputSize: SIZE });
    const [phase] = phasesFor(options, 'pretrained', true);
    const set = await openSmallSet(name, SIZE);
    const numClasses = set.classes.length;
    const preprocessing = preprocessingFor(common, (await openStart({ model: MODEL })).preprocessing);
    const model = await createModel(MODEL, { device, weights: 'pretrained', numClasses, seed });
    freezeFor(model, { trainFrom: 'head', trainNorms: false });
    const cache = new FeatureCache({ model, device });
    const { batch: batchSize, augmentation } = common;
    const val = cache.of(fromSamples(set.val, { batchSize, preprocessing }));
    for (const count of numbers(views))
      for (const length of numbers(epochs))
        for (const lr of numbers(rates)) {
          const settings: TrainSettings = { ...common, phases: [{ ...phase, epochs: length, lr }] };
          const train = cache.of(
            fromSamples(set.train, {
              batchSize,
              preprocessing,
              seed,
              augmentation,
              train: true,
              views: count,
            }),
          );
          model.zeroHead();
          const optimizer = optimizerOf(model, settings);
          const { progress } = await fit({
            model,
            device,
            optimizer,
            train,
            val,
            phases: phasesOf(model, optimizer, settings),
          });
          optimizer.dispose();
          const { val: metrics } = progress.history.filter(isValidated).at(-1)!;
          const key = [name, count, length, lr].join(' | ');
          rows.set(key, [...(rows.get(key) ?? []), metrics]);
          process.stderr.write(`${key} | seed ${seed}: ${metrics.accuracy} ${metrics.loss.toFixed(3)}\n`);
        }
    model.dispose();
  }
process.stdout.write(
  '| set | views | epochs | rate | accuracy by seed, % | mean | loss |\n|---|---|---|---|---|---|---|\n',
);
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
for (const [key, metrics] of rows) {
  const shares = metrics.map(({ accuracy }) => 100 * accuracy);
  const cells = [key, shares.map((share) => share.toFixed(1)).join(' '), mean(shares).toFixed(1)];
  process.stdout.write(`| ${cells.join(' | ')} | ${mean(metrics.map(({ loss }) => loss)).toFixed(3)} |\n`);
}
await closeLoader();
device.close();
