/**
 * Early stopping on a figure of one's own: how many of one class are found (its recall), where missing one is what costs.
 * A callback measures it after each epoch, keeps the weights of the best one, and ends the run when three epochs
 * brought nothing better. For the figures that `fit` measures itself there is `new EarlyStopping({ patience, by })`.
 *
 *   npx tsx early-stopping.ts pictures berries [epochs] [side of the pictures]
 */
import {
  AdamW,
  atSize,
  type Callback,
  cardMetadata,
  classMetrics,
  confusionMatrix,
  createModel,
  fit,
  freeze,
  fromSamples,
  IMAGENET_PREPROCESSING,
  imageFolder,
  openDevice,
  predictions,
  saveWeights,
} from 'tessera';

const [folder = 'pictures', wanted = 'berries', epochs = '20', side = '224'] = process.argv.slice(2);
const { classes, train, val } = await imageFolder(folder);
const index = classes.indexOf(wanted);
if (index < 0) throw new Error(`there is no class ${wanted}; there are ${classes.join(', ')}`);
const preprocessing = atSize(IMAGENET_PREPROCESSING, Number(side));
const loading = { batchSize: 16, preprocessing };

const device = await openDevice();
const model = await createModel('efficientnet_lite0', { weights: 'pretrained', numClasses: classes.length });
freeze(model, { except: ['classifier'] });

let best = { recall: -1, epoch: 0 };
const patience: Callback = {
  name: 'recall',
  async onEpoch({ record: { epoch }, answers, finish }) {
    const matrix = confusionMatrix(predictions(answers!), answers!.labels, classes.length);
    const { recall, count } = classMetrics(matrix)[index]!;
    console.log(`epoch ${epoch}: ${(100 * recall!).toFixed(1)} % of ${count} ${wanted} are found`);
    if (recall! > best.recall) {
      best = { recall: recall!, epoch };
      await saveWeights(model, 'most-found.safetensors', {
        metadata: cardMetadata({ classes, preprocessing }),
      });
    } else if (epoch >= best.epoch + 3) finish(`no epoch after ${best.epoch} found more`);
  },
  // What it must not forget where a run is stopped and goes on: checkpoints hold it.
  state: () => ({ json: best }),
  restore: ({ json }) => {
    best = json as typeof best;
  },
};

const { reason } = await fit({
  model,
  device,
  optimizer: new AdamW(model.parameters(), { lr: 3e-3 }),
  train: fromSamples(train, { ...loading, train: true }),
  val: fromSamples(val, loading),
  epochs: Number(epochs),
  callbacks: [patience],
});
console.log(`${reason ?? 'all epochs were run'}; most-found.safetensors holds epoch ${best.epoch}`);
device.close();
