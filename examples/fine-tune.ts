/**
 * Fine-tuning on a folder of pictures: the last layer of an ImageNet network learns the classes of the folder, the best
 * epoch is saved, and a callback of one's own reports and ends the run when validation no longer improves.
 *
 *   npx tsx fine-tune.ts pictures [epochs] [side of the pictures]      pictures/cat/1.jpg …  pictures/dog/7.png …
 *
 * bare-loop.ts is the same without `fit`.
 */
import {
  AdamW,
  atSize,
  type Callback,
  Checkpoints,
  cardMetadata,
  cosine,
  createModel,
  fit,
  freeze,
  fromSamples,
  IMAGENET_PREPROCESSING,
  imageFolder,
  openDevice,
  saveWeights,
} from 'tessera';

const [folder = 'pictures', epochs = '4', side = '224'] = process.argv.slice(2);
const { classes, train, val } = await imageFolder(folder); // train/ and val/, or one folder that is split
const preprocessing = atSize(IMAGENET_PREPROCESSING, Number(side));
const loading = { batchSize: 16, preprocessing };

const device = await openDevice();
const model = await createModel('efficientnet_lite0', { weights: 'pretrained', numClasses: classes.length });
freeze(model, { except: ['classifier'] }); // What is frozen has no backward pass and keeps nothing for one.

const metadata = cardMetadata({ classes, preprocessing });
const best = new Checkpoints(async (which) => {
  if (which === 'best') await saveWeights(model, 'fine-tuned.safetensors', { metadata });
});

let least = { loss: Number.POSITIVE_INFINITY, epoch: 0 };
const patience: Callback = {
  name: 'patience',
  onEpoch({ record: { epoch, val }, finish }) {
    console.log(`epoch ${epoch}: ${(100 * val!.accuracy).toFixed(1)} % of ${val!.count} pictures are right`);
    if (val!.loss < least.loss) least = { loss: val!.loss, epoch };
    else if (epoch >= least.epoch + 3) finish('validation has not improved for three epochs');
  },
};

await fit({
  model,
  device,
  optimizer: new AdamW(model.parameters(), { lr: 3e-3 }),
  train: fromSamples(train, { ...loading, train: true }), // random crops and flips, in random order
  val: fromSamples(val, loading),
  epochs: Number(epochs),
  schedule: cosine(),
  callbacks: [best, patience],
});
device.close();
